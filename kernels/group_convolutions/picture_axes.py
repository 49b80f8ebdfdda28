"""Features with channels first, `(..., channels, order, height, width)`, as those with channels last and back."""

import jax
import jax.numpy as jnp


def fields_last(x: jax.Array, dimension: int) -> jax.Array:
    """`(..., channels, order, space...)` to `(..., space..., order, channels)`."""
    return jnp.moveaxis(x, (-2 - dimension, -1 - dimension), (-1, -2))


def fields_first(x: jax.Array, dimension: int) -> jax.Array:
    """`(..., space..., order, channels)` to `(..., channels, order, space...)`."""
    return jnp.moveaxis(x, (-1, -2), (-2 - dimension, -1 - dimension))
