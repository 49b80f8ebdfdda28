"""Training networks that forecast time series."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jaxtyping import PRNGKeyArray

from jaxinv.kernels.permutations import Windows


@functools.partial(
    jax.jit, static_argnames=("graphdef", "num_steps", "steps_a_look", "dropout", "batch_size", "learning_rate")
)
def train_forecaster(
    graphdef: nnx.GraphDef[Any],
    params: Any,
    train: Windows,
    selection: Windows,
    *,
    key: PRNGKeyArray,
    num_steps: int,
    steps_a_look: int = 20,
    dropout: bool = False,
    batch_size: int = 32,
    learning_rate: float = 5e-4,
) -> Any:
    """Takes steps of Adam on the mean squared error of batches drawn with replacement, in one program.

    Args:
      graphdef: static; of a network from past to future.
      params: its parameters.
      train: windows that batches are drawn from.
      selection: windows on which now and then the error is taken; the parameters where it was least are kept.
      key: of batches and dropout.
      num_steps: static, a multiple of `steps_a_look`.
      steps_a_look: static, steps between two looks at the error.
      dropout: static, whether the network takes a `key`.
      batch_size: static, windows.
      learning_rate: static.

    Returns:
      The kept parameters.

    Raises:
      ValueError: `num_steps` is no multiple of `steps_a_look`.

    Transformations: jit, vmap (over parameters, windows and keys).
    """
    if num_steps < 1 or num_steps % steps_a_look:
        raise ValueError(f"num_steps must be a positive multiple of {steps_a_look}, got {num_steps}")
    optimiser = optax.adam(learning_rate)

    def error(params, windows, **options):
        return jnp.mean((nnx.merge(graphdef, params)(windows.past, **options) - windows.future) ** 2)

    def step(state, key):
        params, moments = state
        rows_key, dropout_key = jax.random.split(key)
        rows = jax.random.randint(rows_key, (batch_size,), 0, train.past.shape[0])
        batch = Windows(train.past[rows], train.future[rows])
        options = {"key": dropout_key} if dropout else {}
        updates, moments = optimiser.update(jax.grad(error)(params, batch, **options), moments, params)
        return (optax.apply_updates(params, updates), moments), None

    def look(state, keys):
        now, best, least = state
        now, _ = jax.lax.scan(step, now, keys)
        found = error(now[0], selection)
        best = jax.tree.map(lambda new, old: jnp.where(found < least, new, old), now[0], best)
        return (now, best, jnp.minimum(found, least)), None

    keys = jax.random.split(key, (num_steps // steps_a_look, steps_a_look))
    start = ((params, optimiser.init(params)), params, error(params, selection))
    (_, best, _), _ = jax.lax.scan(look, start, keys)
    return best
