"""The triangular factor of each class: its singular values are those of the class's rows, to the precision of these."""

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.group_blocks import group_blocks

_LARGEST_BLOCK = 128


def class_factors(rows: jax.Array, labels: jax.Array, num_classes: int) -> jax.Array:
    """Upper triangular `R_c` with `R_c' R_c = sum x x'` over the rows of class c, by QR of block after block.

    Gram matrices give small singular values to the square root of the precision only.

    Args:
      rows: `(N, D)`; those with a label outside `0 .. C-1` do not count.
      labels: `(N,)` integers.
      num_classes: C, static.

    Returns:
      `(C, D, D)`; zeros for absent classes.

    Transformations: jit, vmap. Time `O(N D^2)`, where classes have D rows or more.
    """
    num_rows, dim = rows.shape
    zeros = jnp.zeros_like(rows, shape=(num_classes, dim, dim))
    if num_rows == 0:
        return zeros
    blocks = group_blocks(labels, num_classes, largest_block=_LARGEST_BLOCK)

    def add_block(factors, block):
        rows, group = block
        stacked = jnp.concatenate([factors[group], rows])
        return factors.at[group].set(jnp.linalg.qr(stacked, mode="r"), mode="drop"), None

    filled = jnp.where(blocks.filled[..., None], rows[blocks.source], 0.0)
    return jax.lax.scan(add_block, zeros, (filled, blocks.group))[0]
