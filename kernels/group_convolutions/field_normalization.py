"""Normalisation that keeps the symmetry of fields: one mean and one variance over the pixels and the group.

They are of a single picture: pictures do not see each other. A function on a group and its Fourier transform have the
same: the mean is that of the coefficient of frequency and parity 0, which alone may have a bias, and all coefficients
together have the variance.
"""

import functools

import jax
import jax.numpy as jnp

from jaxinv.kernels.group_convolutions.planar_irreps import (
    Irreps,
    irreps_dimension,
    irreps_members,
    require_irreps,
    trivial_members,
)
from jaxinv.kernels.group_convolutions.point_groups import PointGroup
from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.validation import require_floating, require_shape


@functools.partial(jax.jit, static_argnames=("group", "across_channels"))
def regular_normalization(
    x: jax.Array,
    scale: jax.Array,
    bias: jax.Array,
    *,
    group: PointGroup,
    across_channels: bool = False,
    epsilon: float = 1e-5,
) -> jax.Array:
    """`scale (x - mean) / sqrt(variance + epsilon) + bias` of functions on the grid and the group.

    Args:
      x: `(..., height, width, order, channels)`; voxels with a depth.
      scale: `(channels,)`.
      bias: `(channels,)`.
      group: static, finite.
      across_channels: static, whether all channels share the mean and the variance.
      epsilon: in the square of the unit of x, positive: a constant field becomes the bias.

    Returns:
      The shape of x, in the dtype of the arguments together; bfloat16 is computed in float32.

    Raises:
      ValueError: at trace time: axes that do not fit; an infinite group.
      TypeError: arguments that are not floating point.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Ulyanov et al., Instance normalization, arXiv:1607.08022; Ba et al., Layer normalization,
      arXiv:1607.06450 (`across_channels`).
    """
    space = _check(x, scale, bias, group, group.order)
    require_shape("scale", scale, (x.shape[-1],))
    require_shape("bias", bias, (x.shape[-1],))
    dtype, sums = jnp.result_type(x, scale, bias), accumulation_dtype(x, scale, bias)
    x = x.astype(sums)
    axes = (*space, -2, *((-1,) if across_channels else ()))
    x = x - jnp.mean(x, axes, keepdims=True)
    x = x / jnp.sqrt(jnp.mean(x * x, axes, keepdims=True) + epsilon)
    scale, bias = (_along(parameter.astype(sums), x) for parameter in (scale, bias))
    return (scale * x + bias).astype(dtype)


@functools.partial(jax.jit, static_argnames=("group", "irreps", "across_channels"))
def irreps_normalization(
    x: jax.Array,
    scale: jax.Array,
    bias: jax.Array,
    *,
    group: PointGroup,
    irreps: Irreps,
    across_channels: bool = False,
    epsilon: float = 1e-5,
) -> jax.Array:
    """The same of fields of irreps, whose components all have one variance, as the coefficients of a function do.

    Args:
      x: `(..., height, width, dim, channels)`.
      scale: `(num irreps, channels)`.
      bias: `(num irreps of frequency and parity 0, channels)`.
      group: static, of the plane.
      irreps: static.
      across_channels: static, whether all channels share the means and the variance.
      epsilon: in the square of the unit of x, positive.

    Returns: as `regular_normalization`.
    Raises: ValueError, TypeError: as `regular_normalization`; irreps that are not the group's.
    Transformations: as of `regular_normalization`.
    References: as of `regular_normalization`.
    """
    require_irreps("irreps", irreps, group)
    space = _check(x, scale, bias, group, irreps_dimension(irreps, group=group))
    require_shape("scale", scale, (len(irreps), x.shape[-1]))
    fixed = trivial_members(irreps, group)
    require_shape("bias", bias, (len(fixed), x.shape[-1]))
    dtype, sums = jnp.result_type(x, scale, bias), accumulation_dtype(x, scale, bias)
    x = x.astype(sums)
    channels = (-1,) if across_channels else ()
    mean = jnp.mean(x, (*space, *channels), keepdims=True)
    x = x - mean * _along(jnp.asarray(fixed.sum(0)[:, None], sums), x)
    x = x / jnp.sqrt(jnp.mean(x * x, (*space, -2, *channels), keepdims=True) + epsilon)
    scale = contract("kd,kc->dc", jnp.asarray(irreps_members(irreps, group), sums), scale.astype(sums))
    bias = contract("kd,kc->dc", jnp.asarray(fixed, sums), bias.astype(sums))
    return (_along(scale, x) * x + _along(bias, x)).astype(dtype)


def _along(parameter, x):
    """With axes of length 1 before, up to those of x."""
    return parameter.reshape((1,) * (x.ndim - parameter.ndim) + parameter.shape)


def _check(x, scale, bias, group, components):
    """The axes of space."""
    for name, array in (("x", x), ("scale", scale), ("bias", bias)):
        require_floating(name, array)
    dimension = group.dimension
    if x.ndim < dimension + 2 or x.shape[-2] != components:
        raise ValueError(f"x must have shape (..., space of {dimension} axes, {components}, channels), got {x.shape}")
    return tuple(range(-2 - dimension, -2))
