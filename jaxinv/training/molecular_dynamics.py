"""Molecular dynamics at constant energy, and what it says of a force field: is the energy kept, are forces a gradient?

Units: Å, eV, u (atomic mass), fs.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.numerics.validation import require_at_least, require_shape
from jaxinv.kernels.simulators.velocity_verlet import Motion, velocity_verlet_step

BOLTZMANN = 8.617333262e-5
"""eV/K."""
ACCELERATION = 9.648533212e-3
"""Å/fs^2 of a force of 1 eV/Å on 1 u."""

Potential = Callable[[jax.Array], tuple[jax.Array, jax.Array]]
"""Positions `(atoms, 3)` to energy `()` and forces `(atoms, 3)`."""


class Trajectory(NamedTuple):
    """After every step.

    Attributes:
      potential: `(steps,)`, eV.
      kinetic: `(steps,)`, eV.
      positions: `(atoms, 3)`, the last, Å.
      velocities: `(atoms, 3)`, the last, Å/fs.
    """

    potential: jax.Array
    kinetic: jax.Array
    positions: jax.Array
    velocities: jax.Array


def thermal_velocities(key: jax.Array, masses: jax.Array, temperature: float) -> jax.Array:
    """Maxwell's velocities `(atoms, 3)` in Å/fs at a temperature in K, of masses `(atoms,)`; the centre is at rest."""
    spread = jnp.sqrt(BOLTZMANN * temperature * ACCELERATION / masses)[:, None]
    velocities = spread * jax.random.normal(key, (len(masses), 3), masses.dtype)
    return velocities - jnp.sum(masses[:, None] * velocities, axis=0, keepdims=True) / jnp.sum(masses)


@functools.partial(jax.jit, static_argnames=("potential", "num_steps"))
def velocity_verlet(
    potential: Potential,
    positions: jax.Array,
    velocities: jax.Array,
    masses: jax.Array,
    *,
    timestep: float | jax.Array,
    num_steps: int,
) -> Trajectory:
    """Newton's equations by the velocity Verlet rule, one `lax.scan`: symplectic, reversible, of second order.

    Args:
      potential: static; pass the same function object again to compile once.
      positions: `(atoms, 3)`, Å.
      velocities: `(atoms, 3)`, Å/fs.
      masses: `(atoms,)`, u.
      timestep: fs.
      num_steps: static.

    Raises:
      ValueError: at trace time: arrays of other shapes, no step.
    """
    require_at_least("num_steps", num_steps, 1)
    require_shape("positions", positions, (None, 3))
    require_shape("velocities", velocities, positions.shape)
    require_shape("masses", masses, positions.shape[:1])
    timestep = jnp.asarray(timestep, positions.dtype)
    rate = ACCELERATION / masses[:, None]

    def accelerate(positions):
        energy, forces = potential(positions)
        return rate * forces, energy

    def step(motion, _):
        motion, energy = velocity_verlet_step(accelerate, motion, timestep)
        kinetic = jnp.sum(masses[:, None] * motion.velocities**2) / (2 * ACCELERATION)
        return motion, (energy, kinetic)

    start = Motion(positions, velocities, accelerate(positions)[0])
    (positions, velocities, _), (energies, kinetic) = jax.lax.scan(step, start, length=num_steps)
    return Trajectory(energies, kinetic, positions, velocities)


def energy_drift(trajectory: Trajectory, timestep: float) -> float:
    """Slope of the straight line through the total energy, in eV per atom and ps; timestep in fs.

    Raises:
      ValueError: a trajectory of less than two steps.
    """
    total = np.asarray(trajectory.potential, np.float64) + np.asarray(trajectory.kinetic, np.float64)
    require_at_least("the number of the trajectory's steps", len(total), 2)
    time = 1e-3 * timestep * np.arange(len(total))
    return float(np.polyfit(time, total, 1)[0]) / len(trajectory.positions)


def jacobian_asymmetry(potential: Potential, positions: jax.Array) -> jax.Array:
    """Largest entry of `J - J'` over the largest of J, the Jacobian of the forces: 0 where they are a gradient.

    Args:
      potential: energy and forces of positions.
      positions: `(atoms, 3)`.

    Returns:
      `()`; 0 for forces that are constant.
    """
    size = positions.size
    jacobian = jax.jacfwd(lambda x: potential(x)[1])(positions).reshape(size, size)
    largest = jnp.max(jnp.abs(jacobian))
    return jnp.max(jnp.abs(jacobian - jacobian.T)) / jnp.where(largest == 0, 1, largest)
