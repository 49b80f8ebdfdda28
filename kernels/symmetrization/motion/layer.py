"""A layer of EqMotion: channels of vectors move and bend, scalars are told how far agents are from each other."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.validation import require_shape
from jaxinv.kernels.symmetrization.motion.attention import (
    InterAgentParams,
    inner_agent_attention,
    pulls,
    require_inter_agent,
    weights_of_pairs,
)
from jaxinv.kernels.symmetrization.motion.interactions import sum_of_others
from jaxinv.kernels.symmetrization.motion.perceptrons import (
    Dense,
    PairPerceptron,
    Perceptron,
    pair_perceptron,
    perceptron,
    require_features,
    require_pair_perceptron,
    require_perceptron,
)
from jaxinv.kernels.symmetrization.vector_channels.arguments import agents_argument, same_shape
from jaxinv.kernels.symmetrization.vector_channels.centring import centre_channels
from jaxinv.kernels.symmetrization.vector_channels.mixing import channel_mix
from jaxinv.kernels.symmetrization.vector_channels.nonlinearity import vector_relu
from jaxinv.kernels.symmetrization.vector_channels.pairs import pairwise_channel_distance


class LayerParams(NamedTuple):
    """Of `eqmotion_layer`, for H features and C channels.

    Attributes:
      edge: PairPerceptron of H features and C distances, `(M,)` outputs.
      inner: Dense `(H, C)`, of `inner_agent_attention`.
      inter: InterAgentParams.
      velocity: `(C, C)`, mixes velocities.
      vector: `(C, C)`, mixes what `vector_relu` bends.
      direction: `(C, C)`, mixes the directions that it bends by.
      update: Perceptron `(H + M, H)`.
    """

    edge: PairPerceptron
    inner: Dense
    inter: InterAgentParams
    velocity: jax.Array
    vector: jax.Array
    direction: jax.Array
    update: Perceptron


@jax.jit
def eqmotion_layer(
    params: LayerParams,
    h: jax.Array,
    vectors: jax.Array,
    velocities: jax.Array,
    categories: jax.Array,
    *,
    mask: jax.Array | None = None,
) -> tuple[jax.Array, jax.Array]:
    """One layer of EqMotion: vectors turn and move with the world, scalars are invariant, agents may be in any order.

    Args:
      params: LayerParams.
      h: `(..., N, H)`, floating point, scalars of each agent; they and the networks may be less precise than vectors.
      vectors: `(..., N, C, D)`, channels that move with positions.
      velocities: `(..., N, C, D)`, channels that turn with them but do not move.
      categories: `(..., N, N, K)`, shares as of `interaction_categories`.
      mask: `(..., N)` bool, which agents there are.

    Returns:
      New h and vectors, each in its dtype; of masked agents 0.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Memory: about `4 N^2 (K (H + C) + 2 H + 3 C)` bytes; pairs of features and differences of vectors are never written.
    Transformations: jit, vmap, jvp, vjp, any order; derivatives are 0 of the distance of coincident vectors.
    References: Xu et al., EqMotion, arXiv:2303.10876.
    """
    vectors, there = agents_argument("vectors", vectors, mask)
    h = require_features(h, vectors)
    velocities, _ = agents_argument("velocities", same_shape("velocities", velocities, vectors), mask)
    channels, features = vectors.shape[-2], h.shape[-1]
    messages = require_pair_perceptron("params.edge", params.edge, features, channels)
    require_perceptron("params.update", params.update, features + messages)
    for name in ("velocity", "vector", "direction"):
        require_shape(f"params.{name}", getattr(params, name), (channels, channels))
    categories = require_inter_agent("params.inter", params.inter, h, vectors, categories)
    distances = pairwise_channel_distance(vectors, mask=mask)
    received = sum_of_others(pair_perceptron(params.edge, h, distances), there)
    moved = (
        vectors
        + inner_agent_attention(params.inner, h, vectors, mask=mask)
        + pulls(weights_of_pairs(params.inter, h, distances, categories), vectors, there)
        + channel_mix(velocities, params.velocity).astype(vectors.dtype)
    )
    return _updated(params, h, received, there), _bent(params, moved, there, mask)


def _updated(params, h, received, there):
    new = h + perceptron(params.update, jnp.concatenate([h, received], axis=-1))
    return jnp.where(there[..., None], new, 0)


def _bent(params, vectors, there, mask):
    """`vector_relu` about the mean."""
    centred, mean = centre_channels(vectors, mask=mask)
    mixed = (channel_mix(centred, weight).astype(vectors.dtype) for weight in (params.vector, params.direction))
    bent = vector_relu(*mixed) + mean[..., None, None, :]
    return jnp.where(there[..., None, None], bent, 0)
