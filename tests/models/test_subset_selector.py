"""Subset selectors: sets in any order and padded, what they are told, training of both networks, precision."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxinv.kernels.permutations import balanced_weight, sample_bernoulli, sample_bernoulli_copula, subset_nll
from jaxinv.models import SubsetProposal, SubsetSelector
from jaxinv.nn import SetUtility
from tests.symmetry import assert_equivariant, assert_not_equivariant

SIZES = {"num_features": (4,), "num_hidden": (5, 3)}
POINTS = 5


@functools.cache
def network(**options):
    return nnx.split(SubsetSelector(2, **(SIZES | options), rngs=nnx.Rngs(0)))


def model(**options):
    return nnx.merge(*network(**options))


@functools.cache
def compiled(**options):
    graphdef, params = network(**options)
    return jax.jit(lambda x, **more: nnx.merge(graphdef, params)(x, jax.random.key(0), **more))


def points(num=POINTS):
    return jnp.asarray(np.random.default_rng(0).normal(size=(num, 2)), jnp.float32)


def permuted(order, x):
    return x[order]


def test_logits_follow_the_points(full_precision):
    """From q = 0, where nothing is random; the control starts from other probabilities, which stay where they are."""
    group = {"sample": lambda key: jax.random.permutation(key, POINTS), "act_in": permuted, "act_out": permuted}

    def logits(start):
        return lambda x: compiled()(x, q=jnp.asarray(start)).logits

    assert_equivariant(logits([0.0] * POINTS), points(), **group, exactness="exact")
    assert_not_equivariant(logits([0.0, 0.0, 0.0, 1.0, 1.0]), points(), **group, delta=1e-3)


def test_padding_and_batches(full_precision):
    mask = jnp.arange(POINTS) < 3
    x = jnp.where(mask[:, None], points(), 9.0)
    # From certain probabilities, for draws of another number of points are other draws.
    start = jnp.asarray([1.0, 0.0, 1.0, 1.0, 1.0])
    found, alone = compiled()(x, mask=mask, q=start), compiled()(x[:3], q=start[:3])
    np.testing.assert_allclose(found.logits[:3], alone.logits, rtol=0, atol=1e-5)
    np.testing.assert_array_equal(found.probabilities[3:], 0)
    both = jax.vmap(lambda x, mask, q: compiled()(x, mask=mask, q=q).logits)(
        *(jnp.stack([z, z]) for z in (x, mask, start))
    )
    np.testing.assert_allclose(both, jnp.stack([found.logits] * 2), rtol=0, atol=1e-5)


def test_only_the_statistic_tells_of_points_outside_the_subset(full_precision):
    x, subset = points(), jnp.asarray([1.0, 1.0, 0.0, 0.0, 0.0])
    other = x.at[4].add(1.0)

    def moved(told_superset):
        graphdef, params = network(told_superset=told_superset)
        value = jax.jit(lambda x: nnx.merge(graphdef, params).utilities(x, subset))
        return abs(float(value(x) - value(other)))

    assert moved(False) == 0
    assert moved(True) > 1e-3


@pytest.mark.parametrize("rank", [None, 2])
def test_both_networks_learn_from_a_set(rank):
    """The proposal from its bound, the selector from the subset, each through the kernels' own draws."""
    proposal = SubsetProposal(2, num_features=(4, 3), rank=rank, rngs=nnx.Rngs(1))
    graphdef, params = nnx.split(proposal)
    selector_graph, selector_params = network()
    x, wanted = points(), jnp.asarray([True, False, False, True, False])
    assert all(part is None for part in proposal(x)[1:]) == (rank is None)

    @jax.jit
    @jax.grad
    def of_proposal(params):
        found = nnx.merge(graphdef, params)(x)
        if rank is None:
            drawn = sample_bernoulli(jax.random.key(0), found.logits, num_samples=3)
        else:
            drawn = sample_bernoulli_copula(jax.random.key(0), *found, num_samples=3)
        return -nnx.merge(selector_graph, selector_params).elbo(x, found.logits, drawn)

    @jax.jit
    @jax.grad
    def of_selector(selector):
        key, weight_key = jax.random.split(jax.random.key(1))
        start = jax.nn.sigmoid(nnx.merge(graphdef, params)(x).logits)
        found = nnx.merge(selector_graph, selector)(x, key, q=start)
        return subset_nll(found.logits, wanted, balanced_weight(weight_key, wanted))

    for gradient in (of_proposal(params), of_selector(selector_params)):
        sizes = [float(jnp.max(jnp.abs(leaf))) for leaf in jax.tree.leaves(gradient)]
        assert np.all(np.isfinite(sizes))
        # All but what adds the same to F of every subset.
        assert sum(size == 0 for size in sizes) <= 1


def test_low_precision_is_near():
    exact, found = (
        compiled(**options)(points(), q=jnp.zeros(POINTS)).logits for options in ({}, {"dtype": jnp.bfloat16})
    )
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found, exact, rtol=0, atol=0.05 * float(jnp.max(jnp.abs(exact))))
    assert float(jnp.max(jnp.abs(found - exact))) > 0


def test_folded_layer_is_the_layer(full_precision):
    layer = SetUtility(3, (4, 2), num_statistic=2, rngs=nnx.Rngs(0))
    h, told, subset = jnp.ones((5, 3)), jnp.ones(2), jnp.asarray([1.0, 0.0, 1.0, 1.0, 0.0])
    first, rest = layer.fold(h, told)
    np.testing.assert_allclose(rest(subset @ first), layer(subset @ h, told), rtol=1e-5)


def test_wrong_sizes():
    for options, message in (
        ({"num_steps": 0}, "num_steps must be"),
        ({"num_samples": 0}, "num_samples must be"),
        ({"pooling": "max"}, "pooling must be one of"),
    ):
        with pytest.raises(ValueError, match=message):
            model(**options)(points(), jax.random.key(0))
