"""The singular value decomposition as KAK: rotations about a positive diagonal in a Weyl chamber."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.singular_values import singular_value_decomposition
from jaxinv.kernels.numerics.small_matrices import determinant, product, square_argument


class KAK(NamedTuple):
    """`A = k1 diag(exp(log_a)) k2`.

    Attributes:
      k1: `(..., n, n)`, a rotation.
      log_a: `(..., n)`, descending: logarithms of the singular values.
      k2: `(..., n, n)`, a rotation where det A > 0.
      exists: `(...)` booleans, whether det A > 0. Where it is negative the product is A, but k2 a reflection; where a
        singular value is 0 its logarithm is that of the smallest normal number.
    """

    k1: jax.Array
    log_a: jax.Array
    k2: jax.Array
    exists: jax.Array

    def compose(self) -> jax.Array:
        """The product of the factors, `(..., n, n)`: A, where it `exists`."""
        return product(self.k1, jnp.exp(self.log_a)[..., None] * self.k2)


@jax.jit
def kak(matrix: jax.Array) -> KAK:
    """Two rotations about the singular values' logarithms.

    Args:
      matrix: `(..., n, n)` floating point, of positive determinant. bfloat16 is computed in float32.

    Returns:
      `KAK`, in the dtype of the matrix. The rotations are unique up to `k1 m, m^-1 k2` with m of diagonal signs and
      determinant 1, if singular values differ; else up to a rotation among equal ones.

    Raises:
      TypeError, ValueError: not floating point, or not square.
    Multiplying A by rotations from left and right leaves log_a.
    Transformations: jit, vmap, jvp, vjp, any order where singular values differ. Where two are equal, rotations in
    their plane have no derivative: what would be divided by the difference counts as 0, so derivatives are finite.
    `polar` and `cartan` have right ones there.
    References: Knapp, Lie groups beyond an introduction, 2nd ed., sec. VII.3.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import lie_groups
      >>> turn = lie_groups.so2.exp(jnp.array([0.7]))
      >>> found = lie_groups.kak(turn @ jnp.diag(jnp.array([1.0, 4.0])) @ turn)
      >>> jnp.exp(found.log_a).round()  # the singular values, descending
      Array([4., 1.], dtype=float32)
    """
    matrix = square_argument("matrix", matrix)
    a = matrix.astype(accumulation_dtype(matrix))
    u, values, v = singular_value_decomposition(a)
    sign = jnp.where(determinant(u) < 0, -1.0, 1.0).astype(a.dtype)[..., None]
    last = jnp.concatenate([jnp.ones((*sign.shape[:-1], a.shape[-1] - 1), a.dtype), sign], axis=-1)
    k1, k2 = u * last[..., None, :], jnp.swapaxes(v, -2, -1) * last[..., :, None]
    smallest = float(jnp.finfo(a.dtype).tiny)
    log_a = jnp.log(jnp.where(values > smallest, values, smallest))
    exists = (determinant(k2) > 0) & (values[..., -1] > smallest)
    return KAK(k1.astype(matrix.dtype), log_a.astype(matrix.dtype), k2.astype(matrix.dtype), exists)
