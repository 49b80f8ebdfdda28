"""Convolutions of pictures and voxels equivariant to groups that map the grid to itself, exactly.

Features on the group, regular fields, are `(..., height, width, order, channels)`, voxels with a depth before; plain
ones have no axis for the group. `channels_first` takes and gives `(..., channels, order, height, width)` instead.
Elements are numbered as in `point_groups`. Each layer expands its kernels to a bank (`grid_banks`) and takes one dense
convolution, which has all of the cost.

An element g moves features by `(g f)(x, s) = f(g^-1 x, g^-1 s)`, about the centre of the picture. The layers move with
every element, to rounding, and with translations by pixels away from borders ("CIRCULAR": all), if

- a strided axis has a multiple of the stride plus 1 places: stride 2 wants odd pictures;
- kernels have an odd size, or no padding.

A layer that breaks one warns, when it is traced. Zeros at the rim do not break it, but they tell a network where up
is on aligned data.
"""

import functools

import jax
import jax.numpy as jnp

from jaxinv.kernels.group_convolutions.dense_convolution import (
    convolve_dense,
    padded,
    require_window,
    warn_of_lost_symmetry,
)
from jaxinv.kernels.group_convolutions.grid_banks import (
    element_bank,
    grid_convolution_bank,
    grid_lifting_bank,
    spatial_bank,
)
from jaxinv.kernels.group_convolutions.picture_axes import fields_first, fields_last
from jaxinv.kernels.group_convolutions.point_groups import PointGroup, grid_matrices
from jaxinv.kernels.group_convolutions.shifted_sums import shifted_sums
from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.validation import require_floating, require_shape

_STATIC = ("group", "stride", "dilation", "padding", "channels_first")


@functools.partial(jax.jit, static_argnames=("stride", "dilation", "padding", "channels_first"))
def grid_convolve(
    x: jax.Array,
    bank: jax.Array,
    *,
    stride: int = 1,
    dilation: int = 1,
    padding: str = "VALID",
    channels_first: bool = False,
) -> jax.Array:
    """Correlates fields with a bank of kernels, of this family or kept from an earlier call.

    Args:
      x: `(..., height, width, fields_in, channels_in)`; voxels have a depth before the height.
      bank: `(size, size, fields_in, channels_in, fields_out, channels_out)`, of voxels with one more size.
      stride: static, between the pixels of the result.
      dilation: static, between the pixels that the kernel reads.
      padding: static, "VALID" (none), "SAME" (zeros, as many before as after) or "CIRCULAR".
      channels_first: static, whether x and the result are `(..., channels, fields, height, width)`.

    Returns:
      `(..., height', width', fields_out, channels_out)` in the dtype of the arguments together; bfloat16 is multiplied
      and summed in float32.

    Raises:
      ValueError: at trace time: axes that do not fit; an unknown padding; a stride or dilation below 1; kernels larger
        than the picture.
      TypeError: arguments that are not floating point.
    Transformations: jit, vmap, jvp, vjp, any order. One bank for all pictures is fast: under vmap over banks XLA takes
      a grouped convolution.
    """
    require_floating("x", x)
    require_floating("bank", bank)
    dimension = bank.ndim - 4
    if dimension not in (2, 3):
        raise ValueError(f"bank must have 6 axes, or 7 for voxels, got {bank.shape}")
    if x.ndim < dimension + 2:
        raise ValueError(f"x must have at least {dimension + 2} axes for this bank of kernels, got {x.shape}")
    size = _side("bank", bank, dimension)
    x = fields_last(x, dimension) if channels_first else x
    ins, channels_in, outs, channels_out = bank.shape[dimension:]
    if x.shape[-2:] != (ins, channels_in):
        raise ValueError(f"x must have {ins} fields of {channels_in} channels for these kernels, got {x.shape[-2:]}")
    batch, space = x.shape[: -2 - dimension], x.shape[-2 - dimension : -2]
    require_window(space, size, stride=stride, dilation=dilation, padding=padding)
    dtype, sums = jnp.result_type(x, bank), accumulation_dtype(x, bank)
    y = convolve_dense(
        x.astype(sums).reshape(-1, *space, ins * channels_in),
        bank.astype(sums).reshape(*bank.shape[:dimension], ins * channels_in, outs * channels_out),
        stride=stride,
        dilation=dilation,
        padding=padding,
    )
    y = y.reshape(*batch, *y.shape[1:-1], outs, channels_out).astype(dtype)
    return fields_first(y, dimension) if channels_first else y


@functools.partial(jax.jit, static_argnames=_STATIC)
def grid_lift(
    x: jax.Array,
    kernels: jax.Array,
    *,
    group: PointGroup,
    stride: int = 1,
    dilation: int = 1,
    padding: str = "VALID",
    channels_first: bool = False,
) -> jax.Array:
    """From pictures to functions on the group.

    Args:
      x: `(..., height, width, channels_in)`, or `(..., channels_in, height, width)`; voxels with a depth.
      kernels: `(size, size, channels_in, channels_out)`; of voxels, with one more size.
      group: static, `cyclic` or `dihedral` of 1, 2 or 4, or `octahedral`.
      stride: static, as of `grid_convolve`.
      dilation: static, as of `grid_convolve`.
      padding: static, as of `grid_convolve`.
      channels_first: static, as of `grid_convolve`.

    Returns:
      `(..., height', width', order, channels_out)`, or with the channels and the order first; in the dtype of the
      arguments together.

    Raises: ValueError, TypeError: as `grid_lifting_bank` and `grid_convolve`.
    Warns: UserWarning: at trace time, sizes that break the symmetry.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Cohen, Welling, Group equivariant convolutional networks, arXiv:1602.07576.

    Examples:
      >>> import jax
      >>> from jaxinv.kernels import group_convolutions as gc
      >>> p4 = gc.cyclic(4)
      >>> x = jax.random.normal(jax.random.key(0), (9, 9, 2))
      >>> kernels = jax.random.normal(jax.random.key(1), (3, 3, 2, 5))
      >>> y = gc.grid_lift(x, kernels, group=p4)
      >>> turned = gc.grid_lift(gc.act_picture(x, 1, group=p4), kernels, group=p4)
      >>> y.shape, bool(abs(turned - gc.act_regular(y, 1, group=p4)).max() < 1e-4)
      ((7, 7, 4, 5), True)
    """
    bank = grid_lifting_bank(kernels, group=group)
    if x.ndim <= group.dimension:
        raise ValueError(f"x must have at least {group.dimension + 1} axes for this group, got {x.shape}")
    options = {"stride": stride, "dilation": dilation, "padding": padding}
    x = x[(..., None, *(slice(None),) * group.dimension)] if channels_first else x[..., None, :]
    y = grid_convolve(x, bank, channels_first=channels_first, **options)
    _warn(x, kernels, group, channels_first, options)
    return y


@functools.partial(jax.jit, static_argnames=_STATIC)
def grid_convolution(
    x: jax.Array,
    kernels: jax.Array,
    *,
    group: PointGroup,
    stride: int = 1,
    dilation: int = 1,
    padding: str = "VALID",
    channels_first: bool = False,
) -> jax.Array:
    """From functions on the group to functions on the group.

    Args:
      x: `(..., height, width, order, channels_in)`, or `(..., channels_in, order, height, width)`; voxels with a depth.
      kernels: `(size, size, order, channels_in, channels_out)`; of voxels, with one more size.
      group: static, as of `grid_lift`.
      stride: static, as of `grid_convolve`.
      dilation: static, as of `grid_convolve`.
      padding: static, as of `grid_convolve`.
      channels_first: static, as of `grid_convolve`.

    Returns: as `grid_lift`.
    Raises: ValueError, TypeError: as `grid_convolution_bank` and `grid_convolve`.
    Warns: as `grid_lift`.
    Transformations: as of `grid_lift`.
    References: as of `grid_lift`.

    Examples:
      >>> import jax
      >>> from jaxinv.kernels import group_convolutions as gc
      >>> p4m = gc.dihedral(4)
      >>> x = jax.random.normal(jax.random.key(0), (9, 9, 8, 2))
      >>> kernels = jax.random.normal(jax.random.key(1), (3, 3, 8, 2, 3))
      >>> gc.grid_convolution(x, kernels, group=p4m, stride=2, padding="SAME").shape
      (5, 5, 8, 3)
    """
    bank = grid_convolution_bank(kernels, group=group)
    options = {"stride": stride, "dilation": dilation, "padding": padding}
    y = grid_convolve(x, bank, channels_first=channels_first, **options)
    _warn(x, kernels, group, channels_first, options)
    return y


@functools.partial(jax.jit, static_argnames=_STATIC)
def grid_separable_convolution(
    x: jax.Array,
    element_kernels: jax.Array,
    spatial_kernels: jax.Array,
    *,
    group: PointGroup,
    stride: int = 1,
    dilation: int = 1,
    padding: str = "VALID",
    channels_first: bool = False,
) -> jax.Array:
    """The group convolution whose kernels are products `k(p, s) = spatial(p) element(s)`, one part after the other.

    For each pixel it takes `order^2 channels_in channels_out + size^2 order channels_out` products in place of
    `size^2 order^2 channels_in channels_out`.

    Args:
      x: as of `grid_convolution`.
      element_kernels: `(order, channels_in, channels_out)`.
      spatial_kernels: `(size, size, channels_out)`, of the channels by themselves; of voxels, with one more size.
      group: static, as of `grid_lift`.
      stride: static, as of `grid_convolve`.
      dilation: static, as of `grid_convolve`.
      padding: static, as of `grid_convolve`.
      channels_first: static, as of `grid_convolve`.

    Returns: as `grid_lift`.
    Raises: as `grid_convolution`.
    Warns: as `grid_lift`.
    Transformations: as of `grid_lift`.
    References: Knigge et al., Exploiting redundancy: separable group convolutional networks, arXiv:2110.13059.
    """
    for name, array in (("x", x), ("element_kernels", element_kernels), ("spatial_kernels", spatial_kernels)):
        require_floating(name, array)
    grid_matrices(group)
    dimension, order = group.dimension, group.order
    require_shape("element_kernels", element_kernels, (order, None, None))
    channels = element_kernels.shape[-1]
    require_shape("spatial_kernels", spatial_kernels, (*(None,) * dimension, channels))
    size = _side("spatial_kernels", spatial_kernels, dimension)
    if x.ndim < dimension + 2:
        raise ValueError(f"x must have at least {dimension + 2} axes for this group, got {x.shape}")
    options = {"stride": stride, "dilation": dilation, "padding": padding}
    arguments = x, element_kernels, spatial_kernels
    dtype, sums = jnp.result_type(*arguments), accumulation_dtype(*arguments)
    x = fields_last(x, dimension) if channels_first else x
    if x.shape[-2:] != element_kernels.shape[:2]:
        wanted = element_kernels.shape[:2]
        raise ValueError(f"x must have {wanted[0]} elements of {wanted[1]} channels, got {x.shape[-2:]}")
    batch, space = x.shape[: -2 - dimension], x.shape[-2 - dimension : -2]
    require_window(space, size, **options)
    _warn(x, spatial_kernels, group, False, options)
    mixed = contract(
        "ni,io->no",
        x.astype(sums).reshape(-1, order * x.shape[-1]),
        element_bank(element_kernels.astype(sums), group).reshape(order * x.shape[-1], order * channels),
    )
    kernels = spatial_bank(spatial_kernels.astype(sums), group).reshape(*(size,) * dimension, order * channels)
    pictures = padded(mixed.reshape(-1, *space, order * channels), size, dilation=dilation, padding=padding)
    y = shifted_sums(pictures, kernels, strides=(stride,) * dimension, dilation=dilation)
    y = y.reshape(*batch, *y.shape[1:-1], order, channels).astype(dtype)
    return fields_first(y, dimension) if channels_first else y


def _side(name, kernels, dimension):
    sizes = kernels.shape[:dimension]
    if len(set(sizes)) > 1 or sizes[0] < 1:
        raise ValueError(f"{name} must have kernels of equal sides, got {' x '.join(map(str, sizes))}")
    return sizes[0]


def _warn(x, kernels, group, channels_first, options):
    if group.order > 1:
        end = x.ndim if channels_first else x.ndim - 2
        warn_of_lost_symmetry(x.shape[end - group.dimension : end], kernels.shape[0], **options)
