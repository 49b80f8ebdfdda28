"""Sums over subsets, and the statistic of the whole set."""

import functools

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.validation import require_choice
from jaxinv.kernels.permutations.subsets.arguments import require_elements

POOLINGS = ("sum", "mean", "root")


@jax.jit
def subset_sums(h: jax.Array, subsets: jax.Array, *, mask: jax.Array | None = None) -> jax.Array:
    """The sum of features over each subset, as one product of matrices: nothing is gathered.

    Args:
      h: `(n, D)`, floating point, features of the elements.
      subsets: `(..., n)`, bool, or floating point: 1 where an element is in, or what it is weighed by.
      mask: `(n,)` bool, which elements there are, by default all; the others are in no subset.

    Returns:
      `(..., D)`, in float32 at least.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.

    Invariant to permutations of the elements that the subsets follow.
    Transformations: jit, vmap (over sets), jvp, vjp, any order.
    """
    h, _ = require_elements(h, mask)
    subsets = jnp.asarray(subsets)
    if subsets.ndim < 1 or subsets.shape[-1] != h.shape[0]:
        raise ValueError(f"subsets must have shape (..., {h.shape[0]}), got {subsets.shape}")
    if not jnp.issubdtype(subsets.dtype, jnp.floating):
        subsets = subsets.astype(h.dtype)
    return contract("...n,nd->...d", subsets, h)


@functools.partial(jax.jit, static_argnames=("pooling",))
def superset_statistic(h: jax.Array, *, mask: jax.Array | None = None, pooling: str = "sum") -> jax.Array:
    """What a function of subsets is told of the whole set: an invariant sum over all its elements.

    Args:
      h: `(n, D)`, floating point.
      mask: `(n,)` bool, which elements there are, by default all.
      pooling: static; "sum", as published, which grows with the set; "mean", or "root", the sum over the root of the
        number of elements, for sets of many sizes. The mean does not tell a set from two copies of it.

    Returns:
      `(D,)`, in float32 at least; 0 if there are no elements.

    Raises:
      TypeError, ValueError: wrong dtype or shape, no such pooling, naming the argument.

    Invariant to permutations of the elements. Transformations: jit, vmap (over sets), jvp, vjp, any order.
    References: Xie et al., Enhancing neural subset selection (INSET), ICLR 2024, arXiv:2402.03139.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import permutations
      >>> h = jnp.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
      >>> permutations.superset_statistic(h)
      Array([1., 2.], dtype=float32)
    """
    require_choice("pooling", pooling, POOLINGS)
    h, mask = require_elements(h, mask)
    total = jnp.sum(h, axis=0, dtype=accumulation_dtype(h))
    if pooling == "sum":
        return total
    count = jnp.maximum(jnp.sum(mask), 1).astype(total.dtype)
    return total / (count if pooling == "mean" else jnp.sqrt(count))
