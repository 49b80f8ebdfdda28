"""Point clouds as the frames take them: points about their centre, and the share that each has."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.safe import safe_divide
from jaxinv.kernels.numerics.validation import require_choice, require_floating

GROUPS = ("e", "se", "o", "so")


class Cloud(NamedTuple):
    """Weighted points.

    Attributes:
      points: `(..., n, d)`, less their centre, in `unit`: none larger than 1 in a coordinate; 0 those of share 0.
      shares: `(..., n)`, adding up to 1, or to 0 where there is no point; 0 for masked points.
      centre: `(..., d)`; 0 for groups without translations.
      unit: `(...)`, a constant under differentiation; squares in it neither overflow nor vanish.
    """

    points: jax.Array
    shares: jax.Array
    centre: jax.Array
    unit: jax.Array


def require_group(group: str) -> None:
    """Raises ValueError unless it is a group of motions."""
    require_choice("group", group, GROUPS)


def translates(group: str) -> bool:
    """Whether it holds translations."""
    return group in ("e", "se", "aff")


def is_proper(group: str) -> bool:
    """Whether it holds no reflections."""
    return group in ("se", "so")


def cloud(points: jax.Array, mask: jax.Array | None, weights: jax.Array | None, *, group: str) -> Cloud:
    """The cloud of arguments as users give them, in float32 at least.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    """
    points = points_argument("points", points)
    shares = point_shares(points, mask, weights)
    wide = without_masked(points, mask).astype(shares.dtype)
    if translates(group):
        centre = contract("...p,...pi->...i", shares, wide)
        wide = wide - centre[..., None, :]
    else:
        centre = jnp.zeros((*points.shape[:-2], points.shape[-1]), shares.dtype)
    scaled, unit = in_units(wide, shares)
    return Cloud(scaled, shares, centre, unit)


def in_units(points: jax.Array, shares: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Points divided by the largest coordinate of those that have a share, 0 for the others; and that unit."""
    points = jnp.where(shares[..., None] > 0, points, 0)
    largest = jax.lax.stop_gradient(jnp.max(jnp.abs(points), axis=(-2, -1), initial=0))
    unit = jnp.where(largest < float(jnp.finfo(points.dtype).tiny), 1, largest)
    return points / unit[..., None, None], unit


def points_argument(name: str, points: jax.Array) -> jax.Array:
    """`points` as an array. Raises TypeError or ValueError unless it holds floating-point `(..., n, d)`, d >= 1."""
    points = jnp.asarray(points)
    require_floating(name, points)
    if points.ndim < 2 or points.shape[-1] == 0:
        raise ValueError(f"{name} must have shape (..., n, d) with d >= 1, got {points.shape}")
    return points


def without_masked(points: jax.Array, mask: jax.Array | None) -> jax.Array:
    """The points, 0 where they are masked, whatever they hold there."""
    return points if mask is None else jnp.where(mask_argument(mask, points)[..., None], points, 0)


def mask_argument(mask: jax.Array, points: jax.Array) -> jax.Array:
    """`(..., n)`. Raises TypeError or ValueError unless it says of each point whether it is there."""
    mask = jnp.asarray(mask)
    if mask.dtype != bool:
        raise TypeError(f"mask must be boolean, got dtype {mask.dtype}")
    return _of_points("mask", mask, points)


def point_shares(points: jax.Array, mask: jax.Array | None, weights: jax.Array | None) -> jax.Array:
    """`(..., n)`: weights that add up to 1, or to 0 where all of them are 0."""
    if weights is None:
        measure = jnp.ones(points.shape[:-1], accumulation_dtype(points))
    else:
        weights = jnp.asarray(weights)
        require_floating("weights", weights)
        measure = _of_points("weights", weights, points).astype(accumulation_dtype(points, weights))
    if mask is not None:
        measure = jnp.where(mask_argument(mask, points), measure, 0)
    return safe_divide(measure, jnp.sum(measure, axis=-1, keepdims=True))


def _of_points(name, values, points):
    """One value a point: leading axes broadcast."""
    wanted = points.shape[:-1]
    missing = len(wanted) - values.ndim
    full = values.reshape((1,) * missing + values.shape)
    pairs = zip(full.shape, wanted, strict=False)
    if missing < 0 or full.shape[-1] != wanted[-1] or any(size not in (1, want) for size, want in pairs):
        raise ValueError(f"{name} must have one value a point, shape {wanted}, got {values.shape}")
    return jnp.broadcast_to(full, wanted)
