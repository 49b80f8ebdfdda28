"""Classical multi-dimensional scaling of points that are known: their coordinates along their principal axes."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.largest import largest
from jaxinv.kernels.numerics.precision import contract
from jaxinv.kernels.numerics.safe import safe_divide, safe_norm
from jaxinv.kernels.numerics.small_matrices import LARGEST_SMALL, is_small, joined, total
from jaxinv.kernels.numerics.validation import require_choice
from jaxinv.kernels.symmetrization.clouds import cloud, points_argument
from jaxinv.kernels.symmetrization.frames import frame_gap
from jaxinv.kernels.symmetrization.moments import columns, second_moments
from jaxinv.kernels.symmetrization.principal_frames import axes_of_moments

SCALES = ("rms", "radius", "lam1")


class MdsCoordinates(NamedTuple):
    """Points along their principal axes: what was given is `scale points axes' + centre`.

    Attributes:
      points: `(..., n, d)`; 0 those that are masked.
      values: `(..., d)`, the sum of squares of each column, descending; of it the eigenvalues of the centred Gram
        matrix are `scale^2` times as much.
      axes: `(..., d, d)`, orthogonal; column c is the direction of column c of the points.
      centre: `(..., d)`, the mean, in the units of the points.
      scale: `(...)`, in the units of the points; 0 where all points are the same, 1 where none was asked for.
      gap: `(...)`, the least difference of two values over the largest: axes are as uncertain as rounding, or relative
        noise, over the gap. 0 means that some axes are arbitrary.
    """

    points: jax.Array
    values: jax.Array
    axes: jax.Array
    centre: jax.Array
    scale: jax.Array
    gap: jax.Array


@functools.partial(jax.jit, static_argnames=("scale", "tolerance", "detached"))
def mds_from_points(
    points: jax.Array,
    *,
    mask: jax.Array | None = None,
    scale: str | None = "rms",
    tolerance: float = 1e-3,
    detached: bool = True,
) -> MdsCoordinates:
    """Coordinates that keep all distances, and that rotations, reflections, translations and changes of scale leave.

    The same as `classical_mds` of the squared distances, up to signs, by the d x d covariance: O(n d^2 + d^3) time and
    O(n d) memory for each cloud. Left open are the sign of each column, see `fix_signs`, and where values are equal the
    turn among those columns. Permutations of the points permute the coordinates.

    Args:
      points: `(..., n, d)`, floating point.
      mask: `(..., n)` bool, which points there are; the others change nothing, whatever they hold. Leading axes
        broadcast.
      scale: static, by what coordinates are divided: "rms", the root mean square distance from the centre; "radius",
        the largest; "lam1", the root of the sum of squares along the first axis; None: nothing.
      tolerance: static, of the derivative of the axes if not detached, as in `pca_frame`.
      detached: static. True: the axes count as constants under differentiation. That is right for functions of the
        coordinates' distances and inner products, and is finite for squares, spheres and whatever else has equal
        values. False: the exact derivative, but for axes of variances nearer than `tolerance`, as in `pca_frame`.

    Returns:
      MdsCoordinates; the points in their dtype, the rest in float32 at least. Where all points are the same, to 16 eps
      of their distance from the origin, coordinates and scale are 0. One point is such a cloud.

    Raises:
      TypeError, ValueError: wrong dtype or shape, or unknown scale, naming the argument.

    Transformations: jit, vmap, jvp, vjp; of any order in functions of distances, and in all if not detached.
    References: Zhang et al., Revisiting transformation invariant geometric deep learning, arXiv:2112.12345.
    """
    found = wide_coordinates(points, mask, scale=scale, tolerance=tolerance, detached=detached)
    return found._replace(points=found.points.astype(jnp.asarray(points).dtype))


def wide_coordinates(
    points: jax.Array, mask: jax.Array | None, *, scale: str | None, tolerance: float, detached: bool
) -> MdsCoordinates:
    """`mds_from_points`, all of it in float32 at least."""
    if scale is not None:
        require_choice("scale", scale, SCALES)
    points = points_argument("points", points)
    found = cloud(points, mask, None, group="e")
    rounding = 16 * float(jnp.finfo(found.centre.dtype).eps) * jnp.max(jnp.abs(found.centre), axis=-1)
    y = jnp.where((found.unit <= rounding)[..., None, None], 0, found.points)
    moments = second_moments(found.shares, jax.lax.stop_gradient(y) if detached else y)
    variances, vectors = axes_of_moments(tolerance, moments)
    axes = joined(vectors)[..., ::-1]
    if scale is None:
        size, divided = jnp.ones_like(found.unit), axes * found.unit[..., None, None]
    else:
        size = _size(scale, y, axes, found.shares)
        divided = safe_divide(axes, size[..., None, None])
        size = size * found.unit
    z = _times(y, divided)
    variances = jnp.stack(variances, axis=-1) if is_small(variances) else variances
    gap = jax.lax.stop_gradient(frame_gap(variances))
    return MdsCoordinates(z, jnp.sum(z * z, axis=-2), axes, found.centre, size, gap)


def _times(rows, matrices):
    """`(..., n, d)` times `(..., d, d)`, by columns up to d = 4: its transpose is no batched product either."""
    d = rows.shape[-1]
    if d > LARGEST_SMALL:
        return contract("...ni,...ij->...nj", rows, matrices)
    given = columns(rows)
    return jnp.stack([total(given[i] * matrices[..., i, j, None] for i in range(d)) for j in range(d)], axis=-1)


def _size(scale, y, axes, shares):
    """By what to divide clouds in their units."""
    if scale == "rms":
        weighted = jnp.sqrt(shares)[..., None] * y
        return safe_norm(weighted.reshape(*weighted.shape[:-2], weighted.shape[-2] * weighted.shape[-1]))
    if scale == "lam1":
        return safe_norm(contract("...ni,...i->...n", y, axes[..., 0]))
    distances = safe_norm(y)
    return largest(distances, axis=-1) if distances.shape[-1] else jnp.sum(distances, axis=-1)
