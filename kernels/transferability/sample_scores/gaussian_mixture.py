"""Mixtures of Gaussians with diagonal covariances, fitted by expectation maximisation in a static number of rounds."""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.safe import safe_divide
from jaxinv.kernels.numerics.validation import require_at_least, require_floating, require_shape


class GaussianMixture(NamedTuple):
    """A fitted mixture.

    Attributes:
      responsibilities: `(N, K)`, probability of each component given the sample; rows sum to 1.
      weight: `(K,)`, of the components; 0 for empty ones.
      mean: `(K, D)`; that of all samples for empty components.
      variance: `(K, D)`, the ridge included.
      log_likelihood: `()`, mean over samples, in nats, before the last round.
      gain: `()`, by how much the last round but one raised it; near 0 where the rounds have converged.
    """

    responsibilities: jax.Array
    weight: jax.Array
    mean: jax.Array
    variance: jax.Array
    log_likelihood: jax.Array
    gain: jax.Array


@functools.partial(jax.jit, static_argnames=("num_rounds",))
def gaussian_mixture(
    features: jax.Array,
    responsibilities: jax.Array,
    *,
    num_rounds: int,
    ridge: jax.Array | float = 1e-6,
    sample_weight: jax.Array | None = None,
) -> GaussianMixture:
    """Fits a mixture of Gaussians with diagonal covariances by expectation maximisation.

    Args:
      features: `(N, D)`, floating point, finite.
      responsibilities: `(N, K)`, non-negative, to start from; rows sum to 1.
      num_rounds: static, >= 1; rounds of expectation and maximisation after the first maximisation.
      ridge: added to the variances, in squared units of the features, positive.
      sample_weight: `(N,)` non-negative; default 1.

    Returns:
      GaussianMixture, in float32 at least. Components without weight stay empty; no samples: all are.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.

    Equals scikit-learn's `GaussianMixture(covariance_type="diag", reg_covar=ridge)` from the same responsibilities
    after as many rounds. Translation invariant; in the responsibilities also to columns that are constant.
    Transformations: jit, vmap, jvp, vjp, second order. Memory `O(N (D + K))`, of reverse mode times the rounds.
    References: Dempster, Laird, Rubin, J. R. Stat. Soc. B 39 (1977); Bishop, Pattern recognition and machine learning
      (2006), sec. 9.2.2.
    """
    require_at_least("num_rounds", num_rounds, 1)
    require_floating("features", features)
    require_shape("features", features, (None, None))
    require_floating("responsibilities", responsibilities)
    require_shape("responsibilities", responsibilities, (features.shape[0], None))
    dtype = accumulation_dtype(features, responsibilities)
    features = features.astype(dtype)
    weight = jnp.ones(features.shape[0], dtype)
    if sample_weight is not None:
        require_floating("sample_weight", sample_weight)
        require_shape("sample_weight", sample_weight, features.shape[:1])
        weight = sample_weight.astype(dtype)
    centre = safe_divide(jnp.sum(weight[:, None] * features, axis=0), jnp.sum(weight))
    centred = (features - centre[None, :]) * (weight > 0)[:, None]
    maximise = functools.partial(_maximise, centred, weight, ridge)

    def one_round(parameters, _):
        shares, log_likelihood = _expect(centred, weight, *parameters)
        return maximise(shares), log_likelihood

    parameters, likelihoods = jax.lax.scan(one_round, maximise(responsibilities.astype(dtype)), length=num_rounds)
    shares, _ = _expect(centred, weight, *parameters)
    share, mean, variance = parameters
    return GaussianMixture(
        responsibilities=shares,
        weight=share,
        mean=mean + centre[None, :],
        variance=variance,
        log_likelihood=likelihoods[-1],
        gain=likelihoods[-1] - likelihoods[max(num_rounds - 2, 0)],
    )


def _maximise(centred, weight, ridge, responsibilities):
    """Shares, means and variances of the components."""
    members = responsibilities * weight[:, None]
    count = jnp.sum(members, axis=0)
    mean = safe_divide(contract("nk,nd->kd", members, centred), count[:, None])
    second = safe_divide(contract("nk,nd->kd", members, centred**2), count[:, None])
    return safe_divide(count, jnp.sum(weight)), mean, jnp.maximum(second - mean**2, 0.0) + ridge


def _expect(centred, weight, share, mean, variance):
    """Responsibilities, and the mean log likelihood of the samples."""
    precision = 1 / variance
    # What the components have in common is added last: it may be large, and says nothing of responsibilities.
    common = jnp.mean(jnp.log(variance), axis=0)
    constant = jnp.sum(mean**2 * precision + jnp.log(variance) - common[None, :], axis=-1)
    exponent = contract("nd,kd->nk", centred**2, precision) - 2 * contract("nd,kd->nk", centred, mean * precision)
    log_joint = -0.5 * (exponent + constant[None, :]) + jnp.log(jnp.where(share > 0, share, 1.0))[None, :]
    log_joint = jnp.where((share > 0)[None, :], log_joint, float(jnp.finfo(weight.dtype).min) / 4)
    log_density = jax.nn.logsumexp(log_joint, axis=-1)
    log_likelihood = safe_divide(jnp.sum(weight * log_density), jnp.sum(weight))
    log_volume = 0.5 * jnp.sum(common + math.log(2 * math.pi))
    return jnp.exp(log_joint - log_density[:, None]), log_likelihood - log_volume
