"""Training under the constraint that losses of transformed examples stay below bounds: how much to augment is learned.

Each family of transformations has one multiplier, which grows while its bound is violated and falls while it is kept;
the more a family is a symmetry of the data, the smaller a multiplier it needs.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray

from jaxinv.kernels.symmetrization import constrained_loss, dual_ascent, independence_mh


class PrimalDualState(NamedTuple):
    """What `primal_dual` keeps."""

    primal: Any
    """State of the optimiser of the parameters."""
    lam: Float[Array, "c"]
    """Multipliers."""
    violated: Int[Array, "c"]
    """For how many steps in a row each constraint has been violated: where that does not end, its bound is out of
    reach and the multiplier grows without end."""


def primal_dual(
    tx: optax.GradientTransformation,
    eps: Sequence[float],
    *,
    lr_dual: float,
    lam_init: float = 0.0,
    lam_max: float | None = None,
) -> optax.GradientTransformationExtraArgs:
    """An optimiser for losses under constraints: `tx` descends the Lagrangian, multipliers ascend it.

    The gradient handed to `update` is that of `constrained_loss(clean, constrained, state.lam)`, and `constraints`, one
    more argument of `update`, holds the constrained values of the same step, `(C,)`.

    Args:
      tx: optimiser of the parameters.
      eps: C bounds, each above 0.
      lr_dual: of the multipliers, per step; about 1 over the number of steps, times the multipliers expected.
      lam_init: first multipliers.
      lam_max: no multiplier grows beyond; None is no bound.

    Returns:
      An optax transformation with a `PrimalDualState`.

    Raises:
      ValueError: if a bound is not above 0.
    """
    bounds = np.asarray(eps, float)
    if bounds.ndim != 1 or np.any(bounds <= 0):
        raise ValueError(f"eps must hold one bound > 0 for each constraint, got {eps}")
    inner = optax.with_extra_args_support(tx)

    def init(params):
        lam = jnp.full(bounds.shape, lam_init, float)
        return PrimalDualState(inner.init(params), lam, jnp.zeros(bounds.shape, jnp.int32))

    def update(updates, state, params=None, *, constraints, **extra_args):
        updates, primal = inner.update(updates, state.primal, params, **extra_args)
        slack = constraints - jnp.asarray(bounds, constraints.dtype)
        lam = dual_ascent(state.lam, slack, lr_dual, lam_max=lam_max)
        return updates, PrimalDualState(primal, lam, jnp.where(slack > 0, state.violated + 1, 0))

    # The type knows of optional arguments only.
    return optax.GradientTransformationExtraArgs(init, cast(Any, update))


class History(NamedTuple):
    """What each of S steps saw."""

    clean: Float[Array, "s"]
    """Mean losses of the examples as they are."""
    augmented: Float[Array, "s c"]
    """The same of the last states of each family's chains."""
    lam: Float[Array, "s c"]
    """Multipliers before the step."""
    accept_rate: Float[Array, "s c"]


def train_constrained(
    key: PRNGKeyArray,
    losses: Callable[[Any, Any, Any], Float[Array, "b"]],
    params: Any,
    optimiser: optax.GradientTransformationExtraArgs,
    examples: tuple[Any, Any],
    families: Sequence[Callable[[PRNGKeyArray, Any], tuple[Any, Any]]],
    *,
    num_steps: int,
    batch_size: int,
    chain_steps: int = 2,
) -> tuple[Any, PrimalDualState, History]:
    """Trains on random batches as they are and as the families' chains transform them.

    While all multipliers are 0 this is plain training on the same batches, which are drawn by `key` alone.

    Args:
      key: of batches and chains.
      losses: `losses(params, x (B, ...), y (B,))`, `(B,)`, not negative.
      params: a pytree of arrays.
      optimiser: of `primal_dual`, with one bound a family.
      examples: all `x (N, ...)` and `y (N,)`.
      families: C base laws, as `propose` of `independence_mh`; none is plain training.
      num_steps: static.
      batch_size: static; drawn with replacement.
      chain_steps: static, states of each chain; 1 draws from the base law.

    Returns:
      The trained parameters, the optimiser's state, and what each step saw.

    Transformations: jit, vmap (over keys, parameters and examples).

    References: Hounie, Chamon and Ribeiro (2023), arXiv:2209.15031.
    """
    xs, ys = examples
    copies = 1 + len(families)

    def step(state, number):
        params, dual = state
        here = jax.random.fold_in(key, number)
        rows = jax.random.randint(jax.random.fold_in(here, 0), (batch_size,), 0, len(ys))
        x, y = xs[rows], ys[rows]
        chains = [
            independence_mh(
                jax.random.fold_in(here, 1 + family),
                propose,
                lambda x, y: losses(params, x, y),
                x,
                y,
                steps=chain_steps,
            )
            for family, propose in enumerate(families)
        ]
        # One pass for all: the network sees C + 1 batches as one.
        all_x = jnp.concatenate([x, *(chain.x for chain in chains)])
        all_y = jnp.tile(y, copies)

        def lagrangian(params):
            means = jnp.mean(losses(params, all_x, all_y).reshape(copies, batch_size), axis=1)
            return constrained_loss(means[0], means[1:], dual.lam), means

        gradient, means = jax.grad(lagrangian, has_aux=True)(params)
        updates, new_dual = optimiser.update(gradient, dual, params, constraints=means[1:])
        rates = jnp.asarray([chain.accept_rate for chain in chains], means.dtype)
        seen = History(means[0], means[1:], dual.lam, rates)
        return (optax.apply_updates(params, updates), new_dual), seen

    (params, dual), history = jax.lax.scan(step, (params, optimiser.init(params)), jnp.arange(num_steps))
    return params, cast(PrimalDualState, dual), history
