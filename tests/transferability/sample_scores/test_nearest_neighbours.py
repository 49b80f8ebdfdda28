"""k nearest neighbours: scikit-learn's neighbours, the tie rules, and what counts."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.datasets import load_wine
from sklearn.neighbors import NearestNeighbors

from jaxinv.kernels.transferability.sample_scores.nearest_neighbours import knn

FLOAT = jnp.result_type(float)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("k", [1, 4, 15])
def test_equals_scikit_learn_on_wine(metric, k):
    features, labels = map(np.asarray, load_wine(return_X_y=True))
    features = (features - features.mean(0)) / features.std(0)
    neighbours = NearestNeighbors(n_neighbors=k, metric=metric).fit(features).kneighbors(return_distance=False)
    right = np.array([np.bincount(labels[row]).argmax() for row in neighbours]) == labels
    result = knn(features.astype(FLOAT), labels, num_classes=3, k=k, metric=metric)
    np.testing.assert_allclose(result.score, right.mean(), rtol=1e-6)
    np.testing.assert_allclose(result.balanced, np.mean([right[labels == c].mean() for c in range(3)]), rtol=1e-6)


def test_a_tie_of_votes_goes_to_the_smallest_class():
    features, labels = jnp.array([[0.0], [1.0], [2.1]]), jnp.array([1, 2, 1])
    # Sample 0 hears 2 and 1 and takes 1; sample 1 hears 1 twice; sample 2 hears 2 and 1 and takes 1.
    np.testing.assert_allclose(knn(features, labels, num_classes=3, k=2).score, 2 / 3, rtol=1e-6)


def test_a_tie_of_distances_goes_to_the_first_sample():
    features, labels = jnp.array([[1.0], [0.0], [2.0]]), jnp.array([0, 0, 1])
    # Sample 0 is as far from 1 (its class) as from 2; sample 2 hears 0.
    np.testing.assert_allclose(knn(features, labels, num_classes=2).score, 2 / 3, rtol=1e-6)
    np.testing.assert_allclose(knn(features[::-1], labels[::-1], num_classes=2).score, 1 / 3, rtol=1e-6)


def test_nobody_votes_for_itself_among_duplicates():
    assert knn(jnp.ones((2, 3)), jnp.array([0, 1]), num_classes=2).score == 0


def test_with_few_others_all_of_them_vote():
    features, labels = jnp.array([[0.0], [1.0], [5.0]]), jnp.array([1, 1, 1])
    assert knn(features, labels, num_classes=2, k=9).score == 1
    assert knn(features[:1], labels[:1], num_classes=2, k=9).score == 0


def test_mask_and_foreign_labels_leave_samples_out():
    generator = np.random.default_rng(0)
    features, labels = generator.normal(size=(40, 3)).astype(FLOAT), generator.integers(0, 3, 40)
    kept = np.arange(40) % 3 != 0
    part = knn(features[kept], labels[kept], num_classes=4, k=3)
    masked = knn(features, labels, num_classes=4, k=3, mask=kept)
    foreign = knn(features, np.where(kept, labels, 4), num_classes=4, k=3)
    assert part == masked == foreign
    assert (part.num_samples, part.dropped_classes) == (kept.sum(), 1)


def test_the_zero_vector_is_at_right_angles_to_everything():
    features = jnp.array([[0.0, 0.0], [1.0, 0.2], [-1.0, 0.0], [-1.0, 0.1]])
    # Sample 1 is at an obtuse angle to 2 and 3, so that the zero vector is its nearest.
    result = knn(features, jnp.array([0, 0, 1, 1]), num_classes=2, metric="cosine")
    assert result.score == 1


def test_the_gradient_is_zero():
    features, labels = jax.random.normal(jax.random.key(0), (9, 2)), jnp.arange(9) % 2
    slope = jax.grad(lambda f: knn(f, labels, num_classes=2, k=3).score)(features)
    np.testing.assert_array_equal(slope, 0)


def test_a_pool_shares_the_labels():
    pool = jax.random.normal(jax.random.key(0), (3, 30, 4))
    labels = jnp.arange(30) % 3
    scores = jax.vmap(lambda f: knn(f, labels, num_classes=3, k=2).score)(pool)
    np.testing.assert_allclose(scores, [knn(f, labels, num_classes=3, k=2).score for f in pool], rtol=1e-6)
