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
