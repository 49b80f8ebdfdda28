"""SPD(n), positive definite matrices `(..., n, n)`: GL(n) by SO(n), with the affine-invariant metric.

A symmetric space and no group: matrices do not multiply to one of them; GL(n) acts by `g S g^T`, and the metric
`|S^-1/2 dS S^-1/2|` does not see it. Tangent vectors at the unit matrix are symmetric matrices, in orthonormal
coordinates `(..., n (n + 1) / 2)` row by row from the diagonal on: `(x11, sqrt 2 x12, .., x22, ..)`. n is read off the
shapes. Leading axes are the batch and broadcast; results have the dtype of the arguments, bfloat16 is computed in
float32. Wrong shapes raise ValueError and other than floating dtypes TypeError, at trace time and naming the argument.
All but the checks go through jit, vmap, jvp, vjp and second order, right at equal eigenvalues too.

References: Pennec, Fillard, Ayache, A Riemannian framework for tensor computing (2006).
"""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike, DTypeLike

from jaxinv.kernels.lie_groups.coordinate_bases import symmetric_basis
from jaxinv.kernels.lie_groups.membership import checked_on_host
from jaxinv.kernels.lie_groups.sampling import spd_lognormal
from jaxinv.kernels.lie_groups.structure_constants import Basis, combined, coordinates
from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.safe import safe_norm
from jaxinv.kernels.numerics.small_matrices import product, square_argument
from jaxinv.kernels.numerics.spectral_functions import (
    symmetric_exp,
    symmetric_inverse_sqrt,
    symmetric_log,
    symmetric_sqrt,
)
from jaxinv.kernels.numerics.symmetric_eigen import symmetric_eigen
from jaxinv.kernels.numerics.validation import require_at_least, require_floating


def _basis(n):
    table = symmetric_basis(n, "gl")
    return Basis(table, table)


def _size_of_vectors(x):
    require_floating("x", x)
    dimension = x.shape[-1] if x.ndim else 0
    n = (math.isqrt(1 + 8 * dimension) - 1) // 2
    if n < 1 or n * (n + 1) // 2 != dimension:
        raise ValueError(f"x must have n (n + 1) / 2 numbers on its last axis, got shape {x.shape}")
    return n


@jax.jit
def hat(x: jax.Array) -> jax.Array:
    """The symmetric matrix of coordinates.

    Args:
      x: `(..., n (n + 1) / 2)`, in the module's order.

    Returns:
      `(..., n, n)`.

    Raises: as `so3.exp`. Transformations: jit, vmap, jvp, vjp, second order, right at equal eigenvalues too.
    """
    return combined(x, _basis(_size_of_vectors(x))).astype(x.dtype)


@jax.jit
def vee(matrix: jax.Array) -> jax.Array:
    """The inverse of `hat`: coordinates of the symmetric part of a matrix.

    Args:
      matrix: `(..., n, n)`.

    Returns:
      `(..., n (n + 1) / 2)`.

    Raises: as `so3.exp`. Transformations: jit, vmap, jvp, vjp, second order, right at equal eigenvalues too.
    """
    matrix = square_argument("matrix", matrix)
    return coordinates(matrix, _basis(matrix.shape[-1])).astype(matrix.dtype)


@jax.jit
def exp(x: jax.Array) -> jax.Array:
    """The geodesic from the unit matrix along x, at time 1: the matrix exponential.

    Args:
      x: `(..., n (n + 1) / 2)`, in the module's order.

    Returns:
      `(..., n, n)`, positive definite.

    Raises: as `so3.exp`. Transformations: jit, vmap, jvp, vjp, second order, right at equal eigenvalues too.
    """
    return symmetric_exp(hat(x))


@jax.jit
def log(s: jax.Array) -> jax.Array:
    """The inverse of `exp`: coordinates of the matrix logarithm.

    Args:
      s: `(..., n, n)`, positive definite.

    Returns:
      `(..., n (n + 1) / 2)`. Eigenvalues at or below 0 count as 1.

    Raises: as `so3.exp`. Transformations: jit, vmap, jvp, vjp, second order, right at equal eigenvalues too.
    """
    return vee(symmetric_log(square_argument("s", s)))


@jax.jit
def exp_at(base: jax.Array, tangent: jax.Array) -> jax.Array:
    """The geodesic from `base` along a symmetric matrix, at time 1: `B^1/2 exp(B^-1/2 T B^-1/2) B^1/2`.

    Args:
      base: `(..., n, n)`, positive definite.
      tangent: `(..., n, n)`, symmetric.

    Returns:
      `(..., n, n)`, positive definite.

    Raises: as `so3.exp`. Transformations: jit, vmap, jvp, vjp, second order, right at equal eigenvalues too.
    """
    root, back, dtype = _roots(base, tangent)
    return _between(root, symmetric_exp(_between(back, tangent.astype(root.dtype)))).astype(dtype)


@jax.jit
def log_at(base: jax.Array, s: jax.Array) -> jax.Array:
    """The symmetric matrix at `base` along which `exp_at` reaches s.

    Args:
      base: `(..., n, n)`, positive definite.
      s: `(..., n, n)`, positive definite.

    Returns:
      `(..., n, n)`, symmetric.

    Raises: as `so3.exp`. Transformations: jit, vmap, jvp, vjp, second order, right at equal eigenvalues too.
    """
    root, back, dtype = _roots(base, s)
    return _between(root, symmetric_log(_between(back, s.astype(root.dtype)))).astype(dtype)


def _roots(base, other):
    base, other = square_argument("base", base), square_argument("the second argument", other)
    wide = base.astype(accumulation_dtype(base, other))
    return symmetric_sqrt(wide), symmetric_inverse_sqrt(wide), jnp.result_type(base, other)


def _between(outer, inner):
    return product(product(outer, inner), outer)


@jax.jit
def act(g: jax.Array, s: jax.Array) -> jax.Array:
    """Moves positive definite matrices by linear maps: `g S g^T`.

    Args:
      g: `(..., n, n)`, any matrices.
      s: `(..., n, n)`, positive definite.

    Returns:
      `(..., n, n)`.

    Raises: as `so3.exp`. Transformations: jit, vmap, jvp, vjp, second order, right at equal eigenvalues too.
    """
    g = square_argument("g", g)
    return product(product(g, s), jnp.swapaxes(g, -1, -2))


@jax.jit
def distance(a: jax.Array, b: jax.Array) -> jax.Array:
    """The geodesic distance `|log(a^-1/2 b a^-1/2)|`; the same for `act(g, a)` and `act(g, b)`.

    Args:
      a: `(..., n, n)`, positive definite.
      b: `(..., n, n)`, positive definite.

    Returns:
      `(...)`; no unit.

    Raises: as `so3.exp`. Transformations: jit, vmap, jvp, vjp, second order, right at equal eigenvalues too.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels.lie_groups import spd
      >>> spd.distance(jnp.eye(2), jnp.diag(jnp.exp(jnp.array([3.0, 4.0])))).round()
      Array(5., dtype=float32)
    """
    _, back, dtype = _roots(a, b)
    return safe_norm(log(_between(back, b.astype(back.dtype)))).astype(dtype)


def identity(n: int, dtype: DTypeLike = float) -> jax.Array:
    """The unit matrix.

    Args:
      n: static, 1 at least.
      dtype: static.

    Returns:
      `(n, n)`.

    Raises:
      ValueError: n below 1.
    """
    require_at_least("n", n, 1)
    return jnp.eye(n, dtype=dtype)


def sample(
    key: jax.Array, shape: Sequence[int], n: int, *, variance: float = 0.1, dtype: DTypeLike = float
) -> jax.Array:
    """Random positive definite matrices `exp(Y)`, Y Gaussian: `spd_lognormal` with its trace.

    Args:
      key: of `jax.random`.
      shape: static, leading axes.
      n: static, 1 at least.
      variance: of Y along each coordinate; no unit.
      dtype: static, float32 or float64.

    Returns:
      `(*shape, n, n)`.

    Raises:
      ValueError: n below 1.
    """
    return spd_lognormal(key, shape, n, variance=variance, dtype=dtype)


@jax.jit
def project(matrix: jax.Array) -> jax.Array:
    """The nearest symmetric matrix whose eigenvalues are at least the precision times the largest by magnitude.

    Args:
      matrix: `(..., n, n)`; its symmetric part is taken.

    Returns:
      `(..., n, n)`; of a matrix without positive and negative eigenvalues, the unit matrix.

    Raises: as `so3.exp`. Transformations: jit, vmap, jvp, vjp, second order, right at equal eigenvalues too.
    """
    matrix = square_argument("matrix", matrix)
    values, vectors = symmetric_eigen(matrix.astype(accumulation_dtype(matrix)))
    largest = jnp.max(jnp.abs(values), axis=-1, keepdims=True)
    mended = jnp.where(largest == 0, 1.0, jnp.maximum(values, float(jnp.finfo(values.dtype).eps) * largest))
    scaled = vectors * mended[..., None, :]
    return product(scaled, jnp.swapaxes(vectors, -1, -2)).astype(matrix.dtype)


def check_element(s: ArrayLike) -> None:
    """Checks on the host, not under jit, that matrices are symmetric and positive definite.

    Args:
      s: `(..., n, n)`.

    Raises:
      ValueError: they are not, or not finite, or have another shape.
    """
    host, rounding = checked_on_host("s", s, None)
    _require_symmetric("s", host, rounding)
    least = np.linalg.eigvalsh(host).min(initial=np.inf)
    if least <= 0:
        raise ValueError(f"s must be positive definite, got an eigenvalue {least:.3g}")


def check_algebra(matrix: ArrayLike) -> None:
    """Checks on the host, not under jit, that matrices are symmetric to rounding.

    Args:
      matrix: `(..., n, n)`.

    Raises:
      ValueError: they are not, or not finite, or have another shape.
    """
    _require_symmetric("matrix", *checked_on_host("matrix", matrix, None))


def _require_symmetric(name, host, rounding):
    error = np.abs(host - np.swapaxes(host, -1, -2)).max(initial=0.0)
    if error > rounding * max(1.0, np.abs(host).max(initial=0.0)):
        raise ValueError(f"{name} must be symmetric: it differs from its transpose by {error:.2g}")
