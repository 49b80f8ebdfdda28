"""Which demonstrated transitions can the imitator's body make? Weights from discriminators, and sampling by them.

A discriminator D tells transitions that the imitator made (1) from demonstrated ones (0), while the imitator's policy
learns to be taken for a demonstrator. Where both are done, a demonstrated transition that the imitator can make has a
D of about 1/2 and one that it cannot make a D of 0. Discriminators are given by logits.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.safe import safe_divide
from jaxinv.kernels.numerics.validation import require_at_least, require_floating, require_integer, require_shape


class TransferabilityWeights(NamedTuple):
    """How well the imitator can make each demonstrated transition."""

    weight: Float[Array, "m t"]
    """In [0, 1]."""
    empty_clusters: Bool[Array, "k"]
    """Clusters without a trajectory, whose discriminator weighs nothing."""


class SamplingDistribution(NamedTuple):
    """Probabilities of all demonstrated transitions."""

    probabilities: Float[Array, "n"]
    uniform: Bool[Array, ""]
    """Whether all weights were 0 (or below the normal numbers), so that every transition is as likely."""


@jax.jit
def discriminator_loss(
    demonstration_logits: Float[Array, "n"],
    policy_logits: Float[Array, "m"],
    *,
    demonstration_weight: Float[Array, "n"] | None = None,
) -> Float[Array, ""]:
    """`-E log(1 - D)` over demonstrations minus `E log D` over the policy's transitions: what discriminators minimise.

    Args:
      demonstration_logits: `(n,)`, floating point; log(D / (1 - D)).
      policy_logits: `(m,)`, floating point.
      demonstration_weight: `(n,)` non-negative, 0 for padding of a cluster; default 1.

    Returns:
      A scalar >= 0, in float32 at least; a side without samples gives 0.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap (over clusters, too), jvp, vjp, any order; finite at saturated logits.
    References: Qiu and Wu (2022), arXiv:2211.06839, L_tran.
    """
    for name, logits in (("demonstration_logits", demonstration_logits), ("policy_logits", policy_logits)):
        require_floating(name, logits)
        require_shape(name, logits, (None,))
    dtype = accumulation_dtype(demonstration_logits, policy_logits)
    weight = jnp.ones_like(demonstration_logits, dtype)
    if demonstration_weight is not None:
        require_floating("demonstration_weight", demonstration_weight)
        require_shape("demonstration_weight", demonstration_weight, demonstration_logits.shape)
        weight = demonstration_weight.astype(dtype)
    missed = jax.nn.softplus(demonstration_logits.astype(dtype))
    return safe_divide(jnp.sum(weight * missed), jnp.sum(weight)) + _mean(jax.nn.softplus(-policy_logits.astype(dtype)))


@jax.jit
def policy_loss(policy_logits: Float[Array, "m"]) -> Float[Array, ""]:
    """`-E log(1 - D)` over the policy's transitions, which the policy minimises to be taken for a demonstrator.

    Args:
      policy_logits: `(m,)`, floating point.

    Returns:
      A scalar >= 0, in float32 at least; 0 without samples.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order; finite at saturated logits.
    References: Qiu and Wu (2022), arXiv:2211.06839; Ho and Ermon (2016), arXiv:1606.03476.
    """
    require_floating("policy_logits", policy_logits)
    require_shape("policy_logits", policy_logits, (None,))
    return _mean(jax.nn.softplus(policy_logits.astype(accumulation_dtype(policy_logits))))


@jax.jit
def transferability_weights(logits: Float[Array, "k m t"], cluster: Int[Array, "m"]) -> TransferabilityWeights:
    """D of each demonstrated transition, by the discriminator of its trajectory's cluster.

    Raw weights depend on how far the discriminators were trained: compare them with each other.

    Args:
      logits: `(K, m, T)`, floating point; of every discriminator on every transition.
      cluster: `(m,)` integers 0 .. K - 1; a trajectory of another number belongs to none and has the weight 0.

    Returns:
      TransferabilityWeights, in float32 at least.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.

    Invariant to the order of clusters; equivariant to the order of trajectories.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Qiu and Wu (2022), arXiv:2211.06839.
    """
    require_floating("logits", logits)
    require_integer("cluster", cluster)
    require_shape("logits", logits, (None, None, None))
    num_clusters, num_trajectories, _ = logits.shape
    require_at_least("number of clusters", num_clusters, 1)
    require_shape("cluster", cluster, (num_trajectories,))
    member = cluster[None] == jnp.arange(num_clusters)[:, None]
    belongs = jnp.any(member, axis=0)
    own = logits[jnp.where(belongs, cluster, 0), jnp.arange(num_trajectories)]
    weight = jax.nn.sigmoid(own.astype(accumulation_dtype(logits)))
    return TransferabilityWeights(jnp.where(belongs[:, None], weight, 0.0), ~jnp.any(member, axis=1))


@jax.jit
def sampling_distribution(weight: Float[Array, "m t"]) -> SamplingDistribution:
    """The weights over their sum, of all demonstrations.

    Args:
      weight: `(m, T)`, non-negative, floating point.

    Returns:
      SamplingDistribution over the flattened `(m T,)`, in float32 at least. If all weights are 0, uniform, and flagged.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order; the derivative is 0 where all weights are 0.
    References: Qiu and Wu (2022), arXiv:2211.06839.
    """
    require_floating("weight", weight)
    require_shape("weight", weight, (None, None))
    flat = weight.astype(accumulation_dtype(weight)).ravel()
    # In units of the largest: the derivative divides by the square of the sum, which may underflow.
    largest = jax.lax.stop_gradient(jnp.max(flat, initial=0.0))
    uniform = largest < float(jnp.finfo(flat.dtype).tiny)
    flat = flat / jnp.where(uniform, 1.0, largest)
    share = flat / jnp.where(uniform, 1.0, jnp.sum(flat))
    return SamplingDistribution(jnp.where(uniform, 1 / max(flat.size, 1), share), uniform)


@functools.partial(jax.jit, static_argnames=("num_samples",))
def weighted_sample(
    key: PRNGKeyArray, probabilities: Float[Array, "n"], *, num_samples: int
) -> Int[Array, "num_samples"]:
    """Draws transitions, with replacement.

    Args:
      key: of the draws.
      probabilities: `(n,)`, n >= 1, from `sampling_distribution`.
      num_samples: static.

    Returns:
      `(num_samples,)` int32 in 0 .. n - 1; one of probability 0 is never drawn.

    Raises:
      TypeError, ValueError: wrong dtype or shape, or an option out of range, naming the argument.
    Transformations: jit, vmap.
    """
    require_floating("probabilities", probabilities)
    require_shape("probabilities", probabilities, (None,))
    require_at_least("number of probabilities", probabilities.shape[0], 1)
    require_at_least("num_samples", num_samples, 0)
    wide = probabilities.astype(accumulation_dtype(probabilities))
    places = jnp.arange(probabilities.shape[0], dtype=jnp.int32)
    return jax.random.choice(key, places, (num_samples,), p=wide)


def _mean(values: jax.Array) -> jax.Array:
    return jnp.sum(values) / max(values.size, 1)
