"""Contrastive clustering finds the directions of straight trajectories."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.training.trajectory_clustering import cluster_trajectories

NUM_CLUSTERS, COUNT = 4, 24


def straight(key: jax.Array, noise: float) -> jax.Array:
    """Walks of 20 steps of 0.05 in one of four directions, by turns."""
    angle = 2 * jnp.pi * (jnp.arange(COUNT) % NUM_CLUSTERS) / NUM_CLUSTERS + 0.5
    steps = 0.05 * jnp.stack([jnp.cos(angle), jnp.sin(angle)], axis=1)[:, None]
    return jnp.cumsum(steps + noise * jax.random.normal(key, (COUNT, 20, 2)), axis=1)


def purity(cluster: jax.Array) -> float:
    """The share of trajectories with the direction of most in their cluster."""
    counts = np.zeros((NUM_CLUSTERS, NUM_CLUSTERS))
    np.add.at(counts, (np.asarray(cluster), np.arange(COUNT) % NUM_CLUSTERS), 1)
    return counts.max(axis=1).sum() / COUNT


def test_directions_are_found():
    """In each of three seeds; where noise hides the direction (the control) they are not."""
    keys = jax.random.split(jax.random.key(0), 3)
    clear, hidden = (jax.vmap(lambda key, n=noise: straight(key, n))(keys) for noise in (0.01, 0.5))

    def cluster(key, trajectories):
        return cluster_trajectories(key, trajectories, num_clusters=NUM_CLUSTERS, length=8)

    fit = jax.jit(jax.vmap(cluster))
    found = fit(keys, clear)
    assert min(purity(c) for c in found.cluster) >= 0.95
    # Least where the four directions, with cosines of -1/3, are all that is told apart.
    same, others = 2 * COUNT // NUM_CLUSTERS - 1, 2 * COUNT * (NUM_CLUSTERS - 1) // NUM_CLUSTERS
    least = np.log(same + others * np.exp(-1 / 3 - 1))
    assert np.all(found.loss[:, 0] > least + 0.04)
    np.testing.assert_allclose(found.loss[:, -1], least, atol=0.01)
    assert np.all(np.isfinite(found.embedding))
    assert max(purity(c) for c in fit(keys, hidden).cluster) < 0.95
