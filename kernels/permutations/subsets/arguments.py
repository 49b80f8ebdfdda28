"""Checks of arguments that the kernels on subsets share."""

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.validation import require_floating, require_shape
from jaxinv.kernels.permutations.masks import require_mask

# Of an element that is not there: its probability is 0 in every dtype, and nothing is infinite.
ABSENT = -1e4


def require_elements(h: jax.Array, mask: jax.Array | None) -> tuple[jax.Array, jax.Array]:
    """Features `(n, D)` of one element at least, 0 where absent, and the mask. Raises TypeError or ValueError."""
    h = jnp.asarray(h)
    require_floating("h", h)
    require_shape("h", h, (None, None))
    if not h.shape[0]:
        raise ValueError(f"h must have shape (1 or more, any), got {h.shape}")
    mask = require_mask(mask, h.shape[:1])
    return jnp.where(mask[:, None], h, 0), mask


def require_vector(name: str, x: jax.Array, size: int | None = None) -> jax.Array:
    """`x` as an array `(size,)`. Raises TypeError or ValueError unless it is floating point and has this shape."""
    x = jnp.asarray(x)
    require_floating(name, x)
    require_shape(name, x, (size,))
    return x
