"""Which demonstrations can the imitator make? A policy and a discriminator a cluster, trained against each other."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from jaxinv.kernels.transferability import sampling_distribution, transferability_weights
from jaxinv.training.adversarial_imitation import Rollout, adversarial_fits


class TransferabilityFit(NamedTuple):
    """What training found."""

    weight: Float[Array, "m t"]
    """How well the imitator can make each demonstrated transition, in [0, 1]."""
    empty_clusters: Bool[Array, "k"]
    """Clusters without a demonstration; theirs is the policy of all demonstrations, and it weighs none."""
    loss: Float[Array, "s k"]
    """Of each discriminator before each step: 2 log 2 where it tells nothing apart, near 0 if it is too strong."""


@functools.partial(jax.jit, static_argnames=("rollout", "num_actions", "num_clusters", "num_steps"))
def fit_transferability(
    key: PRNGKeyArray,
    demonstrations: Float[Array, "m t d"],
    cluster: Int[Array, "m"],
    *,
    rollout: Rollout,
    num_actions: int,
    num_clusters: int,
    num_steps: int,
) -> TransferabilityFit:
    """Trains a policy and a discriminator a cluster, and weighs every demonstrated transition.

    Args:
      key: of networks, rollouts, draws and noise.
      demonstrations: as for `adversarial_fits`.
      cluster: `(m,)`, 0 .. K - 1.
      rollout, num_actions, num_steps: as for `adversarial_fits`.
      num_clusters: static; K.

    Transformations: jit, vmap (over keys, demonstrations and clusters).
    References: Qiu and Wu (2022), arXiv:2211.06839.
    """
    num_demonstrations, num_states, _ = demonstrations.shape
    members = (cluster[None] == jnp.arange(num_clusters)[:, None]).astype(demonstrations.dtype)
    weights = jnp.broadcast_to(members[:, :, None], (num_clusters, num_demonstrations, num_states - 1))
    found = adversarial_fits(
        key,
        demonstrations,
        jax.vmap(sampling_distribution)(weights).probabilities,
        rollout=rollout,
        num_actions=num_actions,
        num_steps=num_steps,
    )
    weighed = transferability_weights(found.logits, cluster)
    return TransferabilityFit(weighed.weight, weighed.empty_clusters, found.loss)
