"""Gaussian mixtures and N-LEEP: scikit-learn from the same start, clusters that tell all or nothing, few samples."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from jaxinv.kernels.transferability.sample_scores.gaussian_mixture import gaussian_mixture
from jaxinv.kernels.transferability.sample_scores.n_leep import n_leep
from tests.duties import FLOAT, X64, assert_finite
from tests.transferability.published_cases import key


def clusters(num=4, each=30, dim=3, seed=0):
    """Well separated clusters, far from the origin."""
    generator = np.random.default_rng(seed)
    means = 5 * generator.permutation(np.eye(num, dim) + np.arange(num)[:, None]) + 40
    labels = np.repeat(np.arange(num), each).astype(np.int32)
    return (means[labels] + 0.7 * generator.normal(size=(len(labels), dim))).astype(FLOAT), labels


def test_equals_scikit_learn_from_the_same_responsibilities():
    points, labels = clusters()
    # Half the truth: where all components start alike, what tells them apart at first is rounding in float32.
    shares = (np.eye(5)[labels] + np.random.default_rng(1).dirichlet(np.ones(5), len(points))) / 2
    count = shares.sum(0)
    means = shares.T @ points / count[:, None]
    variances = np.stack([s @ (points - m) ** 2 / s.sum() for s, m in zip(shares.T, means, strict=True)]) + 1e-3
    peer = GaussianMixture(
        5,
        covariance_type="diag",
        max_iter=8,
        tol=0.0,
        reg_covar=1e-3,
        weights_init=count / len(points),
        means_init=means,
        precisions_init=1 / variances,
    )
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        peer.fit(points.astype(np.float64))
    found = gaussian_mixture(points, jnp.asarray(shares, FLOAT), num_rounds=8, ridge=1e-3)
    tolerance = 1e-9 if X64 else 1e-4
    wanted = (peer.predict_proba(points), peer.weights_, peer.means_, peer.covariances_)
    for actual, expected in zip(found, map(np.asarray, wanted), strict=False):
        np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)


def test_the_likelihood_rises():
    points, _ = clusters()
    start = jnp.asarray(np.random.default_rng(1).dirichlet(np.ones(6), len(points)), FLOAT)
    found = [float(gaussian_mixture(points, start, num_rounds=n).log_likelihood) for n in (1, 2, 4, 8)]
    assert (np.diff(found) > -1e-5).all()
    assert found[-1] > found[0] + 1e-3


def test_clusters_that_are_the_classes_and_clusters_that_say_nothing():
    points, labels = clusters()
    found = n_leep(key(), points, labels, num_classes=4)
    assert found.score > -1e-3
    assert found.deviation < 1e-3
    assert found.kept_variance >= 0.8
    balanced = np.tile(np.arange(4), 30).astype(np.int32)
    nothing = n_leep(key(), points, balanced, num_classes=4, num_components=1)
    np.testing.assert_allclose(nothing.score, -np.log(4), rtol=1e-5)


def test_restarts_are_averaged():
    points, labels = clusters(num=6)
    scores = [
        n_leep(k, points, labels, num_classes=6, num_components=5, num_restarts=1).score
        for k in jax.random.split(key(), 4)
    ]
    found = n_leep(key(), points, labels, num_classes=6, num_components=5)
    # One restart splits the key once more, so the same four starts are not drawn; they agree as far as chance allows.
    assert found.deviation > 0
    assert abs(float(found.score) - np.mean(scores)) < 3 * float(found.deviation)


def test_more_components_than_distinct_samples():
    points = jnp.asarray(np.repeat(np.eye(3), 4, axis=0), FLOAT)
    labels = jnp.repeat(jnp.array([0, 1, 1]), 4)
    found = n_leep(key(), points, labels, num_classes=2, num_components=7, num_restarts=2)
    assert_finite(found)
    np.testing.assert_allclose(found.score, 0.0, atol=1e-5)


@pytest.mark.parametrize("shape", [(6, 20), (6, 2), (1, 3), (2, 3)])
def test_few_samples(shape):
    points = jnp.asarray(np.random.default_rng(0).normal(size=shape), FLOAT)
    found = n_leep(key(), points, jnp.arange(shape[0]) % 2, num_classes=2, num_restarts=2)
    assert_finite(found)
    assert found.score <= 0


def test_a_limit_on_the_components():
    points, labels = clusters(dim=6)
    found = n_leep(key(), points, labels, num_classes=4, max_dim=1, num_restarts=2)
    assert found.kept_dim == 1
    assert found.kept_variance < 1
