"""Scores of full class covariances of features that rounding leaves no Cholesky factor for."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxinv.kernels import transferability as kernels

FLOAT = jnp.result_type(float)


@pytest.mark.parametrize("scale", [1.0, 1e3])
def test_columns_that_vary_between_classes_only_give_finite_scores(scale):
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 6
    features = rng.normal(size=(60, 48)) * (rng.uniform(size=(6, 48)) > 0.5)[labels]  # fewer samples than columns
    features[:, :12] = 100 * rng.normal(size=(6, 12))[labels]
    statistics = kernels.class_statistics(
        jnp.asarray(scale * features, FLOAT), jnp.asarray(labels), 6, per_class_gram=True
    )
    assert jnp.isfinite(kernels.gbc(statistics, covariance="full").score)
    assert jnp.isfinite(kernels.tmi_gaussian(statistics).score)


def test_a_column_without_variance_in_a_class_has_none():
    """The closed form of the entropy: rounding of 1e4 would be far above the 1e-4 that is added."""
    labels = np.arange(8) % 2
    features = np.stack([1e4 * labels, np.array([1, 1, -1, -1] * 2)], axis=1)
    statistics = kernels.class_statistics(jnp.asarray(features, FLOAT), jnp.asarray(labels), 2, per_class_gram=True)
    wanted = np.log(2 * np.pi * np.e) + 0.5 * (np.log(1e-4) + np.log(1 + 1e-4))
    np.testing.assert_allclose(kernels.tmi_gaussian(statistics).score, wanted, rtol=1e-5)
