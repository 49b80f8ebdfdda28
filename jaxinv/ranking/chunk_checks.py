"""Checks of what a chunk of rows holds; messages name the matrix, the row and what to do."""

import numpy as np

from jaxinv.ranking.errors import InputError

PROBABILITY_TOLERANCE = 1e-3


def finite_chunk(chunk: np.ndarray, where: str, first_row: int, dtype: np.dtype) -> np.ndarray:
    """`chunk` in the working dtype; raises InputError where it is not finite there."""
    with np.errstate(over="ignore"):
        cast = chunk.astype(dtype, copy=False)
    finite = np.isfinite(cast)
    if not finite.all():
        row, column = np.argwhere(~finite)[0]
        value = chunk[row, column]
        advice = "Mend it, or leave the row out, in the labels and the other files as well"
        if np.isfinite(value):
            advice = f"That is too large for {cast.dtype}: scale the features down"
        raise InputError(f"{where}: row {first_row + row}, column {column} is {value}. {advice}")
    return cast


def check_probabilities(chunk: np.ndarray, where: str, first_row: int) -> None:
    """Raises InputError where a row is not a probability vector."""
    if chunk.min() < 0:
        row, column = np.argwhere(chunk < 0)[0]
        raise InputError(
            f"{where}: row {first_row + row}, column {column} is {chunk[row, column]:.6g}: probabilities cannot be "
            "negative. If these are logits, take their softmax first"
        )
    off = np.abs(chunk.sum(axis=1, dtype=np.float64) - 1) > PROBABILITY_TOLERANCE
    if off.any():
        row = int(np.argmax(off))
        raise InputError(
            f"{where}: row {first_row + row} sums to {chunk[row].sum(dtype=np.float64):.6g}, probabilities must sum to "
            f"1 within {PROBABILITY_TOLERANCE}. If these are logits, take their softmax first"
        )
