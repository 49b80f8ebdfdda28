"""Silhouettes on real data beside scikit-learn, what does not count, and the number of clusters found."""

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.metrics import silhouette_samples

from jaxinv.kernels.numerics.silhouette import choose_num_clusters, silhouette
from tests.duties import FLOAT, X64, assert_finite
from tests.numerics.test_kmeans import iris

EXACT = 1e-10 if X64 else 1e-5


def test_widths_as_scikit_learn():
    """Of more points than are taken at once."""
    points, species = iris(), np.repeat(np.arange(3), 50)
    found = silhouette(jnp.asarray(points, FLOAT), jnp.asarray(species), num_clusters=3)
    np.testing.assert_allclose(found.width, np.asarray(silhouette_samples(points, species)), atol=EXACT)
    # With an empty cluster, points of no cluster far away, and other numbers for the same clusters.
    more = np.concatenate([points, points[:9] + 100])
    numbers = np.concatenate([np.array([4, 0, 2])[species], np.full(9, -1)])
    others = silhouette(jnp.asarray(more, FLOAT), jnp.asarray(numbers), num_clusters=5)
    np.testing.assert_allclose(others.score, found.score, atol=EXACT)
    np.testing.assert_array_equal(others.width[150:], 0.0)


def test_no_second_cluster_and_points_that_coincide():
    for points, assignment in ((jnp.eye(4, dtype=FLOAT), [1, 1, 1, 1]), (jnp.ones((4, 2), FLOAT), [0, 0, 1, 1])):
        assignment = jnp.asarray(assignment)
        found = silhouette(points, assignment, num_clusters=2)
        np.testing.assert_array_equal(found.width, 0.0)
        assert_finite(jax.grad(lambda x, a=assignment: silhouette(x, a, num_clusters=2).score)(points))


def test_the_number_of_clusters_is_found():
    generator = np.random.default_rng(0)
    for number in (2, 4):
        centres = 10 * np.eye(number)[np.repeat(np.arange(number), 8)]
        points = jnp.asarray(centres + generator.normal(size=centres.shape), FLOAT)
        found = choose_num_clusters(jax.random.key(0), points, (2, 3, 4, 5))
        assert int(found.num_clusters) == number
        assert len(np.unique(np.asarray(found.assignment).reshape(number, 8), axis=1).T) == 1
        assert int(jnp.argmax(found.scores)) == number - 2


def test_the_derivative_keeps_no_array_of_differences():
    points, assignment = jax.ShapeDtypeStruct((600, 40), FLOAT), jnp.arange(600) % 3
    slope = jax.jit(jax.grad(lambda x: silhouette(x, assignment, num_clusters=3).score))
    held = slope.lower(points).compile().memory_analysis()
    assert held is not None
    assert held.temp_size_in_bytes < 600 * 600 * 40 * FLOAT.itemsize / 4
