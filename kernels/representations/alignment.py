"""Maps that take one space to another: the best rotation, how far it leaves them apart, the best linear map."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float

from jaxinv.kernels.numerics.polar_factor import polar_factor
from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.psd import psd_solve, rounding_level
from jaxinv.kernels.numerics.safe import safe_norm
from jaxinv.kernels.representations.rows import centred, centred_unit, require_pair


class ProcrustesDistance(NamedTuple):
    """How far apart two representations are when they lie on each other as well as they can."""

    distance: Float[Array, ""]
    """In [0, sqrt 2]; its square is `2 - 2 nuclear_norm`."""
    nuclear_norm: Float[Array, ""]
    """Of `X'Y`, in [0, 1]: 1 where a rotation takes one to the other. 0 if collapsed."""
    collapsed: Bool[Array, ""]
    """Whether one of the two representations is constant, up to rounding; then the distance is 0."""


class LinearAlignment(NamedTuple):
    """The map `y ~ x matrix + offset`."""

    matrix: Float[Array, "d e"]
    offset: Float[Array, "e"]


@jax.jit
def orthogonal_procrustes(x: Float[Array, "n d"], y: Float[Array, "n e"]) -> Float[Array, "d e"]:
    """The R that minimises `|x R - y|` among matrices with orthonormal rows (d <= e) or columns (d >= e).

    For d > e it maximises `<x R, y>`, as the zero-padded problem does. Centre both first where a translation may be
    fitted too, or take `numerics.polar_factor.procrustes`, which knows translation, scale and weights.

    Args:
      x: `(n, d)`, floating point.
      y: `(n, e)`, the same inputs in the same order.

    Returns:
      `(d, e)`, in float32 at least. Where `x'y` is singular one of the best is found.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.

    Transformations: jit, vmap, jvp, vjp, any order; singular as `polar_factor` of `x'y`.
    References: Schönemann, Psychometrika 31 (1966) 1.

    Examples:
      >>> import jax
      >>> from jaxinv.kernels import representations
      >>> x = jax.random.normal(jax.random.key(0), (50, 5))
      >>> turn = jax.random.orthogonal(jax.random.key(1), 5)
      >>> bool(abs(representations.orthogonal_procrustes(x, x @ turn) - turn).max() < 1e-5)
      True
    """
    require_pair(x, y)
    return _nearest(contract("nd,ne->de", x, y))[: x.shape[1], : y.shape[1]]


@jax.jit
def procrustes_distance(x: Float[Array, "n d"], y: Float[Array, "n e"]) -> ProcrustesDistance:
    """The distance of two representations, centred and of Frobenius norm 1, after the best rotation or reflection.

    Rotations, translations and rescalings of either side change nothing. scipy's disparity is `1 - nuclear_norm^2`.

    Args:
      x: `(n, d)`, one row an input.
      y: `(n, e)`, the same inputs in the same order; the narrower is padded by zeros.

    Returns:
      ProcrustesDistance, in float32 at least. The distance is taken from what is left, so that small ones are exact.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.

    Transformations: jit, vmap, jvp, vjp, any order; the gradient is 0 if collapsed or where the distance is.
      O(n (d + e)^2 + (d + e)^3) time.
    References: Ding, Denain, Steinhardt (2021), arXiv:2108.01661; Williams et al. (2021), arXiv:2110.14739.

    Examples:
      >>> import jax
      >>> from jaxinv.kernels import representations
      >>> x = jax.random.normal(jax.random.key(0), (50, 5))
      >>> bool(representations.procrustes_distance(x, 2 - x).distance < 1e-5)
      True
    """
    require_pair(x, y)
    (x, constant1), (y, constant2) = centred_unit(x), centred_unit(y)
    width = max(x.shape[1], y.shape[1])
    x, y = (jnp.pad(z, ((0, 0), (0, width - z.shape[1]))) for z in (x, y))
    cross = contract("nd,ne->de", x, y)
    rotation = _nearest(cross)
    collapsed = constant1 | constant2
    left = jnp.where(collapsed, 0.0, contract("nd,de->ne", x, rotation) - y)
    return ProcrustesDistance(
        safe_norm(left.ravel()), jnp.minimum(contract("de,de->", rotation, cross), 1.0), collapsed
    )


@jax.jit
def linear_align(x: Float[Array, "n d"], y: Float[Array, "n e"], *, ridge: ArrayLike = 0.0) -> LinearAlignment:
    """The linear map with offset that takes x to y with the least squares.

    Args:
      x: `(n, d)`, floating point.
      y: `(n, e)`, the same inputs in the same order.
      ridge: not negative, times the squared entries of the matrix, against the sum of squares over samples.

    Returns:
      LinearAlignment, in float32 at least. Without ridge, columns of x that do not vary get zeros.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.

    Transformations: jit, vmap, jvp, vjp, any order. The normal equations are solved: relative errors grow with the
      squared condition number of x.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import representations
      >>> x = jnp.array([[0.0], [1.0], [2.0]])
      >>> found = representations.linear_align(x, 2 * x + 1)
      >>> found.matrix.round(4), found.offset.round(4)
      (Array([[2.]], dtype=float32), Array([1.], dtype=float32))
    """
    require_pair(x, y)
    dtype = accumulation_dtype(x, y)
    x, y = x.astype(dtype), y.astype(dtype)
    mean_x, mean_y = (jnp.sum(z, axis=0) / max(z.shape[0], 1) for z in (x, y))
    about_mean = centred(x)
    gram = contract("nd,ne->de", about_mean, about_mean) + jnp.asarray(ridge, dtype) * jnp.eye(x.shape[1], dtype=dtype)
    # What rounding leaves of a constant column.
    floor = rounding_level(dtype, x.shape[0]) ** 2 * jax.lax.stop_gradient(jnp.sum(x * x, axis=0))
    matrix = psd_solve(gram, contract("nd,ne->de", about_mean, centred(y)), diagonal_floor=floor)
    return LinearAlignment(matrix, mean_y - contract("d,de->e", mean_x, matrix))


def _nearest(cross):
    """The polar factor of a matrix padded to a square."""
    width = max(cross.shape)
    return polar_factor(jnp.pad(cross, [(0, width - size) for size in cross.shape]))
