"""The point mass against loops in float64 numpy: a line a kernel."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels import simulators as kernels
from tests.duties import FEATURES, BadInput, Case

KEY = jax.random.key(5)
REACH = np.array([0.06, 0.035])


@jax.jit
def _rollout(start: Any, gain: Any) -> jax.Array:
    """Under a linear policy without noise."""
    return kernels.point_mass_rollout(KEY, lambda states: states @ gain.T, start, num_steps=4, action_noise=0.0)


def _loop(start, gain) -> np.ndarray:
    states = [start]
    for _ in range(4):
        states.append(states[-1] + REACH * np.tanh(states[-1] @ gain.T))
    return np.stack(states, axis=1)


CASES = [
    Case(
        name="simulators.point_mass_step",
        function=kernels.point_mass_step,
        arguments=lambda generator: (generator.normal(size=(3, 4, 2)), generator.normal(size=(3, 4, 2))),
        reference=lambda state, action: state + REACH * np.tanh(action),
        differentiable=(0, 1),
        empty=lambda: (np.zeros((0, 2)), np.zeros((0, 2))),
        bad_input=(
            BadInput(
                call=lambda: kernels.point_mass_step(jnp.ones((4, 3)), jnp.ones((4, 3))),
                error=ValueError,
                message=r"state must have shape \(4, 2\), got \(4, 3\)",
            ),
            BadInput(
                call=lambda: kernels.point_mass_step(jnp.ones((4, 2)), jnp.ones(2)),
                error=ValueError,
                message=r"action must have shape \(4, 2\), got \(2,\)",
            ),
            BadInput(
                call=lambda: kernels.point_mass_step(jnp.ones(2), jnp.ones(2, int)),
                error=TypeError,
                message="action must be floating point",
            ),
        ),
        **FEATURES,
    ),
    Case(
        name="simulators.point_mass_rollout",
        function=_rollout,
        arguments=lambda generator: (generator.normal(size=(3, 2)), generator.normal(size=(2, 2))),
        reference=_loop,
        differentiable=(0, 1),
        empty=lambda: (np.zeros((0, 2)), np.ones((2, 2))),
        bad_input=(
            BadInput(
                call=lambda: _rollout(jnp.ones(2), jnp.ones((2, 2))),
                error=ValueError,
                message=r"start must have shape \(any, 2\), got \(2,\)",
            ),
            BadInput(
                call=lambda: kernels.point_mass_rollout(KEY, jnp.sin, jnp.ones((3, 2)), num_steps=-1, action_noise=0.0),
                error=ValueError,
                message="num_steps must be >= 0, got -1",
            ),
            BadInput(
                call=lambda: kernels.point_mass_rollout(KEY, jnp.sin, jnp.ones((3, 2)), num_steps=1, action_noise=-1),
                error=ValueError,
                message="action_noise must be >= 0, got -1",
            ),
        ),
        **FEATURES,
    ),
]
