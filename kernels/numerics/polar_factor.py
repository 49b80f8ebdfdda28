"""The nearest orthogonal matrix or rotation, and what it serves: Procrustes' problem; and principal axes of points."""

import dataclasses
import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.ranks import with_equal_ranks
from jaxinv.kernels.numerics.safe import safe_divide
from jaxinv.kernels.numerics.singular_values import decomposed
from jaxinv.kernels.numerics.small_matrices import (
    Square,
    apart,
    between,
    determinant_of,
    entrywise,
    joined,
    settled,
    square_argument,
    symmetrised,
    table,
    times,
    transposed,
)
from jaxinv.kernels.numerics.spectral_functions import along, logarithm_of_decomposed
from jaxinv.kernels.numerics.symmetric_eigen import quotient, symmetric_eigen
from jaxinv.kernels.numerics.validation import require_floating


@functools.partial(jax.jit, static_argnames=("proper",))
def polar_factor(a: jax.Array, *, proper: bool = False) -> jax.Array:
    """The orthogonal matrix nearest to `a` in the Frobenius norm: `u v'` of its singular value decomposition.

    Args:
      a: `(..., n, n)`, floating point. Of a singular matrix one of the nearest is found.
      proper: static; whether the nearest rotation is wanted. Where det(a) < 0 it differs from the nearest orthogonal
        matrix in the sign of the last singular direction, and the last singular value counts as negative.

    Returns:
      `(..., n, n)` in the dtype of a, orthogonal; bfloat16 is computed in float32.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.

    Transformations: jit, vmap, jvp, vjp, any order; right at equal singular values. The derivative is not defined where
    the two smallest singular values (with the sign above) add up to 0; what is divided by a sum that is 0 to rounding,
    against the largest, counts as 0, so that derivatives are finite. Float32 error: about 1e-7 times the largest
    singular value over that sum.
    References: Higham, Functions of matrices (2008), ch. 8; Kabsch, Acta Cryst. A34 (1978) 827.
    """
    a = square_argument("a", a)
    return joined(nearest_orthogonal(apart(a), proper=proper)).astype(a.dtype)


def nearest_orthogonal(a: Square, *, proper: bool) -> Square:
    """The polar factor of a matrix in parts."""
    u, s, v = decomposed(jax.lax.stop_gradient(a))
    if proper:
        found = times(u, transposed(v))
        det = determinant_of(found) if isinstance(found, tuple) else jnp.linalg.det(found)
        sign = jnp.where(det < 0, -1.0, 1.0)
        u, s = _last_signed(u, s, sign)
    return along(_Polar(), a, (u, s, v))


def factor_and_logarithm(a: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The polar factor r of square matrices, and the logarithm of the symmetric `a r'`, by one decomposition."""
    parts = apart(a)
    u, s, v = decomposed(jax.lax.stop_gradient(parts))
    factor = along(_Polar(), parts, (u, s, v))
    stretch = symmetrised(times(parts, transposed(factor)))
    logarithm = logarithm_of_decomposed(stretch, *_reversed(s, u))
    return joined(factor), joined(logarithm)


def _reversed(s, u):
    """Values and columns from the last to the first."""
    if isinstance(u, tuple):
        return s[::-1], tuple(row[::-1] for row in u)
    return s[..., ::-1], u[..., ::-1]


def _last_signed(u, s, sign):
    """The last column of u and the last singular value times a sign."""
    if isinstance(u, tuple):
        return tuple((*row[:-1], row[-1] * sign) for row in u), (*s[:-1], s[-1] * sign)
    signs = jnp.concatenate([jnp.ones((*s.shape[:-1], s.shape[-1] - 1), s.dtype), sign[..., None]], axis=-1)
    return u * signs[..., None, :], s * signs


@dataclasses.dataclass(frozen=True)
class _Polar:
    def compute(self, factors, directions):
        del directions
        u, _, v = factors
        return times(u, transposed(v))

    def change(self, place, factors, directions, found, by):
        # r' dr =: x is antisymmetric, and x p + p x = r' da - da' r with p = r' a symmetric.
        del directions
        _, s, v = factors
        turned = times(transposed(found), by)
        unequal = entrywise(jnp.subtract, turned, transposed(turned))
        stretch = symmetrised(times(transposed(found), place))
        return times(found, along(_Lyapunov(), stretch, (s, v), unequal))


@dataclasses.dataclass(frozen=True)
class _Lyapunov:
    """The solution x of `x p + p x = k` for symmetric p, given its values and vectors."""

    def compute(self, factors, directions):
        s, v = factors
        back = transposed(v)
        least = float(jnp.finfo(jax.tree.leaves(s)[0].dtype).eps) * (s[0] if isinstance(s, tuple) else s[..., :1, None])

        def regular_sum(p, q):
            return jnp.where(p + q > least, p + q, 0.0)

        solved = entrywise(quotient, between(back, directions[0], back), table(regular_sum, s))
        return settled(between(v, solved, v), s[0])

    def change(self, place, factors, directions, found, by):
        del directions
        rest = entrywise(lambda x, y: -(x + y), times(found, by), times(by, found))
        return along(self, place, factors, rest)


class Procrustes(NamedTuple):
    """The motion `y ~ scale rotation x + translation` that fits best.

    Attributes:
      rotation: `(..., n, n)`, orthogonal.
      translation: `(..., n)`, in the units of the points.
      scale: `(...)`; 1 unless asked for.
      residual: `(...)`, the weighted mean of squared distances that is left, in squared units of the points.
    """

    rotation: jax.Array
    translation: jax.Array
    scale: jax.Array
    residual: jax.Array


@functools.partial(jax.jit, static_argnames=("proper", "scaled"))
def procrustes(
    x: jax.Array, y: jax.Array, *, weights: jax.Array | None = None, proper: bool = True, scaled: bool = False
) -> Procrustes:
    """The rotation and translation, and on demand the scale, that take points x closest to points y.

    Args:
      x: `(..., points, n)`, floating point; leading axes broadcast against those of y.
      y: `(..., points, n)`.
      weights: `(..., points)`, not negative, floating point; a mask is a weight of 0 and 1. Default 1 each. Points of
        weight 0 have no influence, whatever finite numbers they hold; where all weights are 0 rotation and scale are
        finite and the translation is 0.
      proper: static; without reflections.
      scaled: static; fit a scale too.

    Returns:
      Procrustes in the common dtype of the points; bfloat16 is computed in float32.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.

    Transformations: jit, vmap, jvp, vjp, any order, in x, y and weights; singular as `polar_factor` of the covariance.
    References: Umeyama, IEEE PAMI 13 (1991) 376; Kabsch, Acta Cryst. A34 (1978) 827.
    """
    x, y = _points("x", x), _points("y", y)
    if x.shape[-2:] != y.shape[-2:]:
        raise ValueError(f"y must have as many points and coordinates as x, got {x.shape} and {y.shape}")
    result_dtype = jnp.result_type(x, y)
    shares = _shares(weights, x if x.ndim >= y.ndim else y)
    dtype = accumulation_dtype(x, y, shares)
    x, y, shares = with_equal_ranks(x.astype(dtype), y.astype(dtype), shares[..., None].astype(dtype))
    shares = shares[..., 0]
    mean_x, mean_y = (contract("...p,...pn->...n", shares, points) for points in (x, y))
    x, y = x - mean_x[..., None, :], y - mean_y[..., None, :]
    covariance = contract("...p,...pi,...pj->...ij", shares, y, x)
    rotation = polar_factor(covariance, proper=proper)
    variance = contract("...p,...pn->...", shares, x * x)
    common = contract("...ij,...ij->...", rotation, covariance)
    scale = safe_divide(common, variance) if scaled else jnp.ones_like(common)
    moved = scale[..., None, None] * contract("...ij,...pj->...pi", rotation, x)
    residual = contract("...p,...pn->...", shares, (y - moved) ** 2)
    translation = mean_y - scale[..., None] * contract("...ij,...j->...i", rotation, mean_x)
    return Procrustes(*(part.astype(result_dtype) for part in (rotation, translation, scale, residual)))


class PrincipalAxes(NamedTuple):
    """Axes of inertia of weighted points.

    Attributes:
      axes: `(..., n, n)`, orthogonal; column i is the axis of variance i. Signs are arbitrary.
      variances: `(..., n)`, ascending, in squared units of the points.
      centre: `(..., n)`, the weighted mean.
      gap: `(...)`, the least difference of two variances over the largest variance: axes are as uncertain as rounding,
        or noise, over the gap. 0 where all variances are.
    """

    axes: jax.Array
    variances: jax.Array
    centre: jax.Array
    gap: jax.Array


@jax.jit
def principal_axes(points: jax.Array, weights: jax.Array | None = None) -> PrincipalAxes:
    """The eigenvectors of the covariance of points.

    Args:
      points: `(..., points, n)`, floating point.
      weights: `(..., points)`, not negative, floating point; a mask is a weight of 0 and 1. Default 1 each. Where all
        are 0, so are centre and variances.

    Returns:
      PrincipalAxes in the dtype of the points; bfloat16 is computed in float32.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.

    Transformations: as `symmetric_eigen`: the derivative of the axes is not defined where variances are equal, and
    large where the gap is small.
    """
    points = _points("points", points)
    shares = _shares(weights, points)
    dtype = accumulation_dtype(points, shares)
    wide, shares = with_equal_ranks(points.astype(dtype), shares[..., None].astype(dtype))
    shares = shares[..., 0]
    centre = contract("...p,...pn->...n", shares, wide)
    centred = wide - centre[..., None, :]
    variances, axes = symmetric_eigen(contract("...p,...pi,...pj->...ij", shares, centred, centred))
    steps = variances[..., 1:] - variances[..., :-1]
    least = jnp.min(steps, axis=-1) if steps.shape[-1] else variances[..., -1]
    gap = safe_divide(least, variances[..., -1])
    return PrincipalAxes(*(part.astype(points.dtype) for part in (axes, variances, centre, gap)))


def _points(name: str, points: jax.Array) -> jax.Array:
    points = jnp.asarray(points)
    require_floating(name, points)
    if points.ndim < 2 or points.shape[-1] == 0:
        raise ValueError(f"{name} must have shape (..., points, n), got {points.shape}")
    return points


def _shares(weights: jax.Array | None, points: jax.Array) -> jax.Array:
    """Weights that add up to 1, or to 0 where all of them are 0."""
    if weights is None:
        num_points = points.shape[-2]
        return jnp.full(num_points, 1.0 / max(num_points, 1), accumulation_dtype(points))
    weights = jnp.asarray(weights)
    require_floating("weights", weights)
    if weights.shape[-1:] != points.shape[-2:-1]:
        raise ValueError(f"weights must have shape (..., {points.shape[-2]}), got {weights.shape}")
    weights = weights.astype(accumulation_dtype(weights))
    return safe_divide(weights, jnp.sum(weights, axis=-1, keepdims=True))
