"""LGC: the identity with LFC, kernels of gradients, and degenerate kernels."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxinv.kernels.transferability.sample_scores.lfc import lfc
from jaxinv.kernels.transferability.sample_scores.lgc import gradient_kernel, lgc
from jaxinv.kernels.transferability.statistics.class_statistics import class_statistics
from tests.duties import FLOAT, X64
from tests.transferability.sample_cases import NUM_CLASSES, labelled_features

EXACT = 1e-10 if X64 else 1e-5


def samples():
    features, labels = labelled_features(np.random.default_rng(0))
    return jnp.asarray(features, FLOAT), jnp.asarray(labels)


def test_of_linear_features_it_is_lfc():
    """Also with weights and with labels out of range."""
    features, labels = samples()
    weight = jnp.asarray(np.random.default_rng(1).integers(0, 3, len(labels)), FLOAT)
    strange = jnp.where(jnp.arange(len(labels)) % 7 == 0, -1, labels)
    kernel = jnp.matmul(features, features.T, precision="highest")
    for options, target in (({}, labels), ({"sample_weight": weight}, strange)):
        wanted = lfc(class_statistics(features, target, NUM_CLASSES, **options))
        found = lgc(kernel, target, num_classes=NUM_CLASSES, **options)
        np.testing.assert_allclose(found.score, wanted.score, rtol=10 * EXACT)
        assert found.dropped_classes == wanted.dropped_classes


@pytest.mark.parametrize("rows", [1, 4, 31, 100])
def test_blocks_of_gradients(rows):
    """Of a linear model the gradient is the sample, whatever the blocks are."""
    features, _ = samples()
    found = gradient_kernel(lambda weights, x: jnp.sum(weights["w"] * x), {"w": features[0]}, features, rows=rows)
    np.testing.assert_allclose(found, jnp.matmul(features, features.T, precision="highest"), rtol=10 * EXACT)


def test_gradients_of_a_network_with_a_head():
    """All parameters, several outputs, samples that are pictures: the Jacobian written out."""
    generator = np.random.default_rng(0)
    inputs = jnp.asarray(generator.normal(size=(5, 2, 3)), FLOAT)
    parameters = [jnp.asarray(generator.normal(size=shape), FLOAT) for shape in ((4, 6), (4,), (3, 4))]

    def network(parameters, picture):
        first, shift, head = parameters
        return head @ jax.nn.gelu(first @ picture.ravel() + shift)

    jacobian = jax.vmap(lambda x: jax.jacfwd(network)(parameters, x))(inputs)
    flat = np.concatenate([np.asarray(part, np.float64).reshape(5, 3, -1) for part in jacobian], axis=2)
    wanted = np.einsum("ikp,jkp->ij", flat, flat)
    found = gradient_kernel(network, parameters, inputs, rows=2)
    np.testing.assert_allclose(found, wanted, rtol=10 * EXACT, atol=10 * EXACT)


def test_scale_and_offset_of_the_kernel():
    features, labels = samples()
    kernel = features @ features.T
    one, other = (lgc(k, labels, num_classes=NUM_CLASSES).score for k in (kernel, 3 * kernel + 20))
    np.testing.assert_allclose(other, one, rtol=10 * EXACT)


def test_constant_kernels_and_single_classes():
    _, labels = samples()
    for kernel, target in ((jnp.full((31, 31), 0.1), labels), (jnp.eye(31), jnp.zeros_like(labels))):
        score = lambda k, target=target: lgc(k, target, num_classes=NUM_CLASSES).score  # noqa: E731
        assert score(kernel) == 0
        assert np.isfinite(jax.grad(score)(kernel)).all()
