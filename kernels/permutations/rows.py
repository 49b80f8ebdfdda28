"""Rows of a table by their index, and means of what is sent back to them."""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.validation import require_floating, require_integer, require_shape


class ScatterMean(NamedTuple):
    """Means of what arrived at each row.

    Attributes:
      mean: `(num_rows, c)`, 0 where nothing did.
      counts: `(num_rows,)` int32, how much did.
    """

    mean: jax.Array
    counts: jax.Array


@jax.jit
def gather_rows(table: jax.Array, index: jax.Array, mask: jax.Array) -> jax.Array:
    """Rows of a table.

    Args:
      table: `(rows, c)`, floating point.
      index: `(...)` integers.
      mask: `(...)` bool; where False the result is 0 and the index says nothing. An index that is no row's gives 0 too.

    Returns:
      `(..., c)`, in the table's dtype.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order.
    """
    table, index, mask = map(jnp.asarray, (table, index, mask))
    require_floating("table", table)
    require_shape("table", table, (None, None))
    index = _dropped(index, mask, table.shape[0])
    if table.shape[0] == 0:
        return jnp.zeros((*index.shape, table.shape[1]), table.dtype)
    return table.at[index].get(mode="fill", fill_value=0)


@functools.partial(jax.jit, static_argnames=("num_rows",))
def scatter_mean(
    values: Sequence[jax.Array], index: Sequence[jax.Array], mask: Sequence[jax.Array], *, num_rows: int
) -> ScatterMean:
    """The mean of the values that go to each row.

    Args:
      values: arrays `(..., c)`, floating point.
      index: as many arrays `(...)` of integers, the rows they go to.
      mask: as many arrays `(...)` of bool; where False, or where the index is no row's, values go nowhere.
      num_rows: static.

    Returns:
      `ScatterMean`, in the values' dtype; summed in float32 at least.

    Raises:
      TypeError, ValueError: wrong dtype or shape, other numbers of arrays, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order.
    """
    if not len(values) == len(index) == len(mask) >= 1:
        raise ValueError(f"values, index and mask must be as many, got {len(values)}, {len(index)} and {len(mask)}")
    channels = values[0].shape[-1]
    total = jnp.zeros((num_rows, channels), accumulation_dtype(*values))
    count = jnp.zeros(num_rows, jnp.int32)
    for one, rows, there in zip(values, index, mask, strict=True):
        rows = _dropped(jnp.asarray(rows), jnp.asarray(there), num_rows)
        require_floating("values", one)
        require_shape("values", one, (*rows.shape, channels))
        total = total.at[rows].add(one.astype(total.dtype), mode="drop")
        count = count.at[rows].add(1, mode="drop")
    return ScatterMean((total / jnp.maximum(count, 1)[:, None]).astype(jnp.result_type(*values)), count)


def _dropped(index, mask, num_rows):
    """The index, beyond the last row where masked or negative."""
    require_integer("index", index)
    require_shape("mask", mask, index.shape)
    if mask.dtype != jnp.bool:
        raise TypeError(f"mask must be boolean, got dtype {mask.dtype}")
    return jnp.where(mask & (index >= 0), index, num_rows)
