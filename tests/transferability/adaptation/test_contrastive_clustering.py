"""The contrastive loss: its least value, its symmetries and its temperature; windows; the pull to centroids."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxinv.kernels import transferability as kernels
from tests.duties import FLOAT, X64, assert_finite
from tests.symmetry import assert_equivariant, assert_not_equivariant

EXACT = 1e-10 if X64 else 1e-5
PAIRS, DIM = 4, 3


def embeddings():
    return jnp.asarray(np.random.default_rng(0).normal(size=(2 * PAIRS, DIM)), FLOAT)


@pytest.mark.parametrize("temperature", [1.0, 0.1])
def test_identical_pairs_orthogonal_to_all_others(temperature):
    alike = jnp.repeat(jnp.eye(5, dtype=FLOAT), 2, axis=0)
    found = kernels.sequence_contrastive_loss(3 * alike, temperature=temperature)
    likely = np.exp(1 / temperature)
    np.testing.assert_allclose(found, -np.log(likely / (likely + 8)), rtol=1e-5, atol=EXACT)


def test_symmetries():
    """Lengths of embeddings, the order of trajectories and a rotation; exchanging partners is a control."""
    rotations = jax.random.orthogonal(jax.random.key(0), DIM, (5,))

    def lengthened(key, z):
        return z * jnp.exp(jax.random.normal(key, (2 * PAIRS, 1), FLOAT))

    def reordered(key, z):
        order = jax.random.permutation(key, PAIRS)
        return z.reshape(PAIRS, 2, DIM)[order].reshape(-1, DIM)

    def rotated(key, z):
        rotation = rotations[jax.random.randint(key, (), 0, 5)].astype(FLOAT)
        return jnp.matmul(z, rotation, precision="highest")

    def mismatched(key, z):
        return jax.random.permutation(key, z)

    loss = kernels.sequence_contrastive_loss
    for action in (lengthened, reordered, rotated):
        assert_equivariant(loss, embeddings(), lambda key: key, act_in=action, exactness="exact")
    assert_not_equivariant(loss, embeddings(), lambda key: key, act_in=mismatched, delta=0.05)


def test_few_trajectories_and_zero_vectors():
    assert kernels.sequence_contrastive_loss(embeddings()[:2]) == pytest.approx(0, abs=1e-6)
    z = embeddings().at[3].set(0.0)
    np.testing.assert_allclose(kernels.sequence_contrastive_loss(jnp.zeros_like(z)), np.log(2 * PAIRS - 1), rtol=EXACT)
    assert_finite(jax.grad(kernels.sequence_contrastive_loss)(z))
    assert_finite(jax.grad(kernels.sequence_contrastive_loss)(1e-3 * jnp.zeros_like(z)))


def test_windows_are_pieces_of_their_own_trajectory():
    """Trajectory i holds 100 i, 100 i + 1, ...; every place occurs, and the two windows have places of their own."""
    trajectories = 100.0 * jnp.arange(50)[:, None, None] + jnp.arange(7.0)[None, :, None]
    found = kernels.subtrajectory_pairs(jax.random.key(0), trajectories, length=4)
    starts = []
    for windows in found:
        start = np.asarray(windows[:, 0, 0]) - 100 * np.arange(50)
        np.testing.assert_array_equal(windows[:, :, 0], windows[:, :1, 0] + np.arange(4)[None])
        assert set(start) == {0, 1, 2, 3}
        starts.append(start)
    # 1 in 4 by chance.
    assert 0.05 < np.mean(starts[0] == starts[1]) < 0.5
    whole = kernels.subtrajectory_pairs(jax.random.key(0), trajectories, length=7)
    np.testing.assert_array_equal(whole.first, trajectories)
    np.testing.assert_array_equal(whole.second, trajectories)


def test_the_pull_leads_to_the_centroid():
    z, centroids = embeddings(), jnp.asarray(np.random.default_rng(1).normal(size=(2, DIM)), FLOAT)
    assignment = jnp.array([0, 1, 1, 0, 1, -1, 2, 0], jnp.int32)
    gradient = jax.grad(kernels.cluster_loss)(z, centroids, assignment)
    counted = np.array([1, 1, 1, 1, 1, 0, 0, 1])[:, None]
    np.testing.assert_allclose(gradient, counted * (z - centroids[assignment % 2]) / 6, atol=EXACT)
    assert kernels.cluster_loss(z, centroids, jnp.full(8, -1)) == 0
