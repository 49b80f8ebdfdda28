"""One step of Newton's equations that keeps energy, momenta and the direction of time as they are."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax


class Motion(NamedTuple):
    """Where particles are and how they move: arrays of one shape.

    Attributes:
      positions: at one time.
      velocities: at the same time.
      accelerations: at these positions, so that a step computes them once.
    """

    positions: jax.Array
    velocities: jax.Array
    accelerations: jax.Array


def velocity_verlet_step(
    accelerate: Callable[[jax.Array], tuple[jax.Array, Any]], motion: Motion, timestep: jax.Array
) -> tuple[Motion, Any]:
    """Half a kick, a drift, half a kick: symplectic, reversible, with an error of second order in the step.

    Args:
      accelerate: positions to accelerations, and to anything else that is known there.
      motion: at the start of the step.
      timestep: `()`; a negative one goes back.

    Returns:
      The motion at the end of the step, and what else `accelerate` gives there.
    """
    half = motion.velocities + timestep / 2 * motion.accelerations
    positions = motion.positions + timestep * half
    accelerations, other = accelerate(positions)
    return Motion(positions, half + timestep / 2 * accelerations, accelerations), other
