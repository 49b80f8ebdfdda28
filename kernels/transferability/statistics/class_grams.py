"""The Gram matrix of each class at the cost of one: rows are sorted by class and multiplied in blocks of one class."""

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.group_blocks import group_blocks
from jaxinv.kernels.numerics.precision import contract

_LARGEST_BLOCK = 128


def class_grams(features: jax.Array, labels: jax.Array, weight: jax.Array, num_classes: int) -> jax.Array:
    """Per-class sums of `w x x'`.

    Every block of rows belongs to one class: N D^2 multiply-adds instead of the C N D^2 of a one-hot contraction.

    Args:
      features: `(N, D)`; rows with a label outside `0 .. C-1` do not count.
      labels: `(N,)` integers.
      weight: `(N,)`.
      num_classes: C, static.

    Returns:
      `(C, D, D)`. Memory: one sorted copy of the features, `(N + C * block) * D` numbers.

    Transformations: jit, vmap, jvp, vjp.
    """
    num_samples, dim = features.shape
    zeros = jnp.zeros_like(features, shape=(num_classes, dim, dim))
    if num_samples == 0:
        return zeros
    blocks = group_blocks(labels, num_classes, largest_block=_LARGEST_BLOCK)
    rows = jnp.where(blocks.filled[..., None], features[blocks.source], 0.0)
    weights = jnp.where(blocks.filled, weight[blocks.source], 0.0)

    def add_block(grams, block):
        rows, weights, group = block
        gram = contract("nd,ne->de", rows * weights[:, None], rows)
        return grams.at[group].add(gram, mode="drop"), None

    return jax.lax.scan(add_block, zeros, (rows, weights, blocks.group))[0]
