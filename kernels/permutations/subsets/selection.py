"""The subset that marginals choose, and how much of the true one it holds."""

import jax
import jax.numpy as jnp

from jaxinv.kernels.permutations.masks import require_boolean, require_mask
from jaxinv.kernels.permutations.subsets.arguments import require_vector


def topk_subset(scores: jax.Array, k: int | jax.Array, *, mask: jax.Array | None = None) -> jax.Array:
    """The k elements of the highest scores.

    Args:
      scores: `(n,)`, floating point: logits or probabilities. Of equal ones the first are taken.
      k: `()` integer, may be traced: sizes need not be equal in a batch.
      mask: `(n,)` bool, which elements there are, by default all; the others are never taken, even if fewer than k
        are left.

    Returns:
      `(n,)` bool.

    Raises:
      TypeError, ValueError: wrong dtype or shape, a static k above n, naming the argument.

    Equivariant to permutations, where scores differ. Transformations: jit, vmap. Nothing to differentiate.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import permutations
      >>> permutations.topk_subset(jnp.array([0.1, 3.0, -1.0, 2.0]), 2)
      Array([False,  True, False,  True], dtype=bool)
    """
    scores = require_vector("scores", scores)
    mask = require_mask(mask, scores.shape)
    if isinstance(k, int) and k > scores.size:
        raise ValueError(f"k must be at most the {scores.size} elements, got {k}")
    k = jnp.asarray(k)
    if k.ndim or not jnp.issubdtype(k.dtype, jnp.integer):
        raise TypeError(f"k must be one integer, got shape {k.shape} and dtype {k.dtype}")
    return _topk(scores, k, mask)


@jax.jit
def _topk(scores, k, mask):
    order = jnp.lexsort((-jax.lax.stop_gradient(scores), ~mask))
    rank = jnp.zeros(scores.shape, order.dtype).at[order].set(jnp.arange(scores.size, dtype=order.dtype))
    return mask & (rank < k)


@jax.jit
def jaccard(found: jax.Array, wanted: jax.Array) -> jax.Array:
    """Elements in both over elements in either, of each pair of subsets; 1 where both are empty.

    Args:
      found: `(..., n)` bool; elements that are not there are in neither.
      wanted: `(..., n)` bool.

    Returns:
      `(...)` in the default floating dtype, from 0 to 1.

    Raises:
      TypeError, ValueError: wrong dtype, shapes that differ, naming the argument.
    Transformations: jit, vmap. Nothing to differentiate.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import permutations
      >>> permutations.jaccard(jnp.array([True, True, False]), jnp.array([True, False, False]))
      Array(0.5, dtype=float32)
    """
    found = require_boolean("found", found)
    wanted = require_boolean("wanted", wanted, found.shape)
    both, either = (jnp.sum(x, axis=-1).astype(jnp.result_type(float)) for x in (found & wanted, found | wanted))
    return jnp.where(either == 0, 1, both / jnp.maximum(either, 1))


@jax.jit
def mean_jaccard(found: jax.Array, wanted: jax.Array) -> jax.Array:
    """The mean of `jaccard` over all pairs of subsets.

    Args:
      found: `(..., n)` bool.
      wanted: `(..., n)` bool.

    Returns:
      A scalar, from 0 to 1.

    Raises:
      TypeError, ValueError: as `jaccard`.
    Transformations: jit, vmap. Nothing to differentiate.
    """
    return jnp.mean(jaccard(found, wanted))
