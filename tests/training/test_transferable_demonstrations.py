"""Policies and discriminators trained against each other: stacked over clusters, weighing what can be made."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.training.transferable_demonstrations import fit_transferability

STEPS = 4


def rollout(key, policy):
    """A point on a line that moves by up to 0.1 a step."""

    def step(state, noise):
        state = state + 0.1 * jnp.tanh(policy(state) + noise)
        return state, state

    _, states = jax.lax.scan(step, jnp.zeros((16, 1)), 0.1 * jax.random.normal(key, (STEPS, 16, 1)))
    return jnp.concatenate([jnp.zeros((16, 1, 1)), jnp.swapaxes(states, 0, 1)], axis=1)


def test_steps_past_the_reach_lose_their_weight():
    """In two clusters, of which each has steps of 0.05 and of 0.4; a third is empty."""
    generator = np.random.default_rng(0)
    length = np.tile([0.05, 0.4], 20)
    side = np.repeat([1, -1], 20)
    steps = (length * side)[:, None] * (1 + 0.1 * generator.normal(size=(40, STEPS)))
    states = np.concatenate([np.zeros((40, 1)), np.cumsum(steps, axis=1)], axis=1)[..., None]
    cluster = jnp.asarray((side < 0).astype(np.int32))
    found = fit_transferability(
        jax.random.key(0),
        jnp.asarray(states, jnp.float32),
        cluster,
        rollout=rollout,
        num_actions=1,
        num_clusters=3,
        num_steps=400,
    )
    weight = np.asarray(found.weight).mean(axis=1)
    for s in (1, -1):
        within, past = (weight[(length == x) & (side == s)].mean() for x in (0.05, 0.4))
        assert within > 0.4
        assert past < 0.1
    np.testing.assert_array_equal(found.empty_clusters, [False, False, True])
    assert found.loss.shape == (400, 3)
    # Nothing is told apart at first.
    np.testing.assert_allclose(found.loss[0], 2 * np.log(2), rtol=0.2)
    assert np.all(np.isfinite(found.loss))
