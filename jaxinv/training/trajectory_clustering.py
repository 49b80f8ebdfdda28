"""Contrastive clustering: an encoder under which windows of one trajectory are alike, and clusters of trajectories."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jaxtyping import Array, Float, Int, PRNGKeyArray

from jaxinv.kernels.numerics.kmeans import kmeans
from jaxinv.kernels.numerics.safe import safe_divide, safe_norm
from jaxinv.kernels.transferability import cluster_loss, sequence_contrastive_loss, subtrajectory_pairs
from jaxinv.models.sequence_encoder import SequenceEncoder

_WIDTH = 16
_LEARNING_RATE = 3e-3


class TrajectoryClusters(NamedTuple):
    """What was found."""

    cluster: Int[Array, "m"]
    embedding: Float[Array, "m e"]
    """The mean over all windows of a trajectory of their unit embeddings."""
    loss: Float[Array, "s"]
    """The contrastive loss before each step."""


@functools.partial(jax.jit, static_argnames=("num_clusters", "length", "num_rounds", "steps_per_round"))
def cluster_trajectories(
    key: PRNGKeyArray,
    trajectories: Float[Array, "m t d"],
    *,
    num_clusters: int,
    length: int,
    pull: Float[Array, ""] | float = 0.1,
    num_rounds: int = 4,
    steps_per_round: int = 50,
) -> TrajectoryClusters:
    """Trains a recurrent encoder on pairs of windows and clusters the trajectories by what it says.

    Every round takes steps on the contrastive loss and, from the second round on, on the distance from the centroids,
    then clusters anew.

    Args:
      key: of the encoder, windows and clusters.
      trajectories: `(m, T, d)`; no coordinate may stand still in all of them.
      num_clusters: static; K.
      length: static; of windows, 1 to T.
      pull: weight of the distance from the centroids.
      num_rounds, steps_per_round: static.

    Transformations: jit, vmap (over keys and trajectories).
    References: Qiu and Wu (2022), arXiv:2211.06839.
    """
    num_trajectories, num_steps, dim = trajectories.shape
    centre, spread = (reduce(trajectories, axis=(0, 1), keepdims=True) for reduce in (jnp.mean, jnp.std))
    trajectories = (trajectories - centre) / spread
    places = jnp.arange(num_steps - length + 1)[:, None] + jnp.arange(length)[None]
    graph, _ = nnx.split(nnx.eval_shape(lambda: SequenceEncoder(dim, _WIDTH, rngs=nnx.Rngs(0))))
    optimiser = optax.adam(_LEARNING_RATE)

    def encode(params, windows):
        embedding = nnx.merge(graph, params)(windows.reshape(-1, length, dim))
        return safe_divide(embedding, jnp.broadcast_to(safe_norm(embedding)[:, None], embedding.shape))

    def embed(params):
        return jnp.mean(encode(params, trajectories[:, places]).reshape(num_trajectories, -1, _WIDTH), axis=1)

    def loss(params, centroids, assignment, key):
        pairs = jnp.stack(subtrajectory_pairs(key, trajectories, length=length), axis=1)
        windows = encode(params, pairs)
        contrast = sequence_contrastive_loss(windows)
        return contrast + pull * cluster_loss(windows, centroids, jnp.repeat(assignment, 2)), contrast

    def train(state, key):
        params, moments, centroids, assignment, _ = state
        cluster_key, key = jax.random.split(key)

        def step(state, key):
            params, moments = state
            gradient, contrast = jax.grad(loss, has_aux=True)(params, centroids, assignment, key)
            updates, moments = optimiser.update(gradient, moments, params)
            return (optax.apply_updates(params, updates), moments), contrast

        (params, moments), contrast = jax.lax.scan(step, (params, moments), jax.random.split(key, steps_per_round))
        embedding = embed(params)
        found = kmeans(cluster_key, embedding, num_clusters)
        return (params, moments, found.centroids, found.assignment, embedding), contrast

    encoder_key, key = jax.random.split(key)
    params = nnx.state(SequenceEncoder(dim, _WIDTH, rngs=nnx.Rngs(encoder_key)))
    nowhere = (jnp.zeros((num_clusters, _WIDTH)), jnp.full(num_trajectories, -1, jnp.int32))
    state = (params, optimiser.init(params), *nowhere, jnp.zeros((num_trajectories, _WIDTH)))
    (*_, cluster, embedding), contrast = jax.lax.scan(train, state, jax.random.split(key, num_rounds))
    return TrajectoryClusters(cluster, embedding, contrast.ravel())
