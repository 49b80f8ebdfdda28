"""Training of the knowledge transfer framework on all samples at once, many fits side by side."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, PRNGKeyArray

from jaxinv.kernels.transferability import KtfBatch, KtfLoss, KtfParams, ktf_loss

_DEVIATION = 0.01


class KtfFit(NamedTuple):
    """A trained framework."""

    params: KtfParams
    trace: KtfLoss
    """Every part of the loss before each step, `(num_steps,)`."""
    last: KtfLoss
    """After the last step."""


def init_ktf(key: PRNGKeyArray, *, target_dim: int, dim: int, num_classes: int) -> KtfParams:
    """Weights and biases from a normal distribution of deviation 0.01, cut at two deviations."""
    shapes = ((target_dim, dim), (dim,), (dim, num_classes), (num_classes,))
    keys = jax.random.split(key, len(shapes))
    return KtfParams(
        *(
            _DEVIATION * jax.random.truncated_normal(key, -2.0, 2.0, shape)
            for key, shape in zip(keys, shapes, strict=True)
        )
    )


@functools.partial(jax.jit, static_argnames="num_steps")
def ktf_fit(
    key: PRNGKeyArray,
    batch: KtfBatch,
    *,
    beta: Float[Array, ""] | float = 0.1,
    mu: Float[Array, ""] | float = 1.0,
    tau: Float[Array, ""] | float = 0.05,
    learning_rate: Float[Array, ""] | float = 1e-3,
    num_steps: int = 600,
) -> KtfFit:
    """Trains projector and classifier by Adam on all samples at once.

    Training is transductive: it sees every unlabelled target sample. Compare with the same network, penalty and steps
    at `beta = mu = 0`, which is the target alone.

    Args:
      key: of the start.
      batch: from `ktf_batch`.
      beta, mu, tau: of `ktf_loss`.
      learning_rate: of Adam.
      num_steps: static. The start is near 0, where learning is slow at first.

    Transformations: jit, vmap (over keys, batches or sources alone, and the weights).
    """
    params = init_ktf(
        key,
        target_dim=batch.labelled.shape[1],
        dim=batch.source.shape[1],
        num_classes=batch.members.shape[1],
    )
    optimiser = optax.adam(learning_rate)

    def loss(params):
        parts = ktf_loss(params, batch, beta=beta, mu=mu, tau=tau)
        return parts.total, parts

    def step(state, _):
        params, moments = state
        gradient, parts = jax.grad(loss, has_aux=True)(params)
        updates, moments = optimiser.update(gradient, moments, params)
        params = jax.tree.map(jnp.add, params, updates)
        return (params, moments), parts

    (params, _), trace = jax.lax.scan(step, (params, optimiser.init(params)), length=num_steps)
    return KtfFit(params, trace, loss(params)[1])
