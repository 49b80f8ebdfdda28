"""What kind of interaction every pair of agents has: invariant, and the same for all layers."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.symmetrization.motion.perceptrons import (
    PairPerceptron,
    Perceptron,
    pair_perceptron,
    perceptron,
    require_features,
    require_pair_perceptron,
    require_perceptron,
)
from jaxinv.kernels.symmetrization.vector_channels.arguments import agents_argument
from jaxinv.kernels.symmetrization.vector_channels.pairs import pairwise_channel_distance


class InteractionParams(NamedTuple):
    """Of `interaction_categories`, for H features, C channels, K categories.

    Attributes:
      distance: Perceptron `(C, F)`, of the distances of a pair.
      message: PairPerceptron of H features and F distances, `(H,)` outputs.
      update: Perceptron `(2 H, H)`.
      category: PairPerceptron of H features and F distances, K outputs.
    """

    distance: Perceptron
    message: PairPerceptron
    update: Perceptron
    category: PairPerceptron


@jax.jit
def interaction_categories(
    params: InteractionParams,
    h: jax.Array,
    vectors: jax.Array,
    *,
    mask: jax.Array | None = None,
    temperature: float | jax.Array = 1.0,
) -> jax.Array:
    """Probabilities of K categories of interaction for every ordered pair, after one round of messages.

    As published, SiLU is also taken of the logits, which holds them above -0.28.

    Args:
      params: InteractionParams.
      h: `(..., N, H)`, floating point, invariant scalars of each agent.
      vectors: `(..., N, C, D)`, such as positions and velocities on one channel axis; only their differences count.
      mask: `(..., N)` bool, which agents there are.
      temperature: above 0; the lower, the nearer to one category a pair.

    Returns:
      `(..., N, N, K)` in the dtype of h, rows adding up to 1 (of an agent with itself too); 0 where one is masked.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Memory: `4 N^2 (2 C + 4 H + K)` bytes at most.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Xu et al., EqMotion, arXiv:2303.10876.
    """
    vectors, there = agents_argument("vectors", vectors, mask)
    h = require_features(h, vectors)
    num_features = h.shape[-1]
    num_distances = require_perceptron("params.distance", params.distance, vectors.shape[-2])
    num_messages = require_pair_perceptron("params.message", params.message, num_features, num_distances)
    num_updated = require_perceptron("params.update", params.update, num_features + num_messages)
    require_pair_perceptron("params.category", params.category, num_updated, num_distances)
    distances = pairwise_channel_distance(vectors, mask=mask).astype(h.dtype)
    distances = jax.nn.silu(perceptron(params.distance, distances))
    received = sum_of_others(pair_perceptron(params.message, h, distances), there)
    updated = jax.nn.silu(perceptron(params.update, jnp.concatenate([h, received], axis=-1)))
    logits = pair_perceptron(params.category, updated, distances)
    wide = accumulation_dtype(logits)
    shares = jax.nn.softmax(logits.astype(wide) / jnp.asarray(temperature, wide), axis=-1)
    return jnp.where((there[..., :, None] & there[..., None, :])[..., None], shares, 0).astype(h.dtype)


def sum_of_others(messages: jax.Array, there: jax.Array) -> jax.Array:
    """`(..., N, N, H)` to `(..., N, H)`: over agents j that there are, i itself left out."""
    others = there[..., None, :] & ~jnp.eye(messages.shape[-2], dtype=bool)[(None,) * (there.ndim - 1)]
    kept = jnp.where(others[..., None], messages, 0)
    return jnp.sum(kept.astype(accumulation_dtype(messages)), axis=-2).astype(messages.dtype)
