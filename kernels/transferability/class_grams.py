"""The Gram matrix of each class at the cost of one: rows are sorted by class and multiplied in blocks of one class."""

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import contract

_LARGEST_BLOCK = 128


def class_grams(features: jax.Array, labels: jax.Array, weight: jax.Array, num_classes: int) -> jax.Array:
    """Per-class sums of `w x x'`.

    Rows are sorted by label and each class is filled up to whole blocks of at most 128 rows, so that every block
    belongs to one class: N D^2 multiply-adds instead of the C N D^2 of a one-hot contraction.

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
    block = min(_LARGEST_BLOCK, 1 << max(0, -(-num_samples // num_classes) - 1).bit_length())
    num_blocks = -(-num_samples // block) + num_classes
    inside = (labels >= 0) & (labels < num_classes)
    group = jnp.where(inside, labels, num_classes)
    size = jnp.sum(jax.nn.one_hot(group, num_classes, dtype=jnp.int32), axis=0)
    blocks_of_class = -(-size // block)
    first_block = jnp.cumsum(blocks_of_class) - blocks_of_class
    first_row = jnp.cumsum(size) - size
    order = jnp.argsort(group)
    sorted_group = group[order]
    # Rows outside all classes go to row num_blocks * block, which `mode="drop"` leaves out.
    start = jnp.append(first_block * block - first_row, num_blocks * block)
    place = jnp.arange(num_samples) + start[sorted_group]
    source = jnp.full(num_blocks * block, num_samples).at[place].set(order, mode="drop")
    filled = source < num_samples
    source = jnp.where(filled, source, 0)
    rows = jnp.where(filled[:, None], features[source], 0.0).reshape(num_blocks, block, dim)
    weights = jnp.where(filled, weight[source], 0.0).reshape(num_blocks, block)
    class_of_block = jnp.searchsorted(jnp.cumsum(blocks_of_class), jnp.arange(num_blocks), side="right")

    def add_block(grams, inputs):
        rows, weights, index = inputs
        gram = contract("nd,ne->de", rows * weights[:, None], rows)
        return grams.at[index].add(gram, mode="drop"), None

    return jax.lax.scan(add_block, zeros, (rows, weights, class_of_block))[0]
