"""`python -m jaxinv.bench.ranking_scale`: how `jaxinv rank` grows with devices, rows, models and dimensions.

Four tables, a line of JSON for each row of them in `ranking_scale.jsonl`:
- devices: rows/s of the statistics on 1, 2, 4 and 8 host devices, each number in a process of its own. Host devices
  share the cores of one processor, so this shows what splitting costs, not what more machines give.
- rows: time and peak resident memory of the whole command, on files of up to 10 million rows.
- models: seconds for the statistics scores of pools of up to 512 models, after compilation.
- gram: flop/s of the Gram matrix by dimension, beside the roofline of this device: the lower of its matrix product and
  of what its copy rate feeds (`limits.rates`, measured in the same run).
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from rich.console import Console
from rich.table import Table

from jaxinv.bench.large_file import make
from jaxinv.bench.limits import rates
from jaxinv.bench.timing import compiled, interleaved
from jaxinv.kernels import transferability as kernels
from jaxinv.kernels.numerics.gram import weighted_gram
from jaxinv.ranking.atomic import atomic_write
from jaxinv.ranking.model_data import ModelData
from jaxinv.ranking.pool_scores import score_pool
from jaxinv.ranking.registry import SCORES
from jaxinv.ranking.shares import make_mesh

NUM_CLASSES, CHUNK, ROWS_DIM, POOL_DIM, POOL_ROWS = 10, 16384, 64, 64, 256
STREAMED_SCORES = ("logme", "h_score", "lfc", "gbc")
Row = dict[str, Any]


def throughput(num_chunks: int, dim: int) -> float:
    """Rows/s of statistics of chunks in memory, their rows shared by all devices of this process."""
    mesh = make_mesh(data=jax.device_count())
    generator = np.random.default_rng(0)
    features = generator.normal(size=(CHUNK, dim)).astype(np.float32)
    labels, weight = np.arange(CHUNK) % NUM_CLASSES, np.ones(CHUNK, np.float32)
    empty = kernels.init(NUM_CLASSES, dim)
    statistics = jax.tree.map(lambda x: np.repeat(np.asarray(x)[None], mesh.size, axis=0), empty)
    start = 0.0
    for number in range(num_chunks + 1):  # the first one compiles
        statistics = kernels.update_shards(statistics, features, labels, sample_weight=weight, mesh=mesh)
        if number == 0:
            jax.block_until_ready((statistics, kernels.reduce_shards(statistics, mesh=mesh)))
            start = time.perf_counter()
    jax.block_until_ready(kernels.reduce_shards(statistics, mesh=mesh))
    return num_chunks * CHUNK / (time.perf_counter() - start)


def devices_rows(quick: bool) -> Iterator[Row]:
    """Throughput against devices."""
    num_chunks, dim = (4, 64) if quick else (60, 512)
    for devices in (1, 2, 4, 8):
        script = (
            f"import jax; jax.config.update('jax_num_cpu_devices', {devices})\n"
            f"from jaxinv.bench.ranking_scale import throughput; print(throughput({num_chunks}, {dim}))"
        )
        done = subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | {"JAX_PLATFORMS": "cpu"},
        )
        yield {"devices": devices, "dim": dim, "rows": num_chunks * CHUNK, "rows_per_second": float(done.stdout)}


def rows_rows(quick: bool) -> Iterator[Row]:
    """Time and peak memory of the command against rows."""
    for num_rows in (20_000, 200_000) if quick else (100_000, 1_000_000, 10_000_000):
        with tempfile.TemporaryDirectory() as folder:
            features, labels = pathlib.Path(folder) / "features.npy", pathlib.Path(folder) / "labels.npy"
            np.save(labels, make(features, num_rows, ROWS_DIM).astype(np.int8))
            command = [sys.executable, "-m", "jaxinv", "rank", "--features", features, "--labels", labels]
            command += ["--scores", *STREAMED_SCORES, "--output", folder]
            start = time.perf_counter()
            child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            _, status, usage = os.wait4(child.pid, 0)
            seconds = time.perf_counter() - start
        if status:
            sys.exit(f"jaxinv rank failed on {num_rows} rows")
        megabytes = {"file_mb": num_rows * ROWS_DIM * 4 / 1e6, "peak_resident_mb": usage.ru_maxrss / 1e3}
        yield {"rows": num_rows, "dim": ROWS_DIM, "seconds": seconds, **megabytes}


def models_rows(quick: bool) -> Iterator[Row]:
    """Seconds of the scores against the size of the pool."""
    sizes = (4, 8) if quick else (8, 64, 512)
    generator = np.random.default_rng(0)
    labels = np.arange(POOL_ROWS, dtype=np.int32) % NUM_CLASSES
    names = STREAMED_SCORES if quick else [name for name, score in SCORES.items() if score.needs == "statistics"]
    features = generator.normal(size=(max(sizes), POOL_ROWS, POOL_DIM)).astype(np.float32)
    pool = jax.device_get(kernels.pool_statistics(features, labels, NUM_CLASSES))
    for size in sizes:
        models = [ModelData(jax.tree.map(lambda x, i=i: x[i], pool), features[i], None) for i in range(size)]
        took = []
        for _ in range(2):  # the first one compiles
            start = time.perf_counter()
            score_pool(models.__getitem__, [POOL_DIM] * size, labels, names)
            took.append(time.perf_counter() - start)
        yield {"models": size, "dim": POOL_DIM, "scores": len(names), "seconds": took[1], "with_compilation": took[0]}


def gram_rows(quick: bool) -> Iterator[Row]:
    """Flop/s of the Gram matrix against dimension, and what the device allows."""
    limits = rates(quick=quick)
    samples = 1024 if quick else CHUNK
    for dim in (64, 256) if quick else (64, 128, 256, 512, 1024, 2048):
        rows = jnp.asarray(np.random.default_rng(0).normal(size=(samples, dim)), jnp.float32)
        call = compiled(weighted_gram, (rows, rows)).on((rows, rows))
        seconds = 1e-3 * interleaved([call], seconds=0.1 if quick else 2.0).time(0).median_ms
        flops, moved = 2 * samples * dim**2, 4 * dim * (samples + dim)
        roofline = min(limits["matmul_float32"], limits["copy"] * flops / moved)
        yield {
            "dim": dim,
            "samples": samples,
            "gflops": flops / seconds / 1e9,
            "roofline_gflops": roofline / 1e9,
            "share": flops / seconds / roofline,  # above 1 where the symmetric half is not computed
        }


def main() -> None:
    """Measures, prints, writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes: a look, not a measurement")
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("bench-results"))
    options = parser.parse_args()
    console = Console()
    lines = []
    for name, measure in {"devices": devices_rows, "rows": rows_rows, "models": models_rows, "gram": gram_rows}.items():
        found = list(measure(options.quick))
        table = Table(*found[0], title=name)
        for row in found:
            table.add_row(*(f"{value:,.4g}" if isinstance(value, float) else f"{value:,}" for value in row.values()))
            lines.append(json.dumps({"table": name, **row, "jax": jax.__version__, "cores": os.cpu_count()}))
        console.print(table)
    path = options.output / "ranking_scale.jsonl"
    with atomic_write(path) as file:
        file.write(("\n".join(lines) + "\n").encode())
    console.print(f"wrote {path}", soft_wrap=True, highlight=False)


if __name__ == "__main__":
    main()
