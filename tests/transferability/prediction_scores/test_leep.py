"""LEEP and NCE: their end points, their order, weights, and rows that do not count."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxinv.kernels.transferability.prediction_scores.leep import leep
from jaxinv.kernels.transferability.prediction_scores.nce import nce
from tests.transferability import sample_references as references

FLOAT = jnp.result_type(float)
EXACT = 1e-10 if FLOAT.itemsize == 8 else 1e-5
SCORES = pytest.mark.parametrize("score", [leep, nce])


def predictions(seed=0, num_samples=50, num_sources=7, num_classes=4, sharpness=2.0):
    generator = np.random.default_rng(seed)
    logits = sharpness * generator.normal(size=(num_samples, num_sources))
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return probabilities.astype(FLOAT), generator.integers(0, num_classes, num_samples)


def label_entropy(labels):
    share = np.unique(labels, return_counts=True)[1] / len(labels)
    return -np.sum(share * np.log(share))


@SCORES
def test_zero_where_the_source_class_determines_the_target(score):
    labels = np.arange(30) % 3
    sources = 2 * labels + np.arange(30) % 2
    result = score(jnp.asarray(np.eye(8)[sources], FLOAT), jnp.asarray(labels), num_classes=5)
    assert result.score == 0
    assert (result.dropped_classes, result.source_classes, result.num_samples) == (2, 6, 30)


@SCORES
def test_entropy_of_the_labels_where_the_source_says_nothing(score):
    _, labels = predictions()
    uniform = jnp.full((len(labels), 5), 0.2)
    np.testing.assert_allclose(score(uniform, labels, num_classes=4).score, -label_entropy(labels), EXACT)


def test_entropy_of_the_labels_for_random_predictions():
    probabilities, labels = predictions(num_samples=20_000, num_sources=4)
    for score in (leep, nce):
        assert abs(score(probabilities, labels, num_classes=4).score + label_entropy(labels)) < 0.01


@given(st.integers(0, 10_000), st.floats(0.1, 5.0))
def test_order_of_soft_nce_leep_and_nce(seed, sharpness):
    probabilities, labels = predictions(seed, sharpness=sharpness)
    joint = np.eye(4)[labels].T @ probabilities.astype(float) / len(labels)
    conditional = joint / joint.sum(0)
    soft_nce = np.sum(joint * np.log(np.where(joint > 0, conditional, 1.0)))
    result = leep(probabilities, labels, num_classes=4).score
    assert soft_nce - 1e-5 <= result <= 1e-6


def test_source_classes_without_probability_change_nothing():
    probabilities, labels = predictions()
    padded = jnp.pad(probabilities, ((0, 0), (3, 2)))
    for score in (leep, nce):
        plain, wide = (score(p, labels, num_classes=4) for p in (probabilities, padded))
        np.testing.assert_allclose(wide.score, plain.score, EXACT)
        assert wide.source_classes == plain.source_classes
    np.testing.assert_allclose(leep(padded, labels, num_classes=4).score, references.leep(padded, labels), EXACT)


@SCORES
def test_weights_count_samples(score):
    probabilities, labels = predictions()
    weight = np.arange(len(labels)) % 3
    repeated = score(np.repeat(probabilities, weight, axis=0), np.repeat(labels, weight), num_classes=4)
    weighted = score(probabilities, labels, num_classes=4, sample_weight=weight.astype(FLOAT))
    np.testing.assert_allclose(weighted.score, repeated.score, EXACT)
    assert weighted.num_samples == weight.sum()


@SCORES
def test_labels_out_of_range_are_left_out(score):
    probabilities, labels = predictions()
    spoilt = np.where(np.arange(len(labels)) % 5 == 0, np.where(np.arange(len(labels)) % 2 == 0, -1, 4), labels)
    inside = spoilt == labels
    part = score(probabilities[inside], labels[inside], num_classes=4)
    whole = score(probabilities, spoilt, num_classes=4)
    np.testing.assert_allclose(whole.score, part.score, EXACT)
    assert whole.num_samples == inside.sum()


def test_rows_are_normalised_and_rows_of_zeros_are_left_out():
    probabilities, labels = predictions()
    scale = np.where(np.arange(len(labels)) % 4 == 0, 0.0, 1.0 + np.arange(len(labels)))[:, None].astype(FLOAT)
    kept = scale[:, 0] > 0
    part, whole = (
        leep(probabilities[kept], labels[kept], num_classes=4),
        leep(scale * probabilities, labels, num_classes=4),
    )
    np.testing.assert_allclose(whole.score, part.score, EXACT)
    assert whole.num_samples == kept.sum()


@SCORES
def test_order_of_samples_and_names_of_classes_do_not_matter(score):
    probabilities, labels = predictions()
    generator = np.random.default_rng(1)
    order, sources, names = (generator.permutation(n) for n in (len(labels), 7, 4))
    moved = score(probabilities[order][:, sources], names[labels[order]], num_classes=4)
    np.testing.assert_allclose(moved.score, score(probabilities, labels, num_classes=4).score, EXACT)


@SCORES
def test_gradients_are_finite_at_hard_predictions(score):
    labels = jnp.arange(12) % 3
    hard = jnp.asarray(np.eye(6)[np.arange(12) % 4], FLOAT)
    gradient = jax.grad(lambda p, w: score(p, labels, num_classes=4, sample_weight=w).score, (0, 1))(
        hard, jnp.ones(12).at[3].set(0.0)
    )
    assert all(bool(jnp.all(jnp.isfinite(leaf))) for leaf in gradient)


def test_gradient_of_nce_in_the_weights():
    probabilities, labels = predictions()
    slope = jax.grad(lambda w: nce(probabilities, labels, num_classes=4, sample_weight=w).score)(jnp.ones(50))
    step = 1e-4
    change = [
        nce(probabilities, labels, num_classes=4, sample_weight=jnp.ones(50).at[7].add(s)).score for s in (step, -step)
    ]
    tolerance = 1e-6 if FLOAT.itemsize == 8 else 3e-3
    np.testing.assert_allclose(slope[7], (change[0] - change[1]) / (2 * step), atol=tolerance)


@SCORES
def test_a_pool_shares_the_labels(score):
    _, labels = predictions()
    pool = jnp.stack([predictions(seed)[0] for seed in range(3)])
    scores = jax.vmap(lambda p: score(p, labels, num_classes=4).score)(pool)
    np.testing.assert_allclose(scores, [score(p, labels, num_classes=4).score for p in pool], EXACT)


@SCORES
def test_bad_weights_raise(score):
    with pytest.raises(ValueError, match=r"sample_weight must have shape \(3\), got \(2,\)"):
        score(jnp.ones((3, 2)), jnp.zeros(3, int), num_classes=2, sample_weight=jnp.ones(2))
    with pytest.raises(TypeError, match="sample_weight must be floating point"):
        score(jnp.ones((3, 2)), jnp.zeros(3, int), num_classes=2, sample_weight=jnp.ones(3, int))


def test_no_source_classes():
    for score in (leep, nce):
        assert score(jnp.ones((3, 0)), jnp.zeros(3, int), num_classes=2).score == 0
