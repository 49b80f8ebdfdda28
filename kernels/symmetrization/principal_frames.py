"""Frames from principal axes: each axis in both senses."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.numerics.ranks import with_equal_ranks
from jaxinv.kernels.numerics.small_matrices import (
    Square,
    Values,
    congruent,
    determinant,
    entrywise,
    is_small,
    joined,
    table,
    times,
)
from jaxinv.kernels.numerics.symmetric_eigen import diagonal, eigen
from jaxinv.kernels.symmetrization.clouds import cloud, is_proper, require_group
from jaxinv.kernels.symmetrization.frames import Frames, frame_gap, orthogonal_frames
from jaxinv.kernels.symmetrization.moments import second_moments


@functools.partial(jax.jit, static_argnames=("group", "tolerance", "detached"))
def pca_frame(
    points: jax.Array,
    *,
    group: str,
    mask: jax.Array | None = None,
    weights: jax.Array | None = None,
    tolerance: float = 1e-3,
    detached: bool = True,
) -> Frames:
    """The frames of clouds from their principal axes, which move along: `pca_frame(g x) = g pca_frame(x)` as sets.

    Args:
      points: `(..., n, d)`, floating point.
      group: static; "e" (rigid motions with reflections), "se" (without), "o" and "so" (about the origin).
      mask: `(..., n)` bool, which points there are; the others change nothing, whatever they hold. Leading axes
        broadcast.
      weights: `(..., n)`, not negative, floating point, of the points in mean and covariance. Default 1 each.
      tolerance: static; clouds of a gap (`frame_gap` of the variances along the axes) up to it are flagged.
      detached: static. True: the frames count as constants under differentiation, as in the authors' code; then the
        derivative of an average is not that of the function that it computes. False: the exact derivative; that of two
        axes turning into each other grows as 1 over the difference of their variances, and is left out (0) where the
        difference is up to `tolerance` times the largest: it is finite everywhere.

    Returns:
      `Frames`, of 2^d elements for "e" and "o", of the 2^(d - 1) that are rotations for "se" and "so", in float32 at
      least, equal weights. Axes are ordered by ascending variance. Clouds with equal variances (so all with fewer than
      d points, less one for groups without translations) are flagged: some of their axes are arbitrary. Where those
      variances are 0 (points on a line, or one point) averages of functions of points and invariant features are
      equivariant nevertheless: the signs average out what is arbitrary.

    Raises:
      TypeError, ValueError: wrong dtype or shape, unknown group, naming the argument.

    Transformations: jit, vmap; jvp and vjp of any order if not detached.
    References: Puny et al., Frame averaging for invariant and equivariant network design, arXiv:2110.03336.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import symmetrization
      >>> points = jnp.array([[0.0, 0.0, 0.0], [3.0, 0.0, 0.0], [0.0, 2.0, 0.0], [1.0, 1.0, 1.0]])
      >>> frames = symmetrization.pca_frame(points, group="se")
      >>> frames.elements.shape, bool(frames.degenerate)
      ((4, 3, 3), False)
      >>> bool(symmetrization.pca_frame(jnp.eye(3), group="se").degenerate)  # an equilateral triangle
      True
    """
    require_group(group)
    found = cloud(points, mask, weights, group=group)
    if detached:
        found = jax.lax.stop_gradient(found)
    moments = second_moments(found.shares, found.points)
    return frames_of_moments(found.centre, moments, group=group, tolerance=tolerance)


def frames_of_moments(centre: jax.Array, moments: Square, *, group: str, tolerance: float) -> Frames:
    """The frames of a centre `(..., d)` and second moments about it."""
    values, vectors = axes_of_moments(tolerance, moments)
    variances = jnp.stack(values, axis=-1) if is_small(values) else values
    axes = joined(vectors)
    if is_proper(group):
        turned = jax.lax.stop_gradient(determinant(axes)) < 0
        axes = jnp.concatenate([axes[..., :-1], jnp.where(turned[..., None, None], -1, 1) * axes[..., -1:]], axis=-1)
    signs = jnp.asarray(axis_signs(axes.shape[-1], is_proper(group)), axes.dtype)
    axes, signs = with_equal_ranks(axes[..., None, :, :], signs[:, None, :])
    gap = jax.lax.stop_gradient(frame_gap(variances))
    return orthogonal_frames(centre, axes * signs, jnp.full(signs.shape[-3], 1 / signs.shape[-3]), gap, tolerance)


@functools.lru_cache(maxsize=32)
def axis_signs(d: int, proper: bool) -> np.ndarray:
    """`(F, d)`: all signs of d axes, or those of product 1."""
    found = np.array([signs for signs in itertools.product((1.0, -1.0), repeat=d) if not proper or np.prod(signs) > 0])
    found.flags.writeable = False
    return found


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def axes_of_moments(tolerance: float, a: Square) -> tuple[Values, Square]:
    """`eigen`; where values differ by up to `tolerance` times the largest their vectors' derivative is 0."""
    del tolerance
    return eigen(a)


@axes_of_moments.defjvp
def _axes_jvp(tolerance, primals, tangents):
    values, vectors = axes_of_moments(tolerance, *primals)
    turned = congruent(vectors, tangents[0])
    largest = values[-1] if is_small(values) else values[..., -1:, None]

    def rate(turn, difference):
        apart = jnp.abs(difference) > tolerance * largest
        return jnp.where(apart, turn, 0.0) / jnp.where(apart, difference, 1.0)

    rates = entrywise(rate, turned, table(lambda x, y: y - x, values))
    return (values, vectors), (diagonal(turned), times(vectors, rates))
