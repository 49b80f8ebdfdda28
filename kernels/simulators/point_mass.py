"""A point mass in the plane that moves a bounded distance a step, and demonstrators that move as it can or cannot."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.validation import require_at_least, require_floating, require_shape

# How far a step goes along x and y at most.
REACH = (0.06, 0.035)
_START_DEVIATION = 0.02
_STEP_NOISE = 0.1
# Steps of the upper mode; of the lower one the second number is negative.
_REACHABLE = (0.05, 0.025)
_STEEP, _LEVEL, _STEEP_STEPS = (0.01, 0.08), (0.08, -0.01), 8

Policy = Callable[[Float[Array, "n 2"]], Float[Array, "n 2"]]


class Demonstrations(NamedTuple):
    """Trajectories of demonstrators, and what an imitator does not know of them."""

    states: Float[Array, "m t 2"]
    mode: Int[Array, "m"]
    """0 for those that go down, 1 for those that go up."""
    reachable: Bool[Array, "m"]
    """Whether every step, without its noise, is within `REACH`."""


@jax.jit
def point_mass_step(state: Float[Array, "*batch 2"], action: Float[Array, "*batch 2"]) -> Float[Array, "*batch 2"]:
    """`state + REACH * tanh(action)`.

    Args:
      state: `(..., 2)`, floating point.
      action: of the same shape, floating point.

    Returns:
      As `state`, in the common dtype.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order.
    """
    require_floating("state", state)
    require_floating("action", action)
    require_shape("state", state, (*state.shape[:-1], 2))
    require_shape("action", action, state.shape)
    reach = jnp.asarray(REACH, accumulation_dtype(state, action)).reshape((1,) * (state.ndim - 1) + (2,))
    return (state + reach * jnp.tanh(action)).astype(jnp.result_type(state, action))


def point_mass_rollout(
    key: PRNGKeyArray, policy: Policy, start: Float[Array, "n 2"], *, num_steps: int, action_noise: float
) -> Float[Array, "n t 2"]:
    """Trajectories of a policy. Not jitted itself, since policies are functions: call it within a jitted one.

    Args:
      key: of the noise of actions.
      policy: `policy(states (n, 2)) -> actions (n, 2)`, differentiable for a differentiable rollout.
      start: `(n, 2)`, floating point.
      num_steps: static; T.
      action_noise: static; standard deviation of what is added to actions.

    Returns:
      `(n, T + 1, 2)`, the start first, in the dtype of the start.

    Raises:
      TypeError, ValueError: wrong dtype or shape, or an option out of range, naming the argument.
    Transformations: jit, vmap, jvp, vjp (in `start` and in what the policy closes over), any order.
    """
    require_floating("start", start)
    require_shape("start", start, (None, 2))
    require_at_least("num_steps", num_steps, 0)
    require_at_least("action_noise", action_noise, 0)
    noise = action_noise * jax.random.normal(key, (num_steps, *start.shape), accumulation_dtype(start))

    def step(state, noise):
        state = point_mass_step(state, policy(state) + noise).astype(state.dtype)
        return state, state

    _, states = jax.lax.scan(step, start, noise)
    return jnp.swapaxes(jnp.concatenate([start[None], states]), 0, 1)


@functools.partial(jax.jit, static_argnames=("shape",))
def point_mass_start(key: PRNGKeyArray, *, shape: tuple[int, ...]) -> Float[Array, "*shape 2"]:
    """Starts, normally distributed about the origin with standard deviation 0.02.

    Args:
      key: of the draw.
      shape: static; of the batch.

    Returns:
      `(*shape, 2)`, in JAX's default float.

    Transformations: jit, vmap (over keys).
    """
    return _START_DEVIATION * jax.random.normal(key, (*shape, 2))


@functools.partial(jax.jit, static_argnames=("num_trajectories", "num_steps"))
def point_mass_demonstrations(key: PRNGKeyArray, *, num_trajectories: int, num_steps: int) -> Demonstrations:
    """Demonstrators of two modes, up and down, in each of which some move as the point mass can and some do not.

    Those that do take steps of (0.05, +-0.025). Those that do not take 8 steps of (0.01, +-0.08), then steps of
    (0.08, -+0.01). Every step is multiplied by 1 + 10 % of normal noise, coordinate by coordinate.

    Args:
      key: of starts and noise.
      num_trajectories: static; of each of the four kinds.
      num_steps: static; T, more than 8, so that the second kind ends level.

    Returns:
      Demonstrations, 4 num_trajectories of T + 1 states in JAX's default float, kind by kind.

    Raises:
      ValueError: an option out of range, naming the argument.
    Transformations: jit, vmap.

    Examples:
      >>> import jax
      >>> from jaxinv.kernels import simulators
      >>> made = simulators.point_mass_demonstrations(jax.random.key(0), num_trajectories=1, num_steps=12)
      >>> made.states.shape, made.mode, made.reachable
      ((4, 13, 2), Array([1, 0, 1, 0], dtype=int32), Array([ True,  True, False, False], dtype=bool))
    """
    require_at_least("num_trajectories", num_trajectories, 0)
    require_at_least("num_steps", num_steps, _STEEP_STEPS + 1)
    start_key, noise_key = jax.random.split(key)
    mode = jnp.repeat(jnp.asarray([1, 0, 1, 0], jnp.int32), num_trajectories)
    reachable = jnp.repeat(jnp.asarray([True, True, False, False]), num_trajectories)
    steep = jnp.arange(num_steps)[:, None] < _STEEP_STEPS
    out_of_reach = jnp.where(steep, jnp.asarray([_STEEP]), jnp.asarray([_LEVEL]))
    steps = jnp.where(reachable[:, None, None], jnp.asarray([[_REACHABLE]]), out_of_reach[None])
    side = jnp.stack([jnp.ones(mode.shape), 2.0 * mode - 1.0], axis=1)
    noise = 1 + _STEP_NOISE * jax.random.normal(noise_key, steps.shape)
    start = point_mass_start(start_key, shape=mode.shape)[:, None]
    moved = start + jnp.cumsum(steps * side[:, None] * noise, axis=1)
    return Demonstrations(jnp.concatenate([start, moved], axis=1), mode, reachable)
