"""The table of kernels and duties, from what the last runs of the suite proved.

`python -m tests.proofs` writes `docs/transformations.md`; with `--check` it fails where that file differs.
"""

import collections
import pathlib
import sys

from tests.duties import DUTIES, IN_FLOAT32, IN_FLOAT64
from tests.marks import PROVED

TABLE = pathlib.Path(__file__).parents[1] / "docs" / "transformations.md"
# Not of every kernel: tests with the marker `proves` show these.
SHOWN_ELSEWHERE = ("masks", "devices")
COLUMNS = [*DUTIES, *SHOWN_ELSEWHERE]
HEAD = """# Kernels and what they are proved to do

Written by `make table` from the marks that the test suite leaves: a cell is filled where the kernel passed that duty in
this suite (✓). What no precision changes is proved in float32 and forward and second derivatives in float64, the others
in both; a number stands for the one precision that passed of two. An empty cell is not claimed. Masks: what is padded
changes nothing. Devices: samples split over devices, with a sum over them inside `jax.shard_map`; any kernel may have
its leading axes sharded by `jax.jit`, which needs no help of the kernel.

"""


def table(marks: list[str]) -> str:
    """Markdown of all marks `kernel--duty--dtype`."""
    found: dict[str, dict[str, set[str]]] = collections.defaultdict(lambda: collections.defaultdict(set))
    for mark in marks:
        kernel, duty, dtype = mark.split("--")
        found[kernel][duty].add(dtype.removeprefix("float"))
    rows = ["| kernel | " + " | ".join(COLUMNS) + " |", "| --- " * (len(COLUMNS) + 1) + "|"]
    # A score of the registry that is made of several kernels has marks, and no row.
    for kernel in sorted(kernel for kernel, marks in found.items() if marks.keys() - set(SHOWN_ELSEWHERE)):
        cells = [_cell(duty, found[kernel][duty]) for duty in COLUMNS]
        rows.append(f"| `{kernel}` | " + " | ".join(cells) + " |")
    return HEAD + "\n".join(rows) + "\n"


def _cell(duty: str, dtypes: set[str]) -> str:
    wanted = {"32"} if duty in IN_FLOAT32 else {"64"} if duty in IN_FLOAT64 else {"32", "64"}
    return "✓" if dtypes >= wanted else "".join(dtypes)


def main() -> None:
    text = table([path.name for path in PROVED.iterdir()])
    if "--check" not in sys.argv:
        TABLE.write_text(text)
    elif TABLE.read_text() != text:
        sys.exit(f"{TABLE.name} is not what the suite proved: run `make table` and look at the difference")


if __name__ == "__main__":
    main()
