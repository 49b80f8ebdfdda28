"""Three architectures that contain each other, and training that turns with its input."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.stats

from jaxinv.kernels.simulators import dynamic_signal
from jaxinv.models.one_hidden_layer import (
    ARCHITECTURES,
    OneHiddenLayer,
    init_one_hidden_layer,
    one_hidden_layer_score,
)
from jaxinv.training.full_batch import train_full_batch
from tests.duties import FLOAT
from tests.symmetry import assert_equivariant, assert_not_equivariant

pytestmark = pytest.mark.usefixtures("full_precision")
K, D, NUM = 3, 4, 24
SAMPLES = dynamic_signal(jax.random.key(1), jnp.full(D, 0.5, FLOAT), num_samples=NUM, num_patches=K, noise=0.3)
THRESHOLD = jnp.asarray(0.1, FLOAT)
SHARED = jnp.asarray([0.3, -0.4, 0.5, 0.2], FLOAT)


def score(weights, patches=SAMPLES.patches):
    return one_hidden_layer_score(OneHiddenLayer(weights, THRESHOLD), patches)


def test_each_architecture_contains_the_one_before():
    """And the units are what the table says, against a loop over units."""
    tied = jnp.broadcast_to(SHARED, (K, D))
    np.testing.assert_allclose(score(tied), score(SHARED), rtol=1e-5, atol=1e-6)
    local = jnp.asarray(np.random.default_rng(0).normal(size=(K, D)), FLOAT)
    block_diagonal = jnp.eye(K, dtype=FLOAT)[..., None] * local[None]
    np.testing.assert_allclose(score(block_diagonal), score(local), rtol=1e-5, atol=1e-6)
    whole = np.random.default_rng(0).normal(size=(K, K, D))
    wanted = np.zeros(NUM)
    for unit in whole:
        z = np.sum(unit * np.asarray(SAMPLES.patches), axis=(1, 2))
        wanted += np.sign(z) * np.maximum(np.abs(z) - 0.1, 0)
    np.testing.assert_allclose(score(jnp.asarray(whole, FLOAT)), wanted, rtol=1e-4, atol=1e-6)


def test_scores_are_odd_and_shared_weights_see_no_order():
    patches = SAMPLES.patches
    for name in ARCHITECTURES:
        weights = 50 * init_one_hidden_layer(jax.random.key(0), name, num_patches=K, patch_size=D).weights
        np.testing.assert_allclose(score(weights, -patches), -score(weights), rtol=1e-5, atol=1e-6)
        shuffled = np.asarray(score(weights, patches[:, jnp.array([2, 0, 1])]))
        assert np.allclose(shuffled, score(weights), rtol=1e-5, atol=1e-6) == (name == "CNN")


def test_the_risk_of_a_silent_network_is_1():
    np.testing.assert_allclose(jnp.mean((score(0 * SHARED) - SAMPLES.labels) ** 2), 1.0)


def test_unknown_architecture():
    with pytest.raises(ValueError, match="architecture must be one of 'CNN', 'LCN', 'FCN', got 'RNN'"):
        init_one_hidden_layer(jax.random.key(0), "RNN", num_patches=K, patch_size=D)


# --- Training commutes with the orthogonal maps that an architecture cannot tell apart.


def sample_turn(architecture, key):
    """An orthogonal matrix on all `k d` numbers: any for the FCN; a shuffle of patches and one a patch for the LCN, one
    for all patches for the CNN.
    """
    generator = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    if architecture == "FCN":
        return jnp.asarray(scipy.stats.ortho_group.rvs(K * D, random_state=generator), FLOAT)
    turns = scipy.stats.ortho_group.rvs(D, size=K, random_state=generator)
    turns = np.broadcast_to(turns[:1], turns.shape) if architecture == "CNN" else turns
    shuffle = np.eye(K)[generator.permutation(K)]
    # Block (i, j) takes patch j to patch i.
    return jnp.asarray(np.einsum("ij,jab->iajb", shuffle, turns).reshape(K * D, K * D), FLOAT)


def turned(turn, vectors):
    """The last two axes `(k, d)` as one vector, moved."""
    flat = vectors.reshape(*vectors.shape[:-2], K * D)
    return (flat @ turn.T).reshape(vectors.shape)


def turn_weights(architecture, turn, weights):
    if architecture != "CNN":
        return turned(turn, weights)
    # The one turn that all blocks share.
    return jnp.sum(turn.reshape(K, D, K, D), axis=(0, 2)) / K @ weights


@functools.cache
def training(optimiser):
    """From patches and first weights to trained weights."""

    @jax.jit
    def train(inputs):
        patches, weights = inputs

        def loss(params):
            return jnp.mean((one_hidden_layer_score(params, patches) - SAMPLES.labels) ** 2)

        start = OneHiddenLayer(weights, jnp.zeros((), FLOAT))
        rule = {"gradient descent": optax.sgd(0.2), "Adam": optax.adam(0.05)}[optimiser]
        return train_full_batch(loss, start, rule, num_steps=10).weights

    return train


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_gradient_descent_turns_with_its_input_and_adam_does_not(architecture):
    weights = init_one_hidden_layer(jax.random.key(5), architecture, num_patches=K, patch_size=D).weights
    point = (SAMPLES.patches, weights.astype(FLOAT))
    act = functools.partial(turn_weights, architecture)
    moving = {
        "sample": functools.partial(sample_turn, architecture),
        "act_in": lambda turn, inputs: (turned(turn, inputs[0]), act(turn, inputs[1])),
        "act_out": act,
    }
    assert_equivariant(training("gradient descent"), point, exactness="exact", num_elements=3, **moving)
    assert_not_equivariant(training("Adam"), point, delta=0.1, num_elements=3, **moving)
    moved = training("gradient descent")(point) - weights
    assert float(jnp.linalg.norm(moved)) > 0.1
