"""Mixtures recovered, bases masked, partitions compared, and graphs of known generators."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels import graphs as kernels
from tests.duties import FLOAT
from tests.graphs.test_graphons import drawn

BASES = jnp.stack([kernels.synthesize_graphon(kind, 14).astype(FLOAT) for kind in (0, 6, 10)])


def mixed(*weights):
    return jnp.tensordot(jnp.asarray(weights, FLOAT), BASES[: len(weights)], 1)


def test_a_mixture_is_recovered():
    target = mixed(0.3, 0.7)
    found = kernels.fit_mixture(BASES[:2], target)
    assert float(found.distance) < 1e-3
    np.testing.assert_allclose(found.weights, [0.3, 0.7], atol=0.05)
    # A basis too many hardly matters; one that is masked does not at all.
    three = kernels.fit_mixture(BASES, target)
    np.testing.assert_allclose(three.weights, [0.3, 0.7, 0], atol=0.05)
    masked = kernels.fit_mixture(BASES.at[2].set(0.3), target, mask=jnp.asarray([True, True, False]))
    np.testing.assert_allclose(masked.weights, [*np.asarray(found.weights), 0], atol=1e-3)


def test_the_trace_begins_at_the_mean_of_the_bases_and_falls():
    target = mixed(0.1, 0.2, 0.7)
    found = kernels.fit_mixture(BASES, target)
    np.testing.assert_allclose(found.trace[0], kernels.gw_distance(jnp.mean(BASES, axis=0), target), rtol=1e-3)
    assert float(found.distance) <= float(jnp.min(found.trace)) < 0.1 * float(found.trace[0])
    np.testing.assert_allclose(jnp.sum(found.weights), 1.0, rtol=1e-6)


def test_one_basis_has_all_the_weight():
    found = kernels.fit_mixture(BASES[1:2], BASES[0])
    np.testing.assert_array_equal(found.weights, [1.0])
    np.testing.assert_allclose(found.distance, kernels.gw_distance(BASES[1], BASES[0]), rtol=1e-5)


def test_never_worse_than_a_basis_alone():
    """Without a descent worth the name."""
    alone = jax.vmap(lambda basis: kernels.gw_distance(basis, BASES[0]))(BASES[1:])
    found = kernels.fit_mixture(BASES[1:], BASES[0], num_steps=1)
    assert float(found.distance) <= float(jnp.min(alone)) * (1 + 1e-5)


def test_the_best_partition_counts():
    """The first lumps what the second keeps apart; the third has the wrong graphs, and fewer of them."""
    lumped = jnp.mean(BASES[:2], axis=0)
    partitions = jnp.stack([jnp.stack([lumped, lumped]), BASES[:2], BASES[1:]])
    mask = jnp.asarray([[True, False], [True, True], [False, True]])
    found = kernels.feasibility(partitions, mixed(0.8, 0.2), mask=mask)
    assert int(found.partition) == 1
    np.testing.assert_allclose(found.score, -jnp.min(found.distances), rtol=1e-6)
    assert float(found.score) > -5e-3
    np.testing.assert_allclose(found.weights[1], [0.8, 0.2], atol=0.05)
    np.testing.assert_array_equal(found.weights[2], [0.0, 1.0])
    np.testing.assert_allclose(found.mean_distances[0], found.distances[0], rtol=1e-4)


def test_graphs_tell_whether_their_generator_is_covered():
    """From samples: downstream graphs of a basis are nearer than graphs of another graphon."""
    groups = [drawn(kind, seed=0, num_graphs=5, num_nodes=60) for kind in (0, 6)]
    labels = jnp.asarray([0] * 5 + [1] * 5 + [7])
    found = kernels.graphon_bases(jnp.concatenate([*groups, groups[0][:1]]), labels, num_groups=3)
    np.testing.assert_array_equal(found.present, [True, True, False])
    np.testing.assert_allclose(found.bases[1], kernels.graphon_sas(groups[1]), atol=1e-6)
    np.testing.assert_array_equal(found.bases[2], 0.0)
    score = [
        kernels.feasibility(
            found.bases[None],
            kernels.graphon_sas(drawn(kind, seed=1, num_graphs=5, num_nodes=60)),
            mask=found.present[None],
        ).score
        for kind in (6, 10)
    ]
    assert float(score[0]) > float(score[1]) + 0.1
