"""EMMS: least squares on one-hot labels, mixtures, and where there are too few samples to say anything."""

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.datasets import load_digits

from jaxinv.kernels.transferability import emms
from tests.transferability import ensemble_references as references

FLOAT = jnp.result_type(float)
EXACT = 1e-9 if FLOAT.itemsize == 8 else 1e-4


def labelled(seed=0, samples=60, dim=5, embeddings=3):
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 4, samples)
    features = generator.normal(size=(4, dim))[labels] + 0.5 * generator.normal(size=(samples, dim))
    return features, np.stack([generator.normal(size=(4, 6))[labels] for _ in range(embeddings)], axis=-1), labels


def test_digits_in_this_precision():
    images, labels = (np.asarray(part)[:500] for part in load_digits(return_X_y=True))
    varied = images[:, images.std(0) > 0] / 16
    generator = np.random.default_rng(0)
    embeddings = np.stack([generator.normal(size=(10, 8))[labels] for _ in range(3)], axis=-1)
    for rounds in (1, 4):
        result = emms(jnp.asarray(varied, FLOAT), jnp.asarray(embeddings, FLOAT), num_rounds=rounds)
        np.testing.assert_allclose(result.score, references.emms(varied, embeddings, rounds), rtol=1e-4)
        assert not result.degenerate


def test_one_embedding_is_least_squares():
    features, _, labels = labelled()
    truth = np.eye(4)[labels]
    x, y = (z - z.mean(0) for z in (features, truth))
    residual = np.linalg.lstsq(x, y / y.std(0), rcond=None)[1]
    # Absent classes and constant features are columns of zeros, and change nothing.
    for wider in (0, 2):
        result = emms(
            jnp.pad(jnp.asarray(features, FLOAT), ((0, 0), (0, wider))),
            jnp.pad(jnp.asarray(truth, FLOAT), ((0, 0), (wider, 0)))[..., None],
        )
        np.testing.assert_allclose(result.score, -residual.sum() / 60 / 4, rtol=EXACT)
        np.testing.assert_array_equal(result.mixture, [1])


def test_an_embedding_on_the_wrong_side_is_dropped():
    base, change = (np.random.default_rng(seed).normal(size=(60, 5)) for seed in (0, 1))
    embeddings = np.stack([base, base + 0.3 * change], axis=-1)
    result = emms(jnp.asarray(base - 0.3 * change, FLOAT), jnp.asarray(embeddings, FLOAT))
    np.testing.assert_array_equal(result.mixture, [1, 0])


def test_an_embedding_of_noise_counts_less():
    features, embeddings, _ = labelled()
    embeddings[..., 2] = np.random.default_rng(5).normal(size=embeddings.shape[:2])
    result = emms(jnp.asarray(features, FLOAT), jnp.asarray(embeddings, FLOAT), num_rounds=10)
    np.testing.assert_allclose(jnp.sum(result.mixture), 1, rtol=1e-5)
    assert result.mixture[2] < 0.7 * min(result.mixture[:2])
    assert emms(jnp.asarray(features, FLOAT), jnp.asarray(embeddings[..., 2:], FLOAT)).score < result.score


def test_columns_that_repeat_or_are_rescaled_change_nothing():
    features, embeddings, _ = labelled()
    embeddings = jnp.asarray(embeddings, FLOAT)
    plain = emms(jnp.asarray(features, FLOAT), embeddings).score
    other = np.hstack([features * np.arange(1, 6) + 7, features[:, :2]])
    np.testing.assert_allclose(emms(jnp.asarray(other, FLOAT), embeddings).score, plain, rtol=EXACT)


def test_too_few_samples_are_flagged():
    features, embeddings, _ = labelled(samples=8, dim=12)
    result = emms(jnp.asarray(features, FLOAT), jnp.asarray(embeddings, FLOAT))
    assert result.degenerate
    np.testing.assert_allclose(result.score, 0, atol=1e-5)
    assert np.all(np.isfinite(jax.grad(lambda x: emms(x, embeddings.astype(FLOAT)).score)(features.astype(FLOAT))))


def test_weights_and_order_of_samples():
    features, embeddings, _ = (jnp.asarray(x) for x in labelled())
    features, embeddings = features.astype(FLOAT), embeddings.astype(FLOAT)
    weight = jnp.arange(60) % 3
    weighted = emms(features, embeddings, sample_weight=weight.astype(FLOAT))
    repeated = emms(jnp.repeat(features, weight, axis=0), jnp.repeat(embeddings, weight, axis=0))
    np.testing.assert_allclose(weighted.score, repeated.score, rtol=EXACT)
    order = np.random.default_rng(0).permutation(60)
    np.testing.assert_allclose(
        emms(features[order], embeddings[order]).score, emms(features, embeddings).score, rtol=EXACT
    )
