"""What every score of the registry must stand: batches, masks, permutations, float32 on real features."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.datasets import load_digits

from jaxinv.kernels import transferability as kernels
from jaxinv.ranking.registry import SCORES, Inputs
from tests.duties import FLOAT, X64

NUM_CLASSES, NUM_SOURCES, DIM = 5, 7, 16
NUM_SAMPLES, PADDING = 200, 8
CLOSE = 1e-9 if X64 else 1e-4
# Starts from samples drawn by their number: another order is another draw.
DRAWS_SAMPLES = ("n_leep",)


def inputs_of(features, probabilities, labels, weight):
    statistics = kernels.class_statistics(features, labels, NUM_CLASSES, sample_weight=weight, per_class_gram=True)
    return Inputs(statistics, kernels.scatter_spectrum(statistics), features, probabilities, labels)


def one_score(name, *arguments):
    return SCORES[name].compute(inputs_of(*arguments)).score


@functools.partial(jax.jit, static_argnames="name")
def one(features, probabilities, labels, weight, *, name):
    """Score `()` of one model on one label set."""
    return one_score(name, features, probabilities, labels, weight)


@functools.partial(jax.jit, static_argnames="name")
def pool(features, probabilities, labels, weight, *, name):
    """Scores `(L, M)` of all models on all label sets, vmapped over both."""
    models = jax.vmap(functools.partial(one_score, name), (0, 0, None, None))
    return jax.vmap(models, (None, None, 0, None))(features, probabilities, labels, weight)


def real_models(dtype):
    """Random ReLU features and source probabilities of digits, `(2, N, D)` and `(2, N, S)`, and the digits."""
    pixels, digits = load_digits(return_X_y=True)
    rows = np.flatnonzero(digits < NUM_CLASSES)[:NUM_SAMPLES]
    generator = np.random.default_rng(0)
    hidden = pixels[rows] / 16 @ generator.normal(size=(2, 64, DIM)) / 4
    features = np.maximum(hidden + generator.normal(size=(2, 1, DIM)), 0) + 0.1 * hidden
    logits = 3 * np.tanh(features) @ generator.normal(size=(2, DIM, NUM_SOURCES))
    return jnp.asarray(features, dtype), jax.nn.softmax(jnp.asarray(logits, dtype)), digits[rows]


@functools.cache
def padded():
    """Two models, two label sets (the digits; their halves, which leave two classes empty), and rows that are none."""
    features, probabilities, digits = real_models(FLOAT)
    pad = lambda array, value: jnp.pad(array, ((0, 0), (0, PADDING), (0, 0)), constant_values=value)  # noqa: E731
    labels = np.pad(np.stack([digits, digits // 2]), ((0, 0), (0, PADDING)), constant_values=-1)
    weight = jnp.asarray(np.arange(NUM_SAMPLES + PADDING) < NUM_SAMPLES, FLOAT)
    return pad(features, 50.0), pad(probabilities, 1 / NUM_SOURCES), jnp.asarray(labels, jnp.int32), weight


every_score = pytest.mark.parametrize("name", SCORES)


@every_score
@pytest.mark.proves("masks", "transferability.{name}")
def test_batches_and_padding_change_nothing(name):
    """Under jit and vmap over models and label sets, with rows that do not count: as each alone without them."""
    features, probabilities, labels, weight = padded()
    scores = pool(features, probabilities, labels, weight, name=name)
    assert scores.shape == (2, 2)
    real = slice(NUM_SAMPLES)
    for model, task in ((0, 1), (1, 0)):
        alone = one(features[model, real], probabilities[model, real], labels[task, real], weight[real], name=name)
        np.testing.assert_allclose(scores[task, model], alone, rtol=CLOSE)
    assert len(np.unique(scores)) > 1


@every_score
def test_permutations_change_nothing(name):
    """Of samples, of class ids, and of models, which come out as they went in."""
    features, probabilities, labels, weight = padded()
    scores = pool(features, probabilities, labels, weight, name=name)
    generator = np.random.default_rng(3)
    if name not in DRAWS_SAMPLES:
        order = generator.permutation(len(weight))
        permuted = pool(features[:, order], probabilities[:, order], labels[:, order], weight[order], name=name)
        np.testing.assert_allclose(permuted, scores, rtol=CLOSE)
    rename = np.append(generator.permutation(NUM_CLASSES), -1)
    renamed = pool(features, probabilities, jnp.asarray(rename[labels], jnp.int32), weight, name=name)
    np.testing.assert_allclose(renamed, scores, rtol=CLOSE)
    swapped = pool(features[::-1], probabilities[::-1], labels, weight, name=name)
    np.testing.assert_allclose(swapped, scores[:, ::-1], rtol=CLOSE)


@pytest.mark.skipif(not X64, reason="the float64 side of the comparison needs x64")
@every_score
def test_float32_on_real_features(name):
    def score(dtype):
        features, probabilities, digits = real_models(dtype)
        labels, weight = jnp.asarray(digits, jnp.int32), jnp.ones(NUM_SAMPLES, dtype)
        return float(one(features[0], probabilities[0], labels, weight, name=name))

    np.testing.assert_allclose(score(jnp.float32), score(jnp.float64), rtol=1e-4)
