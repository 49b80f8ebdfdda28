"""Transformations drawn in proportion to the loss they cause: by independence Metropolis-Hastings, or exactly."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.validation import require_at_least, require_floating, require_shape

_LEAST_LOSS = 1e-12


class Chain(NamedTuple):
    """The last states of B chains."""

    x: Any
    """`(B, ...)`, the transformed examples."""
    transform: Any
    """A pytree of `(B, ...)`, what was done to them."""
    loss: Float[Array, "b"]
    accept_rate: Float[Array, ""]
    """Share of the proposals that were accepted; 1 if there were none."""


def independence_mh(
    key: PRNGKeyArray,
    propose: Callable[[PRNGKeyArray, Any], tuple[Any, Any]],
    loss_fn: Callable[[Any, Any], Float[Array, "b"]],
    x: Any,
    y: Any,
    *,
    steps: int,
) -> Chain:
    """Chains of transformations, one an example, whose law goes to base law times loss as `steps` grows.

    The first state is a draw from the base law; each later one is another draw, kept with probability
    min(1, new loss / old loss) by `mh_accept`. Two states, the published setting, are far from that law: see
    `mh_transition_matrix`. Nothing has a gradient.

    Args:
      key: of all draws.
      propose: `propose(key, x)` transforms all examples by independent draws from the base law: a pair of the new
        examples and a pytree of what was done, both with the leading axis B.
      loss_fn: `loss_fn(x, y)`, one loss an example, not negative; a mean over the batch would move all chains together.
      x: `(B, ...)`, the examples, or a pytree of such.
      y: `(B, ...)`, the same for their labels.
      steps: static, states of a chain: 1 is the base law.

    Returns:
      A `Chain`.

    Raises:
      ValueError: if `steps` is below 1, or the loss is not one number an example.
      TypeError: if the loss is not floating point.

    Transformations: jit, vmap.

    References: Hounie, Chamon and Ribeiro (2023), arXiv:2209.15031, the algorithm.
    """
    require_at_least("steps", steps, 1)
    size = jax.tree.leaves(x)[0].shape[0]

    def draw(key):
        new, transform = jax.lax.stop_gradient(propose(key, x))
        loss = jax.lax.stop_gradient(loss_fn(new, y))
        require_floating("loss", loss)
        require_shape("loss", loss, (size,))
        return new, transform, loss

    def step(state, key):
        key_draw, key_accept = jax.random.split(key)
        new = draw(key_draw)
        accepted = mh_accept(key_accept, new[-1], state[-1])

        def keep(new, old):
            return jnp.where(accepted.reshape(-1, *(1,) * (new.ndim - 1)), new, old)

        return jax.tree.map(keep, new, state), accepted

    key_first, key_rest = jax.random.split(key)
    first = draw(key_first)
    (x, transform, loss), accepted = jax.lax.scan(step, first, jax.random.split(key_rest, steps - 1))
    dtype = accumulation_dtype(loss)
    rate = jnp.mean(accepted.astype(dtype)) if accepted.size else jnp.ones((), dtype)
    return Chain(x, transform, loss, rate)


def mh_accept(key: PRNGKeyArray, loss_new: Float[Array, "b"], loss_old: Float[Array, "b"]) -> Bool[Array, "b"]:
    """Whether each proposal is accepted: with probability min(1, new / old), taken in logarithms.

    Losses below 1e-12, negative ones too, count as 1e-12: from 0 to 0 is accepted, from 0 to any loss as well.

    Args:
      key: of the draws.
      loss_new: `(B,)`, of the proposals.
      loss_old: `(B,)`, of the states.

    Returns:
      `(B,)`.

    Raises:
      TypeError: if a loss is not floating point.
      ValueError: if the shapes differ.

    Transformations: jit, vmap.
    """
    require_floating("loss_new", loss_new)
    require_floating("loss_old", loss_old)
    require_shape("loss_new", loss_new, loss_old.shape)
    log_ratio = _log(loss_new) - _log(loss_old)
    # The negative logarithm of a uniform number.
    return jax.random.exponential(key, log_ratio.shape, log_ratio.dtype) >= -log_ratio


def mh_transition_matrix(losses: Float[Array, "k"], base: Float[Array, "k"] | None = None) -> Float[Array, "k k"]:
    """What `independence_mh` does to K transformations in one step; rows are states and sum to 1.

    Args:
      losses: `(K,)`, of each transformation, not negative; below 1e-12 they count as that.
      base: `(K,)`, probabilities of proposals; by default equal.

    Returns:
      `(K, K)`. Its invariant law is `loss_proportional_weights(losses, base)`.

    Raises:
      TypeError: if an argument is not floating point.
      ValueError: if the shapes differ.

    Transformations: jit, vmap, grad.
    """
    base = _checked_base(losses, base)
    log_losses = _log(losses)
    rate = jnp.exp(jnp.minimum(log_losses[None, :] - log_losses[:, None], 0.0))
    moves = jnp.where(jnp.eye(len(losses), dtype=bool), 0.0, base[None, :] * rate)
    return (moves + jnp.diag(1 - jnp.sum(moves, axis=1))).astype(losses.dtype)


def loss_proportional_weights(losses: Float[Array, "k"], base: Float[Array, "k"] | None = None) -> Float[Array, "k"]:
    """The law that the chains go to, exactly: base times loss, with sum 1. For few transformations it needs no chain.

    Args:
      losses: `(K,)`, not negative; below 1e-12 they count as that, so losses that are all 0 give the base.
      base: `(K,)`, not negative, with a sum above 0; by default equal.

    Returns:
      `(K,)`.

    Raises:
      TypeError: if an argument is not floating point.
      ValueError: if the shapes differ.

    Transformations: jit, vmap, grad.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import symmetrization
      >>> symmetrization.loss_proportional_weights(jnp.array([1.0, 2.0, 5.0])).round(3)
      Array([0.125, 0.25 , 0.625], dtype=float32)
    """
    log_losses = _log(losses)
    base = _checked_base(losses, base)
    if losses.size == 0:
        return losses
    weights = base * jnp.exp(log_losses - jnp.max(log_losses))
    return (weights / jnp.sum(weights)).astype(losses.dtype)


def _checked_base(losses, base):
    require_floating("losses", losses)
    require_shape("losses", losses, (None,))
    dtype = accumulation_dtype(losses)
    if base is None:
        return jnp.full(losses.shape, 1 / max(losses.size, 1), dtype)
    require_floating("base", base)
    require_shape("base", base, losses.shape)
    return base.astype(dtype)


def _log(losses):
    return jnp.log(jnp.maximum(losses.astype(accumulation_dtype(losses)), _LEAST_LOSS))
