"""From one agent to another, channel by channel."""

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.small_matrices import total
from jaxinv.kernels.symmetrization.vector_channels.arguments import agents_argument


@jax.jit
def pairwise_channel_difference(vectors: jax.Array, *, mask: jax.Array | None = None) -> jax.Array:
    """`vectors[i] - vectors[j]` of all pairs of agents.

    Args:
      vectors: `(..., N, C, D)`, floating point.
      mask: `(..., N)` bool, which agents there are.

    Returns:
      `(..., N, N, C, D)`, 0 where i or j is masked.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order. Distances alone: `pairwise_channel_distance`, a D-th of the memory.
    """
    vectors, there = agents_argument("vectors", vectors, mask)
    apart = vectors[..., :, None, :, :] - vectors[..., None, :, :, :]
    return apart if mask is None else jnp.where(_pairs(there)[..., None, None], apart, 0)


@jax.jit
def pairwise_channel_distance(vectors: jax.Array, *, mask: jax.Array | None = None) -> jax.Array:
    """`|vectors[i] - vectors[j]|` of all pairs of agents, from their differences: exact also for close ones.

    Args:
      vectors: `(..., N, C, D)`, floating point.
      mask: `(..., N)` bool, which agents there are.

    Returns:
      `(..., N, N, C)` in the dtype of the vectors, computed in float32 at least; 0 with derivative 0 on the diagonal,
      where vectors coincide, and where i or j is masked.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order; of coincident vectors derivatives are 0.
    """
    vectors, there = agents_argument("vectors", vectors, mask)
    wide = vectors.astype(accumulation_dtype(vectors))
    # One coordinate after the other: the last axis in memory is that of channels, not one of length D.
    along = (wide[..., d] for d in range(vectors.shape[-1]))
    square = total((x[..., :, None, :] - x[..., None, :, :]) ** 2 for x in along)
    counts = square > 0 if mask is None else (square > 0) & _pairs(there)[..., None]
    return jnp.where(counts, jnp.sqrt(jnp.where(counts, square, 1)), 0).astype(vectors.dtype)


def _pairs(there):
    return there[..., :, None] & there[..., None, :]
