"""Float64 tables of normalised associated Legendre functions, without trigonometry or poles.

`Pbar_l^m = N_lm P_l^m` with `N_lm = sqrt((2l + 1) / (4 pi) (l - m)! / (l + m)!)`, without the Condon-Shortley sign: the
harmonics of "integral" normalisation are `Pbar_l^|m|(t)` times 1 (m = 0), `sqrt(2) cos(m p)` or `sqrt(2) sin(|m| p)`.
"""

import math

import numpy as np


def legendre_table(lmax: int, cosine: np.ndarray, sine: np.ndarray) -> np.ndarray:
    """`Pbar_l^m` at angles t, `(lmax + 1, lmax + 1, n)` over l, m and angles; 0 where m > l.

    Args:
      lmax: highest degree.
      cosine: `(n,)`, cos t.
      sine: `(n,)`, sin t; negative values continue the same formula to t beyond pi, the double cover of the sphere.

    References: Holmes and Featherstone, J. Geodesy 76 (2002), eq. 11.
    """
    table = np.zeros((lmax + 1, lmax + 1, *cosine.shape))
    table[0, 0] = 1 / math.sqrt(4 * math.pi)
    for m in range(1, lmax + 1):
        table[m, m] = math.sqrt((2 * m + 1) / (2 * m)) * sine * table[m - 1, m - 1]
    for l in range(1, lmax + 1):  # noqa: E741
        m = np.arange(l)[:, None]
        table[l, :l] = np.sqrt((4 * l**2 - 1) / (l**2 - m**2)) * cosine * table[l - 1, :l]
        if l > 1:
            m = m[: l - 1]
            back = np.sqrt((2 * l + 1) * ((l - 1) ** 2 - m**2) / ((2 * l - 3) * (l**2 - m**2)))
            table[l, : l - 1] -= back * table[l - 2, : l - 1]
    return table


def polar_derivative_table(table: np.ndarray) -> np.ndarray:
    """`d Pbar_l^m / dt` of a `legendre_table`, in the same layout."""
    derivative = np.zeros_like(table)
    for l in range(1, len(table)):  # noqa: E741
        derivative[l, 0] = -math.sqrt(l * (l + 1)) * table[l, 1]
        for m in range(1, l + 1):
            above = math.sqrt((l + m + 1) * (l - m)) * table[l, m + 1] if m < l else 0.0
            derivative[l, m] = (math.sqrt((l + m) * (l - m + 1)) * table[l, m - 1] - above) / 2
    return derivative


def azimuth_quotient_table(table: np.ndarray) -> np.ndarray:
    """`m Pbar_l^m / sin t` of a `legendre_table`, in the same layout, finite at the poles."""
    quotient = np.zeros_like(table)
    for l in range(1, len(table)):  # noqa: E741
        for m in range(1, l + 1):
            above = math.sqrt((l - m) * (l - m - 1)) * table[l - 1, m + 1] if m < l - 1 else 0.0
            below = math.sqrt((l + m) * (l + m - 1)) * table[l - 1, m - 1]
            quotient[l, m] = math.sqrt((2 * l + 1) / (2 * l - 1)) * (above + below) / 2
    return quotient
