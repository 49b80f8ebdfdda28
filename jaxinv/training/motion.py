"""Training networks that predict the motion of agents."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from jaxinv.kernels.numerics.safe import safe_divide, safe_norm


def displacement_error(
    found: Float[Array, "*batch n t d"],
    wanted: Float[Array, "*batch n t d"],
    *,
    mask: Bool[Array, "*batch n"] | None = None,
) -> Float[Array, "*batch"]:
    """The mean distance over agents and times, ADE; of the last time alone, FDE, give the last time alone.

    Args:
      found: predicted positions; leading axes broadcast, such as one of heads.
      wanted: true ones, in the same unit, which is that of the result.
      mask: which agents count, such as one that is in question.

    Returns:
      Leading axes; 0 where no agent counts.
    """
    if mask is not None:
        found, wanted = (jnp.where(mask[..., None, None], x, 0) for x in (found, wanted))
    distances = safe_norm(found - wanted)
    if mask is None:
        return jnp.mean(distances, axis=(-2, -1))
    return safe_divide(jnp.sum(jnp.mean(distances, axis=-1), axis=-1), jnp.sum(mask, axis=-1).astype(distances.dtype))


def best_head_error(
    found: Float[Array, "heads *batch n t d"],
    wanted: Float[Array, "*batch n t d"],
    *,
    mask: Bool[Array, "*batch n"] | None = None,
) -> Float[Array, "*batch"]:
    """`displacement_error` of the head that comes nearest, each scene's own: what several futures are trained by."""
    errors = jax.vmap(functools.partial(displacement_error, mask=mask), in_axes=(0, None))(found, wanted)
    # Not jnp.min, which shares the derivative among equal heads: they would stay equal.
    best = jnp.argmin(jax.lax.stop_gradient(errors), axis=0)
    return jnp.take_along_axis(errors, best[None], axis=0)[0]


@functools.partial(jax.jit, static_argnames=("graphdef", "num_steps", "batch_size", "learning_rate"))
def train_motion(
    graphdef: nnx.GraphDef[Any],
    params: Any,
    past: Float[Array, "m n t d"],
    future: Float[Array, "m n s d"],
    *,
    key: PRNGKeyArray,
    num_steps: int,
    batch_size: int = 50,
    learning_rate: float = 1e-3,
) -> Any:
    """Takes steps of Adam on the displacement error of batches drawn with replacement, in one program.

    Args:
      graphdef: static; of a network from past positions to `positions` of the future, and perhaps more.
      params: its parameters.
      past: m scenes.
      future: what followed.
      key: of the batches.
      num_steps: static.
      batch_size: static, scenes.
      learning_rate: static.

    Returns:
      The trained parameters.

    Transformations: jit, vmap (over parameters, scenes and keys).
    """
    optimiser = optax.adam(learning_rate)

    def loss(params, rows):
        return jnp.mean(displacement_error(nnx.merge(graphdef, params)(past[rows]).positions, future[rows]))

    def step(state, key):
        params, moments = state
        rows = jax.random.randint(key, (batch_size,), 0, len(past))
        updates, moments = optimiser.update(jax.grad(loss)(params, rows), moments, params)
        return (optax.apply_updates(params, updates), moments), None

    (params, _), _ = jax.lax.scan(step, (params, optimiser.init(params)), jax.random.split(key, num_steps))
    return params
