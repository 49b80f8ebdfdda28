"""Discriminators in equilibrium and in saturation, weights of clusters, and draws by weight."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy.stats import chisquare

from jaxinv.kernels import transferability as kernels
from jaxinv.training import train_full_batch
from tests.duties import FLOAT, assert_finite


def test_the_best_discriminator_is_the_share_of_the_policy():
    """Trained on ten discrete transitions: pi / (pi + demonstrations), within 2 %."""
    generator = np.random.default_rng(0)
    made, shown = generator.integers(0, 10, 3000), generator.binomial(9, 0.5, 2000)

    def loss(table):
        return kernels.discriminator_loss(table[shown], table[made])

    train = jax.jit(lambda start: train_full_batch(loss, start, optax.adam(0.1), num_steps=300))
    found = jax.nn.sigmoid(train(jnp.zeros(10)))
    policy, demonstrations = (np.bincount(x, minlength=10) / len(x) for x in (made, shown))
    np.testing.assert_allclose(found, policy / (policy + demonstrations), rtol=0.02)
    assert found[0] > 0.95
    assert found[4] < 0.4


@pytest.mark.parametrize("logit", [0.0, 80.0, -80.0, 1e4, -1e4])
def test_saturated_logits(logit):
    """The losses grow as the logits do, and their gradients stay finite."""
    logits = jnp.full(3, logit, FLOAT)
    found = kernels.discriminator_loss(logits, logits)
    np.testing.assert_allclose(found, max(abs(logit), 2 * np.log(2)), rtol=1e-6)
    np.testing.assert_allclose(kernels.policy_loss(logits), np.logaddexp(0, logit), rtol=1e-6)
    assert_finite(jax.grad(lambda x: kernels.discriminator_loss(x, x) + kernels.policy_loss(x))(logits))
    weights = kernels.transferability_weights(logits[None, None], jnp.zeros(1, int)).weight
    assert_finite(kernels.sampling_distribution(weights))
    assert_finite(jax.grad(lambda w: kernels.sampling_distribution(w).probabilities[0])(weights))


def test_padding_of_a_cluster_counts_for_nothing():
    shown, made = jnp.array([0.5, -1.0, 2.0], FLOAT), jnp.array([0.3, 0.1], FLOAT)
    wanted = kernels.discriminator_loss(shown, made)
    padded = jnp.concatenate([shown, jnp.full(2, 50.0, FLOAT)])
    weight = jnp.array([1, 1, 1, 0, 0], FLOAT)
    np.testing.assert_allclose(kernels.discriminator_loss(padded, made, demonstration_weight=weight), wanted, rtol=1e-6)
    assert kernels.discriminator_loss(padded, made) > wanted + 1


def test_each_trajectory_asks_its_own_discriminator():
    logits = jnp.asarray(np.random.default_rng(0).normal(size=(3, 4, 2)), FLOAT)
    cluster = jnp.array([2, 0, 2, 5])
    found = kernels.transferability_weights(logits, cluster)
    np.testing.assert_array_equal(found.empty_clusters, [False, True, False])
    np.testing.assert_array_equal(found.weight[3], 0.0)
    # Another order of clusters, with the trajectories' numbers changed alike.
    rename = np.array([1, 2, 0])
    moved = kernels.transferability_weights(logits[np.argsort(rename)], jnp.asarray([0, 1, 0, 5]))
    np.testing.assert_array_equal(moved.weight, found.weight)
    np.testing.assert_array_equal(moved.empty_clusters[rename], found.empty_clusters)


def test_one_hot_weights_give_the_indicator():
    weight = jnp.zeros((3, 4), FLOAT).at[1, 2].set(0.3).at[2, 0].set(0.3)
    found = kernels.sampling_distribution(weight)
    np.testing.assert_array_equal(found.probabilities, np.where(np.asarray(weight).ravel() > 0, 0.5, 0.0))
    assert not found.uniform
    nothing = kernels.sampling_distribution(0 * weight)
    np.testing.assert_allclose(nothing.probabilities, 1 / 12, rtol=1e-6)
    assert nothing.uniform


def test_draws_follow_the_probabilities():
    weight = jnp.asarray(np.random.default_rng(0).uniform(size=(2, 5)), FLOAT).at[0, 0].set(0.0).at[1, 4].set(0.0)
    probabilities = kernels.sampling_distribution(weight).probabilities
    np.testing.assert_allclose(jnp.sum(probabilities), 1.0, rtol=1e-6)
    drawn = kernels.weighted_sample(jax.random.key(0), probabilities, num_samples=4000)
    counts = np.bincount(drawn, minlength=10)
    assert counts[0] == counts[9] == 0
    expected = 4000 * np.asarray(probabilities, np.float64)[1:9]
    assert chisquare(counts[1:9], expected * (4000 / expected.sum())).pvalue > 1e-3
    # Negative control: they are not uniform.
    assert chisquare(counts[1:9]).pvalue < 1e-6
