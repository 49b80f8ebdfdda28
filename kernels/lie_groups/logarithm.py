"""The logarithm of a group whose exponential does not reach all of it."""

from typing import NamedTuple

import jax
import numpy as np


class Logarithm(NamedTuple):
    """Coordinates of a real logarithm, and whether there is one.

    Attributes:
      coordinates: `(..., dim)`, of the principal logarithm; finite, and without meaning, where there is none.
      exists: `(...)` booleans: no eigenvalue is 0 or a negative number.
    """

    coordinates: jax.Array
    exists: jax.Array


def require_logarithms(name: str, host: np.ndarray) -> None:
    """Raises ValueError unless all matrices have a principal logarithm; on the host, in float64."""
    values = np.linalg.eigvals(host)
    # A pair of complex eigenvalues has an imaginary part of its own size; rounding leaves one of a real eigenvalue.
    on_axis = (values.real <= 0) & (np.abs(values.imag) <= 1e-7 * np.abs(values))
    if np.any(on_axis):
        found = values.real[on_axis][0]
        raise ValueError(
            f"{name} must have no eigenvalue on the closed negative axis to have a real logarithm: {found:.3g}"
        )
