"""Functions on the points of a grid of some band: from coefficients, multiplied, and back."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.lax import Precision, PrecisionLike

from jaxinv.kernels.tensor_products.grid_tables import analysis, gradient_synthesis, synthesis


def values_of(x: jax.Array, lmax: int, band: int, normalization: str, precision: PrecisionLike) -> jax.Array:
    """`(..., components)` coefficients to `(..., points)` values, in the dtype of x, on the grid of `band`.

    Arguments as `grid_tables.synthesis`; precision of the matrix product, the highest by default.
    """
    return matmul(x, synthesis(band, lmax, normalization), precision)


def gradients_of(
    x: jax.Array, lmax: int, band: int, normalization: str, precision: PrecisionLike, *, balanced: bool
) -> tuple[jax.Array, jax.Array]:
    """Derivatives `(..., points)` along the polar angle, and along the azimuth over its sine."""
    both = matmul(x, gradient_synthesis(band, lmax, normalization, balanced), precision)
    polar, azimuthal = jnp.split(both, 2, axis=-1)
    return polar, azimuthal


def bracket(first: tuple[jax.Array, jax.Array], second: tuple[jax.Array, jax.Array]) -> jax.Array:
    """The Poisson bracket of two functions whose gradients are given."""
    return first[0] * second[1] - first[1] * second[0]


def coefficients_of(values: jax.Array, lmax: int, band: int, normalization: str, precision: PrecisionLike) -> jax.Array:
    """`(..., points)` values to `(..., components)` coefficients of degrees up to lmax."""
    return matmul(values, analysis(band, lmax, normalization), precision)


def matmul(x: jax.Array, matrix: jax.Array | np.ndarray, precision: PrecisionLike) -> jax.Array:
    """`x @ matrix` in the dtype of x, at the highest precision by default."""
    precision = Precision.HIGHEST if precision is None else precision
    return jnp.matmul(x, jnp.asarray(matrix, x.dtype), precision=precision)
