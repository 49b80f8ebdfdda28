"""The tripod beside loops over masses and springs in float64 numpy."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels import simulators as kernels
from tests.duties import FEATURES, BadInput, Case

DOWN = np.array([0, 0, -1.0])


def state_of(generator):
    """One foot above the floor, two within: in between it bends more than differences follow. One is too fast."""
    around = 2 * np.pi * np.arange(3) / 3
    feet = np.stack([0.45 * np.cos(around), 0.45 * np.sin(around), [0.4, -0.2, -0.25]], axis=1)
    positions = np.concatenate([[[0, 0, 0.6]], feet]) + 0.03 * generator.normal(size=(4, 3))
    velocities = np.array([1.5, 1, 0]) + 0.3 * generator.normal(size=(4, 3))
    velocities[1] *= 10
    return positions, velocities, np.array([0.6, 0.8, 0])


def numpy_axes(positions):
    found = []
    for foot in positions[1:]:
        along = (foot - positions[0]) / np.linalg.norm(foot - positions[0])
        across = np.cross(DOWN, along)
        found.append([along, across, np.cross(along, across)])
    return np.array(found)


def numpy_observed(positions, velocities, goal):
    """Vectors, height and world, flat."""
    axes = np.concatenate([np.zeros((1, 3, 3)), numpy_axes(positions)])
    rows = [np.concatenate([[x - positions[0], v], a]) for x, v, a in zip(positions, velocities, axes, strict=True)]
    return np.concatenate([np.ravel(rows), positions[:, 2], DOWN, goal])


def numpy_stepped(positions, velocities, goal, actions):
    """Positions beside velocities."""
    axes, force = numpy_axes(positions), np.tile(9.81 * DOWN, (4, 1))
    for foot in range(1, 4):
        leg = positions[foot] - positions[0]
        length = np.linalg.norm(leg)
        approach = (velocities[foot] - velocities[0]) @ leg / length
        push = -(300 * (length - 0.6) + 3 * approach) * leg / length + 6 * actions[foot - 1] @ axes[foot - 1]
        force[foot] += push
        force[0] -= push
        for other in range(1, 4):
            if other != foot:
                apart = positions[foot] - positions[other]
                force[foot] -= 80 * (1 - 0.78 / np.linalg.norm(apart)) * apart
    for mass in range(4):
        depth = (0.05 - positions[mass, 2]) / 0.01
        normal = 400 * 0.01 * np.logaddexp(0, depth)
        slip = velocities[mass] * [1, 1, 0]
        force[mass] -= 0.8 * normal * slip / (np.linalg.norm(slip) + 0.1)
        force[mass, 2] += normal - 4 * velocities[mass, 2] / (1 + np.exp(-depth))
    velocities = velocities + 0.02 * force
    velocities = velocities * np.minimum(1, 10 / np.linalg.norm(velocities, axis=1, keepdims=True))
    return np.concatenate([positions + 0.02 * velocities, velocities], axis=1)


def numpy_rewarded(positions, velocities, goal, actions):
    return velocities[0] @ goal - 1e-3 * np.sum(actions**2)


def _policy(gain):
    return lambda seen: jnp.tanh(seen.vectors[..., 1:, 2:, :] @ gain)[..., 0]


@jax.jit
def _rollout(positions, velocities, goal, gain):
    start = kernels.TripodState(positions, velocities, goal)
    return kernels.tripod_rollout(_policy(gain), start, num_steps=3)


def numpy_way(positions, velocities, goal, gain):
    """Positions and the reward of each step, flat."""
    found = []
    for _ in range(3):
        actions = np.tanh(numpy_axes(positions) @ gain)[..., 0]
        both = numpy_stepped(positions, velocities, goal, actions)
        positions, velocities = both[:, :3], both[:, 3:]
        found.append(np.append(positions, numpy_rewarded(positions, velocities, goal, actions)))
    return np.array(found)


def numpy_start(heading, bearing):
    radius = 0.78 / 3**0.5
    positions = [[0, 0, 0.05 + (0.36 - radius**2) ** 0.5]]
    for foot in range(3):
        angle = heading + 2 * np.pi * foot / 3
        positions.append([radius * np.cos(angle), radius * np.sin(angle), 0.05])
    return np.append(positions, [np.cos(heading + bearing), np.sin(heading + bearing), 0])


def _flat(parts):
    return jnp.concatenate([jnp.ravel(x) for x in parts])


def _bad(call, message, error: type[Exception] = ValueError):
    return BadInput(call=call, error=error, message=message)


STATE = kernels.TripodState(jnp.ones((4, 3)), jnp.ones((4, 3)), jnp.ones(3))
ACTIONS = jnp.ones((3, 3))


def _bad_states(call):
    return (
        _bad(lambda: call(STATE._replace(positions=jnp.ones((3, 3)))), r"positions must have shape \(4, 3\)"),
        _bad(lambda: call(STATE._replace(velocities=jnp.ones((2, 4, 3)))), "velocities must have shape"),
        _bad(lambda: call(STATE._replace(goal=jnp.ones(2))), "goal must have shape"),
        _bad(lambda: call(STATE._replace(positions=jnp.ones((4, 3), int))), "positions must be floating", TypeError),
    )


def _with_actions(kernel, reference, **changes: Any):
    return Case(
        name=f"simulators.{kernel.__name__}",
        function=lambda x, v, goal, actions: kernel(kernels.TripodState(x, v, goal), actions),
        arguments=lambda generator: (*state_of(generator), generator.normal(size=(3, 3))),
        reference=reference,
        differentiable=(0, 1, 3),
        bad_input=(
            *_bad_states(lambda state: kernel(state, ACTIONS)),
            _bad(lambda: kernel(STATE, ACTIONS[0]), "actions must have shape"),
            _bad(lambda: kernel(STATE, ACTIONS.astype(int)), "actions must be floating", TypeError),
        ),
        **{**FEATURES, "tolerance": (1e-5, 1e-11), "low_precision": 8e-3, **changes},
    )


CASES = [
    Case(
        name="simulators.tripod_start",
        function=kernels.tripod_start,
        arguments=lambda generator: tuple(generator.normal(size=2)),
        reference=numpy_start,
        differentiable=(0, 1),
        bad_input=(
            _bad(lambda: kernels.tripod_start(jnp.ones(()), jnp.ones(1)), r"bearing must have shape \(\)"),
            _bad(lambda: kernels.tripod_start(jnp.ones((), int), jnp.ones(())), "heading must be floating", TypeError),
        ),
        **{**FEATURES, "value": lambda found: _flat((found.positions, found.goal)), "low_precision": 2e-2},
    ),
    Case(
        name="simulators.tripod_observation",
        function=lambda *state: kernels.tripod_observation(kernels.TripodState(*state)),
        arguments=state_of,
        reference=numpy_observed,
        differentiable=(0, 1),
        bad_input=_bad_states(kernels.tripod_observation),
        **{**FEATURES, "value": _flat, "low_precision": 2e-2},
    ),
    _with_actions(
        kernels.tripod_step,
        numpy_stepped,
        value=lambda state: jnp.concatenate([state.positions, state.velocities], axis=-1),
    ),
    _with_actions(kernels.tripod_reward, numpy_rewarded),
    Case(
        name="simulators.tripod_rollout",
        function=_rollout,
        arguments=lambda generator: (*state_of(generator), generator.normal(size=(3, 1))),
        reference=numpy_way,
        differentiable=(0, 3),
        bad_input=(
            *_bad_states(lambda state: kernels.tripod_rollout(_policy(jnp.ones((3, 1))), state, num_steps=1)),
            _bad(
                lambda: kernels.tripod_rollout(_policy(jnp.ones((3, 1))), STATE, num_steps=-1), "num_steps must be >= 0"
            ),
        ),
        **{
            **FEATURES,
            "tolerance": (1e-4, 1e-10),
            "low_precision": None,
            "value": lambda way: jnp.concatenate([way.positions.reshape(3, 12), way.rewards[:, None]], axis=-1),
        },
    ),
]
