"""Spherical harmonics as repeated products with the vector: few operations, for programs that must compile quickly."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.harmonics.degrees import normalization_factors
from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.validation import require_at_least, require_floating
from jaxinv.kernels.tensor_products.coupling import real_wigner_3j


def harmonics_by_products(
    vectors: jax.Array, lmax: int, *, normalize: bool = True, normalization: str = "component"
) -> jax.Array:
    """Spherical harmonics to degree lmax, each the product of that below it with the vector.

    As `harmonics.spherical_harmonics`, quicker to compile and, for more than a few degrees, slower to run: it consists
    of matrix products, and so do its derivatives.

    Args:
      vectors: `(..., 3)`, floating point.
      lmax: highest degree.
      normalize: False takes the vectors as they are, and gives `r^l Y_lm`.
      normalization: "component", "norm" or "integral", see `harmonics.degrees`.

    Returns:
      `(..., (lmax + 1)^2)` in the dtype of vectors; bfloat16 is computed in float32. The zero vector has degree 0 as
      ever, zeros in all others, and where `normalize` the derivative 0. Squares of vectors must not over- or underflow.

    Raises:
      TypeError: vectors are not floating point.
      ValueError: a last axis other than 3, a negative lmax, or an unknown normalisation.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Geiger, Smidt, e3nn, arXiv:2207.09453.
    """
    require_floating("vectors", vectors)
    require_at_least("lmax", lmax, 0)
    if vectors.shape[-1:] != (3,):
        raise ValueError(f"vectors must have shape (..., 3), got {vectors.shape}")
    factors = normalization_factors(lmax, normalization) / math.sqrt(4 * math.pi)
    sums = accumulation_dtype(vectors)
    x = vectors.astype(sums)
    if normalize:
        square = jnp.sum(x * x, axis=-1, keepdims=True)
        x = jnp.where(square > 0, x / jnp.sqrt(jnp.where(square > 0, square, 1)), 0)
    degrees = [jnp.ones((*x.shape[:-1], 1), sums), math.sqrt(3) * x][: lmax + 1]
    for degree in range(2, lmax + 1):
        matrix = contract("...j,jki->...ki", x, jnp.asarray(_step(degree), sums))
        degrees.append(contract("...ki,...i->...k", matrix, degrees[-1]))
    scaled = [y if factor == 1 else factor * y for y, factor in zip(degrees, factors.tolist(), strict=True)]
    return jnp.concatenate(scaled, axis=-1).astype(vectors.dtype)


@functools.lru_cache(maxsize=32)
def _step(degree: int) -> np.ndarray:
    """`(3, 2 l + 1, 2 l - 1)` float64: from Y_l-1 and the vector to Y_l."""
    table = real_wigner_3j(degree - 1, 1, degree).transpose(1, 2, 0)
    # Along the polar axis only orders 0 are left, of size sqrt(2 l + 1).
    table = table * (math.sqrt((2 * degree + 1) / (2 * degree - 1)) / table[1, degree, degree - 1])
    table.flags.writeable = False
    return table
