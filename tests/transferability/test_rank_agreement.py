"""Rank agreement: published figures, scipy on ties, bounds and degenerate input."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from jaxinv.claims.published_rankings import PUBLISHED_RANKINGS
from jaxinv.kernels.transferability.rank_agreement import (
    kendall_tau,
    pearson,
    regret,
    relative_at_k,
    top_k_recall,
    weighted_kendall_tau,
)

FLOAT = jnp.result_type(float)
X64 = FLOAT.itemsize == 8
CORRELATIONS = pytest.mark.parametrize("measure", [weighted_kendall_tau, kendall_tau, pearson])


@pytest.mark.parametrize("name", ["CIFAR-10", "Caltech-101"])
def test_published_figures(name):
    published = PUBLISHED_RANKINGS[name]
    accuracies, scores = np.array(published.accuracies, FLOAT), np.array(published.scores["H-score"], FLOAT)
    measured = pearson(scores, accuracies), weighted_kendall_tau(scores, accuracies)
    np.testing.assert_array_equal(np.round(measured, 3), np.array(published.correlations["H-score"], FLOAT))


@given(st.lists(st.tuples(st.integers(-4, 4), st.integers(-4, 4)), min_size=2, max_size=30))
def test_equals_scipy_with_ties(pairs):
    scores, truth = np.array(pairs, FLOAT).T
    if len(set(scores)) == 1 or len(set(truth)) == 1:
        assert weighted_kendall_tau(scores, truth) == kendall_tau(scores, truth) == pearson(scores, truth) == 0
        return
    tolerance = 1e-12 if X64 else 1e-6
    for measure, reference in (
        (weighted_kendall_tau, scipy.stats.weightedtau),
        (kendall_tau, scipy.stats.kendalltau),
        (pearson, scipy.stats.pearsonr),
    ):
        wanted = np.asarray(reference(scores, truth)[0])
        np.testing.assert_allclose(measure(scores, truth), wanted, atol=tolerance, rtol=0)


@CORRELATIONS
def test_perfect_and_reversed_order(measure):
    truth = jnp.linspace(0.2, 0.9, 7)
    np.testing.assert_allclose([measure(3 * truth - 1, truth), measure(-truth, truth)], [1.0, -1.0], rtol=1e-6)


@pytest.mark.parametrize("measure", [weighted_kendall_tau, kendall_tau])
def test_only_the_order_counts(measure):
    scores, truth = jax.random.normal(jax.random.key(0), (2, 15))
    assert measure(jnp.exp(5 * scores), truth) == measure(scores, truth)


def test_the_top_weighs_more():
    truth = jnp.arange(6.0)
    top_swapped, bottom_swapped = jnp.array([0.0, 1, 2, 3, 5, 4]), jnp.array([1.0, 0, 2, 3, 4, 5])
    assert weighted_kendall_tau(top_swapped, truth) < weighted_kendall_tau(bottom_swapped, truth) - 0.1
    assert kendall_tau(top_swapped, truth) == kendall_tau(bottom_swapped, truth)


@CORRELATIONS
@pytest.mark.parametrize("value", [0.0, 0.1, 1e6])
def test_constants_correlate_with_nothing(measure, value):
    constant, truth = jnp.full(9, value), jnp.linspace(0.1, 0.7, 9)
    for first, second in ((constant, truth), (truth, constant), (constant, constant)):
        assert measure(first, second) == 0
        np.testing.assert_array_equal(jax.grad(measure)(first, second), 0)


@CORRELATIONS
def test_one_model_or_none(measure):
    assert measure(jnp.ones(1), jnp.ones(1)) == 0
    assert measure(jnp.ones(0), jnp.ones(0)) == 0


@CORRELATIONS
def test_many_scores_against_one_truth(measure):
    scores, truth = jax.random.normal(jax.random.key(0), (20, 9)), jax.random.normal(jax.random.key(1), (9,))
    batched = jax.vmap(measure, (0, None))(scores, truth)
    np.testing.assert_allclose(batched, [measure(s, truth) for s in scores], rtol=1e-5, atol=1e-6)


def test_pearson_at_any_scale():
    scores, truth = jax.random.normal(jax.random.key(0), (2, 15))
    for scale in (2.0**-100, 2.0**100):
        np.testing.assert_allclose(pearson(scale * scores, truth), pearson(scores, truth), rtol=1e-6)


def test_the_choice_of_models():
    truth = jnp.array([0.5, 0.9, 0.8, 0.6])
    scores = jnp.array([4.0, 1.0, 3.0, 2.0])
    np.testing.assert_allclose([relative_at_k(scores, truth, k=k) for k in (1, 2, 4)], [5 / 9, 8 / 9, 1.0], rtol=1e-6)
    np.testing.assert_allclose([top_k_recall(scores, truth, k=k) for k in (1, 2, 4)], [0.0, 0.5, 1.0])
    np.testing.assert_allclose([regret(scores, truth), regret(truth, truth)], [0.4, 0.0], rtol=1e-6)


def test_the_first_of_equal_scores_is_chosen():
    truth, tied = jnp.array([0.5, 1.0, 0.25]), jnp.ones(3)
    assert relative_at_k(tied, truth, k=1) == 0.5
    assert regret(tied, truth) == 0.5
    assert top_k_recall(tied, truth, k=2) == 1


def test_accuracies_of_zero():
    assert relative_at_k(jnp.ones(3), jnp.zeros(3), k=1) == 0


def test_gradients_of_the_choice_are_those_of_the_accuracies():
    truth, scores = jnp.array([0.5, 1.0, 0.25]), jnp.array([3.0, 2.0, 1.0])
    by_score, by_truth = jax.grad(regret, (0, 1))(scores, truth)
    np.testing.assert_array_equal(by_score, 0)
    np.testing.assert_array_equal(by_truth, [-1.0, 1.0, 0.0])
    by_score, by_truth = jax.grad(lambda s, a: relative_at_k(s, a, k=1), (0, 1))(scores, truth)
    np.testing.assert_array_equal(by_score, 0)
    np.testing.assert_allclose(by_truth, [1.0, -0.5, 0.0])
