"""What a network of motion starts from and ends with: times to channels and back."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.safe import safe_divide, safe_norm
from jaxinv.kernels.numerics.validation import require_shape
from jaxinv.kernels.symmetrization.motion.dct import dct_matrix
from jaxinv.kernels.symmetrization.vector_channels.arguments import agents_argument, channels_argument
from jaxinv.kernels.symmetrization.vector_channels.centring import centre_channels


class MotionStart(NamedTuple):
    """Past motion as channels.

    Attributes:
      speeds: `(..., N, T)`, length a step, invariant.
      angles: `(..., N, T)`, from 0 to pi, between a step and the one before it, invariant; 0 at rest.
      positions: `(..., N, T, D)`, amplitudes of the DCT of positions about the centre.
      velocities: `(..., N, T, D)`, amplitudes of the DCT of the steps.
      centre: `(..., D)`, the mean of all agents at all times.
    """

    speeds: jax.Array
    angles: jax.Array
    positions: jax.Array
    velocities: jax.Array
    centre: jax.Array


@jax.jit
def motion_init(positions: jax.Array, *, mask: jax.Array | None = None) -> MotionStart:
    """Speeds, angles of turning, and amplitudes along time of the past of N agents.

    A step is from the time before; the first time has that of the second, for there is none before.

    Args:
      positions: `(..., N, T, D)`, floating point, T >= 2.
      mask: `(..., N)` bool, which agents there are; of the others everything is 0.

    Returns:
      MotionStart in the dtype of the positions, computed in float32 at least.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order; of agents at rest, and of angles on a straight way, derivatives
      are 0.
    References: Xu et al., EqMotion, arXiv:2303.10876.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import symmetrization
      >>> way = jnp.array([[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]])  # one agent that turns a corner
      >>> start = symmetrization.motion_init(way)
      >>> start.speeds, jnp.rad2deg(start.angles).round()
      (Array([[1., 1., 1.]], dtype=float32), Array([[ 0.,  0., 90.]], dtype=float32))
    """
    positions, _ = agents_argument("positions", positions, mask)
    num_times = positions.shape[-2]
    if num_times < 2:
        raise ValueError(f"positions must have shape (..., N, T, D) with T >= 2, got {positions.shape}")
    wide = positions.astype(accumulation_dtype(positions))
    steps = wide[..., 1:, :] - wide[..., :-1, :]
    velocities = jnp.concatenate([steps[..., :1, :], steps], axis=-2)
    speeds = safe_norm(velocities)
    turning = _angles(safe_divide(velocities, jnp.broadcast_to(speeds[..., None], velocities.shape)))
    # At the first two times the step before is the step itself.
    angles = jnp.concatenate([jnp.zeros_like(turning[..., :1]), turning], axis=-1)
    centred, centre = centre_channels(wide, mask=mask)
    dct = jnp.asarray(dct_matrix(num_times), wide.dtype)
    amplitudes = (contract("kt,...td->...kd", dct, x) for x in (centred, velocities))
    return MotionStart(*(x.astype(positions.dtype) for x in (speeds, angles, *amplitudes, centre)))


def _angles(units):
    """`(..., T, D)` unit vectors, or 0, to `(..., T - 1)`: exact for small angles, where the cosine says nothing."""
    one, other = units[..., :-1, :], units[..., 1:, :]
    d = units.shape[-1]
    planes = [(i, j) for i in range(d) for j in range(i)]
    cosine = jnp.sum(one * other, axis=-1)
    if not planes:
        return jnp.where(cosine < 0, jnp.full_like(cosine, math.pi), 0)
    sine = safe_norm(jnp.stack([one[..., i] * other[..., j] - one[..., j] * other[..., i] for i, j in planes], axis=-1))
    rest = (cosine == 0) & (sine == 0)
    return jnp.arctan2(jnp.where(rest, 0, sine), jnp.where(rest, 1, cosine))


@jax.jit
def motion_from_channels(channels: jax.Array, centre: jax.Array, *, mask: jax.Array | None = None) -> jax.Array:
    """Positions at T times from the amplitudes of their DCT about a centre.

    Args:
      channels: `(..., N, T, D)`, floating point.
      centre: `(..., D)`.
      mask: `(..., N)` bool, which agents there are.

    Returns:
      `(..., N, T, D)` in the dtype of the channels; 0 for masked agents.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order.
    """
    channels, there = agents_argument("channels", channels, mask)
    centre = channels_argument("centre", jnp.asarray(centre)[..., None, :])
    require_shape("centre", centre[..., 0, :], (*channels.shape[:-3], channels.shape[-1]))
    dct = jnp.asarray(dct_matrix(channels.shape[-2]), accumulation_dtype(channels))
    found = contract("kt,...kd->...td", dct, channels) + centre[..., None, :, :].astype(dct.dtype)
    return jnp.where(there[..., None, None], found, 0).astype(channels.dtype)
