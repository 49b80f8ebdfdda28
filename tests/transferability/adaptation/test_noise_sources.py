"""Noise as a source: the published norms, and which kinds have class structure."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxinv.kernels import transferability as kernels

# Of 6 classes in 300 dimensions, means over classes, as published.
ALPHAS = (0.2, 0.4, 0.6, 0.8, 1.0)
MEAN_NORMS = np.array([12.62, 24.44, 36.16, 46.74, 60.43])
COVARIANCE_NORMS = (105.3, 525.1)


def test_norms_of_the_published_generator():
    """The distribution's own norms, over many draws, within 5 % of one published draw; 1 % without the mean's draw."""

    @jax.jit
    def mean_norm(key, alpha):
        mean = kernels.scaled_gaussians(key, alpha, num_classes=6, dim=300).mean
        return jnp.mean(jnp.linalg.norm(mean, axis=1))

    keys = jax.random.split(jax.random.key(0), 64)
    found = [np.mean([mean_norm(key, alpha) for key in keys]) for alpha in ALPHAS]
    np.testing.assert_allclose(found, MEAN_NORMS, rtol=0.05)
    np.testing.assert_allclose(found, 3.5 * np.array(ALPHAS) * np.sqrt(299.5), rtol=0.01)
    roots = [
        np.asarray(kernels.scaled_gaussians(keys[0], a, num_classes=6, dim=300).root) for a in (ALPHAS[0], ALPHAS[-1])
    ]
    norms = [np.linalg.norm(root @ root.swapaxes(1, 2), axis=(1, 2)).mean() for root in roots]
    np.testing.assert_allclose(norms, COVARIANCE_NORMS, rtol=0.01)


def test_covariances_are_positive_parts():
    """Half of the eigenvalues of a random symmetric matrix are positive, and they grow with the class."""
    root = np.asarray(kernels.scaled_gaussians(jax.random.key(1), 0.5, num_classes=3, dim=40).root, np.float64)
    values = np.linalg.eigvalsh(root @ root.swapaxes(1, 2))
    assert values.min() > -1e-4
    assert np.all(np.abs(np.sum(values > 1e-3, axis=1) - 20) <= 4)
    np.testing.assert_allclose(values.sum(1) / values.sum(1)[0], [1, 2, 3], rtol=0.2)
    # Of alpha 0: zeros, with a finite derivative.
    slope = jax.jacfwd(lambda a: kernels.scaled_gaussians(jax.random.key(1), a, num_classes=3, dim=4).root)(0.0)
    np.testing.assert_array_equal(slope, 0.0)


@pytest.mark.parametrize(
    ("kind", "separable", "deviation"),
    [
        ("gaussian", True, np.sqrt(2)),
        ("scaled", True, None),
        ("uniform", False, 20 / np.sqrt(12)),
        ("laplace", False, np.sqrt(2)),
    ],
)
def test_kinds(kind, separable, deviation):
    """Nearest means of half of the samples tell the classes of the other half apart, or know nothing of them."""
    found = kernels.make_noise_source(jax.random.key(2), kind, num_classes=5, samples_per_class=40, dim=60)
    features = np.asarray(found.features).reshape(5, 40, 60)
    np.testing.assert_array_equal(found.labels, np.repeat(np.arange(5), 40))
    if deviation is not None:
        # Of 12000 numbers, but of 300 means in the kind "gaussian".
        np.testing.assert_allclose(features.std(), deviation, rtol=0.1)
    means = features[:, :20].mean(1)
    nearest = np.linalg.norm(features[:, 20:, None] - means, axis=-1).argmin(-1)
    share = np.mean(nearest == np.arange(5)[:, None])
    assert share > 0.95 if separable else abs(share - 0.2) < 0.15
