"""Many rows in slices, so that what lies between input and result stays in a CPU's cache, and memory stays small."""

from collections.abc import Callable

import jax
import jax.numpy as jnp


def over_rows(function: Callable[..., jax.Array], arrays: tuple[jax.Array, ...], most: int) -> jax.Array:
    """`function` over slices of at most `most` rows of `arrays`, each `(rows, size)`; it gives as many rows.

    Reverse mode does each slice again and stores nothing between input and result.
    """
    num_rows = arrays[0].shape[0]
    num_slices = -(-num_rows // most)
    if num_slices <= 1:
        return jax.checkpoint(function)(*arrays)
    rows = -(-num_rows // (8 * num_slices)) * 8
    padding = ((0, rows * num_slices - num_rows), (0, 0))
    cut = tuple(jnp.pad(array, padding).reshape(num_slices, rows, array.shape[1]) for array in arrays)
    result = jax.lax.map(lambda rows: jax.checkpoint(function)(*rows), cut)
    return result.reshape(num_slices * rows, result.shape[-1])[:num_rows]


def power_of_two_within(numbers: int, width: int) -> int:
    """Rows of `width` numbers that `numbers` hold: a power of two, so that as many rows are cut without a remainder."""
    return 1 << max(4, (numbers // width).bit_length() - 1)
