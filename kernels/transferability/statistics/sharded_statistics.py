"""Class statistics of samples that are spread over the devices of a mesh axis.

Every device sums its own samples (`update_shards`, no communication); one `all_reduce` at the end makes them one
(`reduce_shards`).
"""

import dataclasses
import functools

import jax
from jax.sharding import Mesh, PartitionSpec

from jaxinv.kernels.transferability.statistics.class_statistics import ClassStatistics, all_reduce, update


@functools.partial(jax.jit, static_argnames=("mesh", "axis_name"), donate_argnames="statistics")
def update_shards(
    statistics: ClassStatistics,
    features: jax.Array,
    labels: jax.Array,
    *,
    sample_weight: jax.Array,
    mesh: Mesh,
    axis_name: str = "data",
) -> ClassStatistics:
    """`update` on every device of a mesh axis with its own part of a chunk.

    Args:
      statistics: with the S devices of the axis in front of every array: S times `init`, or an earlier result. Donated.
      features: `(n, D)`, the chunk; n a multiple of S. Device s takes the s-th n / S rows.
      labels: `(n,)`.
      sample_weight: `(n,)`; 0 for rows that only fill up the chunk.
      mesh: static.
      axis_name: of the mesh axis, static.

    Returns:
      ClassStatistics, every device's own; `reduce_shards` makes them one.

    Raises:
      TypeError, ValueError: as `update`; also if n is not a multiple of S.

    Transformations: jit.
    """
    rows = PartitionSpec(axis_name)
    sharded = jax.shard_map(_update_one, mesh=mesh, in_specs=rows, out_specs=rows)
    return sharded(statistics, features, labels, sample_weight)


@functools.partial(jax.jit, static_argnames=("mesh", "axis_name"))
def reduce_shards(statistics: ClassStatistics, *, mesh: Mesh, axis_name: str = "data") -> ClassStatistics:
    """Statistics of the samples of all devices of a mesh axis, on each of them.

    Args:
      statistics: with the devices of the axis in front of every array, from `update_shards`.
      mesh: static.
      axis_name: of the mesh axis, static.

    Returns:
      ClassStatistics, by one `psum` of the sums after one for the common shift.

    Transformations: jit.
    """
    reduce = functools.partial(_reduce_one, axis_name=axis_name)
    return jax.shard_map(reduce, mesh=mesh, in_specs=PartitionSpec(axis_name), out_specs=PartitionSpec())(statistics)


def _update_one(statistics, features, labels, sample_weight):
    mine = update(jax.tree.map(lambda x: x[0], statistics), features, labels, sample_weight=sample_weight)
    return jax.tree.map(lambda x: x[None], mine)


def _reduce_one(statistics, *, axis_name):
    mine = jax.tree.map(lambda x: x[0], statistics)
    # Equal on all devices, which the mesh cannot know of an input.
    valid_dim = jax.lax.pmin(mine.valid_dim, axis_name)
    return dataclasses.replace(all_reduce(mine, axis_name), valid_dim=valid_dim)
