"""Weights as shares of their sum."""

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from jaxinv.kernels.numerics.safe import safe_divide
from jaxinv.kernels.numerics.validation import require_floating, require_shape


def shares(name: str, weight: jax.Array | None, size: int, dtype: DTypeLike) -> jax.Array:
    """`(size,)` of sum 1 from non-negative weights, as constants; equal for None, 0 where nothing has weight.

    Raises:
      TypeError, ValueError: `weight` is not floating point, or not `(size,)`; the message says `name`.
    """
    if weight is None:
        return jnp.full(size, 1 / max(size, 1), dtype)
    require_floating(name, weight)
    require_shape(name, weight, (size,))
    weight = jax.lax.stop_gradient(weight.astype(dtype))
    return safe_divide(weight, jnp.sum(weight))
