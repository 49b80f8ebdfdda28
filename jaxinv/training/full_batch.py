"""Training on all samples at once, inside one compiled program: for models so small that many train side by side."""

from collections.abc import Callable
from typing import Any

import jax
import optax


def train_full_batch(
    loss: Callable[[Any], jax.Array], params: Any, optimiser: optax.GradientTransformation, *, num_steps: int
) -> Any:
    """Takes `num_steps` steps of an optimiser on a loss of the parameters.

    Args:
      loss: of the parameters, a scalar; it holds the data.
      params: a pytree of arrays.
      optimiser: of optax.
      num_steps: static.

    Returns:
      The trained parameters.

    Transformations: jit, vmap (over what the loss holds and the parameters).
    """

    def step(state, _):
        params, moments = state
        updates, moments = optimiser.update(jax.grad(loss)(params), moments, params)
        return (optax.apply_updates(params, updates), moments), None

    (params, _), _ = jax.lax.scan(step, (params, optimiser.init(params)), length=num_steps)
    return params
