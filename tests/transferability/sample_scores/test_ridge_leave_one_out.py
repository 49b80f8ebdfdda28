"""Ridge leave-one-out: both sides agree, the diagnostics are what they say, invariances and degenerate input."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxinv.kernels.transferability.sample_scores.ridge_leave_one_out import ridge_leave_one_out
from tests.transferability import sample_references as references

FLOAT = jnp.result_type(float)
X64 = FLOAT.itemsize == 8
EXACT = 1e-10 if X64 else 1e-5


def labelled(num_samples=40, dim=6, seed=0):
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 3, num_samples)
    return (generator.normal(size=(3, dim))[labels] + generator.normal(size=(num_samples, dim))).astype(FLOAT), labels


@pytest.mark.parametrize("ridge", [1e-6, 1e-3, 1.0])
def test_the_side_of_samples_equals_the_side_of_features(ridge):
    features, labels = labelled()
    narrow = ridge_leave_one_out(features, labels, num_classes=3, ridge=ridge)
    padded = jnp.pad(features, ((0, 0), (0, 50)))
    wide = ridge_leave_one_out(padded, labels, num_classes=3, ridge=ridge)
    # Single precision loses on the side of samples what the ridge is smaller than the largest eigenvalue.
    tolerance = EXACT if X64 or ridge > 1e-5 else 1e-2
    for a, b in zip(narrow, wide, strict=True):
        np.testing.assert_allclose(b, a, rtol=tolerance)


@pytest.mark.parametrize("dim", [6, 70])
def test_degrees_of_freedom_and_accuracy(dim):
    features, labels = labelled(dim=dim)
    result = ridge_leave_one_out(features, labels, num_classes=3, ridge=0.01)
    x = features.astype(float)
    x = x - x.mean(0)
    np.testing.assert_allclose(result.regularizer, 0.01 * np.sum(x**2), 1e-5)
    kernel = x @ x.T
    hat = kernel @ np.linalg.inv(kernel + float(result.regularizer) * np.eye(40)) + 1 / 40
    np.testing.assert_allclose(result.dof, np.trace(hat), rtol=1e-4)
    truth = np.eye(3)[labels]
    left_out = truth - (truth - hat @ truth) / (1 - np.diag(hat))[:, None]
    np.testing.assert_allclose(result.accuracy, np.mean(left_out.argmax(1) == labels), rtol=1e-6)
    wanted = references.ridge_leave_one_out(features.astype(float), labels, num_classes=3, share=0.01)
    np.testing.assert_allclose(result.score, wanted, rtol=1e-4)


@pytest.mark.parametrize("dim", [6, 70])
def test_rotation_offset_and_scale_change_nothing(dim):
    features, labels = labelled(dim=dim)
    rotation = jax.random.orthogonal(jax.random.key(0), dim)
    plain = ridge_leave_one_out(features, labels, num_classes=3)
    turned = jnp.matmul(features, rotation, precision="highest")
    for moved, tolerance in ((turned, EXACT), (300 * features, EXACT), (features + 1000, 1e-3)):
        result = ridge_leave_one_out(moved, labels, num_classes=3)
        np.testing.assert_allclose(result.score, plain.score, rtol=tolerance)
        np.testing.assert_allclose(result.accuracy, plain.accuracy, rtol=1e-6)


@pytest.mark.parametrize("dim", [6, 70])
def test_foreign_labels_leave_samples_out(dim):
    features, labels = labelled(dim=dim)
    kept = np.arange(40) % 4 != 0
    part = ridge_leave_one_out(features[kept], labels[kept], num_classes=5)
    whole = ridge_leave_one_out(features, np.where(kept, labels, -1), num_classes=5)
    for a, b in zip(part, whole, strict=True):
        np.testing.assert_allclose(b, a, rtol=10 * EXACT)
    assert whole.dropped_classes == 2


@pytest.mark.parametrize("dim", [3, 70])
@pytest.mark.parametrize("value", [0.0, 0.1, 1234.5])
def test_constant_features_leave_the_mean_of_the_labels(dim, value):
    _, labels = labelled()
    result = ridge_leave_one_out(jnp.full((40, dim), value), labels, num_classes=3)
    truth = np.eye(3)[labels]
    np.testing.assert_allclose(result.score, -np.mean(np.sum((truth - truth.mean(0)) ** 2, 1)) * (40 / 39) ** 2, EXACT)
    np.testing.assert_allclose(result.dof, 1.0, rtol=1e-5)


@pytest.mark.parametrize("shape", [(1, 3), (1, 1), (2, 5), (2, 1), (3, 0)])
def test_few_samples_are_finite(shape):
    features = jax.random.normal(jax.random.key(0), shape)
    labels = jnp.arange(shape[0]) % 2
    result, slope = jax.value_and_grad(lambda f: ridge_leave_one_out(f, labels, num_classes=2).score)(features)
    assert np.isfinite(result)
    assert np.all(np.isfinite(slope))
    if shape[0] == 1:
        assert result == 0
        assert ridge_leave_one_out(features, labels, num_classes=2).accuracy == 0


def test_no_hat_matrix_is_allocated():
    features, labels = jax.ShapeDtypeStruct((4096, 32), jnp.float32), jax.ShapeDtypeStruct((4096,), jnp.int32)
    kernel = jax.jit(lambda f, y: ridge_leave_one_out(f, y, num_classes=10))
    memory = kernel.lower(features, labels).compile().memory_analysis()
    assert memory is not None
    assert memory.temp_size_in_bytes < 4 * 4096**2 / 8
