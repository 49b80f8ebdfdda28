"""A policy imitates what has weight, and takes states as they come."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.training.adversarial_imitation import imitate
from tests.training.test_transferable_demonstrations import STEPS, rollout


def test_only_what_has_weight_is_imitated():
    """Of steps of 0.05 one way and of 0.03 the other, one policy each, side by side."""
    generator = np.random.default_rng(0)
    length = np.repeat([0.05, -0.03], 20)
    steps = length[:, None] * (1 + 0.1 * generator.normal(size=(40, STEPS)))
    states = jnp.asarray(np.concatenate([np.zeros((40, 1)), np.cumsum(steps, axis=1)], axis=1)[..., None], jnp.float32)
    weight = jnp.broadcast_to(jnp.asarray([length > 0, length < 0], jnp.float32)[:, :, None], (2, 40, STEPS))

    def made(weight):
        found = imitate(jax.random.key(0), states, weight, rollout=rollout, num_actions=1, num_steps=400)
        return rollout(jax.random.key(1), found.policy), found.loss

    states_made, loss = jax.jit(jax.vmap(made))(weight)
    np.testing.assert_allclose(jnp.mean(states_made[:, :, -1, 0], axis=1) / STEPS, [0.05, -0.03], atol=0.01)
    assert loss.shape == (2, 400)
    assert np.all(np.isfinite(loss))
