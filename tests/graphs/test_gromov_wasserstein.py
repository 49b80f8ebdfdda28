"""Gromov-Wasserstein: its symmetries, beside POT and OTT, derivatives, padding; and known graphons told apart."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxinv.kernels import graphs as kernels
from tests.duties import FLOAT, X64, assert_finite
from tests.graphs import references
from tests.graphs.cases import two_graphons, two_graphons_and_plan
from tests.graphs.test_graphons import drawn
from tests.symmetry import assert_equivariant

EXACT = 1e-10 if X64 else 1e-5
KINDS = (0, 1, 3, 6, 10, 11, 12)


@functools.cache
def estimates():
    """Seven graphons, estimated twice: `(2, 7, 14, 14)` in numpy."""
    return np.stack(
        [[np.asarray(kernels.graphon_sas(drawn(kind, seed)), np.float64) for kind in KINDS] for seed in (0, 1)]
    )


def test_cost_as_pot():
    source, target, plan = two_graphons_and_plan(np.random.default_rng(0))
    init_matrix = pytest.importorskip("ot.gromov").init_matrix
    gwloss = pytest.importorskip("ot.gromov").gwloss
    wanted = gwloss(*init_matrix(source, target, plan.sum(axis=1), plan.sum(axis=0)), plan)
    found = kernels.gw_cost(*(jnp.asarray(a, FLOAT) for a in (source, target, plan)))
    np.testing.assert_allclose(found, wanted, rtol=EXACT)


def test_the_gradient_is_that_of_the_cost_at_the_plan():
    """By differences with the plan held, and not of what re-solving gives."""
    source, target = (jnp.asarray(a, FLOAT) for a in two_graphons(np.random.default_rng(0)))
    found = kernels.entropic_gw(source, target)
    gradient = jax.grad(lambda a: kernels.entropic_gw(a, target).value)(source)
    direction = np.random.default_rng(1).normal(size=source.shape)
    step = 1e-3
    ends = [
        references.gw_cost(np.asarray(source) + sign * step * direction, np.asarray(target), np.asarray(found.plan))
        for sign in (1, -1)
    ]
    np.testing.assert_allclose(jnp.sum(gradient * direction), (ends[0] - ends[1]) / (2 * step), rtol=1e-4)


def test_a_graphon_is_at_distance_0_from_itself():
    for graphon in (*estimates()[0][:2], np.full((3, 3), 0.5), np.zeros((2, 2))):
        one = jnp.asarray(graphon, FLOAT)
        found = kernels.entropic_gw(one, one)
        np.testing.assert_allclose(found.value, 0.0, atol=1e-15 if X64 else 1e-7)
        np.testing.assert_allclose(found.plan, np.eye(len(graphon)) / len(graphon), atol=1e-7)
        assert_finite(jax.grad(lambda a, one=one: kernels.gw_distance(a, one))(one))


def test_renumbering_changes_nothing():
    """Neither does exchanging the sides."""
    source, target = (jnp.asarray(a, FLOAT) for a in estimates()[0][[0, 3], :8, :8])
    assert_equivariant(
        lambda graphon: kernels.gw_distance(graphon, target),
        source,
        lambda key: jax.random.permutation(key, 8),
        act_in=lambda order, graphon: graphon[order][:, order],
        exactness="exact",
        num_elements=3,
    )


@pytest.mark.proves("masks", "graphs.entropic_gw")
def test_padding_changes_nothing():
    source, target = (jnp.asarray(a, FLOAT) for a in estimates()[0][[0, 3], :5, :5])
    plain = kernels.entropic_gw(source, target)
    weight = jnp.asarray([1.0, 0, 1, 1, 1, 0, 1], FLOAT)
    real = np.flatnonzero(weight)
    padded = jnp.full((7, 7), 9.0, FLOAT).at[real[:, None], real[None, :]].set(source)
    found = kernels.entropic_gw(padded, target, weight)
    np.testing.assert_allclose(found.value, plain.value, rtol=1e-9 if X64 else 1e-4)
    np.testing.assert_array_equal(found.plan[jnp.asarray([1, 5])], 0.0)
    np.testing.assert_allclose(jnp.sum(found.plan, axis=1), weight / 5, atol=1e-6)


def test_sums_are_the_weights_and_the_value_is_the_plan_s():
    """Of unequal sizes and weights, after too few steps to converge."""
    generator = np.random.default_rng(4)
    source, target = (jnp.asarray(a, FLOAT) for a in (estimates()[0][1], estimates()[0][6][:9, :9]))
    weights = [jnp.asarray(generator.dirichlet(np.ones(n)), FLOAT) for n in (14, 9)]
    found = kernels.entropic_gw(source, target, *weights, epsilon=0.3, num_outer=2, num_inner=1)
    np.testing.assert_allclose(jnp.sum(found.plan, axis=1), weights[0], atol=1e-6)
    np.testing.assert_allclose(jnp.sum(found.plan, axis=0), weights[1], atol=1e-6)
    assert float(jnp.min(found.plan)) >= 0
    np.testing.assert_allclose(found.value, kernels.gw_cost(source, target, found.plan), rtol=1e-4)


def test_seven_graphons_are_told_apart():
    """Ten graphs each, drawn twice: every estimate is nearest to the other one of its own graphon."""
    first, second = (jnp.asarray(half, FLOAT) for half in estimates())
    apart = jax.jit(jax.vmap(jax.vmap(kernels.gw_distance, (None, 0)), (0, None)))(first, second)
    np.testing.assert_array_equal(np.argmin(apart, axis=1), np.arange(7))
    np.testing.assert_array_equal(np.argmin(apart, axis=0), np.arange(7))


def test_as_low_as_pot():
    """Conditional gradients with exact transport in each step, the best of three starts."""
    ot = pytest.importorskip("ot")
    first, second = estimates()[0][[0, 3, 5]], estimates()[1][[1, 4, 6]]
    uniform = np.full(14, 1 / 14)
    starts = (np.diag(uniform), np.diag(uniform)[::-1], None)
    ours, theirs = [], []
    for source in first:
        for target in second:
            theirs.append(min(ot.gromov_wasserstein2(source, target, uniform, uniform, G0=start) for start in starts))
            ours.append(kernels.gw_distance(jnp.asarray(source, FLOAT), jnp.asarray(target, FLOAT)))
    excess = np.array(ours) - np.sqrt(theirs)
    assert excess.max() < 0.02
    assert excess.mean() < 0.005
