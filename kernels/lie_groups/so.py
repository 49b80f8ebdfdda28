"""SO(n), rotations: matrices `(..., n, n)`, n >= 2, algebra vectors `(..., n (n - 1) / 2)`.

Coordinates are the entries of the antisymmetric matrix below the diagonal, row by row; for n = 3 they are the rotation
vector of `so3` instead. For n = 2 and 3 the functions are those of `so2` and `so3`; beyond they take the matrix
exponential and logarithm. n is read off the shapes. Leading axes are the batch and broadcast; results have the dtype of
the arguments, bfloat16 is computed in float32. Wrong shapes raise ValueError and other than floating dtypes TypeError,
at trace time and naming the argument. All but the checks go through jit, vmap, jvp and vjp, any order.
"""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike, DTypeLike

from jaxinv.kernels.lie_groups import so2, so3
from jaxinv.kernels.lie_groups.membership import checked_on_host, require_rotations, require_skew
from jaxinv.kernels.lie_groups.sampling import haar_so
from jaxinv.kernels.lie_groups.structure_constants import (
    bracket_matrix,
    combined,
    conjugation_matrix,
    coordinates,
    rotation_basis,
)
from jaxinv.kernels.numerics import small_matrices
from jaxinv.kernels.numerics.matrix_exponential import matrix_exp, phi_one
from jaxinv.kernels.numerics.matrix_logarithm import matrix_log
from jaxinv.kernels.numerics.polar_factor import polar_factor
from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.ranks import with_equal_ranks
from jaxinv.kernels.numerics.safe import safe_norm
from jaxinv.kernels.numerics.validation import require_at_least, require_floating

_CLOSED_FORMS = {2: so2, 3: so3}


def size_of_vectors(name: str, x: jax.Array) -> int:
    """n of `(..., n (n - 1) / 2)`; raises TypeError or ValueError naming the argument."""
    require_floating(name, x)
    dimension = x.shape[-1] if x.ndim else 0
    n = (1 + math.isqrt(1 + 8 * dimension)) // 2
    if n < 2 or n * (n - 1) // 2 != dimension:
        raise ValueError(f"{name} must have n (n - 1) / 2 numbers on its last axis, n >= 2, got shape {x.shape}")
    return n


def size_of_matrices(name: str, g: jax.Array) -> int:
    """n of `(..., n, n)`; raises TypeError or ValueError naming the argument."""
    require_floating(name, g)
    if g.ndim < 2 or g.shape[-1] != g.shape[-2] or g.shape[-1] < 2:
        raise ValueError(f"{name} must have shape (..., n, n) with n >= 2, got {g.shape}")
    return g.shape[-1]


@jax.jit
def hat(x: jax.Array) -> jax.Array:
    """The antisymmetric matrix of coordinates.

    Args:
      x: `(..., n (n - 1) / 2)`, in the module's order.

    Returns:
      `(..., n, n)`.

    Raises, transformations: as `so3.exp`.
    """
    return combined(x, rotation_basis(size_of_vectors("x", x))).astype(x.dtype)


@jax.jit
def vee(matrix: jax.Array) -> jax.Array:
    """The inverse of `hat`: coordinates of the antisymmetric part of a matrix.

    Args:
      matrix: `(..., n, n)`.

    Returns:
      `(..., n (n - 1) / 2)`, in the module's order.

    Raises, transformations: as `so3.exp`.
    """
    return coordinates(matrix, rotation_basis(size_of_matrices("matrix", matrix))).astype(matrix.dtype)


@jax.jit
def exp(x: jax.Array) -> jax.Array:
    """The rotation with these coordinates: in closed form for n = 2 and 3, else the matrix exponential.

    Args:
      x: `(..., n (n - 1) / 2)`, in the module's order.

    Returns:
      `(..., n, n)`.

    Raises, transformations: as `so3.exp`.
    """
    n = size_of_vectors("x", x)
    return _CLOSED_FORMS[n].exp(x) if n in _CLOSED_FORMS else matrix_exp(hat(x))


@jax.jit
def log(g: jax.Array) -> jax.Array:
    """The coordinates of the principal logarithm, made antisymmetric.

    Args:
      g: `(..., n, n)`, rotations.

    Returns:
      `(..., n (n - 1) / 2)`. For n > 3 there is none where an eigenvalue is -1: they are 0 there.

    Raises, transformations: as `so3.exp`.
    """
    n = size_of_matrices("g", g)
    return _CLOSED_FORMS[n].log(g) if n in _CLOSED_FORMS else vee(matrix_log(g).value)


@jax.jit
def compose(a: jax.Array, b: jax.Array) -> jax.Array:
    """The product `a b`: first b, then a.

    Args:
      a: `(..., n, n)`, rotations.
      b: `(..., n, n)`; leading axes broadcast.

    Returns:
      `(..., n, n)` in the dtype of both together.

    Raises, transformations: as `so3.exp`.
    """
    return small_matrices.product(a, b)


@jax.jit
def inverse(g: jax.Array) -> jax.Array:
    """The inverse rotation: the transpose.

    Args:
      g: `(..., n, n)`, rotations.

    Returns:
      `(..., n, n)`.

    Raises, transformations: as `so3.exp`.
    """
    size_of_matrices("g", g)
    return jnp.swapaxes(g, -1, -2)


@jax.jit
def act(g: jax.Array, points: jax.Array) -> jax.Array:
    """Turns points: `g p`.

    Args:
      g: `(..., n, n)`, rotations.
      points: `(..., n)`; leading axes broadcast with those of g.

    Returns:
      `(..., n)` in the dtype of both together.

    Raises, transformations: as `so3.exp`.
    """
    n = size_of_matrices("g", g)
    require_floating("points", points)
    if points.ndim == 0 or points.shape[-1] != n:
        raise ValueError(f"points must have {n} numbers on its last axis, got shape {points.shape}")
    first, second = with_equal_ranks(g, points[..., None])
    return contract("...ij,...jk->...ik", first, second)[..., 0].astype(jnp.result_type(g, points))


@jax.jit
def adjoint(g: jax.Array) -> jax.Array:
    """The matrix of conjugation on coordinates: `g hat(x) g^-1 = hat(adjoint(g) x)`.

    Args:
      g: `(..., n, n)`, rotations.

    Returns:
      `(..., dim, dim)`.

    Raises, transformations: as `so3.exp`.
    """
    n = size_of_matrices("g", g)
    wide = g.astype(accumulation_dtype(g))
    return conjugation_matrix(wide, jnp.swapaxes(wide, -1, -2), rotation_basis(n)).astype(g.dtype)


@jax.jit
def ad(x: jax.Array) -> jax.Array:
    """The matrix of the bracket with x: `ad(x) y = vee(X Y - Y X)`, `X = hat(x)`, `Y = hat(y)`.

    Args:
      x: `(..., n (n - 1) / 2)`, in the module's order.

    Returns:
      `(..., dim, dim)`.

    Raises, transformations: as `so3.exp`.
    """
    return bracket_matrix(x, rotation_basis, size_of_vectors("x", x)).astype(x.dtype)


@jax.jit
def left_jacobian(x: jax.Array) -> jax.Array:
    """The left Jacobian of the exponential: `exp(x + d) ~ exp(left_jacobian(x) d) exp(x)`.

    Args:
      x: `(..., n (n - 1) / 2)`, in the module's order.

    Returns:
      `(..., dim, dim)`.

    Raises, transformations: as `so3.exp`.
    """
    n = size_of_vectors("x", x)
    return _CLOSED_FORMS[n].left_jacobian(x) if n in _CLOSED_FORMS else phi_one(ad(x))


@jax.jit
def left_jacobian_inverse(x: jax.Array) -> jax.Array:
    """The inverse of `left_jacobian`.

    Args:
      x: `(..., n (n - 1) / 2)`, in the module's order.

    Returns:
      `(..., dim, dim)`. For n > 3 by factorisation: there is none where two angles add up to a whole turn.

    Raises, transformations: as `so3.exp`.
    """
    n = size_of_vectors("x", x)
    if n in _CLOSED_FORMS:
        return _CLOSED_FORMS[n].left_jacobian_inverse(x)
    return small_matrices.inverse(left_jacobian(x))


@jax.jit
def right_jacobian(x: jax.Array) -> jax.Array:
    """The right Jacobian of the exponential: `exp(x + d) ~ exp(x) exp(right_jacobian(x) d)`, the left one of -x.

    Args:
      x: `(..., n (n - 1) / 2)`, in the module's order.

    Returns:
      `(..., dim, dim)`.

    Raises, transformations: as `so3.exp`.
    """
    return left_jacobian(-x)


@jax.jit
def right_jacobian_inverse(x: jax.Array) -> jax.Array:
    """The inverse of `right_jacobian`, as `left_jacobian_inverse`.

    Args:
      x: `(..., n (n - 1) / 2)`, in the module's order.

    Returns:
      `(..., dim, dim)`.

    Raises, transformations: as `so3.exp`.
    """
    return left_jacobian_inverse(-x)


def identity(n: int, dtype: DTypeLike = float) -> jax.Array:
    """The unit matrix.

    Args:
      n: static, 2 at least.
      dtype: static.

    Returns:
      `(n, n)`.

    Raises:
      ValueError: n below 2.
    """
    require_at_least("n", n, 2)
    return jnp.eye(n, dtype=dtype)


def sample_haar(key: jax.Array, shape: Sequence[int], n: int, *, dtype: DTypeLike = float) -> jax.Array:
    """Rotations drawn from the Haar probability measure.

    Args:
      key: of `jax.random`.
      shape: static, leading axes.
      n: static, 2 at least.
      dtype: static, float32 or float64.

    Returns:
      `(*shape, n, n)`. See `haar_so`.

    Raises:
      ValueError: n below 2.
    """
    require_at_least("n", n, 2)
    return haar_so(key, shape, n, dtype=dtype)


@jax.jit
def distance(a: jax.Array, b: jax.Array) -> jax.Array:
    """The length of the logarithm of `a^-1 b` in coordinates: geodesic, for n = 2 and 3 the angle.

    Args:
      a: `(..., n, n)`, rotations.
      b: `(..., n, n)`; leading axes broadcast.

    Returns:
      `(...)`.

    Raises, transformations: as `so3.exp`.
    """
    n = size_of_matrices("a", a)
    return _CLOSED_FORMS[n].distance(a, b) if n in _CLOSED_FORMS else safe_norm(log(compose(inverse(a), b)))


@jax.jit
def project(matrix: jax.Array) -> jax.Array:
    """The rotation nearest to a matrix in the Frobenius norm: its polar factor of determinant 1.

    Args:
      matrix: `(..., n, n)`.

    Returns:
      `(..., n, n)`.

    Raises, transformations: as `so3.exp`.
    """
    n = size_of_matrices("matrix", matrix)
    return _CLOSED_FORMS[n].project(matrix) if n in _CLOSED_FORMS else polar_factor(matrix, proper=True)


def check_element(g: ArrayLike) -> None:
    """Checks on the host, not under jit, that matrices are rotations to rounding.

    Args:
      g: `(..., n, n)`.

    Raises:
      ValueError: they are not, or not finite, or have another shape.
    """
    require_rotations("g", *checked_on_host("g", g, None))


def check_algebra(matrix: ArrayLike) -> None:
    """Checks on the host, not under jit, that matrices are antisymmetric to rounding.

    Args:
      matrix: `(..., n, n)`.

    Raises:
      ValueError: they are not, or not finite, or have another shape.
    """
    require_skew("matrix", *checked_on_host("matrix", matrix, None))
