"""Minimal frames: one element a cloud, from the first points that span the space, in the order they are given in."""

import functools

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import contract
from jaxinv.kernels.numerics.safe import safe_divide, safe_norm
from jaxinv.kernels.numerics.small_matrices import determinant, inverse
from jaxinv.kernels.numerics.validation import require_choice
from jaxinv.kernels.symmetrization.clouds import GROUPS, cloud, is_proper
from jaxinv.kernels.symmetrization.frames import Frames

_LINEAR = ("gl", "sl", "aff")


@functools.partial(jax.jit, static_argnames=("group", "tolerance", "detached"))
def minimal_frame(
    points: jax.Array,
    *,
    group: str,
    mask: jax.Array | None = None,
    weights: jax.Array | None = None,
    tolerance: float = 1e-3,
    detached: bool = True,
) -> Frames:
    """One element for each cloud, by Gram and Schmidt's process on the first independent points.

    Not invariant under permutations of the points: give them in an order that means something.

    Args:
      points: `(..., n, d)`, floating point.
      group: static; "e", "se", "o", "so" as in `pca_frame`, "gl" and "sl" (about the origin; all invertible matrices,
        those of determinant 1), or "aff".
      mask: `(..., n)` bool, which points there are.
      weights: `(..., n)`, not negative, of the points in the mean; points of weight 0 are not taken.
      tolerance: static; points are independent of those taken before where they keep more than this part of the
        largest distance from the origin (the mean for "e", "se", "aff") at right angles to them.
      detached: static; whether the frame counts as a constant under differentiation, as in `pca_frame`.

    Returns:
      `Frames` of one element. Orthogonal groups: column i is the direction of the i-th point taken, at right angles to
      those before; "se" and "so" take d - 1 points and complete them to a rotation. "gl" and "aff": columns are the
      points taken; "sl" the same with the last divided by the determinant. Where there are not enough independent
      points, coordinate axes take their place, and the cloud is flagged (its gap is 0). Else the gap is the least part
      that a point kept. For the linear groups, under which such parts change, the choice is that of the group only
      while it is not a matter of the tolerance.

    Raises:
      TypeError, ValueError: wrong dtype or shape, unknown group, naming the argument.

    Transformations: jit, vmap; jvp and vjp of any order if not detached; it jumps where the choice of points changes.
    References: Lin et al., Equivariance via minimal frame averaging for more symmetries and efficiency,
    arXiv:2406.07598.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import symmetrization
      >>> points = jnp.array([[0.0, 2.0], [1.0, 1.0], [3.0, 0.0]])
      >>> frames = symmetrization.minimal_frame(points, group="so")
      >>> (points @ frames.inverses[0].T).round()  # the first point is on the first axis
      Array([[ 2.,  0.],
             [ 1., -1.],
             [ 0., -3.]], dtype=float32)
    """
    require_choice("group", group, (*GROUPS, *_LINEAR))
    found = cloud(points, mask, weights, group=group)
    if detached:
        found = jax.lax.stop_gradient(found)
    d = found.centre.shape[-1]
    taken, axes, gap = _independent(found.points, found.shares > 0, d - is_proper(group), tolerance)
    if group in _LINEAR:
        element = jnp.stack(taken, axis=-1) * found.unit[..., None, None]
        if group == "sl":
            det = determinant(element)[..., None, None]
            element = jnp.concatenate([element[..., :-1], safe_divide(element[..., -1:], det)], axis=-1)
        back = inverse(element)
    else:
        element = jnp.stack(axes, axis=-1)
        if is_proper(group):
            sign = jnp.sign(determinant(jax.lax.stop_gradient(element)))[..., None, None]
            element = jnp.concatenate([element[..., :-1], sign * element[..., -1:]], axis=-1)
        back = jnp.swapaxes(element, -1, -2)
    weight = jnp.ones((*gap.shape, 1), element.dtype)
    return Frames(found.centre, element[..., None, :, :], back[..., None, :, :], weight, gap, gap <= tolerance)


def _independent(points, present, count, tolerance):
    """d independent vectors, orthonormal axes of them, and the least part that one of them kept.

    The first `count` are points, as far as there are enough; the others coordinate axes.
    """
    n, d = points.shape[-2:]
    distances = jnp.where(present, safe_norm(points), 0)
    largest = jax.lax.stop_gradient(jnp.max(distances, axis=-1, initial=0))
    scale = jnp.where(largest == 0, 1, largest)[..., None]
    spare = scale[..., None] * jnp.eye(d, dtype=points.dtype).reshape((1,) * (points.ndim - 2) + (d, d))
    candidates = jnp.concatenate([points, spare], axis=-2)
    never = jnp.full_like(distances, jnp.finfo(points.dtype).max)
    # Of d axes one always keeps 1 / sqrt(d) of its length.
    least_of_spare = jnp.broadcast_to(0.9 * d**-0.5 * scale, (*scale.shape[:-1], d))
    rest, taken, axes = candidates, [], []
    gap = jnp.ones_like(largest)
    for k in range(d):
        least_of_points = jnp.where(present, tolerance * scale, never) if k < count else never
        least = jnp.concatenate([least_of_points, least_of_spare], axis=-1)
        kept = jax.lax.stop_gradient(safe_norm(rest))
        place = jax.lax.argmax(kept > least, kept.ndim - 1, jnp.int32)
        chosen = jax.nn.one_hot(place, n + d, dtype=points.dtype)
        point, axis = (contract("...p,...pi->...i", chosen, x) for x in (candidates, rest))
        # Once more: the first passes leave of a long vector what is at right angles to rounding of the whole.
        axis = _unit(axis)
        for other in axes:
            axis = axis - jnp.sum(axis * other, axis=-1, keepdims=True) * other
        axis = _unit(axis)
        if k < count:
            part = jnp.sum(chosen * kept, axis=-1) / scale[..., 0]
            gap = jnp.minimum(gap, jnp.where(place < n, part, 0))
        taken.append(point)
        axes.append(axis)
        along = contract("...pi,...i->...p", rest, axis)
        rest = rest - along[..., None] * axis[..., None, :]
    return taken, axes, gap


def _unit(vector):
    return vector / safe_norm(vector)[..., None]
