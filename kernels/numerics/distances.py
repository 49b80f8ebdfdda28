"""Nearest neighbours by exhaustive search in tiles: nothing of size N x N, let alone N x N x D, is ever allocated.

| metric | distance between a and b |
| --- | --- |
| "euclidean" | \\|a - b\\| |
| "chebyshev" | max_d \\|a_d - b_d\\|, the maximum norm |
| "cosine" | 1 - cos(a, b); 1 if one of them is the zero vector |
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.group_blocks import group_blocks
from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.safe import safe_divide, safe_norm
from jaxinv.kernels.numerics.validation import require_at_least, require_choice

METRICS = ("euclidean", "chebyshev", "cosine")
_LARGEST_TILE = {"euclidean": 512, "chebyshev": 256, "cosine": 512}
_MOST_TILES_AT_ONCE = 8
_FEATURES_AT_ONCE = 16


class Neighbours(NamedTuple):
    """The nearest neighbours of every row, the nearest first.

    Attributes:
      rows: `(N, k)`, their numbers; 0 where `found` is false.
      found: `(N, k)` bool; false beyond the number of other rows in the group, and for rows in no group.
    """

    rows: jax.Array
    found: jax.Array


def k_nearest(
    points: jax.Array, k: int, *, metric: str = "euclidean", group: jax.Array | None = None, num_groups: int = 1
) -> Neighbours:
    """The k nearest other rows of every row, among all rows or within its group.

    A row is never its own neighbour, even if it has duplicates. Rows at equal distance come in the order of their
    index. Euclidean distances are compared through the expanded square about the overall mean, so that rows whose
    squared distances differ by less than about `8 eps max_i |x_i - mean|^2` may swap; take the distance itself from
    `distance`. Rows are sorted by group into blocks, and a block only meets the blocks of its group, in a loop whose
    length is traced: work `sum_g n_g^2 D`, which is `N^2 D` at worst, for one group.

    Args:
      points: `(N, D)`, floating point, finite.
      k: static, >= 1.
      metric: static, see the module's table.
      group: `(N,)` integers; rows outside `0 .. num_groups - 1` neither have nor are neighbours (masked rows). By
        default all rows are one group.
      num_groups: static.

    Returns:
      Neighbours.

    Memory: `(ceil(N / S) + num_groups) S D` numbers for the blocks and a few `S^2` for one tile; S is at most 512
      ("chebyshev": 256). For one group up to 8 tiles are taken at once.
    Transformations: jit, vmap. The derivative is zero: differentiate `distance`.
    """
    require_at_least("k", k, 1)
    require_choice("metric", metric, METRICS)
    num_rows = points.shape[0]
    if num_rows == 0:
        return Neighbours(jnp.zeros((0, k), jnp.int32), jnp.zeros((0, k), bool))
    group = jnp.zeros(num_rows, jnp.int32) if group is None else group
    blocks = group_blocks(group, num_groups, largest_block=_LARGEST_TILE[metric])
    points = _prepared(jax.lax.stop_gradient(jnp.asarray(points)), metric)
    tiles = points[blocks.source]
    num_blocks, block, dim = tiles.shape
    # Few large products where all rows meet; small groups would meet more strangers than members.
    full = -(-num_rows // block)
    at_once = 1 if num_groups > 1 or metric == "chebyshev" else -(-full // -(-full // _MOST_TILES_AT_ONCE))
    # Half the square of each column; that of the row is the same for all of its columns, and does not order them.
    column_terms = (
        jnp.sum(tiles * tiles, axis=-1) / 2 if metric == "euclidean" else jnp.zeros(tiles.shape[:2], tiles.dtype)
    )
    farthest = float(jnp.finfo(points.dtype).max)

    def nearest_of_block(inputs):
        rows, source, first, stop = inputs

        def meet(step, best):
            wanted = first + step * at_once
            start = jnp.minimum(wanted, num_blocks - at_once)
            take = functools.partial(jax.lax.dynamic_slice_in_dim, start_index=start, slice_size=at_once)
            # The slice begins earlier near the end, and may run into the next group: neither counts.
            number = start + jnp.arange(at_once)
            usable = take(blocks.filled) & ((number >= wanted) & (number < stop))[:, None]
            columns, candidates, usable = (
                take(tiles).reshape(at_once * block, dim),
                take(blocks.source).ravel(),
                usable.ravel(),
            )
            apart = _distance_tile(rows, columns, take(column_terms).ravel(), metric)
            excluded = (source[:, None] == candidates[None, :]) | ~usable[None, :]
            nearness, place = jax.lax.top_k(jnp.where(excluded, -farthest, -apart), min(k, apart.shape[1]))
            # Those found before come first: they have the smaller numbers.
            nearness = jnp.concatenate([best[0], nearness], axis=1)
            found = jnp.concatenate([best[1], candidates[place]], axis=1)
            nearness, place = jax.lax.top_k(nearness, k)
            return nearness, jnp.take_along_axis(found, place, axis=1)

        shape = (rows.shape[0], k)
        nothing = jnp.full(shape, -farthest, rows.dtype), jnp.zeros(shape, blocks.source.dtype)
        return jax.lax.fori_loop(0, (stop - first + at_once - 1) // at_once, meet, nothing)

    nearness, nearest = jax.lax.map(nearest_of_block, (tiles, blocks.source, blocks.first, blocks.stop))
    # Back in the order of the rows; places without a row go out of range, where `mode="drop"` leaves them out.
    target = jnp.where(blocks.filled, blocks.source, num_rows).ravel()
    found = (nearness > -farthest).reshape(-1, k)
    nearest = jnp.where(found, nearest.reshape(-1, k), 0)
    return Neighbours(
        rows=jnp.zeros((num_rows, k), nearest.dtype).at[target].set(nearest, mode="drop"),
        found=jnp.zeros((num_rows, k), bool).at[target].set(found, mode="drop"),
    )


def distance(a: jax.Array, b: jax.Array, *, metric: str = "euclidean") -> jax.Array:
    """Distance of row i of `a` from row i of `b`, from their difference: exact also for near duplicates.

    Args:
      a: `(N, D)`.
      b: `(N, D)`.
      metric: static, "euclidean" or "chebyshev".

    Returns:
      `(N,)`. D = 0 gives 0.

    Transformations: jit, vmap, jvp, vjp, second order; the derivative is 0 where the rows coincide, and that of
      "chebyshev" is shared equally by columns that tie.
    """
    require_choice("metric", metric, METRICS[:2])
    difference = a - b
    if metric == "euclidean":
        return safe_norm(difference)
    # Not jnp.abs, whose derivative at 0 is 1.
    return jnp.max(difference * jax.lax.stop_gradient(jnp.sign(difference)), axis=-1, initial=0.0)


def _prepared(points, metric):
    """Rows in the dtype of sums: centred and scaled for "euclidean", of unit length for "cosine"."""
    points = points.astype(accumulation_dtype(points))
    if metric == "chebyshev":
        return points
    if metric == "euclidean":
        points = points - jnp.mean(points, axis=0, keepdims=True)
    # The order of distances does not depend on the scale, and squares of entries up to 1 do not overflow.
    points = safe_divide(points, jnp.max(jnp.abs(points), initial=0.0))
    if metric == "euclidean":
        return points
    return safe_divide(points, jnp.broadcast_to(safe_norm(points)[:, None], points.shape))


def _distance_tile(rows, columns, column_terms, metric):
    """`(R, D)` and `(S, D)` prepared rows to `(R, S)` numbers in the order of the distances from each row."""
    if metric == "chebyshev":
        return _chebyshev_tile(rows, columns)
    return column_terms[None, :] - contract("rd,sd->rs", rows, columns)


def _chebyshev_tile(rows, columns):
    """Running maximum over slices of the features."""
    dim = rows.shape[1]
    padding = ((0, -dim % _FEATURES_AT_ONCE), (0, 0))
    rows, columns = (jnp.pad(x.T, padding).reshape(-1, _FEATURES_AT_ONCE, x.shape[0]) for x in (rows, columns))

    def widen(largest, features):
        for of_rows, of_columns in zip(*features, strict=True):
            apart = jnp.abs(of_rows[:, None] - of_columns[None, :])
            # Not jnp.maximum: its care for NaN doubles the time of this loop.
            largest = jnp.where(apart > largest, apart, largest)
        return largest, None

    return jax.lax.scan(widen, jnp.zeros((rows.shape[-1], columns.shape[-1]), rows.dtype), (rows, columns))[0]
