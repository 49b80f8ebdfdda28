"""SFDA and ETran: the eigenproblems of their public codes, figures on digits, symmetry, wide features."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.datasets import load_digits

from jaxinv.kernels.transferability.sample_scores.etran import energy, etran, etran_pool
from jaxinv.kernels.transferability.sample_scores.sfda import sfda
from tests.duties import FLOAT, X64
from tests.symmetry import assert_equivariant, assert_not_equivariant
from tests.transferability import published_references as references
from tests.transferability.published_cases import small_features
from tests.transferability.sample_cases import DIM, NUM_CLASSES

TOLERANCE = 1e-9 if X64 else 1e-4


def digits():
    features, labels = load_digits(return_X_y=True)
    return features / 16, labels.astype(np.int32)


def test_figures_of_digits():
    """The largest eigenvalue, true and as the public code finds it, and the first stage, which is LDA."""
    features, labels = digits()
    true, official = (sfda(features.astype(FLOAT), labels, num_classes=10, compat=c) for c in (None, "official"))
    np.testing.assert_allclose([true.largest_eigenvalue, official.largest_eigenvalue], [0.3486, 0.3215], atol=5e-5)
    np.testing.assert_allclose(official.first_stage, 0.9588, atol=5e-5)
    wanted = references.sfda(features, labels, largest=references.largest_by_power_iteration)
    np.testing.assert_allclose(official.score, wanted, rtol=TOLERANCE)


def test_etran_as_coded_is_the_nearest_mean():
    features, labels = digits()
    found = etran(features.astype(FLOAT), labels, num_classes=10, compat="official").score
    np.testing.assert_allclose(found, references.etran_by_nearest_mean(features, labels), rtol=TOLERANCE)
    np.testing.assert_allclose(found, 0.4327, atol=5e-5)


def test_the_first_stage_of_sfda_is_etran():
    features, labels = small_features(np.random.default_rng(0))
    features = features.astype(FLOAT)
    one, other = sfda(features, labels, num_classes=NUM_CLASSES), etran(features, labels, num_classes=NUM_CLASSES)
    np.testing.assert_allclose(one.first_stage, other.score, rtol=TOLERANCE)
    assert 0.01 < float(one.shrinkage) < 0.9


def test_more_columns_than_samples():
    generator = np.random.default_rng(1)
    labels = np.arange(24).astype(np.int32) % 3
    features = 0.2 * generator.normal(size=(24, 40)) + 0.1 * generator.normal(size=(3, 40))[labels]
    found = sfda(features.astype(FLOAT), labels, num_classes=3)
    np.testing.assert_allclose(found.score, references.sfda(features, labels), rtol=TOLERANCE)
    # Without shrinkage the classes come apart altogether.
    assert sfda((50 * features).astype(FLOAT), labels, num_classes=3).score > 0.99


def test_a_single_class_is_certain():
    found = sfda(jnp.asarray(np.random.default_rng(0).normal(size=(9, 4)), FLOAT), jnp.ones(9, int), num_classes=3)
    np.testing.assert_allclose([found.score, found.first_stage], 1.0, rtol=1e-6)
    assert found.dropped_classes == 2


@pytest.mark.parametrize("score", [sfda, etran])
def test_rotations_and_translations(score):
    features, labels = small_features(np.random.default_rng(0))
    features = jnp.asarray(features, FLOAT)

    def value(features, **options):
        return score(features, labels, num_classes=NUM_CLASSES, **options).score

    turn = lambda matrix, x: jnp.matmul(x, matrix, precision="highest") + 1.5  # noqa: E731
    sample = lambda key: jax.random.orthogonal(key, DIM, dtype=FLOAT)  # noqa: E731
    assert_equivariant(value, features, sample, act_in=turn, exactness="exact")
    assert_not_equivariant(value, features, lambda key: 2.0, act_in=lambda s, x: s * x, delta=1e-2)
    if score is sfda:
        # Power iteration from row sums knows the basis.
        official = functools.partial(value, compat="official")
        assert_not_equivariant(official, features, sample, act_in=turn, delta=1e-4)


@pytest.mark.parametrize(
    ("tail", "share", "wanted"), [("bottom", 0.0, [0]), ("bottom", 0.5, [0, 1]), ("top", 0.6, [2, 3])]
)
def test_tails_of_the_energy(tail, share, wanted):
    levels = np.array([3.0, 1.0, 9.0, 4.0, 2.0])
    found = energy(jnp.asarray(levels[:, None], FLOAT), share=share, tail=tail, mask=jnp.arange(5) != 2)
    np.testing.assert_allclose(found.score, np.sort(levels)[:4][wanted].mean(), rtol=1e-6)
    assert found.num_samples == len(wanted)


def test_five_in_a_thousand():
    assert energy(jnp.zeros((1000, 2))).num_samples == 5
    assert energy(jnp.zeros((999, 2))).num_samples == 4
    assert energy(jnp.zeros((3, 2)), mask=jnp.zeros(3, bool)) == (0, 0)


def test_a_term_that_all_models_share_counts_nothing():
    np.testing.assert_allclose(etran_pool(jnp.full(3, 7.0), jnp.array([0.1, 0.3, 0.2])), [0, 0.85, 0.425], rtol=1e-5)
