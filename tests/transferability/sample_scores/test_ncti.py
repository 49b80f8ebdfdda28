"""NCTI: scikit-learn's LDA on real features, collapsed classes, and the pool."""

import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.datasets import load_digits

from jaxinv.kernels.transferability.sample_scores.ncti import ncti, ncti_pool
from jaxinv.kernels.transferability.statistics.class_factors import class_factors
from tests.duties import FLOAT, X64
from tests.transferability import published_references as references


def test_digits_as_scikit_learn_has_them():
    """Their 40 first components: those below 1e-5 of the largest variance are left out here."""
    features, labels = load_digits(return_X_y=True)
    features = references.components(features / 16, 40)
    found = ncti(features.astype(FLOAT), labels, num_classes=10)
    terms = [found.score, found.feature_nuclear_norm, found.log_class_nuclear_norm]
    np.testing.assert_allclose(terms, references.ncti(features, labels), rtol=1e-9 if X64 else 1e-4)
    assert found.kept_dim == 40


@pytest.mark.parametrize("num_classes", [1, 3, 70])
def test_factors_have_the_singular_values_of_the_classes(num_classes):
    """Also of classes with fewer rows than columns, and of many blocks; small ones to the precision of the large."""
    generator = np.random.default_rng(0)
    rows = generator.normal(size=(300, 4)) * [1e3, 1.0, 1.0, 1e-2]
    labels = generator.integers(-1, num_classes + 1, 300)
    found = class_factors(jnp.asarray(rows, FLOAT), jnp.asarray(labels), num_classes)
    for c in range(num_classes):
        wanted = np.zeros(4)
        exact = np.linalg.svd(rows[labels == c], compute_uv=False)
        wanted[: len(exact)] = exact
        np.testing.assert_allclose(
            np.linalg.svd(np.asarray(found[c], np.float64), compute_uv=False), wanted, atol=1e-9 if X64 else 1e-3
        )


def test_collapsed_classes():
    """Samples at their class means: certain, and the probabilities of a class are one row."""
    means = np.random.default_rng(0).normal(size=(4, 6))
    labels = np.arange(40).astype(np.int32) % 4
    found = ncti(
        (means[labels] + 1e-3 * np.random.default_rng(1).normal(size=(40, 6))).astype(FLOAT), labels, num_classes=5
    )
    np.testing.assert_allclose(found.score, 1.0, rtol=1e-5)
    np.testing.assert_allclose(found.log_class_nuclear_norm, np.log(4 * np.sqrt(10)), rtol=1e-5)
    assert found.dropped_classes == 1


def test_the_pool_adds_two_terms_and_takes_one_off():
    terms = [jnp.array([0.1, 0.3, 0.2]), jnp.array([5.0, 5.0, 9.0]), jnp.array([1.0, 3.0, 1.0])]
    np.testing.assert_allclose(ncti_pool(*terms), [0.0, 0.0, 1.5], atol=1e-5)
