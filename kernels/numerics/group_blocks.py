"""Rows sorted into blocks that belong to one group each, with static shapes although the groups are traced."""

from typing import NamedTuple

import jax
import jax.numpy as jnp


class GroupBlocks(NamedTuple):
    """Where the rows of each group are: block b of group g is one of the blocks `first[b] .. stop[b] - 1` of g.

    Attributes:
      source: `(B, S)`, the row that each place of each block takes; 0 where it takes none.
      filled: `(B, S)` bool, whether it takes one.
      group: `(B,)`, the group of each block; `num_groups` for blocks without rows.
      first: `(B,)`, first block of the block's group.
      stop: `(B,)`, one past the last block of the block's group; equal to `first` for blocks without rows.
      size: `(num_groups,)`, rows of each group.
    """

    source: jax.Array
    filled: jax.Array
    group: jax.Array
    first: jax.Array
    stop: jax.Array
    size: jax.Array


def group_blocks(group: jax.Array, num_groups: int, *, largest_block: int) -> GroupBlocks:
    """Sorts rows by group, stably, and fills every group up to whole blocks.

    The number of blocks is `ceil(N / S) + num_groups` whatever the groups are; S is the power of two that holds a
    group of mean size, or `largest_block` if that is less.

    Args:
      group: `(N,)` integers; rows with a group outside `0 .. num_groups - 1` are in no block.
      num_groups: static.
      largest_block: static, the limit of S.

    Transformations: jit, vmap.
    """
    num_rows = group.shape[0]
    block = min(largest_block, 1 << max(0, -(-num_rows // num_groups) - 1).bit_length())
    num_blocks = -(-num_rows // block) + num_groups
    group = jnp.where((group >= 0) & (group < num_groups), group, num_groups)
    size = jnp.zeros(num_groups, jnp.int32).at[group].add(1, mode="drop")
    blocks_of_group = -(-size // block)
    stop_of_group = jnp.cumsum(blocks_of_group)
    first_of_group = stop_of_group - blocks_of_group
    order = jnp.argsort(group)
    # Rows outside all groups go to place num_blocks * block, which `mode="drop"` leaves out.
    start = jnp.append(first_of_group * block - (jnp.cumsum(size) - size), num_blocks * block)
    place = jnp.arange(num_rows) + start[group[order]]
    source = jnp.full(num_blocks * block, num_rows).at[place].set(order, mode="drop").reshape(num_blocks, block)
    filled = source < num_rows
    group_of_block = jnp.searchsorted(stop_of_group, jnp.arange(num_blocks), side="right")
    nothing = jnp.zeros(1, stop_of_group.dtype)
    return GroupBlocks(
        source=jnp.where(filled, source, 0),
        filled=filled,
        group=group_of_block,
        first=jnp.append(first_of_group, nothing)[group_of_block],
        stop=jnp.append(stop_of_group, nothing)[group_of_block],
        size=size,
    )
