"""Aff+(n), affine maps `[[A, t], [0, 1]]` with det A > 0 `(..., n + 1, n + 1)`, algebra vectors `(..., n + n^2)`.

Coordinates are `(v, x)`, the translation's n first, then the n^2 entries of the linear part row by row; `hat` is
`[[gl.hat(x), v], [0, 0]]`. n is read off the shapes. Leading axes are the batch and broadcast; results have the dtype
of the arguments, bfloat16 is computed in float32. Wrong shapes raise ValueError and other than floating dtypes
TypeError, at trace time and naming the argument. The last row of an element must be that of an affine map. All but the
checks go through jit, vmap, jvp and vjp, any order (`distance`: see there). The exponential does not reach the whole
group.

References: Higham, Functions of matrices (2008), ch. 10; Mironenco, Forré, arXiv:2310.11366.
"""

import functools
import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike, DTypeLike

from jaxinv.kernels.lie_groups import gl, homogeneous
from jaxinv.kernels.lie_groups.logarithm import Logarithm, require_logarithms
from jaxinv.kernels.lie_groups.membership import checked_on_host, require_last_row
from jaxinv.kernels.lie_groups.structure_constants import Basis, bracket_matrix, conjugation_matrix
from jaxinv.kernels.numerics import small_matrices
from jaxinv.kernels.numerics.matrix_exponential import matrix_exp, phi_one
from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.safe import safe_norm
from jaxinv.kernels.numerics.validation import require_at_least, require_floating


@functools.lru_cache(maxsize=16)
def _basis(n: int) -> Basis:
    places = [(i, n) for i in range(n)] + [(i, j) for i in range(n) for j in range(n)]
    table = np.zeros((len(places), n + 1, n + 1))
    for number, place in enumerate(places):
        table[(number, *place)] = 1.0
    table.flags.writeable = False
    return Basis(table, table)


def _size_of_vectors(x):
    require_floating("x", x)
    dimension = x.shape[-1] if x.ndim else 0
    n = (math.isqrt(1 + 4 * dimension) - 1) // 2
    if n < 1 or n * (n + 1) != dimension:
        raise ValueError(f"x must have n + n^2 numbers on its last axis, got shape {x.shape}")
    return n


def _size_of_matrices(name, g):
    require_floating(name, g)
    if g.ndim < 2 or g.shape[-1] != g.shape[-2] or g.shape[-1] < 2:
        raise ValueError(f"{name} must have shape (..., n + 1, n + 1) with n >= 1, got {g.shape}")
    return g.shape[-1] - 1


def _parts(name, g):
    n = _size_of_matrices(name, g)
    return g[..., :n, :n], g[..., :n, n]


@jax.jit
def hat(x: jax.Array) -> jax.Array:
    """The matrix `[[gl.hat(x), v], [0, 0]]` of coordinates.

    Args:
      x: `(..., n + n^2)`, the translation, then the linear part's entries row by row.

    Returns:
      `(..., n + 1, n + 1)`.

    Raises, transformations: as `so3.exp`.
    """
    n = _size_of_vectors(x)
    rows = jnp.concatenate([gl.hat(x[..., n:]), x[..., :n, None]], axis=-1)
    return jnp.concatenate([rows, jnp.zeros_like(rows[..., :1, :])], axis=-2)


@jax.jit
def vee(matrix: jax.Array) -> jax.Array:
    """The inverse of `hat`; the last row is not read.

    Args:
      matrix: `(..., n + 1, n + 1)`.

    Returns:
      `(..., n + n^2)`, the translation, then the linear part's entries row by row.

    Raises, transformations: as `so3.exp`.
    """
    linear, translation = _parts("matrix", matrix)
    return jnp.concatenate([translation, gl.vee(linear)], axis=-1)


@jax.jit
def exp(x: jax.Array) -> jax.Array:
    """The affine map: the exponential of the linear part, and `phi_one` of it times the translation.

    Args:
      x: `(..., n + n^2)`, the translation, then the linear part's entries row by row.

    Returns:
      `(..., n + 1, n + 1)`. `phi_one(X) = I + X / 2 + X^2 / 6 + ..`.

    Raises, transformations: as `so3.exp`.
    """
    n = _size_of_vectors(x)
    if n > 2:
        return matrix_exp(hat(x))
    wide = x.astype(accumulation_dtype(x))
    linear = gl.hat(wide[..., n:])
    translation = gl.act(phi_one(linear), wide[..., :n])
    return homogeneous.join_parts(matrix_exp(linear), translation).astype(x.dtype)


@jax.jit
def log(g: jax.Array) -> Logarithm:
    """The principal logarithm of an affine map, and whether there is one: where the linear part has one.

    Args:
      g: `(..., n + 1, n + 1)`, affine maps.

    Returns:
      `Logarithm`: coordinates `(..., n + n^2)`, finite and without meaning where `exists` `(...)` is False.

    Raises, transformations: as `so3.exp`.
    """
    linear, translation = (part.astype(accumulation_dtype(g)) for part in _parts("g", g))
    entries, exists = gl.log(linear)
    shift = gl.act(small_matrices.inverse(phi_one(gl.hat(entries))), translation)
    return Logarithm(jnp.concatenate([shift, entries], axis=-1).astype(g.dtype), exists)


@jax.jit
def compose(a: jax.Array, b: jax.Array) -> jax.Array:
    """The product `a b`: first b, then a.

    Args:
      a: `(..., n + 1, n + 1)`, affine maps.
      b: `(..., n + 1, n + 1)`; leading axes broadcast.

    Returns:
      `(..., n + 1, n + 1)` in the dtype of both together.

    Raises, transformations: as `so3.exp`.
    """
    return small_matrices.product(a, b)


@jax.jit
def inverse(g: jax.Array) -> jax.Array:
    """The inverse map `[[A^-1, -A^-1 t], [0, 1]]`.

    Args:
      g: `(..., n + 1, n + 1)`, affine maps.

    Returns:
      `(..., n + 1, n + 1)`.

    Raises, transformations: as `so3.exp`.
    """
    linear, translation = (part.astype(accumulation_dtype(g)) for part in _parts("g", g))
    back = gl.inverse(linear)
    return homogeneous.join_parts(back, -gl.act(back, translation)).astype(g.dtype)


@jax.jit
def act(g: jax.Array, points: jax.Array) -> jax.Array:
    """Maps points: `A p + t`.

    Args:
      g: `(..., n + 1, n + 1)`, affine maps.
      points: `(..., n)`; leading axes broadcast with those of g.

    Returns:
      `(..., n)` in the dtype of both together.

    Raises, transformations: as `so3.exp`.
    """
    return homogeneous.act_on_points(g, points, _size_of_matrices("g", g))


@jax.jit
def adjoint(g: jax.Array) -> jax.Array:
    """The matrix of conjugation on coordinates: `g hat(x) g^-1 = hat(adjoint(g) x)`.

    Args:
      g: `(..., n + 1, n + 1)`, affine maps.

    Returns:
      `(..., dim, dim)`.

    Raises, transformations: as `so3.exp`.
    """
    n = _size_of_matrices("g", g)
    wide = g.astype(accumulation_dtype(g))
    return conjugation_matrix(wide, inverse(wide), _basis(n)).astype(g.dtype)


@jax.jit
def ad(x: jax.Array) -> jax.Array:
    """The matrix of the bracket with x: `ad(x) y = vee(X Y - Y X)`, `X = hat(x)`, `Y = hat(y)`.

    Args:
      x: `(..., n + n^2)`, the translation, then the linear part's entries row by row.

    Returns:
      `(..., dim, dim)`.

    Raises, transformations: as `so3.exp`.
    """
    return bracket_matrix(x, _basis, _size_of_vectors(x)).astype(x.dtype)


@jax.jit
def left_jacobian(x: jax.Array) -> jax.Array:
    """The left Jacobian of the exponential: `exp(x + d) ~ exp(left_jacobian(x) d) exp(x)`.

    Args:
      x: `(..., n + n^2)`, the translation, then the linear part's entries row by row.

    Returns:
      `(..., dim, dim)`.

    Raises, transformations: as `so3.exp`.
    """
    return phi_one(ad(x))


@jax.jit
def left_jacobian_inverse(x: jax.Array) -> jax.Array:
    """The inverse of `left_jacobian`.

    Args:
      x: `(..., n + n^2)`, the translation, then the linear part's entries row by row.

    Returns:
      `(..., dim, dim)`. There is none where eigenvalues of the linear part differ by, or are, `2 pi k i`, k not 0.

    Raises, transformations: as `so3.exp`.
    """
    return small_matrices.inverse(left_jacobian(x))


@jax.jit
def right_jacobian(x: jax.Array) -> jax.Array:
    """The right Jacobian of the exponential: `exp(x + d) ~ exp(x) exp(right_jacobian(x) d)`, the left one of -x.

    Args:
      x: `(..., n + n^2)`, the translation, then the linear part's entries row by row.

    Returns:
      `(..., dim, dim)`.

    Raises, transformations: as `so3.exp`.
    """
    return left_jacobian(-x)


@jax.jit
def right_jacobian_inverse(x: jax.Array) -> jax.Array:
    """The inverse of `right_jacobian`, as `left_jacobian_inverse`.

    Args:
      x: `(..., n + n^2)`, the translation, then the linear part's entries row by row.

    Returns:
      `(..., dim, dim)`.

    Raises, transformations: as `so3.exp`.
    """
    return left_jacobian_inverse(-x)


def identity(n: int, dtype: DTypeLike = float) -> jax.Array:
    """The unit matrix.

    Args:
      n: static, 1 at least.
      dtype: static.

    Returns:
      `(n + 1, n + 1)`.

    Raises:
      ValueError: n below 1.
    """
    require_at_least("n", n, 1)
    return jnp.eye(n + 1, dtype=dtype)


def sample(
    key: jax.Array,
    shape: Sequence[int],
    n: int,
    *,
    variance: float = 0.1,
    translation_scale: float = 1.0,
    dtype: DTypeLike = float,
) -> jax.Array:
    """Random affine maps: a linear part as `gl.sample`, and a Gaussian translation.

    Args:
      key: of `jax.random`.
      shape: static, leading axes.
      n: static, 1 at least.
      variance: of `gl.sample`.
      translation_scale: standard deviation of each component, in the unit of length.
      dtype: static, float32 or float64.

    Returns:
      `(*shape, n + 1, n + 1)`. There is no Haar probability measure: the group is not compact.

    Raises:
      ValueError: n below 1.
    """
    key_linear, key_translation = jax.random.split(key)
    return homogeneous.join_parts(
        gl.sample(key_linear, shape, n, variance=variance, dtype=dtype),
        translation_scale * jax.random.normal(key_translation, (*shape, n), dtype),
    )


@jax.jit
def distance(a: jax.Array, b: jax.Array) -> jax.Array:
    """The Euclidean norm of translation and global coordinates of `a^-1 b`, as `gl.distance`; left-invariant.

    Args:
      a: `(..., n + 1, n + 1)`, affine maps.
      b: `(..., n + 1, n + 1)`; leading axes broadcast.

    Returns:
      `(...)`.

    A unit of length counts as much as a unit of stretch or a radian.
    Raises: as `so3.exp`. Transformations: as `xi_inv`.
    """
    linear, translation = _parts("g", compose(inverse(a), b))
    turned = gl.distance(jnp.broadcast_to(gl.identity(linear.shape[-1], linear.dtype), linear.shape), linear)
    return safe_norm(jnp.concatenate([translation, turned[..., None]], axis=-1))


@jax.jit
def project(matrix: jax.Array) -> jax.Array:
    """An affine map near a matrix: `gl.project` of the linear part, the translation as it is.

    Args:
      matrix: `(..., n + 1, n + 1)`.

    Returns:
      `(..., n + 1, n + 1)`; the last row is not read.

    Raises, transformations: as `so3.exp`.
    """
    linear, translation = _parts("matrix", matrix)
    return homogeneous.join_parts(gl.project(linear), translation)


def check_element(g: ArrayLike) -> None:
    """Checks on the host, not under jit, that matrices are affine maps of positive determinant.

    Args:
      g: `(..., n + 1, n + 1)`.

    Raises:
      ValueError: they are not, or not finite, or have another shape.
    """
    host, _ = checked_on_host("g", g, None)
    require_last_row("g", host, 1.0)
    gl.require_positive_determinants("the linear part of g", host[..., :-1, :-1])


def check_algebra(matrix: ArrayLike) -> None:
    """Checks on the host, not under jit, that matrices are in the algebra: last rows of zeros.

    Args:
      matrix: `(..., n + 1, n + 1)`.

    Raises:
      ValueError: they are not, or not finite, or have another shape.
    """
    host, _ = checked_on_host("matrix", matrix, None)
    require_last_row("matrix", host, 0.0)


def check_log(g: ArrayLike) -> None:
    """Checks on the host, not under jit, that all have a real principal logarithm.

    Args:
      g: `(..., n + 1, n + 1)`.

    Raises:
      ValueError: an eigenvalue of the linear part is 0 or a negative number; not finite, or another shape.
    """
    host, _ = checked_on_host("g", g, None)
    require_logarithms("the linear part of g", host[..., :-1, :-1])
