"""The point mass cannot go faster than its reach; half of its demonstrators can."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxinv.kernels.simulators import (
    point_mass_demonstrations,
    point_mass_rollout,
    point_mass_start,
    point_mass_step,
)
from jaxinv.kernels.simulators.point_mass import REACH
from tests.duties import FLOAT, X64

KEY = jax.random.key(0)


def test_no_action_takes_it_past_its_reach():
    found = point_mass_step(jnp.zeros(2, FLOAT), jnp.array([1e6, -1e6], FLOAT))
    np.testing.assert_allclose(found, REACH * np.array([1, -1]), rtol=1e-6)
    states = point_mass_rollout(KEY, lambda x: 3 * x, jnp.ones((4, 2), FLOAT), num_steps=6, action_noise=2.0)
    steps = np.abs(np.diff(states, axis=1))
    assert np.all(steps <= np.array(REACH) * (1 + (1e-12 if X64 else 1e-5)))
    np.testing.assert_array_equal(states[:, 0], 1.0)


def test_a_policy_is_trained_through_the_rollout():
    """Towards the right as far as it goes, against finite differences."""

    def distance(push):
        start = jnp.zeros((8, 2), FLOAT)
        states = point_mass_rollout(KEY, lambda x: push[None] + 0 * x, start, num_steps=3, action_noise=0.3)
        return jnp.mean(states[:, -1, 0])

    push = jnp.array([0.2, 0.0], FLOAT)
    step = 1e-5 if X64 else 1e-2
    change = jnp.array([step, 0.0], FLOAT)
    wanted = (distance(push + change) - distance(push - change)) / (2 * step)
    np.testing.assert_allclose(jax.jit(jax.grad(distance))(push), [float(wanted), 0.0], rtol=1e-6 if X64 else 1e-2)


def test_noise_of_actions_and_of_starts():
    start = point_mass_start(KEY, shape=(4000,))
    np.testing.assert_allclose(np.std(start, axis=0), 0.02, rtol=0.05)
    same = jnp.zeros((2, 2), FLOAT)
    for noise, differs in ((0.3, True), (0.0, False)):
        states = point_mass_rollout(KEY, lambda x: 0 * x, same, num_steps=2, action_noise=noise)
        assert bool(jnp.any(states[0] != states[1])) == differs


def test_demonstrators_of_four_kinds():
    found = point_mass_demonstrations(KEY, num_trajectories=25, num_steps=20)
    assert found.states.shape == (100, 21, 2)
    steps = np.diff(found.states, axis=1)
    up, reachable = np.asarray(found.mode) == 1, np.asarray(found.reachable)
    for kind, side in ((up, 1), (~up, -1)):
        mean = steps[kind & reachable].mean((0, 1))
        np.testing.assert_allclose(mean, [0.05, side * 0.025], rtol=0.05)
        early, late = (steps[kind & ~reachable][:, part].mean((0, 1)) for part in (slice(8), slice(8, None)))
        np.testing.assert_allclose(early, [0.01, side * 0.08], rtol=0.05)
        np.testing.assert_allclose(late, [0.08, side * -0.01], rtol=0.05)
    # Of the one kind two deviations of the noise are within reach, of the other two and a half are not.
    within = np.all(np.abs(steps) <= REACH, axis=2)
    assert within[reachable].mean() > 0.9
    assert within[~reachable].mean() < 0.02


def test_bad_options():
    with pytest.raises(ValueError, match="num_trajectories must be >= 0, got -1"):
        point_mass_demonstrations(KEY, num_trajectories=-1, num_steps=20)
    with pytest.raises(ValueError, match="num_steps must be >= 9, got 8"):
        point_mass_demonstrations(KEY, num_trajectories=1, num_steps=8)
