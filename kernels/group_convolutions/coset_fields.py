"""Regular fields seen through a subgroup: pooled to functions on its cosets, or restricted to fields on it."""

import functools

import jax
import jax.numpy as jnp

from jaxinv.kernels.group_convolutions.picture_axes import fields_first, fields_last
from jaxinv.kernels.group_convolutions.point_groups import PointGroup, left_cosets, right_cosets
from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.validation import require_choice, require_floating

POOLS = ("max", "mean")


@functools.partial(jax.jit, static_argnames=("group", "subgroup", "pool", "channels_first"))
def coset_pool(
    x: jax.Array, *, group: PointGroup, subgroup: PointGroup, pool: str = "max", channels_first: bool = False
) -> jax.Array:
    """The largest value, or the mean, over each coset gH of a subgroup H.

    Args:
      x: `(..., order, channels)`, or `(..., channels, order, space...)` with channels first.
      group: static.
      subgroup: static; the group itself pools over all elements.
      pool: static, "max" or "mean".
      channels_first: static.

    Returns:
      `(..., cosets, channels)`, the cosets as rows of `left_cosets`, or with channels first; in the dtype of x.
      An element moves cosets by multiplication from the left: those of D_N by D_1 are N rotations, and so on.

    Raises:
      ValueError: at trace time: a subgroup that does not lie in the group; an unknown pool; axes that do not fit.
      TypeError: x is not floating point.
    Transformations: jit, vmap, jvp, vjp; of "mean" any order.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import group_convolutions as gc
      >>> x = jnp.arange(8.0).reshape(8, 1)  # a channel's values at the elements of D_4
      >>> gc.coset_pool(x, group=gc.dihedral(4), subgroup=gc.dihedral(4))
      Array([[7.]], dtype=float32)
      >>> gc.coset_pool(x, group=gc.dihedral(4), subgroup=gc.cyclic(4))
      Array([[3.],
             [7.]], dtype=float32)
    """
    require_choice("pool", pool, POOLS)
    cosets = left_cosets(group, subgroup)
    x = _fields(x, group, channels_first)
    dtype, join = x.dtype, jnp.maximum
    if pool == "mean":
        x, join = x.astype(accumulation_dtype(x)), jnp.add
    pooled = [functools.reduce(join, [x[..., int(element), :] for element in coset]) for coset in cosets]
    y = jnp.stack(pooled, axis=-2)
    y = (y / subgroup.order if pool == "mean" else y).astype(dtype)
    return fields_first(y, group.dimension) if channels_first else y


@functools.partial(jax.jit, static_argnames=("group", "subgroup", "channels_first"))
def restrict_field(x: jax.Array, *, group: PointGroup, subgroup: PointGroup, channels_first: bool = False) -> jax.Array:
    """A field on a group as one on a subgroup, with more channels, for layers that ask for less symmetry.

    Args:
      x: `(..., order, channels)`, or `(..., channels, order, space...)` with channels first.
      group: static.
      subgroup: static.
      channels_first: static.

    Returns:
      `(..., order of subgroup, cosets * channels)`, the cosets as rows of `right_cosets`, or with channels first: the
      same numbers, in the dtype of x.

    Raises: ValueError, TypeError: as `coset_pool`.
    Transformations: jit, vmap, jvp, vjp, any order (linear).
    """
    cosets = right_cosets(group, subgroup)
    x = _fields(x, group, channels_first)
    y = jnp.take(x, cosets.T.reshape(-1), axis=-2)
    y = y.reshape(*x.shape[:-2], subgroup.order, len(cosets) * x.shape[-1])
    return fields_first(y, group.dimension) if channels_first else y


def _fields(x, group, channels_first):
    require_floating("x", x)
    axes = group.dimension if channels_first else 0
    if x.ndim < 2 + axes or x.shape[x.ndim - axes - (1 if channels_first else 2)] != group.order:
        form = "(..., channels, order, space...)" if channels_first else "(..., order, channels)"
        raise ValueError(f"x must have shape {form} with order {group.order}, got {x.shape}")
    return fields_last(x, group.dimension) if channels_first else x
