"""Checks of vector channels, `(..., C, D)`, and of those of agents, `(..., N, C, D)`."""

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.validation import require_floating
from jaxinv.kernels.symmetrization.clouds import mask_argument


def channels_argument(name: str, vectors: jax.Array) -> jax.Array:
    """`vectors` as an array. Raises TypeError or ValueError unless it is floating-point `(..., C, D)`, D >= 1."""
    vectors = jnp.asarray(vectors)
    require_floating(name, vectors)
    if vectors.ndim < 2 or vectors.shape[-1] == 0:
        raise ValueError(f"{name} must have shape (..., C, D) with D >= 1, got {vectors.shape}")
    return vectors


def agents_argument(name: str, vectors: jax.Array, mask: jax.Array | None) -> tuple[jax.Array, jax.Array]:
    """`(..., N, C, D)`, 0 at masked agents whatever they hold; and which agents there are, `(..., N)`.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    """
    vectors = channels_argument(name, vectors)
    if vectors.ndim < 3:
        raise ValueError(f"{name} must have shape (..., N, C, D), got {vectors.shape}")
    if mask is None:
        return vectors, jnp.ones(vectors.shape[:-2], bool)
    there = mask_argument(mask, vectors[..., 0])
    return jnp.where(there[..., None, None], vectors, 0), there


def same_shape(name: str, vectors: jax.Array, like: jax.Array) -> jax.Array:
    """`vectors` as an array. Raises TypeError or ValueError unless it is floating point and shaped as `like`."""
    vectors = channels_argument(name, vectors)
    if vectors.shape != like.shape:
        raise ValueError(f"{name} must have shape {like.shape}, got {vectors.shape}")
    return vectors
