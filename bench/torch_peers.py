"""Our layers beside torch's, in one process: escnn's convolutions, and PONITA's layer as published.

`python -m jaxinv.bench.torch_peers` needs torch and escnn. Both frameworks run on the same device, with as many
threads, in full float32. Answers are compared before they are timed. `--devices 2` makes that many devices of a CPU and
adds our convolutions with the pictures spread over them.
"""

import argparse
import functools
import os

import jax
import numpy as np
from rich.console import Console
from rich.table import Column, Table

from jaxinv.bench import torch_clouds, torch_pictures
from jaxinv.bench.run import device_name
from jaxinv.bench.torch_contest import Contestant, differences, rounds, torch
from jaxinv.kernels.group_convolutions.point_groups import cyclic, dihedral

_WIDTH = 165
_PICTURES = f"{torch_pictures.PICTURES} pictures of {torch_pictures.PIXELS}^2, 5 x 5 kernels"
CONTESTS = {
    f"C4, 16 regular fields (64 channels), {_PICTURES}": functools.partial(torch_pictures.contest, cyclic(4), 16),
    f"C4, 32 regular fields (128 channels), {_PICTURES}": functools.partial(torch_pictures.contest, cyclic(4), 32),
    f"D4, 16 regular fields (128 channels), {_PICTURES}": functools.partial(torch_pictures.contest, dihedral(4), 16),
    f"C8, 16 regular fields (128 channels), {_PICTURES}": functools.partial(torch_pictures.contest, cyclic(8), 16),
    "PONITA: convolution over points and orientations": functools.partial(torch_clouds.contest, block=False),
    "PONITA: the same in its ConvNeXt block": functools.partial(torch_clouds.contest, block=True),
}


def main() -> None:
    """Prints a table for each contest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=1, help="devices that a CPU is made into")
    parser.add_argument("--only", default="", help="part of a contest's title")
    parser.add_argument("--seconds", type=float, default=10.0, help="of rounds, for each of forward and gradients")
    options = parser.parse_args()
    jax.config.update("jax_num_cpu_devices", options.devices)
    # So that torch finds memory of the accelerator too.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    # The cores that this process may use, as XLA counts them.
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    torch.manual_seed(0)
    console = Console()
    console.width = max(console.width, _WIDTH)
    console.print(f"{device_name()}; jax {jax.__version__}, torch {torch.__version__}", highlight=False)
    for title, contest in CONTESTS.items():
        if options.only in title:
            console.print(_table(title, contest(), options.seconds))
            # Programs and buffers of one contest must not slow the next.
            jax.clear_caches()


def _table(title: str, contestants: list[Contestant], seconds: float) -> Table:
    """Medians, with CPU time in brackets; ratios are times over that of the first row, in the same rounds."""
    off = differences(contestants)
    (forward, calls), (both, _) = (rounds(contestants, mode, seconds=seconds) for mode in ("forward", "both"))
    heads = (
        "parameters",
        "built / again",
        "compiled, forward / both",
        "forward",
        "ratio",
        "and gradients",
        "ratio",
        "difference",
    )
    busy = max(forward.busy, both.busy)
    table = Table(
        "ms",
        *(Column(head, justify="right") for head in heads),
        title=f"{title}; others took {busy:.0%} of the processor",
    )
    for column, one in enumerate(contestants):
        cells = [f"{one.parameters:,}", _pair(one.built_ms), _pair(one.compile_ms)]
        for found in (forward, both):
            time = found.time(column, 1 / calls)
            ratio = np.median(found.wall[:, column] / found.wall[:, 0])
            cells += [f"{time.median_ms:.2f} ({time.cpu_ms:.2f})", f"{ratio:.2f}"]
        difference = off[column]
        table.add_row(one.name, *cells, "another map" if difference is None else f"{difference:.0e}")
    return table


def _pair(times: tuple[float, float] | None) -> str:
    return "" if times is None else f"{times[0]:.1f} / {times[1]:.1f}"


if __name__ == "__main__":
    main()
