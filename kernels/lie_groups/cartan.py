"""Cartan's decomposition: the exponential of a symmetric matrix times a rotation."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.lie_groups.planar_cartan import from_entries, planar_cartan, planar_matrix
from jaxinv.kernels.numerics.polar_factor import factor_and_logarithm
from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.small_matrices import determinant, product, square_argument
from jaxinv.kernels.numerics.spectral_functions import symmetric_exp


class Cartan(NamedTuple):
    """`A = exp(symmetric) rotation`.

    Attributes:
      symmetric: `(..., n, n)`, half the logarithm of `A A^T`.
      rotation: `(..., n, n)`.
      exists: `(...)` booleans, whether det A > 0; else the product of these finite factors need not be A.
    """

    symmetric: jax.Array
    rotation: jax.Array
    exists: jax.Array

    def compose(self) -> jax.Array:
        """The product of the factors, `(..., n, n)`: A, where it `exists`."""
        return product(symmetric_exp(self.symmetric), self.rotation)


@jax.jit
def cartan(matrix: jax.Array) -> Cartan:
    """Logarithm of the stretch, and rotation.

    Args:
      matrix: `(..., n, n)` floating point, of positive determinant. bfloat16 is computed in float32.

    Returns:
      `Cartan`, in the dtype of the matrix. In closed form for n = 2, else by singular values, of which small ones are
      known to the precision times the largest, as A determines them.

    Raises:
      TypeError, ValueError: not floating point, or not square.
    Conjugating A by a rotation conjugates both factors.
    Transformations: jit, vmap, jvp, vjp, also at equal singular values: any order for n = 2, else second order (a third
    derivative raises TypeError). Finite where there is none.
    References: Helgason, Differential geometry, Lie groups, and symmetric spaces, ch. VI.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import lie_groups
      >>> found = lie_groups.cartan(2 * lie_groups.so2.exp(jnp.array([0.5])))
      >>> bool(jnp.allclose(found.symmetric, jnp.log(2.0) * jnp.eye(2), atol=1e-6))
      True
      >>> lie_groups.so2.log(found.rotation).round(1)
      Array([0.5], dtype=float32)
    """
    matrix = square_argument("matrix", matrix)
    a = matrix.astype(accumulation_dtype(matrix))
    symmetric, rotation = cartan_parts(a)
    return Cartan(symmetric.astype(matrix.dtype), rotation.astype(matrix.dtype), determinant(a) > 0)


def cartan_parts(a: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The symmetric logarithm and the rotation of `(..., n, n)`, float32 or wider, unchecked; both of that shape."""
    if a.shape[-1] == 2:
        mean, along, across, angle = planar_cartan(a)
        zero = jnp.zeros_like(angle)
        return from_entries(mean + along, across, across, mean - along), planar_matrix(zero, zero, zero, angle)
    rotation, symmetric = factor_and_logarithm(a)
    return symmetric, rotation
