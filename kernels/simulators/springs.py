"""Particles of unit mass, some pairs of which are joined by springs: the world on which interactions are recognised.

References: Kipf et al., Neural relational inference, arXiv:1802.04687.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.safe import safe_divide, safe_norm
from jaxinv.kernels.numerics.validation import require_at_least, require_floating, require_shape
from jaxinv.kernels.simulators.n_body import Trajectory
from jaxinv.kernels.simulators.velocity_verlet import Motion, velocity_verlet_step

STIFFNESS = 0.1
_SPEED, _SPREAD = 0.5, 0.5


class JoinedParticles(NamedTuple):
    """One system of n particles, or several with leading axes.

    Attributes:
      positions: `(..., n, d)`.
      velocities: `(..., n, d)`.
      springs: `(..., n, n)`, 1 where two particles are joined, else 0; symmetric, 0 on the diagonal.
    """

    positions: jax.Array
    velocities: jax.Array
    springs: jax.Array


def sample_joined_particles(key: PRNGKeyArray, num_particles: int = 5, dimension: int = 3) -> JoinedParticles:
    """Draws the start of one system as the published generator does, but for its walls.

    Positions are normal with standard deviation 0.5 a coordinate, velocities have norm 0.5 and uniform directions, and
    each pair is joined with probability 1/2.

    Args:
      key: of the draw.
      num_particles: static, n.
      dimension: static, d.

    Returns:
      `JoinedParticles` in the default floating dtype.

    Raises:
      ValueError: no particle, no dimension.
    Transformations: jit, vmap (over keys).
    """
    require_at_least("num_particles", num_particles, 1)
    require_at_least("dimension", dimension, 1)
    position_key, direction_key, spring_key = jax.random.split(key, 3)
    shape = num_particles, dimension
    direction = jax.random.normal(direction_key, shape)
    upper = jnp.triu(jax.random.bernoulli(spring_key, 0.5, (num_particles, num_particles)), 1)
    return JoinedParticles(
        positions=_SPREAD * jax.random.normal(position_key, shape),
        velocities=_SPEED * safe_divide(direction, jnp.broadcast_to(safe_norm(direction)[:, None], shape)),
        springs=(upper | upper.T).astype(direction.dtype),
    )


@functools.partial(jax.jit, static_argnames=("num_frames", "steps_per_frame"))
def simulate_springs(
    positions: jax.Array,
    velocities: jax.Array,
    springs: jax.Array,
    *,
    num_frames: int,
    steps_per_frame: int = 1,
    timestep: float | jax.Array = 1e-2,
    stiffness: float | jax.Array = STIFFNESS,
) -> Trajectory:
    """Moves particles by `-k sum_j s_ij (x_i - x_j)` and the velocity Verlet rule: springs of length 0.

    Args:
      positions: `(..., n, d)`, floating point.
      velocities: `(..., n, d)`.
      springs: `(..., n, n)`, what the stiffness of each pair is multiplied by; momentum is kept if it is symmetric.
      num_frames: static, frames of the result with the start, which is the first.
      steps_per_frame: static, timesteps from one frame to the next.
      timestep: `()`; stable below `2 / sqrt(k n)` for springs up to 1.
      stiffness: `()`, k.

    Returns:
      `Trajectory`, in the dtype of the arguments; bfloat16 is integrated in float32. A particle without springs, as
      one that pads, moves straight on.

    Raises:
      TypeError, ValueError: wrong dtype or shape, no frame, no step, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order, in the three arrays, `timestep` and `stiffness`.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import simulators
      >>> positions = jnp.array([[1.0], [-1.0]])
      >>> springs = jnp.array([[0.0, 1.0], [1.0, 0.0]])
      >>> way = simulators.simulate_springs(
      ...     positions, jnp.zeros((2, 1)), springs, num_frames=3, steps_per_frame=157, timestep=0.01, stiffness=0.5
      ... )
      >>> abs(way.positions[:, 0, 0]).round(1)  # a cosine at 0, a quarter and half of its period
      Array([1., 0., 1.], dtype=float32)
    """
    require_at_least("num_frames", num_frames, 1)
    require_at_least("steps_per_frame", steps_per_frame, 1)
    particles = JoinedParticles(*(jnp.asarray(array) for array in (positions, velocities, springs)))
    for name, array in particles._asdict().items():
        require_floating(name, array)
    shape = particles.positions.shape
    if len(shape) < 2:
        raise ValueError(f"positions must have shape (..., n, d), got {shape}")
    require_shape("velocities", particles.velocities, shape)
    require_shape("springs", particles.springs, (*shape[:-1], shape[-2]))
    wide = accumulation_dtype(*particles)
    start, speeds, joined = (array.astype(wide) for array in particles)
    timestep, stiffness = jnp.asarray(timestep, wide), jnp.asarray(stiffness, wide)
    for name, value in (("timestep", timestep), ("stiffness", stiffness)):
        require_shape(name, value, ())

    def accelerate(positions):
        # Sums and not a product of matrices, which of few particles a CPU multiplies one system after the other.
        apart = positions[..., None, :, :] - positions[..., :, None, :]
        return stiffness * jnp.sum(joined[..., None] * apart, axis=-2), None

    def step(motion, _):
        return velocity_verlet_step(accelerate, motion, timestep)

    def frame(motion, _):
        motion, _ = jax.lax.scan(step, motion, length=steps_per_frame)
        return motion, motion[:2]

    first = Motion(start, speeds, accelerate(start)[0])
    _, frames = jax.lax.scan(frame, first, length=num_frames - 1)
    dtype = jnp.result_type(*particles)
    return Trajectory(
        *(
            jnp.moveaxis(jnp.concatenate([at_first[None], later]), 0, -3).astype(dtype)
            for at_first, later in zip((start, speeds), frames, strict=True)
        )
    )
