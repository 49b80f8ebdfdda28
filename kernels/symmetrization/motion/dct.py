"""The discrete cosine transform along time."""

import functools

import numpy as np

from jaxinv.kernels.numerics.validation import require_at_least


@functools.cache
def dct_matrix(n: int) -> np.ndarray:
    """The orthonormal DCT-II: row k is the cosine of k half periods over n times; its inverse is its transpose.

    Args:
      n: times, at least 1.

    Returns:
      `(n, n)` float64, read-only: `w_k cos(pi (i + 1/2) k / n)`, `w_0 = sqrt(1 / n)`, else `sqrt(2 / n)`.

    Raises:
      ValueError: n below 1.
    """
    require_at_least("n", n, 1)
    times = (np.arange(n) + 0.5) / n
    rows = np.cos(np.pi * np.arange(n)[:, None] * times) * np.sqrt(2 / n)
    rows[0] = n**-0.5
    rows.setflags(write=False)
    return rows
