"""`python -m jaxinv.bench.large_file`: scores a feature file of 20 GB in under 1 GB of resident memory.

The file is sparse: rows of zeros but for some that are written, so that it needs little disk.
"""

import argparse
import json
import pathlib
import re
import resource
import subprocess
import sys
import tempfile
import time

import jax
import numpy as np

DIM, NUM_CLASSES, WRITTEN_ROWS = 512, 10, 20_000


def make(path: pathlib.Path, num_rows: int, dim: int = DIM) -> np.ndarray:
    """A `(num_rows, dim)` float32 .npy file whose first rows are written, and labels that fit them."""
    generator = np.random.default_rng(0)
    labels = np.arange(num_rows) % NUM_CLASSES
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": (num_rows, dim)})
        start = file.tell()
        means = generator.normal(size=(NUM_CLASSES, dim))
        rows = means[labels[:WRITTEN_ROWS]] + generator.normal(size=(WRITTEN_ROWS, dim))
        file.write(rows.astype("<f4").tobytes())
        file.truncate(start + num_rows * dim * 4)
    return labels


def main() -> None:
    """Makes the file, ranks it in a process of its own, and records time and peak resident memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=20.0)
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("bench-results"))
    options = parser.parse_args()
    size = options.gigabytes
    num_rows = int(size * 1e9 / (4 * DIM))
    with tempfile.TemporaryDirectory() as folder:
        features, labels = pathlib.Path(folder) / "features.npy", pathlib.Path(folder) / "labels.npy"
        np.save(labels, make(features, num_rows).astype(np.int8))
        command = [sys.executable, "-m", "jaxinv", "rank", "--features", str(features), "--labels", str(labels)]
        command += ["--scores", "logme", "h_score", "lfc", "gbc", "--output", str(pathlib.Path(folder) / "out")]
        start = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    record = {
        "case": "rank a large file",
        "rows": num_rows,
        "dim": DIM,
        "file_gb": num_rows * DIM * 4 / 1e9,
        "seconds": seconds,
        "rows_per_second": num_rows / seconds,
        "peak_resident_gb": peak,
        "jax": jax.__version__,
    }
    out = options.output / "large_file.jsonl"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(record) + "\n")
    print(re.sub(r"\n+", "\n", done.stdout))
    print(record)
    if peak >= 1:
        sys.exit(f"peak resident memory {peak:.2f} GB, at most 1 was wanted")


if __name__ == "__main__":
    main()
