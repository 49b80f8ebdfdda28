import jax.numpy as jnp
import numpy as np
import pytest

from jaxinv.training import linear_probe
from jaxinv.training.probe import RIDGE, _fit

pytestmark = pytest.mark.usefixtures("full_precision")


def problem(*, num=120, dim=6, classes=3, seed=0, noise=1.0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, num)
    centres = rng.normal(size=(classes, dim))
    features = centres[labels] + noise * rng.normal(size=(num, dim))
    return jnp.asarray(features), labels


def test_fit_equals_scikit_learn():
    linear_model = pytest.importorskip("sklearn.linear_model")
    features, labels = problem()
    features = features - features.mean(0, keepdims=True)
    weights, intercept = _fit(features, labels, 3)
    peer = linear_model.LogisticRegression(C=1 / (RIDGE * len(labels)), tol=1e-10, max_iter=10000)
    peer.fit(np.asarray(features, np.float64), labels)
    tolerance = 1e-6 if features.dtype == jnp.float64 else 2e-4
    np.testing.assert_allclose(weights - weights.mean(1, keepdims=True), peer.coef_.T, atol=tolerance)
    np.testing.assert_allclose(intercept - intercept.mean(), peer.intercept_, atol=tolerance)


def test_fit_of_separable_classes_is_at_the_optimum():
    features, labels = problem(noise=0.1, dim=40, num=60)
    features = features - features.mean(0, keepdims=True)
    weights, intercept = _fit(features, labels, 3)
    logits = features @ weights + intercept[None]
    probabilities = jnp.exp(logits) / jnp.sum(jnp.exp(logits), axis=1, keepdims=True)
    error = (probabilities - jnp.eye(3)[labels]) / len(labels)
    assert float(jnp.max(jnp.abs(features.T @ error + RIDGE * weights))) < 1e-5
    assert float(jnp.max(jnp.abs(error.sum(0)))) < 1e-5


def test_probe_ignores_scale_shift_and_constant_features():
    features, labels = problem(num=300)
    scale = jnp.array([1e-3, 1.0, 1e3, 2.0, 5.0, 1.0])[None]
    moved = features * scale + 7.0 * scale
    constant = jnp.concatenate([features, jnp.full((300, 1), 0.3)], axis=1)
    plain, shifted = linear_probe(
        jnp.stack([features[:200], moved[:200]]),
        labels[:200],
        jnp.stack([features[200:], moved[200:]]),
        labels[200:],
        num_classes=3,
    )
    (padded,) = linear_probe(constant[None, :200], labels[:200], constant[None, 200:], labels[200:], num_classes=3)
    assert float(plain) == pytest.approx(float(shifted), abs=0.011)
    assert float(plain) == float(padded)


def test_probe_tells_good_features_from_noise():
    features, labels = problem(num=400, noise=0.2)
    noise = jnp.asarray(np.random.default_rng(1).normal(size=features.shape))
    both = jnp.stack([features, noise])
    good, bad = linear_probe(both[:, :200], labels[:200], both[:, 200:], labels[200:], num_classes=3)
    assert float(good) > 0.95
    assert float(bad) < 0.5
