"""Ensembles by expected predictions: their order, one model, masks, and perfect overlap."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxinv.kernels.transferability import e_leep, expected_predictions, iou_eep, leep, ms_leep, soft_iou_eep

FLOAT = jnp.result_type(float)
EXACT = 1e-10 if FLOAT.itemsize == 8 else 1e-5
SCORES = pytest.mark.parametrize("score", [ms_leep, e_leep, iou_eep, soft_iou_eep])
CLASSES = 4
expect = jax.jit(jax.vmap(functools.partial(expected_predictions, num_classes=CLASSES), in_axes=(0, None)))


def pool(seed=0, models=3, samples=40, sources=5):
    """Source probabilities of models that know something of the labels."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, CLASSES, samples)
    logits = 1.5 * generator.normal(size=(models, samples, sources))
    logits[:, np.arange(samples), labels] += generator.uniform(0, 3, (models, 1))
    return jax.nn.softmax(jnp.asarray(logits, FLOAT)), jnp.asarray(labels)


@given(st.integers(0, 10_000))
def test_the_mean_prediction_is_never_worse_than_the_mean_score(seed):
    probabilities, labels = pool(seed)
    predictions = expect(probabilities, labels)
    assert e_leep(predictions, labels).score >= ms_leep(predictions, labels).score - 1e-6


def test_one_model_and_equal_models_are_leep():
    probabilities, labels = pool()
    wanted = leep(probabilities[0], labels, num_classes=CLASSES).score
    for number in (1, 3):
        predictions = expect(jnp.stack([probabilities[0]] * number), labels)
        for score in (ms_leep, e_leep):
            np.testing.assert_allclose(score(predictions, labels).score, wanted, rtol=EXACT)


@SCORES
@pytest.mark.proves("masks", "transferability.{score}")
def test_a_mask_is_a_smaller_pool(score):
    probabilities, labels = pool()
    predictions = expect(probabilities, labels)
    masks = jnp.array([[True, True, False], [False, True, True], [True, True, True], [False, False, False]])
    masked = jax.jit(jax.vmap(lambda mask: score(predictions, labels, subset=mask)))(masks)
    for i in range(3):
        np.testing.assert_allclose(masked.score[i], score(predictions[masks[i]], labels).score, rtol=EXACT)
    np.testing.assert_array_equal(masked.num_models, [2, 2, 3, 0])
    assert np.isfinite(masked.score[3])


@SCORES
def test_weights_labels_and_silent_models_leave_samples_out(score):
    probabilities, labels = pool()
    kept = jnp.arange(40) % 4 != 0
    weight = kept.astype(FLOAT)
    foreign = jnp.where(kept, labels, -1)
    part = score(expect(probabilities[:, kept], labels[kept]), labels[kept])
    results = [
        score(
            jax.vmap(lambda p: expected_predictions(p, labels, num_classes=CLASSES, sample_weight=weight))(
                probabilities
            ),
            labels,
            sample_weight=weight,
        ),
        score(expect(probabilities, foreign), foreign),
        score(expect(probabilities * weight[None, :, None], labels), labels),
    ]
    for result in results:
        np.testing.assert_allclose(result.score, part.score, rtol=EXACT)
        assert result.num_samples == 30


@SCORES
def test_models_that_know_the_truth(score):
    _, labels = pool()
    perfect = jax.nn.one_hot(labels, 6, dtype=FLOAT)
    result = score(expect(jnp.stack([perfect, perfect[:, ::-1]]), labels), labels)
    np.testing.assert_allclose(result.score, 0 if score in (ms_leep, e_leep) else 1, atol=EXACT)


@SCORES
def test_order_of_samples_models_and_names(score):
    probabilities, labels = pool()
    generator = np.random.default_rng(1)
    order, models = generator.permutation(40), generator.permutation(3)
    plain = score(expect(probabilities, labels), labels).score
    shuffled = (labels[order] + 1) % CLASSES
    other = score(expect(probabilities[models][:, order, ::-1], shuffled), shuffled).score
    np.testing.assert_allclose(other, plain, rtol=EXACT)


def test_a_truth_that_was_thought_impossible_is_finite():
    predictions = jnp.array([[[1.0, 0.0], [0.5, 0.5]]], FLOAT)
    assert ms_leep(predictions, jnp.array([1, 0])).score < -10
    assert np.all(np.isfinite(jax.grad(lambda p: ms_leep(p, jnp.array([1, 0])).score)(predictions)))
