"""Order and normalisation of coefficients: component `l^2 + l + m` of the last axis holds degree l and order m.

Directions are e3nn's: the polar axis is y, and the point of polar angle t and azimuth p is
`(x, y, z) = (sin t sin p, cos t, sin t cos p)`. Orders m < 0 go with `sin(|m| p)`, orders m > 0 with `cos(m p)`.

| normalisation | sum over m of Y_lm^2 | factor n_l against "integral" |
| --- | --- | --- |
| "integral" | (2l + 1) / (4 pi): the integral of Y_lm^2 is 1 | 1 |
| "component" | 2l + 1: the constant function 1 has coefficient 1 | sqrt(4 pi) |
| "norm" | 1 | sqrt(4 pi / (2l + 1)) |

Coefficients x in a normalisation stand for the function `sum_lm x_lm Y_lm` with harmonics of that normalisation.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.numerics.validation import require_choice

NORMALIZATIONS = ("component", "norm", "integral")


def num_components(lmax: int) -> int:
    """Components of degrees 0 .. lmax: `(lmax + 1)^2`, the size of the last axis of coefficients."""
    return (lmax + 1) ** 2


def lmax_of(name: str, array: jax.Array) -> int:
    """lmax of coefficients, from the size of their last axis.

    Raises:
      ValueError: the size is not a square, naming the argument.
    """
    size = array.shape[-1] if array.ndim else 0
    lmax = math.isqrt(size) - 1
    if size == 0 or num_components(lmax) != size:
        raise ValueError(f"{name} must have (lmax + 1)^2 = 1, 4, 9, ... components on its last axis, got {array.shape}")
    return lmax


def degree_slice(degree: int) -> slice:
    """Where the `2 degree + 1` components of one degree are on the last axis of coefficients, orders ascending."""
    return slice(degree**2, (degree + 1) ** 2)


def over_components(per_degree: jax.Array | np.ndarray) -> jax.Array | np.ndarray:
    """`(..., lmax + 1)` numbers of degrees, repeated for every component: `(..., (lmax + 1)^2)`; numpy stays numpy."""
    degrees = np.arange(per_degree.shape[-1], dtype=np.int32)
    degrees = np.repeat(degrees, 2 * degrees + 1)
    return per_degree[..., degrees] if isinstance(per_degree, np.ndarray) else jnp.take(per_degree, degrees, axis=-1)


def normalization_factors(lmax: int, normalization: str) -> np.ndarray:
    """`(lmax + 1,)` float64, n_l of the module's table.

    Raises:
      ValueError: unknown normalisation.
    """
    require_choice("normalization", normalization, NORMALIZATIONS)
    if normalization == "integral":
        return np.ones(lmax + 1)
    factor = np.full(lmax + 1, math.sqrt(4 * math.pi))
    return factor if normalization == "component" else factor / np.sqrt(2 * np.arange(lmax + 1) + 1)
