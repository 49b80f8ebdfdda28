"""Marks of what the suite has proved, a file each: `kernel--duty--dtype`. `tests/proofs.py` makes the table of them."""

import pathlib

import jax.numpy as jnp

PROVED = pathlib.Path(__file__).parents[1] / ".cache" / "proved"


def leave(kernel: str, duty: str, *, passed: bool) -> None:
    """Leaves the mark of a kernel that passed a duty in the precision of this run, or takes it away."""
    mark = PROVED / f"{kernel}--{duty}--{jnp.result_type(float).name}"
    mark.unlink(missing_ok=True)
    if passed:
        PROVED.mkdir(parents=True, exist_ok=True)
        mark.touch()
