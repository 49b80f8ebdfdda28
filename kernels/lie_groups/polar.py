"""The polar decomposition on either side."""

import functools
from typing import NamedTuple

import jax

from jaxinv.kernels.lie_groups.planar_cartan import planar_polar
from jaxinv.kernels.numerics.polar_factor import polar_factor
from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.small_matrices import determinant, product, square_argument, transposed
from jaxinv.kernels.numerics.validation import require_choice

SIDES = ("left", "right")


class LeftPolar(NamedTuple):
    """`A = stretch rotation`.

    Attributes:
      stretch: `(..., n, n)`, symmetric positive definite, `(A A^T)^(1/2)`.
      rotation: `(..., n, n)`, a rotation where det A > 0, else orthogonal of determinant -1.
      exists: `(...)` booleans, whether det A > 0, so that the rotation is one, and the only one.
    """

    stretch: jax.Array
    rotation: jax.Array
    exists: jax.Array

    def compose(self) -> jax.Array:
        """The product of the factors, `(..., n, n)`: A, where it `exists`."""
        return product(self.stretch, self.rotation)


class RightPolar(NamedTuple):
    """`A = rotation stretch`, with the rotation of `LeftPolar` and the stretch `(A^T A)^(1/2)`."""

    rotation: jax.Array
    stretch: jax.Array
    exists: jax.Array

    def compose(self) -> jax.Array:
        """The product of the factors, `(..., n, n)`: A, where it `exists`."""
        return product(self.rotation, self.stretch)


@functools.partial(jax.jit, static_argnames=("side",))
def polar(matrix: jax.Array, *, side: str = "left") -> LeftPolar | RightPolar:
    """Stretch and rotation.

    Args:
      matrix: `(..., n, n)` floating point, of positive determinant. bfloat16 is computed in float32.
      side: static, of the stretch: "left" or "right".

    Returns:
      `LeftPolar` or `RightPolar`, in the dtype of the matrix. In closed form for n = 2, else from singular vectors: at
      any condition number the factors are orthogonal and symmetric, and their product A, to rounding.

    Raises:
      TypeError, ValueError: not floating point, not square, or an unknown side.
    Conjugating A by an orthogonal matrix conjugates both factors.
    Transformations: jit, vmap, jvp, vjp, any order, also at equal singular values; finite where there is none (see
    `polar_factor`).
    References: Higham, Functions of matrices (2008), ch. 8.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import lie_groups
      >>> a = jnp.array([[1.0, -2.0], [3.0, 1.0]])
      >>> parts = lie_groups.polar(a)
      >>> bool(jnp.allclose(parts.rotation @ parts.rotation.T, jnp.eye(2), atol=1e-6))
      True
      >>> bool(jnp.allclose(parts.compose(), a, atol=1e-5))
      True
    """
    require_choice("side", side, SIDES)
    matrix = square_argument("matrix", matrix)
    a = matrix.astype(accumulation_dtype(matrix))
    rotation, stretch = polar_parts(a, side)
    rotation, stretch, exists = rotation.astype(matrix.dtype), stretch.astype(matrix.dtype), determinant(a) > 0
    return LeftPolar(stretch, rotation, exists) if side == "left" else RightPolar(rotation, stretch, exists)


def polar_parts(a: jax.Array, side: str) -> tuple[jax.Array, jax.Array]:
    """The rotation of `(..., n, n)`, float32 or wider, unchecked, and the stretch on its side; both of that shape."""
    if a.shape[-1] == 2:
        return planar_polar(a, side)
    rotation = polar_factor(a)
    stretch = product(a, transposed(rotation)) if side == "left" else product(transposed(rotation), a)
    return rotation, (stretch + transposed(stretch)) / 2
