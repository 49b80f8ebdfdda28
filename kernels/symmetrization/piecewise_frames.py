"""Frames of each part of a cloud: functions that are equivariant to motions of every part by itself.

`frame_average(function, frames_of_points(piecewise_frames(..), labels), ..)` takes each point to the frame of its part.
If the function mixes no points of different parts (pools by labels, say), the average is equivariant to motions of each
part; all parts take their sign patterns together, so it costs 2^d calls whatever the number of parts. See `partitions`
for what a wrong partition costs.
"""

import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import contract
from jaxinv.kernels.numerics.safe import safe_divide
from jaxinv.kernels.numerics.small_matrices import apart, symmetrised
from jaxinv.kernels.numerics.validation import require_at_least
from jaxinv.kernels.symmetrization.clouds import (
    in_units,
    mask_argument,
    point_shares,
    points_argument,
    require_group,
    translates,
    without_masked,
)
from jaxinv.kernels.symmetrization.frames import Frames
from jaxinv.kernels.symmetrization.partitions import labels_argument, membership
from jaxinv.kernels.symmetrization.principal_frames import frames_of_moments


@functools.partial(jax.jit, static_argnames=("num_parts", "group", "tolerance", "detached"))
def piecewise_frames(
    points: jax.Array,
    labels: jax.Array,
    num_parts: int,
    *,
    group: str,
    mask: jax.Array | None = None,
    weights: jax.Array | None = None,
    tolerance: float = 1e-3,
    detached: bool = True,
) -> Frames:
    """The `pca_frame` of every part of a cloud.

    Args:
      points: `(..., n, d)`, floating point.
      labels: `(..., n)` integers; points of labels outside 0 to `num_parts - 1` are in no part.
      num_parts: static, 1 at least.
      group, mask, weights, tolerance, detached: as in `pca_frame`.

    Returns:
      `Frames` with leading axes `(..., num_parts)`. Parts of fewer points than dimensions are flagged, but averages of
      points and invariant features over them are equivariant all the same (see `pca_frame`); empty parts are flagged.

    Raises:
      TypeError, ValueError: wrong dtype or shape, unknown group, no parts, naming the argument.

    Transformations: jit, vmap; jvp and vjp of any order if not detached.
    References: Atzmon et al., Approximately piecewise E(3) equivariant point networks, arXiv:2402.08529.
    """
    require_group(group)
    require_at_least("num_parts", num_parts, 1)
    points = points_argument("points", points)
    shares = point_shares(points, mask, weights)
    wide = without_masked(points, mask).astype(shares.dtype)
    if detached:
        shares, wide = jax.lax.stop_gradient((shares, wide))
    belongs = membership(labels, num_parts, points, shares.dtype)
    of_parts = shares[..., None] * belongs
    of_parts = safe_divide(of_parts, jnp.sum(of_parts, axis=-2, keepdims=True))
    centre = contract("...pk,...pi->...ki", of_parts, wide)
    if not translates(group):
        centre = jnp.zeros_like(centre)
    wide, _ = in_units(wide - contract("...pk,...ki->...pi", belongs, centre), shares)
    covariance = contract("...pk,...pi,...pj->...kij", of_parts, wide, wide)
    return frames_of_moments(centre, symmetrised(apart(covariance)), group=group, tolerance=tolerance)


@jax.jit
def frames_of_points(frames: Frames, labels: jax.Array) -> Frames:
    """For each point the frame of its part.

    Args:
      frames: of parts, leading axes `(..., k)`.
      labels: `(..., n)` integers; points of labels outside 0 to k - 1 get weights 0, so that averages are 0 there.

    Returns:
      `Frames` with leading axes `(..., n)`, for `frame_average` of arguments `(..., n, ...)`.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap; jvp and vjp, any order, in the frames.
    """
    labels = labels_argument("labels", labels)
    lead = frames.gap.shape[:-1]
    if frames.gap.ndim == 0 or labels.shape[:-1] != lead:
        raise ValueError(f"labels must have the leading axes {lead} of the frames, then points, got {labels.shape}")
    belongs = jax.nn.one_hot(labels, frames.gap.shape[-1], dtype=frames.gap.dtype)

    def of_points(values):
        flat = values.reshape(*frames.gap.shape, math.prod(values.shape[frames.gap.ndim :]))
        found = contract("...pk,...ki->...pi", belongs, flat)
        return found.reshape(*labels.shape, *values.shape[frames.gap.ndim :])

    sure = of_points(1 - frames.degenerate.astype(frames.gap.dtype))
    centre, elements, inverses, weights, gap = map(of_points, frames[:-1])
    return Frames(centre, elements, inverses, weights, gap, sure < 0.5)


def piecewise_apply(
    function: Callable[..., Any],
    points: jax.Array,
    labels: jax.Array,
    num_parts: int,
    *features: jax.Array,
    mask: jax.Array | None = None,
) -> jax.Array:
    """A function of each part by itself, put together: `sum_j function(x, [label = j]) [label = j]`.

    For functions of a cloud that only know masks; it calls them on all points once for each part.

    Args:
      function: of one cloud: `(..., n, d)` points, features, and a `(..., n)` mask, to `(..., n, channels)`.
      points: `(..., n, d)`.
      labels: `(..., n)` integers; points of labels outside 0 to `num_parts - 1` get 0.
      num_parts: static, 1 at least.
      *features: passed on.
      mask: `(..., n)` bool, which points there are; the others get 0.

    Returns:
      `(..., n, channels)`.

    Raises:
      TypeError, ValueError: wrong dtype or shape, no parts, naming the argument.
    Transformations: jit, vmap, jvp, vjp, as far as the function has them.
    """
    require_at_least("num_parts", num_parts, 1)
    points = points_argument("points", points)
    belongs = membership(labels, num_parts, points, jnp.dtype(bool))
    if mask is not None:
        belongs = belongs & mask_argument(mask, points)[..., None]

    def of_part(part):
        result = function(points, *features, part)
        return jnp.where(part[..., None], result, 0)

    return jnp.sum(jax.vmap(of_part)(jnp.moveaxis(belongs, -1, 0)), axis=0)
