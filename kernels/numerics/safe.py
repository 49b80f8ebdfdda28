"""Functions with a singular point, given a defined value and a finite gradient there (the double-where idiom)."""

import jax
import jax.numpy as jnp


def safe_norm(x: jax.Array, axis: int = -1) -> jax.Array:
    """Euclidean norm along `axis`; value 0 and gradient 0 at the zero vector."""
    square = jnp.sum(x * x, axis=axis)
    zero = square == 0
    return jnp.where(zero, 0.0, jnp.sqrt(jnp.where(zero, 1.0, square)))


def safe_sqrt(x: jax.Array) -> jax.Array:
    """The square root of non-negative numbers; value 0 and gradient 0 where x is 0, or below by rounding."""
    positive = x > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, x, 1.0)), 0.0)


def safe_log(x: jax.Array) -> jax.Array:
    """log(x) for x > 0; value 0 and gradient 0 elsewhere, so that `p * safe_log(p)` is 0 at p = 0."""
    positive = x > 0
    return jnp.where(positive, jnp.log(jnp.where(positive, x, 1.0)), 0.0)


def safe_divide(numerator: jax.Array, denominator: jax.Array) -> jax.Array:
    """numerator / denominator; value 0 and gradient 0 where the denominator is 0."""
    zero = denominator == 0
    return jnp.where(zero, 0.0, numerator / jnp.where(zero, 1.0, denominator))
