"""K-means on real data beside scikit-learn, its fixed point, weights, ties and clusters without points."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxinv.kernels.numerics.kmeans import kmeans
from tests.duties import FLOAT, X64, assert_finite

KEY = jax.random.key(1)


def iris():
    from sklearn.datasets import load_iris

    return load_iris(return_X_y=True)[0]


def test_iris_as_scikit_learn():
    from sklearn.cluster import KMeans

    points = iris()
    starts: Any = 20
    theirs = KMeans(3, n_init=starts, random_state=0).fit(points)
    found = kmeans(KEY, jnp.asarray(points, FLOAT), 3)
    assert float(found.inertia) == pytest.approx(theirs.inertia_, rel=1e-5)
    assert sorted(np.asarray(found.cluster_weight)) == sorted(np.unique(theirs.predict(points), return_counts=True)[1])


def test_a_fixed_point():
    """Centroids are the means of their points, and every point is at the nearest one."""
    points = iris()
    found = kmeans(KEY, jnp.asarray(points, FLOAT), 5, restarts=2)
    assignment = np.asarray(found.assignment)
    means = np.stack([points[assignment == c].mean(axis=0) for c in range(5)])
    np.testing.assert_allclose(found.centroids, means, atol=1e-10 if X64 else 1e-5)
    apart = np.sum((points[:, None] - means[None]) ** 2, axis=-1)
    np.testing.assert_array_equal(assignment, apart.argmin(axis=1))
    assert float(found.inertia) == pytest.approx(apart.min(axis=1).sum(), rel=1e-5)


def test_more_restarts_are_never_worse_in_the_mean():
    """The best of some is the least; a single start is often stuck."""
    points = jnp.asarray(iris(), FLOAT)
    keys = jax.random.split(KEY, 8)
    once, often = (jax.vmap(lambda key, n=n: kmeans(key, points, 6, restarts=n))(keys).inertia.mean() for n in (1, 8))
    assert float(often) < float(once) * 0.99


def test_weight_is_multiplicity_and_weight_0_is_padding():
    points = iris()[::5]
    weight = np.arange(len(points)) % 3
    repeated = kmeans(KEY, jnp.asarray(np.repeat(points, weight, axis=0), FLOAT), 3)
    weighted = kmeans(KEY, jnp.asarray(points, FLOAT), 3, sample_weight=jnp.asarray(weight, FLOAT))
    assert float(weighted.inertia) == pytest.approx(float(repeated.inertia), rel=1e-5)
    far = points.copy()
    far[weight == 0] += 50.0
    padded = kmeans(KEY, jnp.asarray(far, FLOAT), 3, sample_weight=jnp.asarray(weight, FLOAT))
    np.testing.assert_allclose(padded.centroids, weighted.centroids, atol=1e-10 if X64 else 1e-5)


def test_fewer_distinct_points_than_clusters():
    points = jnp.asarray([[1.0, 2.0]] * 3 + [[3.0, 2.0]] * 2, FLOAT)
    found = kmeans(KEY, points, 4)
    assert_finite(found)
    assert float(found.inertia) == pytest.approx(0, abs=1e-5)
    assert sorted(np.asarray(found.cluster_weight)) == [0, 0, 2, 3]


def test_no_weight_at_all():
    found = kmeans(KEY, jnp.ones((4, 2), FLOAT), 2, sample_weight=jnp.zeros(4, FLOAT))
    assert_finite(found)
    assert float(found.inertia) == 0
