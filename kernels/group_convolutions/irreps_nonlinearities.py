"""Pointwise functions of fields of irreps of the plane that keep their symmetry.

A pointwise function of the components of an irrep does not: it is for values at group elements, and for irreps of
frequency and parity 0. `norm_nonlinearity` and `gated_nonlinearity` scale each irrep, `fourier_nonlinearity` goes
through values at group elements. Fields are `(..., dim, channels)`.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.group_convolutions.planar_irreps import (
    Irreps,
    irrep_dimension,
    irreps_dimension,
    irreps_members,
    is_trivial,
    regular_irreps,
    require_irreps,
    sampled_irreps,
)
from jaxinv.kernels.group_convolutions.point_groups import PointGroup
from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.safe import safe_divide
from jaxinv.kernels.numerics.validation import require_at_least, require_floating, require_shape

Function = Callable[[jax.Array], jax.Array]


def trivial_nonlinearity(
    x: jax.Array, function: Function = jax.nn.relu, *, group: PointGroup, irreps: Irreps
) -> jax.Array:
    """A pointwise function of fields that do not move, and an error for all others.

    Args:
      x: `(..., dim, channels)`.
      function: pointwise.
      group: static, of the plane.
      irreps: static; all of frequency and parity 0.

    Returns:
      `function(x)`.

    Raises:
      ValueError: at trace time: other irreps, of which a pointwise function is not equivariant; axes that do not fit.
      TypeError: x is not floating point.
    Transformations: those of the function.
    """
    _check(x, group, irreps)
    if not all(map(is_trivial, irreps)):
        raise ValueError(
            f"irreps must have frequency and parity 0 for a pointwise function, which is not equivariant on {irreps}: "
            "take norm_nonlinearity, gated_nonlinearity or fourier_nonlinearity"
        )
    return function(x)


@functools.partial(jax.jit, static_argnames=("function", "group", "irreps"))
def norm_nonlinearity(
    x: jax.Array, bias: jax.Array, function: Function = jax.nn.relu, *, group: PointGroup, irreps: Irreps
) -> jax.Array:
    """`function(norm + bias) / norm` times each irrep of each channel.

    Args:
      x: `(..., dim, channels)`.
      bias: `(num irreps, channels)`; below 0 it leaves small vectors out, with the default function.
      function: static, pointwise.
      group: static, of the plane.
      irreps: static.

    Returns:
      `(..., dim, channels)` in the dtype of the arguments together; bfloat16 is computed in float32. A zero vector
      stays zero, with gradient 0, and so becomes a vector shorter than 1e-17 (float64: 1e-152).

    Raises:
      ValueError: at trace time: irreps that are not the group's; axes that do not fit.
      TypeError: arguments that are not floating point.
    Transformations: jit, vmap, jvp, vjp; as often as the function, away from zero vectors.
    """
    require_floating("bias", bias)
    _check(x, group, irreps)
    require_shape("bias", bias, (len(irreps), x.shape[-1]))
    dtype, sums = jnp.result_type(x, bias), accumulation_dtype(x, bias)
    x, bias = x.astype(sums), bias.astype(sums)
    members = jnp.asarray(irreps_members(irreps, group), sums)
    square = contract("kd,...dc->...kc", members, x * x)
    # Below, the derivative of 1 / norm overflows.
    zero = square <= 1e4 * jnp.finfo(sums).tiny
    norm = jnp.where(zero, 0.0, jnp.sqrt(jnp.where(zero, 1.0, square)))
    bias = bias.reshape((1,) * (x.ndim - 2) + bias.shape)
    factor = safe_divide(function(norm + bias), norm)
    return (x * contract("kd,...kc->...dc", members, factor)).astype(dtype)


@functools.partial(jax.jit, static_argnames=("function", "group", "irreps"))
def gated_nonlinearity(
    x: jax.Array, gates: jax.Array, function: Function = jax.nn.sigmoid, *, group: PointGroup, irreps: Irreps
) -> jax.Array:
    """Each irrep of each channel times a function of a gate that does not move.

    Args:
      x: `(..., dim, channels)`.
      gates: `(..., num irreps, channels)`, fields of frequency and parity 0.
      function: static, pointwise.
      group: static, of the plane.
      irreps: static.

    Returns:
      `(..., dim, channels)` in the dtype of the arguments together; bfloat16 is computed in float32.

    Raises: as `norm_nonlinearity`.
    Transformations: jit, vmap, jvp, vjp; as often as the function.
    """
    require_floating("gates", gates)
    _check(x, group, irreps)
    require_shape("gates", gates, (*x.shape[:-2], len(irreps), x.shape[-1]))
    dtype, sums = jnp.result_type(x, gates), accumulation_dtype(x, gates)
    members = jnp.asarray(irreps_members(irreps, group), sums)
    factor = contract("kd,...kc->...dc", members, function(gates.astype(sums)))
    return (x.astype(sums) * factor).astype(dtype)


@functools.partial(jax.jit, static_argnames=("function", "group", "max_frequency", "samples"))
def fourier_nonlinearity(
    x: jax.Array,
    function: Function = jax.nn.relu,
    *,
    group: PointGroup,
    max_frequency: int | None = None,
    samples: int,
) -> jax.Array:
    """A pointwise function of values at group elements, whose coefficients x holds and the result holds.

    Args:
      x: `(..., dim, channels)`, of `regular_irreps(group, max_frequency)`.
      function: static, pointwise.
      group: static, of the plane.
      max_frequency: static; by default all of a finite group.
      samples: static, how many rotations the values are taken at, and as many with F where the group reflects: a
        multiple of the group's, for which the result is exactly equivariant. For SO(2) and O(2) it is so to what the
        function puts into frequencies of `samples - max_frequency` and above.

    Returns:
      `(..., dim, channels)` in the dtype of x; bfloat16 is computed in float32. Coefficients of unit variance make
      values of unit variance, and the identity gives x.

    Raises:
      ValueError: at trace time: samples that are no multiple of the group's rotations, or too few for the frequency;
        axes that do not fit.
      TypeError: x is not floating point.
    Transformations: jit, vmap, jvp, vjp; as often as the function.
    References: Cesa, Lang, Weiler, A program to build E(N)-equivariant steerable CNNs, ICLR 2022.

    Examples:
      >>> import jax
      >>> from jaxinv.kernels import group_convolutions as gc
      >>> x = jax.random.normal(jax.random.key(0), (5, 3))  # frequencies 0, 1 and 2 of SO(2), 3 channels
      >>> y = gc.fourier_nonlinearity(x, lambda values: values, group=gc.SO2, max_frequency=2, samples=8)
      >>> bool(abs(y - x).max() < 1e-5)
      True
    """
    irreps = regular_irreps(group, max_frequency)
    _check(x, group, irreps)
    highest = max(frequency for frequency, _ in irreps)
    twice = any(irrep_dimension(irrep, group=group) == 2 and irrep.frequency == highest for irrep in irreps)
    require_at_least("samples", samples, 2 * highest + twice)
    if group.rotations is not None and samples % group.rotations:
        raise ValueError(f"samples must be a multiple of the {group.rotations} rotations of the group, got {samples}")
    dtype, sums = x.dtype, accumulation_dtype(x)
    table = sampled_irreps(group, highest, samples)
    scale = np.sqrt(table.shape[1] / table.shape[0])
    values = function(contract("dg,...dc->...gc", jnp.asarray(table * scale, sums), x.astype(sums)))
    return contract("dg,...gc->...dc", jnp.asarray(table / scale, sums), values).astype(dtype)


def _check(x, group, irreps):
    require_floating("x", x)
    require_irreps("irreps", irreps, group)
    dim = irreps_dimension(irreps, group=group)
    if x.ndim < 2 or x.shape[-2] != dim:
        raise ValueError(f"x must have shape (..., {dim}, channels) for these irreps, got {x.shape}")
