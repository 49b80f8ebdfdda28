"""Checks of masks that all kernels of this family share."""

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.validation import require_shape


def require_mask(mask: jax.Array | None, shape: tuple[int, ...]) -> jax.Array:
    """`mask` as an array, all True where it is None. Raises TypeError or ValueError unless bool and of this shape."""
    return jnp.ones(shape, bool) if mask is None else require_boolean("mask", mask, shape)


def require_boolean(name: str, x: jax.Array, shape: tuple[int | None, ...] | None = None) -> jax.Array:
    """`x` as an array. Raises TypeError or ValueError unless it is boolean and of this shape."""
    x = jnp.asarray(x)
    if x.dtype != jnp.bool:
        raise TypeError(f"{name} must be boolean, got dtype {x.dtype}")
    if shape is not None:
        require_shape(name, x, shape)
    return x
