"""Charged particles in empty space, the world on which equivariant networks are tried: unit masses, charges +1 and -1.

The published generator adds no softening but clips each component of a force at 100, which breaks the symmetry under
rotations and the conservation laws. Here the potential is softened instead, by default so that no pair exceeds that
force; frames hold velocities of their own time, not of half a step earlier.

References: Kipf et al., Neural relational inference, arXiv:1802.04687 (the world); Satorras, Hoogeboom and Welling,
E(n) equivariant graph neural networks, arXiv:2102.09844 (three dimensions, timestep, frames).
"""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.safe import safe_divide, safe_norm
from jaxinv.kernels.numerics.validation import require_at_least, require_floating, require_shape
from jaxinv.kernels.simulators.coulomb import coulomb_energy, coulomb_forces, require_softening
from jaxinv.kernels.simulators.velocity_verlet import Motion, velocity_verlet_step

TIMESTEP = 1e-3
STEPS_PER_FRAME = 100
SOFTENING = 0.062
"""The largest force of a pair, `2 / (3 sqrt(3) s^2)` at distance `s / sqrt(2)`, is 100."""
_SPEED = 0.5
_DIMENSION = 3


class ChargedParticles(NamedTuple):
    """One system of n particles, or several with leading axes.

    Attributes:
      positions: `(..., n, d)`.
      velocities: `(..., n, d)`.
      charges: `(..., n)`.
    """

    positions: jax.Array
    velocities: jax.Array
    charges: jax.Array


class Trajectory(NamedTuple):
    """Frames of equal distance in time, the start first.

    Attributes:
      positions: `(..., frames, n, d)`.
      velocities: `(..., frames, n, d)`.
    """

    positions: jax.Array
    velocities: jax.Array


class Invariants(NamedTuple):
    """What the motion keeps.

    Attributes:
      energy: `(...)`, kinetic and potential; the simulator keeps it to second order in the timestep, without drift.
      momentum: `(..., d)`, kept to rounding.
      angular_momentum: `(..., d, d)`, sum over particles of `x v' - v x'`, kept to rounding; in three dimensions its
        entries (1, 2), (2, 0) and (0, 1) are `x` cross `v`.
    """

    energy: jax.Array
    momentum: jax.Array
    angular_momentum: jax.Array


def sample_charged_particles(key: PRNGKeyArray, num_particles: int = 5) -> ChargedParticles:
    """Draws the start of one system in three dimensions, as the published generator does.

    Positions are normal with standard deviation `(n / 5)^(1/3)` a coordinate, so that their density does not depend on
    n; velocities have norm 0.5 and uniform directions; charges are +1 or -1, equally likely. (The generator reflects
    starts at walls 5 from the origin; with five particles less than one coordinate in a million is beyond: left out.)

    Args:
      key: of the draw.
      num_particles: static, n.

    Returns:
      `ChargedParticles` in the default floating dtype.

    Raises:
      ValueError: no particle.
    Transformations: jit, vmap (over keys).
    """
    require_at_least("num_particles", num_particles, 1)
    position_key, direction_key, charge_key = jax.random.split(key, 3)
    shape = num_particles, _DIMENSION
    direction = jax.random.normal(direction_key, shape)
    return ChargedParticles(
        positions=(num_particles / 5) ** (1 / 3) * jax.random.normal(position_key, shape),
        velocities=_SPEED * safe_divide(direction, jnp.broadcast_to(safe_norm(direction)[:, None], shape)),
        charges=jax.random.rademacher(charge_key, (num_particles,), direction.dtype),
    )


@functools.partial(jax.jit, static_argnames=("num_frames", "steps_per_frame", "softening"))
def simulate_charged_particles(
    positions: jax.Array,
    velocities: jax.Array,
    charges: jax.Array,
    *,
    num_frames: int,
    steps_per_frame: int = STEPS_PER_FRAME,
    timestep: float | jax.Array = TIMESTEP,
    softening: float = SOFTENING,
    mask: jax.Array | None = None,
) -> Trajectory:
    """Moves charged particles of mass 1 by the velocity Verlet rule: one `lax.scan`, a force evaluation a step.

    Pairs repel or attract with energy `q q' / sqrt(r^2 + s^2)`, s the softening. The map of a step is symplectic,
    reversible, and commutes with rotations, reflections, translations and permutations.

    Args:
      positions: `(..., n, d)`, floating point. Many systems are quickest as leading axes, though vmap works as well.
      velocities: `(..., n, d)`.
      charges: `(..., n)`; leading axes broadcast.
      num_frames: static, frames of the result with the start, which is the first.
      steps_per_frame: static, timesteps from one frame to the next.
      timestep: `()`; a negative one goes back in time.
      softening: static, s, a length of at least 1e-4; particles in one place do not push each other.
      mask: `(..., n)` booleans, leading axes broadcast: False for particles that pad, which push none; their positions
        and velocities in the result are 0.

    Returns:
      `Trajectory`, in the dtype of the arguments; bfloat16 is integrated in float32.

    Raises:
      TypeError: arrays are not floating point, or the mask is not boolean.
      ValueError: shapes that do not fit, naming the argument; no frame, no step, softening too small.
    Memory: reverse mode keeps the motion at every step and computes forces again.
    Transformations: jit, vmap, jvp, vjp, any order, in the three arrays and in `timestep`.

    Examples:
      >>> import jax
      >>> from jaxinv.kernels import simulators
      >>> start = simulators.sample_charged_particles(jax.random.key(0))
      >>> way = simulators.simulate_charged_particles(*start, num_frames=4, steps_per_frame=10)
      >>> way.positions.shape, way.velocities.shape
      ((4, 5, 3), (4, 5, 3))
    """
    require_at_least("num_frames", num_frames, 1)
    require_at_least("steps_per_frame", steps_per_frame, 1)
    particles = _arguments(positions, velocities, charges, mask, softening)
    batch, wide = particles.positions.shape[:-2], accumulation_dtype(*particles)
    start, speeds, loads = (_systems_innermost(array.astype(wide), len(batch)) for array in particles)
    timestep = jnp.asarray(timestep, wide)
    require_shape("timestep", timestep, ())

    def accelerate(positions):
        return coulomb_forces(positions, loads, softening), None

    def step(motion, _):
        return velocity_verlet_step(accelerate, motion, timestep)

    def frame(motion, _):
        # Without checkpoint every pair would be kept at every step.
        step_again = jax.checkpoint(step, prevent_cse=False)
        motion, _ = jax.lax.scan(step_again, motion, length=steps_per_frame)
        return motion, motion[:2]

    first = Motion(start, speeds, accelerate(start)[0])
    _, frames = jax.lax.scan(frame, first, length=num_frames - 1)
    dtype = jnp.result_type(*particles)

    def outwards(start, frames):
        moved = jnp.moveaxis(jnp.concatenate([start[None], frames]), -1, 0)
        return moved.reshape(*batch, *moved.shape[1:]).astype(dtype)

    return Trajectory(outwards(start, frames[0]), outwards(speeds, frames[1]))


@functools.partial(jax.jit, static_argnames=("softening",))
def charged_invariants(
    positions: jax.Array,
    velocities: jax.Array,
    charges: jax.Array,
    *,
    softening: float = SOFTENING,
    mask: jax.Array | None = None,
) -> Invariants:
    """Energy, momentum and angular momentum of charged particles of mass 1: diagnostics of a simulation.

    Args:
      positions: `(..., n, d)`, floating point; also the frames of a `Trajectory`, with `charges[..., None, :]`.
      velocities: `(..., n, d)`.
      charges: `(..., n)`; leading axes broadcast.
      softening: static, that of the simulation.
      mask: `(..., n)` booleans, leading axes broadcast: False for particles that do not count.

    Returns:
      `Invariants`, in the dtype of the arguments, but float32 at least.

    Raises:
      TypeError, ValueError: as `simulate_charged_particles`.
    Transformations: jit, vmap, jvp, vjp, any order.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import simulators
      >>> positions = jnp.array([[0.0, 0.0, 0.0], [2.0, 0.0, 0.0]])
      >>> velocities = jnp.array([[0.0, 1.0, 0.0], [0.0, -1.0, 0.0]])
      >>> kept = simulators.charged_invariants(positions, velocities, jnp.array([1.0, -1.0]))
      >>> kept.energy.round(2), kept.momentum
      (Array(0.5, dtype=float32), Array([0., 0., 0.], dtype=float32))
    """
    particles = _arguments(positions, velocities, charges, mask, softening)
    batch, wide = particles.positions.shape[:-2], accumulation_dtype(*particles)
    positions, velocities, charges = (array.astype(wide) for array in particles)
    potential = coulomb_energy(
        _systems_innermost(positions, len(batch)), _systems_innermost(charges, len(batch)), softening
    )
    turning = contract("...ni,...nj->...ij", positions, velocities)
    return Invariants(
        energy=potential.reshape(batch) + jnp.sum(velocities**2, axis=(-2, -1)) / 2,
        momentum=jnp.sum(velocities, axis=-2),
        angular_momentum=turning - turning.mT,
    )


def _arguments(positions, velocities, charges, mask, softening) -> ChargedParticles:
    """Checked; charges with all leading axes; 0 where masked, whatever there is."""
    require_softening(softening)
    positions, velocities, charges = (jnp.asarray(array) for array in (positions, velocities, charges))
    for name, array in (("positions", positions), ("velocities", velocities), ("charges", charges)):
        require_floating(name, array)
    if positions.ndim < 2:
        raise ValueError(f"positions must have shape (..., n, d), got {positions.shape}")
    require_shape("velocities", velocities, positions.shape)
    charges = _of_particles("charges", charges, positions)
    if mask is None:
        return ChargedParticles(positions, velocities, charges)
    mask = jnp.asarray(mask)
    if mask.dtype != bool:
        raise TypeError(f"mask must be boolean, got dtype {mask.dtype}")
    mask = _of_particles("mask", mask, positions)
    return ChargedParticles(
        jnp.where(mask[..., None], positions, 0), jnp.where(mask[..., None], velocities, 0), jnp.where(mask, charges, 0)
    )


def _of_particles(name, values, positions):
    wanted = positions.shape[:-1]
    try:
        return jnp.broadcast_to(values, wanted)
    except ValueError:
        raise ValueError(f"{name} must have one value a particle, shape {wanted}, got {values.shape}") from None


def _systems_innermost(values, num_axes):
    """The leading `num_axes` as one axis, the last."""
    shape = values.shape
    return jnp.moveaxis(values.reshape(math.prod(shape[:num_axes]), *shape[num_axes:]), 0, -1)
