"""GL(n) = R+ x SL(n): the scale, and the matrix of determinant 1."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.small_matrices import determinant, square_argument


class ScaleSplit(NamedTuple):
    """`A = exp(log_scale) special`.

    Attributes:
      log_scale: `(...)`, the logarithm of |det A| by n.
      special: `(..., n, n)`, of determinant 1; -1 where det A < 0.
      exists: `(...)` booleans, whether det A > 0. Where it is 0, the product is A all the same.
    """

    log_scale: jax.Array
    special: jax.Array
    exists: jax.Array

    def compose(self) -> jax.Array:
        """The product of the factors, `(..., n, n)`: A, where it `exists`."""
        return jnp.exp(self.log_scale)[..., None, None] * self.special


@jax.jit
def scale_split(matrix: jax.Array) -> ScaleSplit:
    """Takes the determinant out.

    Args:
      matrix: `(..., n, n)` floating point, of positive determinant. bfloat16 is computed in float32.

    Returns:
      `ScaleSplit`, in the dtype of the matrix. The determinant of the special factor is 1 to about the precision times
      the condition number of A, which is how well the entries of A determine it.

    Raises:
      TypeError, ValueError: not floating point, or not square.
    The special factor of a product is the product of special factors, log scales add.
    Transformations: jit, vmap, jvp, vjp, any order; finite where det A = 0.
    """
    matrix = square_argument("matrix", matrix)
    a, dtype = matrix.astype(accumulation_dtype(matrix)), matrix.dtype
    n = a.shape[-1]
    scale = jax.lax.stop_gradient(jnp.max(jnp.abs(a), axis=(-2, -1)))
    scale = jnp.where(scale == 0, 1.0, scale)
    unit = a / scale[..., None, None]
    value = determinant(unit)
    size = jnp.abs(value)
    size = jnp.where(size == 0, 1.0, size)
    log_scale = jnp.log(size) / n + jnp.log(scale)
    special = unit * jnp.exp(-jnp.log(size) / n)[..., None, None]
    return ScaleSplit(log_scale.astype(dtype), special.astype(dtype), value > 0)
