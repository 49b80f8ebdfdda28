"""A bounded one-dimensional maximiser on a logarithmic scale: grid, then golden section."""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

_GRID = 48
_GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0


class Maximum(NamedTuple):
    """Where a function is largest."""

    argument: jax.Array
    at_bound: jax.Array


def maximise_on_log_scale(objective: Callable[[jax.Array], jax.Array], low: jax.Array, high: jax.Array) -> Maximum:
    """Maximises `objective` over `[low, high]`, elementwise for a batch of independent problems.

    48 points on a logarithmic grid find the global maximum up to features narrower than the grid; golden-section
    steps then locate it to the square root of the precision, which is all that a smooth maximum determines.

    Args:
      objective: maps `(k,)` positive arguments to `(k,)` values, problem by problem.
      low: `(k,)`, positive lower bounds.
      high: `(k,)`, upper bounds.

    Returns:
      Maximum of `argument` `(k,)` and `at_bound` `(k,)`, true where the best grid point was an end of the range.

    Transformations: jit, vmap. Not differentiable: callers use the envelope theorem.
    """
    low, high = jnp.log(low), jnp.log(high)
    step = (high - low) / (_GRID - 1)

    def try_point(best, step_number):
        index = jnp.full_like(low, step_number)
        value = objective(jnp.exp(low + index * step))
        return jax.tree.map(lambda new, old: jnp.where(value > best[0], new, old), (value, index), best), None

    start = (objective(jnp.exp(low)), jnp.zeros_like(low))
    (_, index), _ = jax.lax.scan(try_point, start, jnp.arange(1, _GRID, dtype=low.dtype))

    left = low + jnp.maximum(index - 1, 0) * step
    right = low + jnp.minimum(index + 1, _GRID - 1) * step
    # Enough steps to shrink a bracket of a few nats to sqrt(eps).
    steps = 24 if jnp.finfo(low.dtype).bits == 32 else 44

    def inner(left, right):
        return right - _GOLDEN * (right - left), left + _GOLDEN * (right - left)

    def narrow(_, state):
        left, right, value_1, value_2 = state
        point_1, point_2 = inner(left, right)
        go_left = value_1 >= value_2
        left, right = jnp.where(go_left, left, point_1), jnp.where(go_left, point_2, right)
        new_1, new_2 = inner(left, right)
        new_value = objective(jnp.exp(jnp.where(go_left, new_1, new_2)))
        return left, right, jnp.where(go_left, new_value, value_2), jnp.where(go_left, value_1, new_value)

    values = tuple(objective(jnp.exp(point)) for point in inner(left, right))
    left, right, _, _ = jax.lax.fori_loop(0, steps, narrow, (left, right, *values))
    return Maximum(jnp.exp((left + right) / 2), (index == 0) | (index == _GRID - 1))
