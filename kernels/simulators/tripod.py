"""A tripod that walks: a torso on three feet, all unit masses, on springs, under gravity, on a floor with friction.

All of it is smooth, so that policies can be trained through it, and it turns and is reflected with the world as long as
the vertical stays. Units: metres, seconds, kilograms; the third axis points up.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.safe import safe_divide, safe_norm
from jaxinv.kernels.numerics.validation import require_at_least, require_floating, require_shape

GRAVITY = 9.81
TIMESTEP, FASTEST = 0.02, 10.0
_LEG_STIFFNESS, _LEG_REST, _LEG_DAMPING = 300.0, 0.6, 3.0
_FEET_STIFFNESS, _FEET_REST = 80.0, 0.78
_STRENGTH = 6.0
_FLOOR_STIFFNESS, _FLOOR_HEIGHT, _FLOOR_SOFTNESS, _FLOOR_DAMPING = 400.0, 0.05, 0.01, 4.0
_FRICTION, _SLIP = 0.8, 0.1
# Of channels and of actions: what a reflection turns over.
AXIAL_CHANNELS = (False, False, False, True, False)
AXIAL_ACTIONS = (False, True, False)


class TripodState(NamedTuple):
    """The torso first, then the feet.

    Attributes:
      positions: `(..., 4, 3)`.
      velocities: `(..., 4, 3)`, none faster than 10.
      goal: `(..., 3)`, the horizontal unit vector along which to go.
    """

    positions: jax.Array
    velocities: jax.Array
    goal: jax.Array


class TripodObservation(NamedTuple):
    """What a policy is told.

    Attributes:
      vectors: `(..., 4, 5, 3)`: place about the torso, velocity, and the three axes of a foot, of the torso 0. Of these
        the second axis is axial, as `AXIAL_CHANNELS` says.
      scalars: `(..., 4, 1)`: height.
      external: `(..., 2, 3)`: down, and the goal.
    """

    vectors: jax.Array
    scalars: jax.Array
    external: jax.Array


class TripodWay(NamedTuple):
    """Where a policy went.

    Attributes:
      positions: `(T, ..., 4, 3)`, after each step.
      rewards: `(T, ...)`.
    """

    positions: jax.Array
    rewards: jax.Array


Policy = Callable[[TripodObservation], jax.Array]


@jax.jit
def tripod_start(heading: jax.Array, bearing: jax.Array) -> TripodState:
    """A tripod at rest on its feet, about the origin.

    Args:
      heading: `(...)`, floating point, radians: the direction of the first foot.
      bearing: of the same shape, radians: that of the goal from there.

    Returns:
      TripodState.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order.
    """
    heading, bearing = jnp.asarray(heading), jnp.asarray(bearing)
    require_floating("heading", heading)
    require_floating("bearing", bearing)
    require_shape("bearing", bearing, heading.shape)
    dtype = jnp.result_type(heading, bearing)
    radius = _FEET_REST / 3**0.5
    angles = heading[..., None] + jnp.asarray(2 * np.pi * np.arange(3) / 3, dtype).reshape((1,) * heading.ndim + (3,))
    feet = jnp.stack([radius * jnp.cos(angles), radius * jnp.sin(angles), jnp.full_like(angles, _FLOOR_HEIGHT)], -1)
    height = _FLOOR_HEIGHT + (_LEG_REST**2 - radius**2) ** 0.5
    torso = jnp.zeros_like(feet[..., :1, :]).at[..., 2].set(height)
    positions = jnp.concatenate([torso, feet], axis=-2).astype(dtype)
    way = heading + bearing
    goal = jnp.stack([jnp.cos(way), jnp.sin(way), jnp.zeros_like(way)], axis=-1)
    return TripodState(positions, jnp.zeros_like(positions), goal.astype(dtype))


@jax.jit
def tripod_observation(state: TripodState) -> TripodObservation:
    """What a policy is told of a state.

    Args:
      state: TripodState.

    Returns:
      TripodObservation in the dtype of the positions.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order; the direction of a leg of length 0 is 0.
    """
    positions, velocities, goal = _require_state(state)
    about = positions - positions[..., :1, :]
    axes = jnp.concatenate([jnp.zeros((*about.shape[:-2], 1, 3, 3), about.dtype), _axes(positions)], axis=-3)
    vectors = jnp.concatenate([jnp.stack([about, velocities], axis=-2), axes], axis=-2)
    external = jnp.stack([_down(goal), goal], axis=-2)
    return TripodObservation(vectors, positions[..., 2:], external.astype(positions.dtype))


@jax.jit
def tripod_step(state: TripodState, actions: jax.Array) -> TripodState:
    """A fiftieth of a second, by a semi-implicit Euler step; velocities are clipped in their norm, not by component.

    Args:
      state: TripodState.
      actions: `(..., 3, 3)`, floating point, of each foot the share, about -1 to 1, of 6 newtons along each of its
        axes: b, the leg's direction, g x b and b x (g x b), g being down. The torso is pushed back.

    Returns:
      TripodState in the dtype of the positions.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order.
    """
    positions, velocities, goal = _require_state(state)
    actions = _actions_argument(actions, positions)
    dtype = accumulation_dtype(positions, actions)
    x, v = positions.astype(dtype), velocities.astype(dtype)
    v = v + TIMESTEP * _forces(x, v, actions.astype(dtype))
    speed = safe_norm(v)[..., None]
    v = v * jnp.where(speed > FASTEST, FASTEST / jnp.maximum(speed, FASTEST), 1)
    x = x + TIMESTEP * v
    return TripodState(x.astype(positions.dtype), v.astype(positions.dtype), goal)


@jax.jit
def tripod_reward(state: TripodState, actions: jax.Array) -> jax.Array:
    """The torso's velocity along the goal, less a thousandth of the actions' square.

    Args:
      state: TripodState, after the step.
      actions: `(..., 3, 3)`, that led to it.

    Returns:
      `(...)`, metres a second, in the dtype of the positions.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order.
    """
    positions, velocities, goal = _require_state(state)
    actions = _actions_argument(actions, positions)
    dtype = accumulation_dtype(positions, actions)
    along = jnp.sum((velocities[..., 0, :] * goal).astype(dtype), axis=-1)
    return (along - 1e-3 * jnp.sum(actions.astype(dtype) ** 2, axis=(-2, -1))).astype(positions.dtype)


def tripod_rollout(policy: Policy, start: TripodState, *, num_steps: int) -> TripodWay:
    """The way of a policy. Not jitted itself, since policies are functions: call it within a jitted one.

    Args:
      policy: `policy(observation) -> actions (..., 3, 3)`, differentiable for a differentiable rollout.
      start: TripodState.
      num_steps: static; T.

    Returns:
      TripodWay.

    Raises:
      TypeError, ValueError: wrong dtype or shape, or an option out of range, naming the argument.
    Transformations: jit, vmap, jvp, vjp (in the start and in what the policy closes over), any order.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import simulators
      >>> start = simulators.tripod_start(jnp.array(0.0), jnp.array(0.0))
      >>> way = simulators.tripod_rollout(lambda seen: jnp.zeros((3, 3)), start, num_steps=5)
      >>> way.positions.shape, way.rewards.shape
      ((5, 4, 3), (5,))
    """
    _require_state(start)
    require_at_least("num_steps", num_steps, 0)

    def step(state, _):
        actions = policy(tripod_observation(state))
        state = tripod_step(state, actions)
        return state, TripodWay(state.positions, tripod_reward(state, actions))

    return jax.lax.scan(step, start, length=num_steps)[1]


def _forces(x, v, actions):
    """`(..., 4, 3)`, which for unit masses are accelerations."""
    feet = x[..., 1:, :]
    leg, direction = _legs(x)
    approach = jnp.sum((v[..., 1:, :] - v[..., :1, :]) * direction, axis=-1)
    pull = -_LEG_STIFFNESS * (leg - _LEG_REST) - _LEG_DAMPING * approach
    push = _STRENGTH * jnp.sum(actions[..., None] * _axes(x), axis=-2)
    on_feet = pull[..., None] * direction + push
    between = feet - jnp.roll(feet, -1, axis=-2)
    apart = safe_norm(between)
    spring = (-_FEET_STIFFNESS * safe_divide(apart - _FEET_REST, apart))[..., None] * between
    among_feet = spring - jnp.roll(spring, 1, axis=-2)
    on_torso = -jnp.sum(on_feet, axis=-2, keepdims=True)
    return jnp.concatenate([on_torso, on_feet + among_feet], axis=-2) + _floor(x, v) + GRAVITY * _down(x)


def _floor(x, v):
    """Normal force with damping, and friction against slip."""
    depth = (_FLOOR_HEIGHT - x[..., 2]) / _FLOOR_SOFTNESS
    normal = _FLOOR_STIFFNESS * _FLOOR_SOFTNESS * jax.nn.softplus(depth)
    slip = v.at[..., 2].set(0)
    friction = -_FRICTION * (normal / (safe_norm(slip) + _SLIP))[..., None] * slip
    return friction.at[..., 2].set(normal - _FLOOR_DAMPING * jax.nn.sigmoid(depth) * v[..., 2])


def _legs(x):
    """Lengths, and directions from the torso to the feet."""
    leg = x[..., 1:, :] - x[..., :1, :]
    length = safe_norm(leg)
    return length, safe_divide(leg, length[..., None])


def _axes(x):
    """`(..., 3 feet, 3 axes, 3)`."""
    along = _legs(x)[1]
    across = jnp.cross(_down(along), along)
    return jnp.stack([along, across, jnp.cross(along, across)], axis=-2)


def _down(like):
    return jnp.broadcast_to(jnp.asarray([0, 0, -1], like.dtype).reshape((1,) * (like.ndim - 1) + (3,)), like.shape)


def _require_state(state):
    positions, velocities, goal = (jnp.asarray(x) for x in state)
    for name, array in zip(TripodState._fields, (positions, velocities, goal), strict=True):
        require_floating(name, array)
    require_shape("positions", positions, (*positions.shape[:-2], 4, 3))
    require_shape("velocities", velocities, positions.shape)
    require_shape("goal", goal, (*positions.shape[:-2], 3))
    return positions, velocities, goal


def _actions_argument(actions, positions):
    actions = jnp.asarray(actions)
    require_floating("actions", actions)
    require_shape("actions", actions, (*positions.shape[:-2], 3, 3))
    return actions
