"""Checks of arguments that the kernels on series share."""

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.validation import require_floating


def require_series(name: str, x: jax.Array, least_times: int = 1) -> jax.Array:
    """`x` as an array. Raises TypeError or ValueError unless it is `(..., times, variates)`, with enough of both."""
    x = jnp.asarray(x)
    require_floating(name, x)
    if x.ndim < 2 or x.shape[-2] < least_times or x.shape[-1] < 1:
        raise ValueError(f"{name} must have shape (..., {least_times} or more, 1 or more), got {x.shape}")
    return x
