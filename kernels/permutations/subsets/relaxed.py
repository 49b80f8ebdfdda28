"""Random subsets through which probabilities are trained: relaxed Bernoulli variables, binary in the forward pass."""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.safe import safe_divide, safe_norm
from jaxinv.kernels.numerics.validation import require_at_least, require_floating, require_shape
from jaxinv.kernels.permutations.masks import require_mask
from jaxinv.kernels.permutations.subsets.arguments import require_vector

_OPTIONS = ("num_samples", "temperature", "straight_through")


@functools.partial(jax.jit, static_argnames=_OPTIONS)
def sample_bernoulli(
    key: PRNGKeyArray,
    logits: jax.Array,
    *,
    num_samples: int,
    mask: jax.Array | None = None,
    temperature: float = 0.1,
    straight_through: bool = True,
) -> jax.Array:
    """Independent relaxed Bernoulli variables: `sigmoid((logits + logit u) / temperature)`, u uniform.

    Args:
      key: of the draw.
      logits: `(n,)`, floating point.
      num_samples: static, M.
      mask: `(n,)` bool, which elements there are, by default all; the others are 0.
      temperature: static, above 0.
      straight_through: static; whether values are rounded to 0 or 1 and derivatives are those of the relaxed ones.

    Returns:
      `(M, n)`, in float32 at least. Rounded values are 1 with probability `sigmoid(logits)` at every temperature.

    Raises:
      TypeError, ValueError: wrong dtype or shape, an option out of range, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Maddison et al., The concrete distribution, ICLR 2017; Ou et al., EquiVSet, NeurIPS 2022,
      arXiv:2203.01693.
    """
    logits = require_vector("logits", logits)
    require_at_least("num_samples", num_samples, 1)
    noise = jax.random.logistic(key, (num_samples, logits.size), accumulation_dtype(logits))
    return _relaxed(logits, noise, mask, temperature, straight_through)


@functools.partial(jax.jit, static_argnames=(*_OPTIONS, "normalize"))
def sample_bernoulli_copula(
    key: PRNGKeyArray,
    logits: jax.Array,
    std: jax.Array,
    factors: jax.Array,
    *,
    num_samples: int,
    mask: jax.Array | None = None,
    temperature: float = 0.1,
    straight_through: bool = True,
    normalize: bool = True,
) -> jax.Array:
    """Relaxed Bernoulli variables that depend on each other: u is Phi(g), g normal with few common factors.

    Args:
      key: of the draw.
      logits: `(n,)`, floating point.
      std: `(n,)`, of each element's own part of g.
      factors: `(n, r)`, loadings of the common parts: covariance `std^2 + factors factors^T`.
      num_samples, mask, temperature, straight_through: as for `sample_bernoulli`.
      normalize: static; whether g is brought to variance 1, so that u is uniform and rounded values are 1 with
        probability `sigmoid(logits)`. The published code leaves it as it is.

    Returns:
      `(M, n)`, in float32 at least. An element without variance gets u = 1/2.

    Raises:
      TypeError, ValueError: wrong dtype or shape, an option out of range, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: as `sample_bernoulli`; Wang and Wang, Relaxed multivariate Bernoulli distribution, ICML 2020.
    """
    logits = require_vector("logits", logits)
    std = require_vector("std", std, logits.size)
    factors = jnp.asarray(factors)
    require_floating("factors", factors)
    require_shape("factors", factors, (logits.size, None))
    require_at_least("num_samples", num_samples, 1)
    dtype = accumulation_dtype(logits, std, factors)
    loadings = jnp.concatenate([std[:, None], factors], axis=1).astype(dtype)
    if normalize:
        loadings = safe_divide(loadings, jnp.broadcast_to(safe_norm(loadings)[:, None], loadings.shape))
    own_key, common_key = jax.random.split(key)
    own = jax.random.normal(own_key, (num_samples, logits.size), dtype)
    common = jax.random.normal(common_key, (num_samples, factors.shape[1]), dtype)
    g = own * loadings[None, :, 0] + contract("mr,nr->mn", common, loadings[:, 1:])
    noise = jax.scipy.special.log_ndtr(g) - jax.scipy.special.log_ndtr(-g)
    return _relaxed(logits, noise, mask, temperature, straight_through)


def _relaxed(logits, noise, mask, temperature, straight_through):
    require_at_least("temperature", temperature, 1e-6)
    mask = require_mask(mask, logits.shape)
    relaxed = jax.nn.sigmoid((logits.astype(noise.dtype)[None] + noise) / temperature)
    if straight_through:
        # In this order the sum is 0 or 1 without rounding.
        relaxed = relaxed + jax.lax.stop_gradient((relaxed > 0.5).astype(relaxed.dtype) - relaxed)
    return jnp.where(mask[None], relaxed, 0)
