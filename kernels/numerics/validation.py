"""Argument checks at trace time: every message names the argument, what came and what was wanted."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp


def require_floating(name: str, array: jax.Array) -> None:
    """Raises TypeError unless `array` holds real floating-point numbers (integers are never cast silently)."""
    if not jnp.issubdtype(array.dtype, jnp.floating):
        raise TypeError(f"{name} must be floating point, got dtype {array.dtype}: cast it first")


def require_integer(name: str, array: jax.Array) -> None:
    """Raises TypeError unless `array`, of any shape, holds integers (booleans and floats are never cast silently)."""
    if not jnp.issubdtype(array.dtype, jnp.integer):
        raise TypeError(f"{name} must hold integers, got dtype {array.dtype}")


def require_shape(name: str, array: jax.Array, wanted: Sequence[int | None]) -> None:
    """Raises ValueError unless `array` has the shape `wanted`, where None stands for any size."""
    shape = array.shape
    if len(shape) != len(wanted) or any(w is not None and s != w for s, w in zip(shape, wanted, strict=True)):
        text = ", ".join("any" if size is None else str(size) for size in wanted)
        raise ValueError(f"{name} must have shape ({text}), got {shape}")


def require_at_least(name: str, value: float, least: float) -> None:
    """Raises ValueError if the static option `value` is below `least`."""
    if value < least:
        raise ValueError(f"{name} must be >= {least}, got {value}")


def require_choice(name: str, value: str, choices: Sequence[str]) -> None:
    """Raises ValueError if the static option `value` is none of `choices`."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")
