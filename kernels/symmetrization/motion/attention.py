"""How agents move their own channels, and each other's."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.validation import require_floating
from jaxinv.kernels.symmetrization.motion.perceptrons import (
    Dense,
    PairPerceptron,
    Perceptron,
    dense,
    pair_perceptron,
    perceptron,
    require_dense,
    require_features,
    require_pair_perceptron,
    require_perceptron,
)
from jaxinv.kernels.symmetrization.vector_channels.arguments import agents_argument
from jaxinv.kernels.symmetrization.vector_channels.centring import centre_channels
from jaxinv.kernels.symmetrization.vector_channels.pairs import pairwise_channel_distance


class InterAgentParams(NamedTuple):
    """Of `inter_agent_aggregate`, for H features and C channels.

    Attributes:
      categories: PairPerceptron of H features and C distances, C outputs, each array with a leading axis of the
        categories that act.
      merge: Perceptron `(C, C)`.
    """

    categories: PairPerceptron
    merge: Perceptron


@jax.jit
def inner_agent_attention(
    params: Dense, h: jax.Array, vectors: jax.Array, *, mask: jax.Array | None = None
) -> jax.Array:
    """`a_i (G_i - mean)`, a factor `SiLU(dense(h_i))` a channel: what an agent's own channels move by.

    Args:
      params: Dense `(H, C)`.
      h: `(..., N, H)`, floating point, invariant scalars of each agent.
      vectors: `(..., N, C, D)`, G.
      mask: `(..., N)` bool, which agents there are.

    Returns:
      `(..., N, C, D)` in the dtype of the vectors, to add to them; 0 for masked agents.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Xu et al., EqMotion, arXiv:2303.10876, as its code has it: the paper adds the mean once more.
    """
    vectors, _ = agents_argument("vectors", vectors, mask)
    h = require_features(h, vectors)
    _require_channels("params", require_dense("params", params, h.shape[-1]), vectors)
    centred, _ = centre_channels(vectors, mask=mask)
    return jax.nn.silu(dense(params, h))[..., None].astype(vectors.dtype) * centred


@jax.jit
def inter_agent_aggregate(
    params: InterAgentParams,
    h: jax.Array,
    vectors: jax.Array,
    categories: jax.Array,
    *,
    mask: jax.Array | None = None,
) -> jax.Array:
    """`sum_j w_ij (G_i - G_j)`, a weight a channel, merged from networks of every category: what others move it by.

    Args:
      params: InterAgentParams. It may hold fewer networks than there are categories: the last ones do not act.
      h: `(..., N, H)`, floating point, invariant scalars of each agent.
      vectors: `(..., N, C, D)`, G.
      categories: `(..., N, N, K)`, shares as of `interaction_categories`.
      mask: `(..., N)` bool, which agents there are.

    Returns:
      `(..., N, C, D)` in the dtype of the vectors, to add to them; 0 for masked agents.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Memory: about `4 N^2 (K (H + C) + 2 C)` bytes; differences of vectors are never written.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Xu et al., EqMotion, arXiv:2303.10876.
    """
    vectors, there = agents_argument("vectors", vectors, mask)
    h = require_features(h, vectors)
    categories = require_inter_agent("params", params, h, vectors, categories)
    distances = pairwise_channel_distance(vectors, mask=mask)
    return pulls(weights_of_pairs(params, h, distances, categories), vectors, there)


def require_inter_agent(
    name: str, params: InterAgentParams, h: jax.Array, vectors: jax.Array, categories: jax.Array
) -> jax.Array:
    """`categories` as an array. Raises TypeError or ValueError unless networks, features and categories fit."""
    categories = jnp.asarray(categories)
    require_floating("categories", categories)
    n, channels = vectors.shape[-3:-1]
    acting = jax.tree.map(lambda x: x[0], params.categories)
    merged = require_pair_perceptron(f"{name}.categories", acting, h.shape[-1], channels)
    _require_channels(f"{name}.merge", require_perceptron(f"{name}.merge", params.merge, merged), vectors)
    num_acting = params.categories.receiver.shape[0]
    if categories.shape[:-1] != (*h.shape[:-2], n, n) or categories.shape[-1] < num_acting:
        wanted = ", ".join(map(str, (*h.shape[:-2], n, n)))
        raise ValueError(f"categories must have shape ({wanted}, {num_acting} or more), got {categories.shape}")
    return categories


def weights_of_pairs(params: InterAgentParams, h: jax.Array, distances: jax.Array, categories: jax.Array) -> jax.Array:
    """`(..., N, N, C)` in the dtype of h."""
    dtype = accumulation_dtype(h, categories)
    summed = jnp.zeros((), dtype)
    # One after the other: as one batched product of matrices they take a CPU twice as long.
    for k in range(params.categories.receiver.shape[0]):
        network = jax.tree.map(lambda x, k=k: x[k], params.categories)
        summed = summed + categories[..., k : k + 1].astype(dtype) * pair_perceptron(network, h, distances)
    return jax.nn.silu(perceptron(params.merge, summed.astype(h.dtype)))


def pulls(weights: jax.Array, vectors: jax.Array, there: jax.Array) -> jax.Array:
    """`sum_j w_ij (G_i - G_j)`, `(..., N, C, D)`, over agents that there are."""
    dtype = accumulation_dtype(weights, vectors)
    weights = jnp.where((there[..., :, None] & there[..., None, :])[..., None], weights, 0).astype(dtype)
    # One coordinate after the other, by sums and not products of matrices: on a CPU 40 times as fast for few agents.
    along = (vectors[..., d].astype(dtype) for d in range(vectors.shape[-1]))
    found = [jnp.sum(weights * (x[..., :, None, :] - x[..., None, :, :]), axis=-2) for x in along]
    return jnp.stack(found, axis=-1).astype(vectors.dtype)


def _require_channels(name, found, vectors):
    if found != vectors.shape[-2]:
        raise ValueError(f"{name} must have {vectors.shape[-2]} outputs, one a channel, got {found}")
