"""Minimal frames of Lorentz's group: the rest frame of all momenta together, turned by Gram and Schmidt's process."""

import functools

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import contract
from jaxinv.kernels.numerics.safe import safe_divide, safe_norm
from jaxinv.kernels.numerics.validation import require_choice
from jaxinv.kernels.symmetrization.clouds import cloud
from jaxinv.kernels.symmetrization.frames import Frames
from jaxinv.kernels.symmetrization.minimal_frames import minimal_frame


@functools.partial(jax.jit, static_argnames=("group", "tolerance", "detached"))
def lorentz_frame(
    momenta: jax.Array,
    *,
    group: str,
    mask: jax.Array | None = None,
    weights: jax.Array | None = None,
    tolerance: float = 1e-3,
    detached: bool = True,
) -> Frames:
    """One element for each set of momenta: the boost from their rest frame, after a `minimal_frame` of them there.

    Not invariant under permutations: give them in an order that means something.

    Args:
      momenta: `(..., n, d)`, floating point, d >= 2: the energy (or time) first, in one unit (c = 1).
      group: static; "o" (what keeps `t^2 - |x|^2` and the direction of time) or "so" (without reflections of space).
      mask: `(..., n)` bool, which momenta there are.
      weights: `(..., n)`, not negative, of the momenta in the total; those of weight 0 are not taken.
      tolerance: static; of `minimal_frame` in the rest frame, and of the gap that flags.
      detached: static; whether the frame counts as a constant under differentiation, as in `pca_frame`.

    Returns:
      `Frames` of one element, centre 0, for the kinds "vector" and "tensor" (of upper indices). Massless momenta are
      taken like others. The gap is that of `minimal_frame`, or `(m / E)^2` of the total if this is less: rounding grows
      with the square of the boost. Where the total is not time-like there is no rest frame: that of the coordinates
      takes its place, the gap is 0, and the set is flagged.

    Raises:
      TypeError, ValueError: wrong dtype or shape, unknown group, naming the argument.

    Transformations: jit, vmap; jvp and vjp of any order if not detached; it jumps where the choice of momenta changes.
    References: Lin et al., Equivariance via minimal frame averaging for more symmetries and efficiency,
    arXiv:2406.07598.
    """
    require_choice("group", group, ("o", "so"))
    found = cloud(momenta, mask, weights, group=group)
    if detached:
        found = jax.lax.stop_gradient(found)
    if found.points.shape[-1] < 2:
        raise ValueError(f"momenta must have shape (..., n, d) with d >= 2, got {jnp.shape(momenta)}")
    total = contract("...p,...pi->...i", found.shares, found.points)
    energy, size = total[..., 0], safe_norm(total[..., 1:])
    # A product of sum and difference, where the difference of squares would lose half of the digits.
    square = (energy - size) * (energy + size)
    timelike = square > 0
    mass = jnp.sqrt(jnp.where(timelike, square, 1))
    velocity = jnp.where(timelike[..., None], jnp.sign(energy)[..., None] * total[..., 1:] / mass[..., None], 0)
    at_rest = contract("...ij,...pj->...pi", _boost(-velocity), found.points)
    turn = minimal_frame(at_rest[..., 1:], group=group, weights=found.shares, tolerance=tolerance, detached=detached)
    rotation = turn.elements[..., 0, :, :]
    element = _after_boost(_boost(velocity), rotation)
    # The inverse is the transpose, with the signs of what mixes time and space turned.
    signs = jnp.concatenate([jnp.ones(1), -jnp.ones(rotation.shape[-1])]).astype(element.dtype)
    metric = jnp.broadcast_to(signs[:, None] * signs[None], element.shape)
    back = metric * jnp.swapaxes(element, -1, -2)
    slow = jax.lax.stop_gradient(jnp.where(timelike, safe_divide(square, energy**2), 0))
    gap = jnp.minimum(turn.gap, slow)
    return Frames(
        jnp.zeros_like(total), element[..., None, :, :], back[..., None, :, :], turn.weights, gap, gap <= tolerance
    )


def _boost(velocity):
    """From the rest frame to that in which it moves with `velocity`, `(..., d - 1)` in space per proper time."""
    factor = jnp.sqrt(1 + jnp.sum(velocity * velocity, axis=-1))[..., None, None]
    row, column = velocity[..., None, :], velocity[..., :, None]
    space = column * row / (1 + factor) + jnp.broadcast_to(
        jnp.eye(velocity.shape[-1], dtype=velocity.dtype), (*velocity.shape, velocity.shape[-1])
    )
    top, bottom = jnp.concatenate([factor, row], axis=-1), jnp.concatenate([column, space], axis=-1)
    return jnp.concatenate([top, bottom], axis=-2)


def _after_boost(boost, rotation):
    """The boost after a rotation of space."""
    turned = contract("...ij,...jk->...ik", boost[..., :, 1:], rotation)
    return jnp.concatenate([boost[..., :, :1], turned], axis=-1)
