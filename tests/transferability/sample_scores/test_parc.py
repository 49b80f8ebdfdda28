"""PARC: scipy's Spearman on real features, ties, signs of components, and memory."""

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from sklearn.datasets import load_digits

from jaxinv.kernels.transferability.sample_scores.parc import _each_pair_once, _spearman_with_two_values, _steps, parc
from tests.duties import FLOAT, X64
from tests.transferability import published_references as references

TOLERANCE = 1e-9 if X64 else 1e-4


def digits(size=300):
    features, labels = load_digits(return_X_y=True)
    return features[:size], labels[:size].astype(np.int32)


def test_digits_as_scipy_has_them():
    features, labels = digits()
    found = parc(features.astype(FLOAT), labels, num_classes=10)
    np.testing.assert_allclose(found.score, references.parc(features, labels), rtol=TOLERANCE)
    # Other signs of the components move it by far more than float32 does.
    assert abs(references.parc(features, labels, signs=np.resize([1, -1], 32)) - float(found.score)) > 0.1


@pytest.mark.parametrize("size", [0, 1, 2, 5, 6])
def test_every_pair_comes_once(size):
    rows, others, once = (np.broadcast_to(part, (size, size // 2)) for part in _each_pair_once(size))
    pairs = {frozenset(pair) for pair in zip(rows[once].tolist(), others[once].tolist(), strict=True)}
    assert len(pairs) == once.sum() == size * (size - 1) // 2


def test_ties_have_their_average_rank():
    generator = np.random.default_rng(0)
    values, high = generator.integers(-1, 4, 50), generator.random(50) < 0.3
    counted = np.arange(50) % 5 > 0
    found = _spearman_with_two_values(jnp.asarray(values), jnp.asarray(high), jnp.asarray(counted), FLOAT)
    wanted = np.asarray(scipy.stats.spearmanr(values[counted], high[counted]))[0]
    np.testing.assert_allclose(found, wanted, rtol=1e-12 if X64 else 1e-5)


def test_dissimilarities_are_whole_steps():
    """No two of them become one, and equal ones stay equal."""
    size = float(jnp.finfo(FLOAT).eps)
    correlation = np.random.default_rng(0).uniform(-1, 1, 1000) * 10.0 ** -np.arange(1000).clip(0, 12)
    ends = np.array([1, 1 - size / 2, 1 + size, 0.5 - size / 8, 0, -1, -1 - size])
    apart = 1 - np.concatenate([correlation, ends]).astype(FLOAT)
    steps = np.asarray(_steps(jnp.asarray(apart)))
    np.testing.assert_array_equal(steps * (size / 2), apart.astype(np.float64))
    assert 4 * steps.max() < np.iinfo(steps.dtype).max


def test_components_without_variance_are_left_out():
    features, labels = digits(40)
    mixing = np.random.default_rng(0).normal(size=(10, 18))
    flat = np.concatenate([features[:, 20:30] @ mixing, np.zeros((40, 3))], axis=1)
    found = parc(flat.astype(FLOAT), labels, num_classes=10)
    np.testing.assert_allclose(found.score, references.parc(flat, labels), rtol=TOLERANCE)
    assert found.kept_dim == np.linalg.matrix_rank(flat - flat.mean(0)) < 10
    # One component: every sample is constant over it.
    line = parc(flat[:, :1].astype(FLOAT), labels, num_classes=10)
    assert (line.score, line.kept_dim) == (0, 1)
    assert parc(flat.astype(FLOAT), np.zeros(40, np.int32), num_classes=10).score == 0
