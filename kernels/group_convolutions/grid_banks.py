"""Banks of kernels for groups that map the grid to itself: one kernel, moved by every element.

Features are functions on the grid and the group. In the sums, which are correlations, p goes over places of the kernel
and s over the group:

| layer | value at (x, r) | bank |
| --- | --- | --- |
| lift | `sum_p f(x + p) k(r^-1 p)` | `k(r^-1 p)` |
| convolution | `sum_p,s f(x + p, s) k(r^-1 p, r^-1 s)` | `k(r^-1 p, r^-1 s)` |

A bank depends on the parameters alone: at inference keep it, and call `grid_convolve`.
"""

import functools

import jax
import numpy as np

from jaxinv.kernels.group_convolutions.point_groups import (
    PointGroup,
    grid_matrices,
    inverse_table,
    multiplication_table,
)
from jaxinv.kernels.numerics.validation import require_floating


@functools.partial(jax.jit, static_argnames=("group",))
def grid_lifting_bank(kernels: jax.Array, *, group: PointGroup) -> jax.Array:
    """Kernels from pictures to functions on the group.

    Args:
      kernels: `(size, size, channels_in, channels_out)`; of voxels, with one more size.
      group: static, `cyclic` or `dihedral` of 1, 2 or 4, or `octahedral`.

    Returns:
      `(size, size, 1, channels_in, order, channels_out)`, in the dtype of the kernels.

    Raises:
      ValueError: at trace time: a group that does not map the grid to itself; axes that do not fit.
      TypeError: kernels that are not floating point.
    Transformations: jit, vmap, jvp, vjp, any order (linear).
    References: Cohen, Welling, Group equivariant convolutional networks, arXiv:1602.07576.
    """
    _check(kernels, group, ("channels_in", "channels_out"))
    *sizes, channels_in, channels_out = kernels.shape
    moved = kernels.reshape(-1, channels_in * channels_out)[_places(group, sizes[0])]
    moved = moved.reshape(*sizes, 1, group.order, channels_in, channels_out)
    return moved.swapaxes(-2, -3)


@functools.partial(jax.jit, static_argnames=("group",))
def grid_convolution_bank(kernels: jax.Array, *, group: PointGroup) -> jax.Array:
    """Kernels from functions on the group to functions on the group.

    Args:
      kernels: `(size, size, order, channels_in, channels_out)`; of voxels, with one more size.
      group: static, as of `grid_lifting_bank`.

    Returns:
      `(size, size, order, channels_in, order, channels_out)`, in the dtype of the kernels.

    Raises: as `grid_lifting_bank`.
    Transformations: as of `grid_lifting_bank`.
    References: as of `grid_lifting_bank`.
    """
    _check(kernels, group, (group.order, "channels_in", "channels_out"))
    *sizes, order, channels_in, channels_out = kernels.shape
    places = _places(group, sizes[0])
    rows = places[:, None] * order + _ratios(group)
    moved = kernels.reshape(-1, channels_in * channels_out)[rows]
    return moved.reshape(*sizes, order, order, channels_in, channels_out).swapaxes(-2, -3)


def element_bank(kernels: jax.Array, group: PointGroup) -> jax.Array:
    """`(order, channels_in, channels_out)` to `(order, channels_in, order, channels_out)`: of one pixel."""
    return kernels[_ratios(group)].swapaxes(1, 2)


def spatial_bank(kernels: jax.Array, group: PointGroup) -> jax.Array:
    """`(size, ..., channels)` to `(size, ..., order, channels)`: each element has its own moved kernel."""
    *sizes, channels = kernels.shape
    moved = kernels.reshape(-1, channels)[_places(group, sizes[0])]
    return moved.reshape(*sizes, group.order, channels)


def _ratios(group) -> np.ndarray:
    """`(order, order)` int32: the index of `r^-1 s` at `[s, r]`."""
    return multiplication_table(group)[inverse_table(group)].T


@functools.lru_cache(maxsize=64)
def _places(group, size) -> np.ndarray:
    """`(size^dimension, order)` int32: the index of the place `r^-1 p` at `[p, r]`."""
    grid = np.indices((size,) * group.dimension).reshape(group.dimension, -1)
    # Twice the distance from the centre, so that it is whole.
    distance = 2 * grid - (size - 1)
    before = (np.einsum("rba,bp->apr", grid_matrices(group), distance) + size - 1) // 2
    table = np.tensordot(size ** np.arange(group.dimension)[::-1], before, 1).astype(np.int32)
    table.flags.writeable = False
    return table


def _check(kernels, group, others):
    grid_matrices(group)
    require_floating("kernels", kernels)
    wanted = ("size",) * group.dimension + others
    sizes = kernels.shape[: group.dimension]
    fits = kernels.ndim == len(wanted) and len(set(sizes)) == 1 and sizes[0] >= 1
    if not fits or any(isinstance(w, int) and w != s for w, s in zip(wanted, kernels.shape, strict=True)):
        text = ", ".join(str(axis) for axis in wanted)
        raise ValueError(f"kernels must have shape ({text}) for this group, got {kernels.shape}")
