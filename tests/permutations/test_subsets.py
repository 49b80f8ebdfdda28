"""Subsets: closed forms of mean field, both ways to draw, exact means, symmetry, padding, relaxed draws, memory."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import jaccard_score

from jaxinv.kernels import permutations as kernels
from tests.duties import X64, assert_finite
from tests.permutations.subset_cases import (
    EACH,
    ELEMENTS,
    MASK,
    SUBSETS,
    WIDTH,
    elements,
    numpy_logits,
    numpy_smooth,
    numpy_utility,
    smooth,
    utility_arrays,
    utility_params,
)
from tests.symmetry import assert_equivariant, assert_not_equivariant

TOLERANCE = 1e-10 if X64 else 1e-5
N = 6
COUPLING = np.triu(np.random.default_rng(0).normal(size=(N, N)), 1)
COUPLING = 0.4 * (COUPLING + COUPLING.T)
FIELD = np.random.default_rng(1).normal(size=N)


def additive(sums):
    return sums[..., 0]


def quadratic(subsets):
    """Of indicators: fields, and couplings of pairs."""
    pairs = jnp.einsum("...i,ij,...j->...", subsets, jnp.asarray(COUPLING, subsets.dtype), subsets, precision="highest")
    return subsets @ jnp.asarray(FIELD, subsets.dtype) + pairs / 2


@functools.cache
def logits():
    return jax.jit(functools.partial(kernels.marginal_logits, smooth))


def test_additive_utility_gives_its_weights_whatever_is_drawn():
    w = jnp.asarray(FIELD)[:, None]
    for shared in (True, False):
        found = kernels.mean_field_step(
            additive, w, jnp.full(N, 0.3), jax.random.key(0), num_samples=1, shared_draw=shared
        )
        np.testing.assert_allclose(found.logits, FIELD, rtol=0, atol=10 * TOLERANCE)
        np.testing.assert_allclose(found.probabilities, expit(FIELD), rtol=0, atol=10 * TOLERANCE)


def test_sampled_logits_of_a_quadratic_are_near_their_mean_in_both_ways_to_draw():
    q, num_samples = np.random.default_rng(2).random(N), 2000
    wanted = FIELD + COUPLING @ q
    # Of one sample: the couplings to elements that are in or not.
    error = 4 * np.sqrt(COUPLING**2 @ (q * (1 - q)) / num_samples)
    for shared in (True, False):
        samples = kernels.sample_subsets(jax.random.key(1), jnp.asarray(q), num_samples=num_samples, shared_draw=shared)
        found = kernels.marginal_logits(quadratic, jnp.eye(N, dtype=samples.dtype), samples)
        assert np.all(np.abs(np.asarray(found) - wanted) < error)


def test_exact_mean_field_of_a_quadratic_goes_where_a_loop_goes():
    @jax.jit
    def step(q):
        return jax.nn.sigmoid(jax.grad(kernels.multilinear_exact, argnums=2)(quadratic, jnp.eye(N, dtype=q.dtype), q))

    q, wanted = jnp.full(N, 0.5), np.full(N, 0.5)
    for _ in range(60):
        q, wanted = step(q), expit(FIELD + COUPLING @ wanted)
    np.testing.assert_allclose(wanted, expit(FIELD + COUPLING @ wanted), rtol=0, atol=1e-12)
    np.testing.assert_allclose(q, wanted, rtol=0, atol=TOLERANCE)


def test_a_subset_for_each_element_as_index_sets():
    """The diagonal of the draws and of their transpose differ: a wrong axis shows."""
    h = elements(np.random.default_rng(3))
    found = kernels.marginal_logits(smooth, jnp.asarray(h), jnp.asarray(EACH), mask=jnp.asarray(MASK))
    np.testing.assert_allclose(found, numpy_logits(numpy_smooth, h, EACH, MASK), rtol=0, atol=10 * TOLERANCE)
    assert np.max(np.abs(found - numpy_logits(numpy_smooth, h, EACH.swapaxes(1, 2), MASK))) > 0.1
    # One draw for all is that draw in every row.
    shared = kernels.marginal_logits(smooth, jnp.asarray(h), jnp.asarray(SUBSETS))
    rows = jnp.asarray(np.repeat(SUBSETS[:, None], ELEMENTS, axis=1))
    np.testing.assert_allclose(shared, kernels.marginal_logits(smooth, jnp.asarray(h), rows), rtol=0, atol=TOLERANCE)


def test_logits_follow_permutations_exactly_if_draws_do_and_else_in_distribution():
    h = jnp.asarray(elements(np.random.default_rng(4)))
    group: dict[str, Any] = {"sample": lambda key: jax.random.permutation(key, ELEMENTS)}
    moved: dict[str, Any] = group | {
        "act_in": lambda order, point: (point[0][order], point[1][:, order]),
        "act_out": lambda order, x: x[order],
    }
    point = h, jnp.asarray(SUBSETS)
    assert_equivariant(lambda point: logits()(*point), point, **moved, exactness="exact")
    places = jnp.arange(1.0, ELEMENTS + 1)[:, None]
    assert_not_equivariant(lambda point: logits()(places * point[0], point[1]), point, **moved, delta=0.1)

    @jax.jit
    def sampled(h):
        step = functools.partial(kernels.mean_field_step, smooth, num_samples=4000, shared_draw=True)
        return step(h, jnp.full(ELEMENTS, 0.5, h.dtype), jax.random.key(0)).logits

    alone: dict[str, Any] = group | {"act_in": lambda order, h: h[order], "act_out": lambda order, x: x[order]}
    # The utility's standard deviation over its largest logit is below 2; 4 of it by the root of the draws.
    assert_equivariant(sampled, h, **alone, exactness="statistical", bound=8 / 4000**0.5)
    assert_not_equivariant(lambda h: sampled(places * h), h, **alone, delta=0.2)


def test_utility_and_statistic_are_invariant():
    generator = np.random.default_rng(5)
    params = jax.tree.map(jnp.asarray, utility_params(utility_arrays(generator, told=WIDTH)))
    point = jnp.asarray(elements(generator)), jnp.asarray(SUBSETS)

    @jax.jit
    def value(point):
        return kernels.set_utility(params, kernels.subset_sums(*point), kernels.superset_statistic(point[0]))

    assert_equivariant(
        value,
        point,
        lambda key: jax.random.permutation(key, ELEMENTS),
        act_in=lambda order, point: (point[0][order], point[1][:, order]),
        exactness="exact",
    )
    # Of the sums alone, elements that are in no subset are not seen; with the statistic they are.
    other = point[0].at[0].add(1.0), point[1].at[:, 0].set(0.0)
    rest = point[0], other[1]
    blind = params._replace(statistic=None)
    np.testing.assert_array_equal(
        kernels.set_utility(blind, kernels.subset_sums(*other)), kernels.set_utility(blind, kernels.subset_sums(*rest))
    )
    assert np.max(np.abs(value(other) - value(rest))) > 1e-2
    np.testing.assert_allclose(
        value(rest),
        numpy_utility(
            jax.tree.map(np.asarray, params), np.asarray(rest[1]) @ np.asarray(rest[0]), np.asarray(rest[0]).sum(0)
        ),
        rtol=0,
        atol=10 * TOLERANCE,
    )


@pytest.mark.proves(
    "masks",
    "permutations.marginal_logits",
    "permutations.sample_subsets",
    "permutations.superset_statistic",
    "permutations.sample_bernoulli",
)
def test_padding_changes_nothing_and_is_never_drawn():
    h, mask = jnp.asarray(elements(np.random.default_rng(6))), jnp.asarray(MASK)
    padded, samples = jnp.where(mask[:, None], h, 7.0), jnp.asarray(EACH)
    found = logits()(padded, samples, mask=mask)
    alone = logits()(h[MASK], samples[:, MASK][:, :, MASK])
    np.testing.assert_allclose(found[MASK], alone, rtol=0, atol=TOLERANCE)
    assert found[2] == -1e4
    drawn = kernels.sample_subsets(jax.random.key(0), jnp.ones(ELEMENTS), num_samples=4, mask=mask)
    np.testing.assert_array_equal(drawn, np.broadcast_to(MASK, drawn.shape))
    for pooling in ("sum", "mean", "root"):
        given = kernels.superset_statistic(padded, mask=mask, pooling=pooling)
        np.testing.assert_allclose(given, kernels.superset_statistic(h[MASK], pooling=pooling), 10 * TOLERANCE)
    assert not kernels.topk_subset(jnp.asarray([1.0, 2.0, 9.0, 3.0]), 4, mask=mask)[2]
    soft = kernels.sample_bernoulli(jax.random.key(0), jnp.full(ELEMENTS, 50.0), num_samples=3, mask=mask)
    np.testing.assert_array_equal(soft, np.broadcast_to(MASK, soft.shape))


def test_one_element_and_none():
    def of(mask):
        def total(h):
            found = kernels.mean_field(smooth, h, jax.random.key(0), num_steps=2, mask=mask)
            return jnp.sum(found.probabilities), found

        return jax.jit(jax.grad(total, has_aux=True))

    gradient, found = of(None)(jnp.ones((1, 2)))
    assert_finite(gradient)
    np.testing.assert_allclose(found.logits, smooth(jnp.ones((1, 2))), rtol=TOLERANCE)
    gradient, found = of(jnp.zeros(3, bool))(jnp.ones((3, 2)))
    np.testing.assert_array_equal(found.probabilities, 0)
    np.testing.assert_array_equal(gradient, 0)
    empty = jnp.zeros(3, bool)
    assert kernels.jaccard(empty, empty) == 1
    assert not kernels.superset_statistic(jnp.ones((3, 2)), mask=empty, pooling="mean").any()
    for subset in (empty, ~empty):
        assert not kernels.balanced_weight(jax.random.key(0), subset).any()
    extreme = jnp.asarray([-1e4, 0.0, 1e4])
    value, slope = jax.value_and_grad(kernels.bernoulli_entropy)(extreme)
    np.testing.assert_allclose(value, np.log(2), rtol=1e-6)
    assert_finite(slope)
    assert_finite(jax.value_and_grad(kernels.subset_nll)(extreme, jnp.asarray([True, False, False])))


def test_a_certain_start_meets_a_certain_subset():
    """From q = 0 each element meets the empty set: its logit is F of itself less F of nothing, in one sample."""
    h = jnp.asarray(elements(np.random.default_rng(7)))
    found = kernels.mean_field(smooth, h, jax.random.key(0), q=jnp.zeros(ELEMENTS), num_samples=1)
    np.testing.assert_allclose(found.logits, smooth(h), rtol=0, atol=10 * TOLERANCE)


def test_draws_are_rounded_forward_and_relaxed_backward():
    x = jnp.asarray([-1.0, 0.0, 2.0])
    weights = jnp.arange(1.0, 13.0).reshape(4, 3)

    def loss(x, straight_through):
        drawn = kernels.sample_bernoulli(
            jax.random.key(0), x, num_samples=4, temperature=0.7, straight_through=straight_through
        )
        return jnp.sum(weights * drawn), drawn

    gradients, (hard, soft) = zip(*(jax.grad(loss, has_aux=True)(x, way) for way in (True, False)), strict=True)
    np.testing.assert_array_equal(hard, np.asarray(soft) > 0.5)
    assert np.all((soft > 0) & (soft < 1))
    np.testing.assert_array_equal(*gradients)
    assert np.all(np.abs(gradients[0]) > 0)


def test_rounded_draws_have_their_probabilities_and_a_copula_ties_them():
    x, num_samples = jnp.asarray([-1.0, 0.0, 2.0]), 4000
    wanted = expit(np.asarray(x))
    error = 4 * np.sqrt(wanted * (1 - wanted) / num_samples)
    std, factors = jnp.full(3, 0.5), jnp.asarray([[1.0], [1.0], [-1.0]])
    apart = kernels.sample_bernoulli(jax.random.key(0), x, num_samples=num_samples)
    tied, published = (
        kernels.sample_bernoulli_copula(
            jax.random.key(0), x, std, factors, num_samples=num_samples, normalize=normalize
        )
        for normalize in (True, False)
    )
    for drawn in (apart, tied):
        assert np.all(np.abs(np.mean(np.asarray(drawn), axis=0) - wanted) < error)
    # Of variance 1.25, so that probabilities are nearer to 1/2.
    assert np.mean(np.asarray(published), axis=0)[2] < wanted[2] - error[2] / 2
    correlations = [np.corrcoef(np.asarray(drawn).T)[[0, 0], [1, 2]] for drawn in (apart, tied)]
    assert np.all(np.abs(correlations[0]) < 0.08)
    assert correlations[1][0] > 0.2 > -0.2 > correlations[1][1]


def test_negatives_are_as_many_as_the_subset_and_random():
    subset = jnp.asarray([True, True] + [False] * 6)
    weights = jax.vmap(lambda key: kernels.balanced_weight(key, subset))(jax.random.split(jax.random.key(0), 400))
    np.testing.assert_array_equal(weights[:, :2], 1)
    np.testing.assert_array_equal(jnp.sum(weights, axis=1), 4)
    share = np.mean(np.asarray(weights)[:, 2:], axis=0)
    assert np.all(np.abs(share - 1 / 3) < 4 * np.sqrt(2 / 9 / 400))


def test_jaccard_is_that_of_scikit_learn_and_sizes_may_be_traced():
    generator = np.random.default_rng(8)
    wanted, scores = generator.random((20, 7)) < 0.4, generator.normal(size=(20, 7))
    wanted[:, 0] = True
    found = jax.jit(jax.vmap(kernels.topk_subset))(jnp.asarray(scores), jnp.asarray(wanted.sum(1)))
    np.testing.assert_array_equal(np.sum(found, axis=1), wanted.sum(1))
    average = jaccard_score(wanted, np.asarray(found), average="samples")
    np.testing.assert_allclose(kernels.mean_jaccard(found, jnp.asarray(wanted)), average, 1e-6)
    # Equal scores: the first.
    np.testing.assert_array_equal(kernels.topk_subset(jnp.zeros(3), 1), [True, False, False])


def test_memory_of_shared_draws_grows_with_elements_and_that_of_others_with_their_square():
    def plan(n, shared):
        step = functools.partial(kernels.mean_field_step, smooth, num_samples=4, shared_draw=shared)
        h, q = jax.ShapeDtypeStruct((n, 8), jnp.float32), jax.ShapeDtypeStruct((n,), jnp.float32)
        compiled = jax.jit(lambda h, q: step(h, q, jax.random.key(0))).lower(h, q).compile()
        memory: Any = compiled.memory_analysis()
        return memory.temp_size_in_bytes

    n = 512
    # M n D, with room for four arrays of it; the others hold M n^2.
    assert plan(n, True) < 4 * 4 * 4 * n * 8
    assert plan(n, False) > 4 * 4 * n**2


def test_steps_cost_no_compilation():
    def equations(num_steps):
        def logits(h):
            return kernels.mean_field(smooth, h, jax.random.key(0), num_steps=num_steps).logits

        return str(jax.make_jaxpr(logits)(jnp.ones((3, 2)))).count("=")

    assert equations(2) == equations(6)
