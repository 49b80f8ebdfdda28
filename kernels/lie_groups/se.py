"""SE(n), rigid motions: matrices `[[R, t], [0, 1]]` `(..., n + 1, n + 1)`, n >= 2, vectors `(..., n (n + 1) / 2)`.

Coordinates are `(v, w)`, the translation's n first, then those of `so` of n; `hat` is `[[so.hat(w), v], [0, 0]]`. For
n = 2 and 3 the functions are those of `se2` and `se3`; beyond they take the matrix exponential and logarithm. n is read
off the shapes. Leading axes are the batch and broadcast; results have the dtype of the arguments, bfloat16 is computed
in float32. Wrong shapes raise ValueError and other than floating dtypes TypeError, at trace time and naming the
argument. The last row of an element must be that of a motion. All but the checks go through jit, vmap, jvp and vjp, any
order.
"""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike, DTypeLike

from jaxinv.kernels.lie_groups import homogeneous, se2, se3, so
from jaxinv.kernels.lie_groups.membership import checked_on_host, require_last_row, require_rotations, require_skew
from jaxinv.kernels.lie_groups.structure_constants import (
    bracket_matrix,
    combined,
    conjugation_matrix,
    coordinates,
    motion_basis,
)
from jaxinv.kernels.numerics import small_matrices
from jaxinv.kernels.numerics.matrix_exponential import matrix_exp, phi_one
from jaxinv.kernels.numerics.matrix_logarithm import matrix_log
from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.safe import safe_norm
from jaxinv.kernels.numerics.validation import require_at_least, require_floating

_CLOSED_FORMS = {2: se2, 3: se3}


def _size_of_vectors(x):
    require_floating("x", x)
    dimension = x.shape[-1] if x.ndim else 0
    n = (math.isqrt(1 + 8 * dimension) - 1) // 2
    if n < 2 or n * (n + 1) // 2 != dimension:
        raise ValueError(f"x must have n (n + 1) / 2 numbers on its last axis, n >= 2, got shape {x.shape}")
    return n


def _size_of_matrices(name, g):
    require_floating(name, g)
    if g.ndim < 2 or g.shape[-1] != g.shape[-2] or g.shape[-1] < 3:
        raise ValueError(f"{name} must have shape (..., n + 1, n + 1) with n >= 2, got {g.shape}")
    return g.shape[-1] - 1


@jax.jit
def hat(x: jax.Array) -> jax.Array:
    """The matrix `[[so.hat(w), v], [0, 0]]` of coordinates.

    Args:
      x: `(..., n (n + 1) / 2)`, the translation, then those of `so`.

    Returns:
      `(..., n + 1, n + 1)`.

    Raises, transformations: as `so3.exp`.
    """
    return combined(x, motion_basis(_size_of_vectors(x))).astype(x.dtype)


@jax.jit
def vee(matrix: jax.Array) -> jax.Array:
    """The inverse of `hat`; of the block it takes the antisymmetric part, and the last row is not read.

    Args:
      matrix: `(..., n + 1, n + 1)`.

    Returns:
      `(..., n (n + 1) / 2)`, the translation, then those of `so`.

    Raises, transformations: as `so3.exp`.
    """
    return coordinates(matrix, motion_basis(_size_of_matrices("matrix", matrix))).astype(matrix.dtype)


@jax.jit
def exp(x: jax.Array) -> jax.Array:
    """The motion with these coordinates: in closed form for n = 2 and 3, else the matrix exponential.

    Args:
      x: `(..., n (n + 1) / 2)`, the translation, then those of `so`.

    Returns:
      `(..., n + 1, n + 1)`.

    Raises, transformations: as `so3.exp`.
    """
    n = _size_of_vectors(x)
    return _CLOSED_FORMS[n].exp(x) if n in _CLOSED_FORMS else matrix_exp(hat(x))


@jax.jit
def log(g: jax.Array) -> jax.Array:
    """The coordinates of the principal logarithm.

    Args:
      g: `(..., n + 1, n + 1)`, rigid motions.

    Returns:
      `(..., n (n + 1) / 2)`. For n > 3 there is none where the rotation has an eigenvalue -1: they are 0 there.

    Raises, transformations: as `so3.exp`.
    """
    n = _size_of_matrices("g", g)
    return _CLOSED_FORMS[n].log(g) if n in _CLOSED_FORMS else vee(matrix_log(g).value)


@jax.jit
def compose(a: jax.Array, b: jax.Array) -> jax.Array:
    """The product `a b`: first b, then a.

    Args:
      a: `(..., n + 1, n + 1)`, rigid motions.
      b: `(..., n + 1, n + 1)`; leading axes broadcast.

    Returns:
      `(..., n + 1, n + 1)` in the dtype of both together.

    Raises, transformations: as `so3.exp`.
    """
    return small_matrices.product(a, b)


@jax.jit
def inverse(g: jax.Array) -> jax.Array:
    """The inverse motion `[[R^T, -R^T t], [0, 1]]`.

    Args:
      g: `(..., n + 1, n + 1)`, rigid motions.

    Returns:
      `(..., n + 1, n + 1)`.

    Raises, transformations: as `so3.exp`.
    """
    n = _size_of_matrices("g", g)
    back = jnp.swapaxes(g[..., :n, :n], -1, -2)
    return homogeneous.join_parts(back, -so.act(back, g[..., :n, n]))


@jax.jit
def act(g: jax.Array, points: jax.Array) -> jax.Array:
    """Moves points: `R p + t`.

    Args:
      g: `(..., n + 1, n + 1)`, rigid motions.
      points: `(..., n)`; leading axes broadcast with those of g.

    Returns:
      `(..., n)` in the dtype of both together.

    Raises, transformations: as `so3.exp`.
    """
    return homogeneous.act_on_points(g, jnp.asarray(points), _size_of_matrices("g", g))


@jax.jit
def adjoint(g: jax.Array) -> jax.Array:
    """The matrix of conjugation on coordinates: `g hat(x) g^-1 = hat(adjoint(g) x)`.

    Args:
      g: `(..., n + 1, n + 1)`, rigid motions.

    Returns:
      `(..., dim, dim)`.

    Raises, transformations: as `so3.exp`.
    """
    n = _size_of_matrices("g", g)
    wide = g.astype(accumulation_dtype(g))
    return conjugation_matrix(wide, inverse(wide), motion_basis(n)).astype(g.dtype)


@jax.jit
def ad(x: jax.Array) -> jax.Array:
    """The matrix of the bracket with x: `ad(x) y = vee(X Y - Y X)`, `X = hat(x)`, `Y = hat(y)`.

    Args:
      x: `(..., n (n + 1) / 2)`, the translation, then those of `so`.

    Returns:
      `(..., dim, dim)`.

    Raises, transformations: as `so3.exp`.
    """
    return bracket_matrix(x, motion_basis, _size_of_vectors(x)).astype(x.dtype)


@jax.jit
def left_jacobian(x: jax.Array) -> jax.Array:
    """The left Jacobian of the exponential: `exp(x + d) ~ exp(left_jacobian(x) d) exp(x)`.

    Args:
      x: `(..., n (n + 1) / 2)`, the translation, then those of `so`.

    Returns:
      `(..., dim, dim)`.

    Raises, transformations: as `so3.exp`.
    """
    n = _size_of_vectors(x)
    return _CLOSED_FORMS[n].left_jacobian(x) if n in _CLOSED_FORMS else phi_one(ad(x))


@jax.jit
def left_jacobian_inverse(x: jax.Array) -> jax.Array:
    """The inverse of `left_jacobian`.

    Args:
      x: `(..., n (n + 1) / 2)`, the translation, then those of `so`.

    Returns:
      `(..., dim, dim)`. For n > 3 by factorisation: there is none where angles add up to a whole turn.

    Raises, transformations: as `so3.exp`.
    """
    n = _size_of_vectors(x)
    if n in _CLOSED_FORMS:
        return _CLOSED_FORMS[n].left_jacobian_inverse(x)
    return small_matrices.inverse(left_jacobian(x))


@jax.jit
def right_jacobian(x: jax.Array) -> jax.Array:
    """The right Jacobian of the exponential: `exp(x + d) ~ exp(x) exp(right_jacobian(x) d)`, the left one of -x.

    Args:
      x: `(..., n (n + 1) / 2)`, the translation, then those of `so`.

    Returns:
      `(..., dim, dim)`.

    Raises, transformations: as `so3.exp`.
    """
    return left_jacobian(-x)


@jax.jit
def right_jacobian_inverse(x: jax.Array) -> jax.Array:
    """The inverse of `right_jacobian`, as `left_jacobian_inverse`.

    Args:
      x: `(..., n (n + 1) / 2)`, the translation, then those of `so`.

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
      `(n + 1, n + 1)`.

    Raises:
      ValueError: n below 2.
    """
    require_at_least("n", n, 2)
    return jnp.eye(n + 1, dtype=dtype)


def sample(
    key: jax.Array, shape: Sequence[int], n: int, *, translation_scale: float = 1.0, dtype: DTypeLike = float
) -> jax.Array:
    """Random motions: a rotation of Haar measure, and a Gaussian translation.

    Args:
      key: of `jax.random`.
      shape: static, leading axes.
      n: static, 2 at least.
      translation_scale: standard deviation of each component, in the unit of length.
      dtype: static, float32 or float64.

    Returns:
      `(*shape, n + 1, n + 1)`. There is no Haar probability measure: the group is not compact.

    Raises:
      ValueError: n below 2.
    """
    key_rotation, key_translation = jax.random.split(key)
    return homogeneous.join_parts(
        so.sample_haar(key_rotation, shape, n, dtype=dtype),
        translation_scale * jax.random.normal(key_translation, (*shape, n), dtype),
    )


@jax.jit
def distance(a: jax.Array, b: jax.Array) -> jax.Array:
    """The Euclidean norm of `log(a^-1 b)`: left-invariant.

    Args:
      a: `(..., n + 1, n + 1)`, rigid motions.
      b: `(..., n + 1, n + 1)`; leading axes broadcast.

    Returns:
      `(...)`.

    A unit of length counts as much as a radian. It is no geodesic distance.
    Its derivative is 0 where it is 0.
    Raises, transformations: as `so3.exp`.
    """
    return safe_norm(log(compose(inverse(a), b)))


@jax.jit
def project(matrix: jax.Array) -> jax.Array:
    """The nearest motion: the block to its nearest rotation, the translation as it is, the last row not read.

    Args:
      matrix: `(..., n + 1, n + 1)`.

    Returns:
      `(..., n + 1, n + 1)`.

    Raises, transformations: as `so3.exp`.
    """
    n = _size_of_matrices("matrix", matrix)
    return homogeneous.join_parts(so.project(matrix[..., :n, :n]), matrix[..., :n, n])


def check_element(g: ArrayLike) -> None:
    """Checks on the host, not under jit, that matrices are rigid motions to rounding.

    Args:
      g: `(..., n + 1, n + 1)`.

    Raises:
      ValueError: they are not, or not finite, or have another shape.
    """
    host, rounding = checked_on_host("g", g, None)
    require_last_row("g", host, 1.0)
    require_rotations("the block of g", host[..., :-1, :-1], rounding)


def check_algebra(matrix: ArrayLike) -> None:
    """Checks on the host, not under jit, that matrices are in the algebra to rounding.

    Args:
      matrix: `(..., n + 1, n + 1)`.

    Raises:
      ValueError: they are not, or not finite, or have another shape.
    """
    host, rounding = checked_on_host("matrix", matrix, None)
    require_last_row("matrix", host, 0.0)
    require_skew("the block of matrix", host[..., :-1, :-1], rounding)
