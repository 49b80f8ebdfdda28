"""Imitation of states: a policy that learns to be taken for demonstrators, and a discriminator that tells them apart.

Several pairs of them train in one program: their parameters are stacked, and vmapped over.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jaxtyping import Array, Float, PRNGKeyArray

from jaxinv.kernels.transferability import discriminator_loss, policy_loss, sampling_distribution, weighted_sample
from jaxinv.models.dense_network import DenseNetwork

Rollout = Callable[[PRNGKeyArray, Callable[[Array], Array]], Float[Array, "n t d"]]

_POLICY_WIDTHS, _DISCRIMINATOR_WIDTHS = (32, 32), (64, 64)
# On what discriminators see, in deviations of the demonstrations; without it they tell apart what is alike, too.
_INSTANCE_NOISE = 0.1
_LEARNING_RATE, _MOMENTUM, _DECAY = 1e-3, 0.5, 1e-3


class AdversarialFits(NamedTuple):
    """K trained pairs."""

    policy: DenseNetwork
    """From states to actions, with a leading axis K in every parameter: `jax.vmap` over it."""
    logits: Float[Array, "k m t"]
    """Of every discriminator on every demonstrated transition: above 0 for what it takes for the imitator's."""
    loss: Float[Array, "s k"]
    """Of each discriminator before each step: 2 log 2 where it tells nothing apart, near 0 if it is too strong."""


class Imitation(NamedTuple):
    """A trained imitator."""

    policy: DenseNetwork
    """From states to actions."""
    loss: Float[Array, "s"]
    """Of the discriminator before each step: 2 log 2 where it tells nothing apart, near 0 if it is too strong."""


class _Scale(NamedTuple):
    """Centre and spread of states, and spread of steps, each `(d,)`."""

    mean: Array
    deviation: Array
    step_deviation: Array


@functools.partial(jax.jit, static_argnames=("rollout", "num_actions", "num_steps"))
def imitate(
    key: PRNGKeyArray,
    demonstrations: Float[Array, "m t d"],
    weight: Float[Array, "m t"],
    *,
    rollout: Rollout,
    num_actions: int,
    num_steps: int,
) -> Imitation:
    """One policy trained on transitions that are drawn by their weights.

    Args:
      key: of networks, rollouts, draws and noise.
      demonstrations: as for `adversarial_fits`.
      weight: `(m, T)`, not negative, of each transition, such as from `fit_transferability`. If all are 0, every
        transition is as likely as any other.
      rollout, num_actions, num_steps: as for `adversarial_fits`.

    Transformations: jit, vmap (over keys, demonstrations and weights).
    References: Qiu and Wu (2022), arXiv:2211.06839; Ho and Ermon (2016), arXiv:1606.03476.
    """
    found = adversarial_fits(
        key,
        demonstrations,
        sampling_distribution(weight).probabilities[None],
        rollout=rollout,
        num_actions=num_actions,
        num_steps=num_steps,
    )
    return Imitation(jax.tree.map(lambda x: x[0], found.policy), found.loss[:, 0])


@functools.partial(jax.jit, static_argnames=("rollout", "num_actions", "num_steps"))
def adversarial_fits(
    key: PRNGKeyArray,
    demonstrations: Float[Array, "m t d"],
    shares: Float[Array, "k n"],
    *,
    rollout: Rollout,
    num_actions: int,
    num_steps: int,
) -> AdversarialFits:
    """Trains a policy and a discriminator on each of K distributions of demonstrated transitions.

    A discriminator sees a state and the step from it, each in units of the demonstrations' spread, with noise. A
    training step draws as many demonstrated transitions as it rolls out, and moves both networks once.

    Args:
      key: of networks, rollouts, draws and noise.
      demonstrations: `(m, T + 1, d)` states; no coordinate may stand still in all of them.
      shares: `(K, m T)`, each row of sum 1: chances of the transitions, from `sampling_distribution`.
      rollout: static; `rollout(key, policy)` gives the imitator's own trajectories `(n, T' + 1, d)`, differentiable in
        what the policy closes over. Pass the same function object again to compile once.
      num_actions: static; numbers that a policy gives for a state.
      num_steps: static; training steps.

    Transformations: jit, vmap (over keys, demonstrations and shares).
    """
    num_fits, dim = shares.shape[0], demonstrations.shape[2]
    steps = demonstrations[:, 1:] - demonstrations[:, :-1]
    scale = _Scale(
        *(
            reduce(x, axis=(0, 1))
            for reduce, x in ((jnp.mean, demonstrations), (jnp.std, demonstrations), (jnp.std, steps))
        )
    )
    features = _features(demonstrations, scale)
    transitions = features.reshape(-1, 2 * dim)
    make_policy = functools.partial(DenseNetwork, (dim, *_POLICY_WIDTHS, num_actions))
    make_discriminator = functools.partial(DenseNetwork, (2 * dim, *_DISCRIMINATOR_WIDTHS, 1))
    policy_key, discriminator_key, key = jax.random.split(key, 3)
    policy_graph, policies = _create(make_policy, jax.random.split(policy_key, num_fits))
    discriminator_graph, discriminators = _create(make_discriminator, jax.random.split(discriminator_key, num_fits))
    optimiser = optax.adamw(_LEARNING_RATE, b1=_MOMENTUM, weight_decay=_DECAY)

    def logits(discriminator, features):
        return nnx.merge(discriminator_graph, discriminator)(features)[..., 0]

    def losses(policy, discriminator, share, key):
        rollout_key, draw_key, *noise_keys = jax.random.split(key, 4)
        network = nnx.merge(policy_graph, policy)
        made = _features(rollout(rollout_key, lambda states: network(_standard(states, scale))), scale)
        made = made.reshape(-1, 2 * dim)
        drawn = transitions[weighted_sample(draw_key, share, num_samples=made.shape[0])]
        made, shown = (
            x + _INSTANCE_NOISE * jax.random.normal(key, x.shape, x.dtype)
            for key, x in zip(noise_keys, (made, drawn), strict=True)
        )
        fooled = policy_loss(logits(jax.lax.stop_gradient(discriminator), made))
        found = discriminator_loss(logits(discriminator, shown), logits(discriminator, jax.lax.stop_gradient(made)))
        # Each term has a gradient in one of the two networks only.
        return fooled + found, found

    def step(state, key):
        params, moments = state

        def total(params):
            policies, discriminators = params
            both, found = jax.vmap(losses)(policies, discriminators, shares, jax.random.split(key, num_fits))
            return jnp.sum(both), found

        gradient, found = jax.grad(total, has_aux=True)(params)
        updates, moments = optimiser.update(gradient, moments, params)
        return (jax.tree.map(jnp.add, params, updates), moments), found

    params = (policies, discriminators)
    state = (params, optimiser.init(params))
    ((policies, discriminators), _), loss = jax.lax.scan(step, state, jax.random.split(key, num_steps))
    policy = jax.vmap(lambda one: _of_raw_states(nnx.merge(policy_graph, one), scale))(policies)
    return AdversarialFits(policy, jax.vmap(lambda one: logits(one, features))(discriminators), loss)


def _create(make: Callable[..., DenseNetwork], keys: Array):
    """The architecture, and parameters stacked, a network a key."""
    graph, _ = nnx.split(nnx.eval_shape(lambda: make(rngs=nnx.Rngs(0))))
    return graph, jax.vmap(lambda key: nnx.state(make(rngs=nnx.Rngs(key))))(keys)


def _of_raw_states(policy: DenseNetwork, scale: _Scale) -> DenseNetwork:
    """The policy with the scale in its first layer."""
    first = policy.layers[0]
    kernel = first.kernel[...] / scale.deviation[:, None]
    assert first.bias is not None
    first.bias[...] -= scale.mean @ kernel
    first.kernel[...] = kernel
    return policy


def _standard(states, scale: _Scale):
    shape = (1,) * (states.ndim - 1) + (-1,)
    return (states - scale.mean.reshape(shape)) / scale.deviation.reshape(shape)


def _features(states, scale: _Scale):
    """`(n, T, 2 d)` of states `(n, T + 1, d)`: each state but the last, and the step from it."""
    steps = (states[:, 1:] - states[:, :-1]) / scale.step_deviation[None, None]
    return jnp.concatenate([_standard(states[:, :-1], scale), steps], axis=-1)
