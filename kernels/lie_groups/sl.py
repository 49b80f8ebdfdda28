"""SL(n), matrices of determinant 1 `(..., n, n)`, n >= 2, algebra vectors `(..., n^2 - 1)`.

Coordinates are orthonormal for `tr(X^T Y)`: the entries off the diagonal row by row, then the diagonal along
`(1, .., 1, -k, 0, .., 0) / sqrt(k (k + 1))`, k = 1 .. n - 1. n is read off the shapes. Leading axes are the batch and
broadcast; results have the dtype of the arguments, bfloat16 is computed in float32. Wrong shapes raise ValueError and
other than floating dtypes TypeError, at trace time and naming the argument. All but the checks go through jit, vmap,
jvp and vjp, any order (`distance`: see there). The exponential does not reach the whole group: `coordinates.xi` does.

References: Mironenco, Forré, arXiv:2310.11366.
"""

import functools
import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike, DTypeLike

from jaxinv.kernels.lie_groups import gl
from jaxinv.kernels.lie_groups.coordinates import xi_inv
from jaxinv.kernels.lie_groups.logarithm import Logarithm
from jaxinv.kernels.lie_groups.membership import checked_on_host
from jaxinv.kernels.lie_groups.scale_split import scale_split
from jaxinv.kernels.lie_groups.structure_constants import (
    Basis,
    bracket_matrix,
    combined,
    conjugation_matrix,
    coordinates,
)
from jaxinv.kernels.numerics import small_matrices
from jaxinv.kernels.numerics.matrix_exponential import matrix_exp, phi_one
from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.safe import safe_norm
from jaxinv.kernels.numerics.small_matrices import square_argument
from jaxinv.kernels.numerics.validation import require_at_least, require_floating


@functools.lru_cache(maxsize=16)
def _basis(n: int) -> Basis:
    elements = [np.outer(np.eye(n)[i], np.eye(n)[j]) for i in range(n) for j in range(n) if i != j]
    for k in range(1, n):
        elements.append(np.diag([1.0] * k + [-k] + [0.0] * (n - k - 1)) / math.sqrt(k * (k + 1)))
    table = np.array(elements)
    table.flags.writeable = False
    return Basis(table, table)


def _size_of_vectors(x):
    require_floating("x", x)
    dimension = x.shape[-1] if x.ndim else 0
    n = math.isqrt(dimension + 1)
    if n < 2 or n * n - 1 != dimension:
        raise ValueError(f"x must have n^2 - 1 numbers on its last axis, n >= 2, got shape {x.shape}")
    return n


def _size_of_matrices(name, g):
    g = square_argument(name, g)
    if g.shape[-1] < 2:
        raise ValueError(f"{name} must have shape (..., n, n) with n >= 2, got {g.shape}")
    return g.shape[-1]


@jax.jit
def hat(x: jax.Array) -> jax.Array:
    """The traceless matrix of coordinates.

    Args:
      x: `(..., n^2 - 1)`, in the module's order.

    Returns:
      `(..., n, n)`.

    Raises, transformations: as `so3.exp`.
    """
    return combined(x, _basis(_size_of_vectors(x))).astype(x.dtype)


@jax.jit
def vee(matrix: jax.Array) -> jax.Array:
    """The inverse of `hat`: coordinates of the traceless part of a matrix.

    Args:
      matrix: `(..., n, n)`.

    Returns:
      `(..., n^2 - 1)`, in the module's order.

    Raises, transformations: as `so3.exp`.
    """
    return coordinates(matrix, _basis(_size_of_matrices("matrix", matrix))).astype(matrix.dtype)


@jax.jit
def exp(x: jax.Array) -> jax.Array:
    """The matrix exponential, of determinant 1: in closed form for n = 2.

    Args:
      x: `(..., n^2 - 1)`, in the module's order.

    Returns:
      `(..., n, n)`.

    Raises, transformations: as `so3.exp`.
    """
    return matrix_exp(hat(x))


@jax.jit
def log(g: jax.Array) -> Logarithm:
    """The principal logarithm of a matrix, and whether there is one.

    Args:
      g: `(..., n, n)`, matrices of determinant 1.

    Returns:
      `Logarithm`: coordinates `(..., n^2 - 1)`, finite and without meaning where `exists` `(...)` is False.

    Raises, transformations: as `so3.exp`.
    """
    n = _size_of_matrices("g", g)
    entries, exists = gl.log(g)
    return Logarithm(vee(entries.reshape(*entries.shape[:-1], n, n)), exists)


@jax.jit
def compose(a: jax.Array, b: jax.Array) -> jax.Array:
    """The product `a b`: first b, then a.

    Args:
      a: `(..., n, n)`, matrices of determinant 1.
      b: `(..., n, n)`; leading axes broadcast.

    Returns:
      `(..., n, n)` in the dtype of both together.

    Raises, transformations: as `so3.exp`.
    """
    return small_matrices.product(a, b)


@jax.jit
def inverse(g: jax.Array) -> jax.Array:
    """The inverse matrix.

    Args:
      g: `(..., n, n)`, matrices of determinant 1.

    Returns:
      `(..., n, n)`.

    Raises, transformations: as `so3.exp`.
    """
    return small_matrices.inverse(g)


@jax.jit
def act(g: jax.Array, points: jax.Array) -> jax.Array:
    """Maps points: `g p`.

    Args:
      g: `(..., n, n)`, matrices of determinant 1.
      points: `(..., n)`; leading axes broadcast with those of g.

    Returns:
      `(..., n)` in the dtype of both together.

    Raises, transformations: as `so3.exp`.
    """
    return gl.act(g, points)


@jax.jit
def adjoint(g: jax.Array) -> jax.Array:
    """The matrix of conjugation on coordinates: `g hat(x) g^-1 = hat(adjoint(g) x)`.

    Args:
      g: `(..., n, n)`, matrices of determinant 1.

    Returns:
      `(..., n^2 - 1, n^2 - 1)`.

    Raises, transformations: as `so3.exp`.
    """
    n = _size_of_matrices("g", g)
    wide = g.astype(accumulation_dtype(g))
    return conjugation_matrix(wide, inverse(wide), _basis(n)).astype(g.dtype)


@jax.jit
def ad(x: jax.Array) -> jax.Array:
    """The matrix of the bracket with x: `ad(x) y = vee(X Y - Y X)`, `X = hat(x)`, `Y = hat(y)`.

    Args:
      x: `(..., n^2 - 1)`, in the module's order.

    Returns:
      `(..., n^2 - 1, n^2 - 1)`.

    Raises, transformations: as `so3.exp`.
    """
    return bracket_matrix(x, _basis, _size_of_vectors(x)).astype(x.dtype)


@jax.jit
def left_jacobian(x: jax.Array) -> jax.Array:
    """The left Jacobian of the exponential: `exp(x + d) ~ exp(left_jacobian(x) d) exp(x)`.

    Args:
      x: `(..., n^2 - 1)`, in the module's order.

    Returns:
      `(..., n^2 - 1, n^2 - 1)`.

    Raises, transformations: as `so3.exp`.
    """
    return phi_one(ad(x))


@jax.jit
def left_jacobian_inverse(x: jax.Array) -> jax.Array:
    """The inverse of `left_jacobian`.

    Args:
      x: `(..., n^2 - 1)`, in the module's order.

    Returns:
      `(..., n^2 - 1, n^2 - 1)`. There is none where two eigenvalues of `hat(x)` differ by a whole turn, `2 pi k i`.

    Raises, transformations: as `so3.exp`.
    """
    return small_matrices.inverse(left_jacobian(x))


@jax.jit
def right_jacobian(x: jax.Array) -> jax.Array:
    """The right Jacobian of the exponential: `exp(x + d) ~ exp(x) exp(right_jacobian(x) d)`, the left one of -x.

    Args:
      x: `(..., n^2 - 1)`, in the module's order.

    Returns:
      `(..., n^2 - 1, n^2 - 1)`.

    Raises, transformations: as `so3.exp`.
    """
    return left_jacobian(-x)


@jax.jit
def right_jacobian_inverse(x: jax.Array) -> jax.Array:
    """The inverse of `right_jacobian`, as `left_jacobian_inverse`.

    Args:
      x: `(..., n^2 - 1)`, in the module's order.

    Returns:
      `(..., n^2 - 1, n^2 - 1)`.

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


def sample(
    key: jax.Array, shape: Sequence[int], n: int, *, variance: float = 0.1, dtype: DTypeLike = float
) -> jax.Array:
    """Random elements `exp(Y / 2) R`, Y traceless and Gaussian, R of Haar measure.

    Args:
      key: of `jax.random`.
      shape: static, leading axes.
      n: static, 2 at least.
      variance: of Y along each orthonormal coordinate; no unit.
      dtype: static, float32 or float64.

    Returns:
      `(*shape, n, n)`. There is no Haar probability measure: `sample_polar_pairs` has importance weights.

    Raises:
      ValueError: n below 2.
    """
    require_at_least("n", n, 2)
    return gl.stretched_rotations(key, shape, n, variance, traceless=True, dtype=dtype)


@jax.jit
def distance(a: jax.Array, b: jax.Array) -> jax.Array:
    """The Euclidean norm of the global coordinates of `a^-1 b`, as `gl.distance`; left-invariant.

    Args:
      a: `(..., n, n)`, matrices of determinant 1.
      b: `(..., n, n)`; leading axes broadcast.

    Returns:
      `(...)`.

    Raises: as `so3.exp`. Transformations: as `xi_inv`.
    """
    return safe_norm(xi_inv(compose(inverse(a), b), group="sl"))


@jax.jit
def project(matrix: jax.Array) -> jax.Array:
    """A matrix of determinant 1 near the given one: `gl.project`, divided by the n-th root of its determinant.

    Args:
      matrix: `(..., n, n)`.

    Returns:
      `(..., n, n)`.

    Raises, transformations: as `so3.exp`.
    """
    _size_of_matrices("matrix", matrix)
    return scale_split(gl.project(matrix)).special


def check_element(g: ArrayLike) -> None:
    """Checks on the host, not under jit, that matrices are of determinant 1 to rounding.

    Args:
      g: `(..., n, n)`.

    Raises:
      ValueError: they are not, or not finite, or have another shape.
    """
    host, rounding = checked_on_host("g", g, None)
    gl.require_positive_determinants("g", host)
    # As much as rounding of the entries moves the determinant.
    allowed = rounding * np.prod(np.linalg.norm(host, axis=-1), axis=-1)
    error = np.abs(np.linalg.det(host) - 1)
    if np.any(error > allowed):
        raise ValueError(f"g must have determinant 1, got one that differs by {error.max():.2g}")


def check_algebra(matrix: ArrayLike) -> None:
    """Checks on the host, not under jit, that matrices are of trace 0 to rounding.

    Args:
      matrix: `(..., n, n)`.

    Raises:
      ValueError: they are not, or not finite, or have another shape.
    """
    host, rounding = checked_on_host("matrix", matrix, None)
    trace = np.abs(np.trace(host, axis1=-2, axis2=-1))
    if np.any(trace > rounding * np.maximum(1.0, np.max(np.abs(host), axis=(-2, -1), initial=0.0))):
        raise ValueError(f"matrix must have trace 0, got {trace.max():.2g}")


def check_log(g: ArrayLike) -> None:
    """Checks on the host, not under jit, that all have a real principal logarithm.

    Args:
      g: `(..., n, n)`.

    Raises:
      ValueError: an eigenvalue is 0 or a negative number; not finite, or another shape.
    """
    gl.check_log(g)
