"""Weighted frames, whose averages do not jump: an element loses its weight before it becomes arbitrary.

No finite frame without weights is continuous for rotations; principal axes jump where two variances meet.
"""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.numerics.safe import safe_divide, safe_norm
from jaxinv.kernels.numerics.symmetric_eigen import perpendicular
from jaxinv.kernels.symmetrization.clouds import cloud, is_proper, require_group
from jaxinv.kernels.symmetrization.frames import Frames, orthogonal_frames


@functools.partial(jax.jit, static_argnames=("group", "tolerance", "detached"))
def weighted_frame(
    points: jax.Array,
    *,
    group: str,
    mask: jax.Array | None = None,
    weights: jax.Array | None = None,
    tolerance: float = 1e-3,
    detached: bool = True,
) -> Frames:
    """One element for each point of the plane, for each ordered pair of points in space, continuously weighted.

    In the plane an element's first axis is the direction of a point, its weight in proportion to the point's distance
    from the centre. In space the first axis is the direction of the first point, the third that of the cross product,
    which by its length is the weight. Groups with reflections take each element with either sign of the last axis.

    Args:
      points: `(..., n, d)`, floating point, d 2 or 3; 1 point at least for d = 2, else 2.
      group: static; "e", "se", "o" or "so", as in `pca_frame`.
      mask: `(..., n)` bool, which points there are.
      weights: `(..., n)`, not negative: of the points in the mean and, as a factor, in the weights of elements.
      tolerance: static; clouds of a gap up to it are flagged.
      detached: static; whether frames and weights count as constants under differentiation, as in `pca_frame`.

    Returns:
      `Frames`, of n elements in the plane and n (n - 1) in space, twice as many for "e" and "o". The gap is the largest
      distance (or cross product) over the largest distance (squared); it is 0, and all weights are equal, where all
      points are at the centre (or, in space, on a line through it): there alone averages of continuous functions jump.

    Raises:
      TypeError, ValueError: wrong dtype or shape, unknown group, naming the argument.

    Transformations: jit, vmap; jvp and vjp of any order if not detached, with derivative 0 of the weight at 0.
    References: Dym, Lawrence, Siegel, Equivariant frames and the impossibility of continuous canonicalization,
    arXiv:2402.16077.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import symmetrization
      >>> square = jnp.array([[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]])
      >>> frames = symmetrization.weighted_frame(square, group="se")
      >>> frames.elements.shape, frames.weights.round(2), bool(frames.degenerate)
      ((4, 2, 2), Array([0.25, 0.25, 0.25, 0.25], dtype=float32), False)
    """
    require_group(group)
    n, d = np.shape(points)[-2:] if np.ndim(points) >= 2 else (0, 0)
    if d not in (2, 3) or n < d - 1:
        raise ValueError(f"points must have shape (..., n, d), d 2 or 3 and n >= d - 1, got {np.shape(points)}")
    found = cloud(points, mask, weights, group=group)
    if detached:
        found = jax.lax.stop_gradient(found)
    x = [found.points[..., i] for i in range(d)]
    columns, sizes, largest, shares = (_planar if d == 2 else _spatial)(x, found.shares)
    measure = shares * sizes
    total = jnp.sum(measure, axis=-1, keepdims=True)
    share = jnp.where(total == 0, 1 / sizes.shape[-1], safe_divide(measure, total))
    elements = jnp.stack([jnp.stack(column, axis=-1) for column in columns], axis=-1)
    if not is_proper(group):
        elements = jnp.concatenate([elements, jnp.concatenate([elements[..., :-1], -elements[..., -1:]], -1)], axis=-3)
        share = jnp.concatenate([share, share], axis=-1) / 2
    present = jnp.where(shares > 0, sizes, 0)
    gap = jax.lax.stop_gradient(safe_divide(jnp.max(present, axis=-1), jnp.max(largest, axis=-1)))
    return orthogonal_frames(found.centre, elements, share, gap, tolerance)


def _planar(x, shares):
    """Columns of the elements, sizes before weights, what sizes are compared to, and shares."""
    length, direction = _direction(x)
    present = jnp.where(shares > 0, length, 0)
    return (direction, (-direction[1], direction[0])), length, present, shares


def _spatial(x, shares):
    length, direction = _direction(x)
    first, second = _ordered_pairs(shares.shape[-1])
    x1, x2 = ([c[..., index] for c in x] for index in (first, second))
    axis = tuple(c[..., first] for c in direction)
    area, normal = _direction(_cross(x1, x2), perpendicular(axis)[0])
    pair_shares = shares[..., first] * shares[..., second]
    present = jnp.where(shares > 0, length, 0)
    return (axis, _cross(normal, axis), normal), area, present * present, pair_shares


@functools.lru_cache(maxsize=32)
def _ordered_pairs(n: int) -> tuple[np.ndarray, np.ndarray]:
    pairs = np.array(list(itertools.permutations(range(n), 2)), np.int32)
    return pairs[:, 0], pairs[:, 1]


def _direction(x, otherwise=None):
    """Length and unit vector of a vector in components; of the zero vector `otherwise`, by default the first axis."""
    length = safe_norm(jnp.stack(x, axis=0), axis=0)
    zero = length == 0
    if otherwise is None:
        otherwise = [jnp.ones_like(length), *[jnp.zeros_like(length)] * (len(x) - 1)]
    divisor = jnp.where(zero, 1.0, length)
    return length, tuple(jnp.where(zero, o, c / divisor) for c, o in zip(x, otherwise, strict=True))


def _cross(x, y):
    return tuple(x[(i + 1) % 3] * y[(i + 2) % 3] - x[(i + 2) % 3] * y[(i + 1) % 3] for i in range(3))
