"""Which demonstrations can the imitator make? A policy and a discriminator a cluster, trained against each other.

All clusters train in one program: their parameters are stacked, and vmapped over.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from jaxinv.kernels.transferability import (
    discriminator_loss,
    policy_loss,
    sampling_distribution,
    transferability_weights,
    weighted_sample,
)
from jaxinv.models.dense_network import DenseNetwork

Rollout = Callable[[PRNGKeyArray, Callable[[Array], Array]], Float[Array, "n t d"]]

_POLICY_WIDTHS, _DISCRIMINATOR_WIDTHS = (32, 32), (64, 64)
# On what discriminators see, in deviations of the demonstrations; without it they tell apart what is alike, too.
_INSTANCE_NOISE = 0.1
_LEARNING_RATE, _MOMENTUM, _DECAY = 1e-3, 0.5, 1e-3


class TransferabilityFit(NamedTuple):
    """What training found."""

    weight: Float[Array, "m t"]
    """How well the imitator can make each demonstrated transition, in [0, 1]."""
    empty_clusters: Bool[Array, "k"]
    """Clusters without a demonstration; theirs is the policy of all demonstrations, and it weighs none."""
    loss: Float[Array, "s k"]
    """Of each discriminator before each step: 2 log 2 where it tells nothing apart, near 0 if it is too strong."""


class _Scale(NamedTuple):
    """Centre and spread of states, and spread of steps, each `(d,)`."""

    mean: Array
    deviation: Array
    step_deviation: Array


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

    A discriminator sees a state and the step from it, each in units of the demonstrations' spread, with noise. A
    training step draws as many demonstrations of the cluster as rollouts, and moves both networks once.

    Args:
      key: of networks, rollouts, draws and noise.
      demonstrations: `(m, T + 1, d)` states; no coordinate may stand still in all of them.
      cluster: `(m,)`, 0 .. K - 1.
      rollout: static; `rollout(key, policy)` gives the imitator's own trajectories `(n, T' + 1, d)`, differentiable in
        what the policy closes over. Pass the same function object again to compile once.
      num_actions: static; numbers that a policy gives for a state.
      num_clusters: static; K.
      num_steps: static; training steps.

    Transformations: jit, vmap (over keys, demonstrations and clusters).
    """
    dim = demonstrations.shape[2]
    steps = demonstrations[:, 1:] - demonstrations[:, :-1]
    scale = _Scale(
        *(
            reduce(x, axis=(0, 1))
            for reduce, x in ((jnp.mean, demonstrations), (jnp.std, demonstrations), (jnp.std, steps))
        )
    )
    make_policy = functools.partial(DenseNetwork, (dim, *_POLICY_WIDTHS, num_actions))
    make_discriminator = functools.partial(DenseNetwork, (2 * dim, *_DISCRIMINATOR_WIDTHS, 1))
    policy_key, discriminator_key, key = jax.random.split(key, 3)
    policy_graph, policies = _create(make_policy, jax.random.split(policy_key, num_clusters))
    discriminator_graph, discriminators = _create(make_discriminator, jax.random.split(discriminator_key, num_clusters))
    optimiser = optax.adamw(_LEARNING_RATE, b1=_MOMENTUM, weight_decay=_DECAY)
    members = (cluster[None] == jnp.arange(num_clusters)[:, None]).astype(demonstrations.dtype)
    shares = jax.vmap(lambda member: sampling_distribution(member[:, None]).probabilities)(members)

    def logits(discriminator, features):
        return nnx.merge(discriminator_graph, discriminator)(features)[..., 0]

    def losses(policy, discriminator, share, key):
        rollout_key, draw_key, *noise_keys = jax.random.split(key, 4)
        network = nnx.merge(policy_graph, policy)
        made = _features(rollout(rollout_key, lambda states: network(_standard(states, scale))), scale)
        drawn = demonstrations[weighted_sample(draw_key, share, num_samples=made.shape[0])]
        made, shown = (
            x + _INSTANCE_NOISE * jax.random.normal(key, x.shape, x.dtype)
            for key, x in zip(noise_keys, (made, _features(drawn, scale)), strict=True)
        )
        fooled = policy_loss(logits(jax.lax.stop_gradient(discriminator), made).ravel())
        found = discriminator_loss(
            logits(discriminator, shown).ravel(), logits(discriminator, jax.lax.stop_gradient(made)).ravel()
        )
        # Each term has a gradient in one of the two networks only.
        return fooled + found, found

    def step(state, key):
        params, moments = state

        def total(params):
            policies, discriminators = params
            keys = jax.random.split(key, num_clusters)
            both, found = jax.vmap(losses)(policies, discriminators, shares, keys)
            return jnp.sum(both), found

        gradient, found = jax.grad(total, has_aux=True)(params)
        updates, moments = optimiser.update(gradient, moments, params)
        return (jax.tree.map(jnp.add, params, updates), moments), found

    params = (policies, discriminators)
    state = (params, optimiser.init(params))
    ((_, discriminators), _), loss = jax.lax.scan(step, state, jax.random.split(key, num_steps))
    features = _features(demonstrations, scale)
    found = transferability_weights(jax.vmap(lambda one: logits(one, features))(discriminators), cluster)
    return TransferabilityFit(found.weight, found.empty_clusters, loss)


def _create(make: Callable[..., DenseNetwork], keys: Array):
    """The architecture, and parameters stacked, a network a key."""
    graph, _ = nnx.split(nnx.eval_shape(lambda: make(rngs=nnx.Rngs(0))))
    return graph, jax.vmap(lambda key: nnx.state(make(rngs=nnx.Rngs(key))))(keys)


def _standard(states, scale: _Scale):
    shape = (1,) * (states.ndim - 1) + (-1,)
    return (states - scale.mean.reshape(shape)) / scale.deviation.reshape(shape)


def _features(states, scale: _Scale):
    """`(n, T, 2 d)` of states `(n, T + 1, d)`: each state but the last, and the step from it."""
    steps = (states[:, 1:] - states[:, :-1]) / scale.step_deviation[None, None]
    return jnp.concatenate([_standard(states[:, :-1], scale), steps], axis=-1)
