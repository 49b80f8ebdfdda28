"""The mean over agents and channels, about which a cloud's channels are linear."""

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.symmetrization.vector_channels.arguments import agents_argument
from jaxinv.kernels.symmetrization.vector_channels.mixing import channel_mix


@jax.jit
def masked_channel_mean(vectors: jax.Array, *, mask: jax.Array | None = None) -> jax.Array:
    """The mean over agents and channels: of positions a point that moves with them.

    Args:
      vectors: `(..., N, C, D)`, floating point.
      mask: `(..., N)` bool, which agents there are; what the others hold counts for nothing.

    Returns:
      `(..., D)` in the dtype of the vectors, summed in float32 at least; 0 without agents or channels.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order.
    """
    vectors, there = agents_argument("vectors", vectors, mask)
    dtype = accumulation_dtype(vectors)
    count = jnp.maximum(jnp.sum(there, axis=-1) * vectors.shape[-2], 1).astype(dtype)
    return (jnp.sum(vectors.astype(dtype), axis=(-3, -2)) / count[..., None]).astype(vectors.dtype)


@jax.jit
def centre_channels(vectors: jax.Array, *, mask: jax.Array | None = None) -> tuple[jax.Array, jax.Array]:
    """The vectors less `masked_channel_mean`, and that mean.

    Args:
      vectors: `(..., N, C, D)`, floating point.
      mask: `(..., N)` bool, which agents there are.

    Returns:
      `(..., N, C, D)`, 0 at masked agents, and `(..., D)`, both in the dtype of the vectors.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order.
    """
    vectors, there = agents_argument("vectors", vectors, mask)
    mean = masked_channel_mean(vectors, mask=mask)
    return jnp.where(there[..., None, None], vectors - mean[..., None, None, :], 0), mean


@jax.jit
def mix_about_mean(vectors: jax.Array, weight: jax.Array, *, mask: jax.Array | None = None) -> jax.Array:
    """`channel_mix` of vectors about their mean, which moves with them whatever the weight.

    Args:
      vectors: `(..., N, C_in, D)`, floating point.
      weight: `(C_in, C_out)`.
      mask: `(..., N)` bool, which agents there are.

    Returns:
      `(..., N, C_out, D)` in the dtype of the vectors, 0 at masked agents.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order.
    """
    vectors, there = agents_argument("vectors", vectors, mask)
    centred, mean = centre_channels(vectors, mask=mask)
    mixed = channel_mix(centred, weight).astype(vectors.dtype) + mean[..., None, None, :]
    return jnp.where(there[..., None, None], mixed, 0)
