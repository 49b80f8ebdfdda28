"""Parts from votes: those that vote for one place become one, wherever it is; pooling over parts."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxinv.kernels import symmetrization as kernels
from tests.duties import FLOAT, X64, assert_finite

N, PARTS = 12, 6
TRUE = jnp.asarray(np.repeat([0, 1], N // 2), jnp.int32)
FINE = jnp.asarray(np.arange(N) // 2, jnp.int32)
PLACES = np.array([[0.0, 0, 0], [3, 1, 0]])
VOTES = jnp.asarray(PLACES[np.asarray(TRUE)] + 0.05 * np.random.default_rng(0).normal(size=(N, 3)), FLOAT)


def numpy_merged(centres, proportions, distance):
    """One pair after another, by sets of parts."""
    groups = [{i} for i in np.flatnonzero(proportions > 0)]
    near = np.linalg.norm(centres[:, None] - centres[None], axis=-1) <= distance
    while True:
        pairs = ((a, b) for a in groups for b in groups if a is not b and near[np.ix_(sorted(a), sorted(b))].any())
        pair = next(pairs, None)
        if pair is None:
            break
        groups = [g for g in groups if g not in pair] + [pair[0] | pair[1]]
    found, mass = centres.copy(), np.zeros_like(proportions)
    for group in groups:
        members = sorted(group)
        mass[members[0]] = proportions[members].sum()
        found[members[0]] = proportions[members] @ centres[members] / mass[members[0]]
    return found, mass


def test_merging_of_centres():
    # Within 0.5 of each other through others only, one that is not there between two that are apart, and both near.
    centres = np.array([[0.0, 0], [9, 9], [0.4, 0], [0.8, 0], [1.2, 0], [1.6, 0], [9.2, 9]])
    proportions = np.array([0.2, 0.1, 0.2, 0.1, 0.0, 0.2, 0.2])
    generator = np.random.default_rng(1)
    drawn = (2 * generator.normal(size=(7, 2)), generator.dirichlet(np.ones(7)))
    for given, sizes in (((centres, proportions), 3), (drawn, None)):
        wanted = numpy_merged(*given, 0.5)
        found = kernels.merge_parts(kernels.PartMixture(*(jnp.asarray(x, FLOAT) for x in given)), distance=0.5)
        for one, other in zip(found, wanted, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-12 if X64 else 1e-6)
        assert sizes is None or np.sum(wanted[1] > 0) == sizes
    with pytest.raises(ValueError, match="mixture must have shapes"):
        kernels.merge_parts(kernels.PartMixture(jnp.ones((3, 2)), jnp.ones(2)), distance=1.0)


def test_parts_that_vote_for_one_place_become_one():
    regroup = functools.partial(kernels.regroup_parts, num_parts=PARTS, sigma=0.3)
    found = regroup(VOTES, FINE)
    np.testing.assert_array_equal(kernels.is_subpartition(found.labels, TRUE), True)
    np.testing.assert_array_equal(kernels.is_subpartition(TRUE, found.labels), True)
    assert np.sum(np.asarray(found.mixture.proportions) > 0) == 2
    for place, part in enumerate(np.asarray(found.labels)[[0, N - 1]]):
        mean = np.asarray(VOTES)[np.asarray(TRUE) == place].mean(0)
        np.testing.assert_allclose(found.mixture.centres[part], mean, atol=1e-5)
    np.testing.assert_allclose(jnp.sum(found.assignments, axis=1), 1, rtol=1e-6)
    assert kernels.assignment_uncertainty(found.assignments) < 1e-4
    # The partition does not see where the places are, as long as they are apart.
    moved = regroup(
        VOTES + jnp.asarray(np.where(np.asarray(TRUE)[:, None] == 0, [[5.0, -2, 1]], [[-4, 3, 2]]), FLOAT), FINE
    )
    np.testing.assert_array_equal(moved.labels, found.labels)
    # Negative control: one sigma as wide as they are apart.
    one = regroup(VOTES, FINE, sigma=3.0)
    assert len(np.unique(one.labels)) == 1


@pytest.mark.allow_nans
def test_masked_votes_change_nothing():
    regroup = functools.partial(kernels.regroup_parts, num_parts=PARTS, sigma=0.3)
    grown = jnp.concatenate([VOTES, jnp.full((1, 3), jnp.nan, FLOAT), jnp.full((1, 3), 1.5, FLOAT)])
    labels, mask = jnp.concatenate([FINE, jnp.array([0, 5], jnp.int32)]), jnp.arange(N + 2) < N
    found, wanted = regroup(grown, labels, mask=mask), regroup(VOTES, FINE)
    np.testing.assert_array_equal(found.labels[:N], wanted.labels)
    np.testing.assert_array_equal(found.labels[N:], -1)
    np.testing.assert_allclose(found.mixture.centres, wanted.mixture.centres, atol=1e-5)
    assert_finite((found.assignments, found.mixture))


def test_derivatives_are_finite_where_votes_coincide():
    @jax.jit
    def derivative(votes):
        return jax.grad(lambda v: jnp.sum(kernels.regroup_parts(v, FINE, PARTS, sigma=0.3).mixture.centres ** 2))(votes)

    coinciding = derivative(jnp.asarray(PLACES[np.asarray(TRUE)], FLOAT))
    assert_finite(coinciding)
    assert np.abs(coinciding).max() > 0.1


def test_bad_arguments_are_named():
    for call, message in (
        (lambda: kernels.regroup_parts(VOTES[None], FINE, PARTS, sigma=1.0), "votes must have shape"),
        (lambda: kernels.regroup_parts(VOTES, FINE[1:], PARTS, sigma=1.0), "labels must have one label a point"),
        (lambda: kernels.regroup_parts(VOTES, FINE, 0, sigma=1.0), "num_parts must be"),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_equal_largest_features_share_their_derivative():
    features = jnp.asarray([[1.0], [1.0], [0.5]], FLOAT)
    found = jax.grad(lambda x: jnp.sum(kernels.part_max(x, jnp.zeros(3, int), 1)))(features)
    np.testing.assert_allclose(found, [[1.5], [1.5], [0.0]], rtol=1e-6)
    masked = kernels.part_max(features, jnp.zeros(3, int), 1, mask=jnp.array([False, False, True]))
    np.testing.assert_array_equal(masked, [[0], [0], [0.5]])
    # More equal ones than bfloat16 can count.
    many = kernels.part_max(jnp.ones((600, 1), jnp.bfloat16), jnp.zeros(600, int), 1)
    np.testing.assert_array_equal(many.astype(FLOAT), 1)
