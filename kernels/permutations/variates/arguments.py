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


def require_mask(mask: jax.Array | None, shape: tuple[int, ...]) -> jax.Array:
    """`mask` as an array of this shape, all True where it is None. Raises TypeError or ValueError unless it is one."""
    if mask is None:
        return jnp.ones(shape, bool)
    mask = jnp.asarray(mask)
    if mask.dtype != jnp.bool:
        raise TypeError(f"mask must be boolean, got dtype {mask.dtype}")
    if mask.shape != shape:
        raise ValueError(f"mask must have shape {shape}, got {mask.shape}")
    return mask
