"""The network of parts: exact for partitions that are fine enough, one that coarsens by votes, and its losses."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxinv.kernels import symmetrization as kernels
from jaxinv.models.piecewise_network import PiecewiseNetwork, vote_loss
from tests.duties import FLOAT
from tests.nn.test_piecewise import FINE, MOST, PARTS, POINTS, TRUE, N, motions
from tests.symmetry import assert_equivariant, assert_not_equivariant

pytestmark = pytest.mark.usefixtures("full_precision")


SIZES: dict[str, Any] = {"num_parts": MOST, "num_hidden": 8, "num_scalars": 4, "num_vectors": 2}
NETWORK = PiecewiseNetwork(3, sigmas=(0.5,), param_dtype=FLOAT, rngs=nnx.Rngs(0), **SIZES)


@jax.jit
def of_partition(points, labels):
    return in_a_row(NETWORK(points, labels=labels))


def in_a_row(found):
    return jnp.concatenate([found.votes.ravel(), found.logits.ravel()])


@jax.jit
def move(g, points):
    return kernels.move_parts(*g, points, TRUE)


def move_row(g, row):
    votes, logits = jnp.split(row, [2 * 3 * N])
    moved = jax.vmap(lambda votes: move(g, votes))(votes.reshape(2, N, 3))
    return jnp.concatenate([moved.ravel(), logits])


def test_equivariant_for_the_true_partition_and_finer_ones_only():
    acting: dict[str, Any] = {"act_in": move, "act_out": move_row}
    for labels in (TRUE, FINE):
        assert_equivariant(lambda x, z=labels: of_partition(x, z), POINTS, motions, exactness="exact", **acting)
    for labels in (jnp.zeros_like(TRUE), TRUE.at[0].set(1)):
        assert_not_equivariant(lambda x, z=labels: of_partition(x, z), POINTS, motions, delta=0.01, **acting)


GROWN = jnp.concatenate([POINTS, jnp.full((3, 3), 0.7, FLOAT)])
MASK = jnp.arange(N + 3) < N


@jax.jit
def predicted(points, key, mask):
    return NETWORK(points, key=key, mask=mask)


def test_partitions_follow_the_votes_and_motions_of_parts_leave_them():
    apart = POINTS + 4 * TRUE[:, None].astype(FLOAT) * jnp.array([[1.0, 0, 0]], FLOAT)
    points = GROWN.at[:N].set(apart)
    keys = jax.random.split(jax.random.key(0), 20)
    drawn = jnp.stack([kernels.voronoi_parts(key, points, MOST, mask=MASK) for key in keys])
    fine = int(jnp.argmax(kernels.is_subpartition(drawn[:, :N], TRUE)))
    found = predicted(points, keys[fine], MASK)
    labels, votes = found.labels[:, :N], found.votes[:, :N]
    assert kernels.is_subpartition(labels, TRUE).all()
    np.testing.assert_array_equal(labels[0], drawn[fine, :N])
    np.testing.assert_array_equal(jnp.argmax(found.assignments[:, :N], axis=-1), labels)
    assert kernels.assignment_uncertainty(found.assignments[0], mask=MASK) == 0
    regroup = functools.partial(kernels.regroup_parts, num_parts=MOST, sigma=0.5)
    np.testing.assert_array_equal(regroup(votes[0], labels[0]).labels, labels[1])
    assert len(np.unique(labels[1])) < len(np.unique(labels[0]))
    # Each part turned about its centre, so that they stay apart.
    rotations = motions(jax.random.key(1))[0]
    centres = jnp.stack([apart[:6].mean(0), apart[6:].mean(0)])
    g = rotations, centres - jnp.einsum("kij,kj->ki", rotations, centres)
    moved = jax.jit(lambda x: NETWORK.layers[0](x, labels[0]).votes)(move(g, apart))
    np.testing.assert_allclose(moved, move(g, votes[0]), atol=1e-5)
    np.testing.assert_array_equal(regroup(moved, labels[0]).labels, labels[1])


def test_padded_points_change_nothing():
    key = jax.random.key(2)
    found, other = (predicted(points, key, MASK) for points in (GROWN, GROWN.at[N:].set(-5)))
    for one, two in zip(found[1:], other[1:], strict=True):
        np.testing.assert_array_equal(one[:, :N], two[:, :N])
    np.testing.assert_array_equal(found.logits[:N], other.logits[:N])
    np.testing.assert_array_equal(found.votes[:, N:], 0)
    # And those that are there are as if alone.
    alone = of_partition(POINTS, found.labels[0, :N])
    np.testing.assert_allclose(found.votes[0, :N].ravel(), alone[: 3 * N], atol=1e-5)
    # Negative control.
    shown = predicted(GROWN, key, MASK | True)
    assert np.abs(np.asarray(shown.votes[0, :N] - found.votes[0, :N])).max() > 1e-3


def test_votes_and_logits_train():
    graph, state = nnx.split(NETWORK)

    @jax.jit
    def gradient(state):
        def loss(state):
            found = nnx.merge(graph, state)(POINTS, key=jax.random.key(0))
            return vote_loss(found.votes, POINTS, TRUE, PARTS) + jnp.mean(jax.nn.logsumexp(found.logits, axis=-1))

        return jax.grad(loss)(state)

    for leaf in jax.tree.leaves(gradient(state)):
        assert bool(jnp.all(jnp.isfinite(leaf)))
        assert bool(jnp.any(leaf != 0))


def test_the_loss_of_votes():
    centres = np.stack([np.asarray(POINTS)[np.asarray(TRUE) == part].mean(0) for part in (0, 1)])
    votes = np.random.default_rng(0).normal(size=(2, N, 3))
    wanted = np.abs(votes - centres[np.asarray(TRUE)]).sum(-1)
    np.testing.assert_allclose(vote_loss(jnp.asarray(votes, FLOAT), POINTS, TRUE, PARTS), wanted.mean(), rtol=1e-5)
    mask = jnp.arange(N) % 2 == 0
    centres = np.stack([np.asarray(POINTS)[(np.asarray(TRUE) == part) & np.asarray(mask)].mean(0) for part in (0, 1)])
    wanted = np.abs(votes - centres[np.asarray(TRUE)]).sum(-1)[:, np.asarray(mask)]
    found = vote_loss(jnp.asarray(votes, FLOAT), POINTS, TRUE, PARTS, mask=mask)
    np.testing.assert_allclose(found, wanted.mean(), rtol=1e-5)


def test_bad_arguments_are_named():
    for sigmas in ((0.2, 0.1), (0.0,)):
        with pytest.raises(ValueError, match="sigmas must be"):
            PiecewiseNetwork(2, num_parts=2, sigmas=sigmas, rngs=nnx.Rngs(0))
    for options in ({}, {"key": jax.random.key(0), "labels": TRUE}):
        with pytest.raises(ValueError, match="exactly one of key and labels"):
            NETWORK(POINTS, **options)
