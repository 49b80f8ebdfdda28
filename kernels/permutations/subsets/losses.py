"""What subset selectors are trained by."""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.validation import require_at_least, require_shape
from jaxinv.kernels.permutations.masks import require_boolean, require_mask
from jaxinv.kernels.permutations.subsets.arguments import require_elements, require_vector
from jaxinv.kernels.permutations.subsets.selection import topk_subset
from jaxinv.kernels.permutations.subsets.sums import subset_sums
from jaxinv.kernels.permutations.subsets.utility import Utility


@jax.jit
def bernoulli_entropy(logits: jax.Array, *, mask: jax.Array | None = None) -> jax.Array:
    """Entropy of independent Bernoulli variables, in nats.

    Args:
      logits: `(n,)`, floating point.
      mask: `(n,)` bool, which elements there are, by default all.

    Returns:
      A scalar, in float32 at least.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order.
    """
    logits = require_vector("logits", logits)
    mask = require_mask(mask, logits.shape)
    x = jnp.where(mask, logits, 0).astype(accumulation_dtype(logits))
    each = jax.nn.sigmoid(x) * jax.nn.softplus(-x) + jax.nn.sigmoid(-x) * jax.nn.softplus(x)
    return jnp.sum(jnp.where(mask, each, 0))


def elbo(
    utility: Utility, h: jax.Array, logits: jax.Array, subsets: jax.Array, *, mask: jax.Array | None = None
) -> jax.Array:
    """A lower bound of log sum exp F(S): the mean of F over subsets drawn from independent elements, and their entropy.

    Args:
      utility: from sums over subsets `(..., D)` to `(...)`.
      h: `(n, D)`, floating point.
      logits: `(n,)`, floating point, of the elements.
      subsets: `(M, n)`, drawn from these; from `sample_bernoulli`, so that logits are trained through them too. Of
        `sample_bernoulli_copula` the entropy is that of independent elements, as published, and no bound.
      mask: `(n,)` bool, which elements there are, by default all.

    Returns:
      A scalar, in float32 at least.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Ou et al., EquiVSet, NeurIPS 2022, arXiv:2203.01693.
    """
    h, mask = require_elements(h, mask)
    logits, subsets = require_vector("logits", logits, h.shape[0]), jnp.asarray(subsets)
    require_shape("subsets", subsets, (None, h.shape[0]))
    return jnp.mean(utility(subset_sums(h, subsets, mask=mask))) + bernoulli_entropy(logits, mask=mask)


@jax.jit
def subset_nll(logits: jax.Array, subset: jax.Array, weight: jax.Array | None = None) -> jax.Array:
    """Cross entropy of the elements of a known subset, summed over elements, from logits: no epsilon is needed.

    Args:
      logits: `(n,)`, floating point.
      subset: `(n,)` bool, which elements are in.
      weight: `(n,)`, floating point, of each element, by default 1: see `balanced_weight`.

    Returns:
      A scalar, in float32 at least, in nats.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: as `elbo`.
    """
    logits = require_vector("logits", logits)
    subset = require_boolean("subset", subset, logits.shape)
    x = logits.astype(accumulation_dtype(logits))
    each = jax.nn.softplus(jnp.where(subset, -x, x))
    return jnp.sum(each if weight is None else each * require_vector("weight", weight, logits.size))


@functools.partial(jax.jit, static_argnames=("num_negatives",))
def balanced_weight(
    key: PRNGKeyArray, subset: jax.Array, *, mask: jax.Array | None = None, num_negatives: int = 1
) -> jax.Array:
    """Weights for `subset_nll`: 1 on the subset and on some random elements beside it, else 0.

    Args:
      key: of the choice.
      subset: `(n,)` bool.
      mask: `(n,)` bool, which elements there are, by default all.
      num_negatives: static; elements beside the subset for each one in it, as many as there are.

    Returns:
      `(n,)` in the default floating dtype. All 0 where the subset is empty or everything: nothing can be told apart.

    Raises:
      TypeError, ValueError: wrong dtype or shape, no negative, naming the argument.
    Transformations: jit, vmap. Nothing to differentiate.
    References: as `elbo`.
    """
    subset = require_boolean("subset", subset, (None,))
    mask = require_mask(mask, subset.shape)
    require_at_least("num_negatives", num_negatives, 1)
    inside, beside = subset & mask, ~subset & mask
    drawn = topk_subset(jax.random.uniform(key, subset.shape), num_negatives * jnp.sum(inside), mask=beside)
    return ((inside | drawn) & jnp.any(inside) & jnp.any(beside)).astype(jnp.result_type(float))
