"""Each series of a window brought to mean 0 and variance 1, and back."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.safe import safe_divide
from jaxinv.kernels.numerics.validation import require_at_least, require_floating, require_shape
from jaxinv.kernels.permutations.masks import require_mask
from jaxinv.kernels.permutations.variates.arguments import require_series


class InstanceNorm(NamedTuple):
    """Scaled series, and what scaled them.

    Attributes:
      values: `(..., L, N)`, 0 where masked.
      mean: `(..., N)`, of each series; 0 where all of it is masked.
      std: `(..., N)`, the root of its variance plus epsilon, never 0.
    """

    values: jax.Array
    mean: jax.Array
    std: jax.Array


@functools.partial(jax.jit, static_argnames=("epsilon",))
def instance_norm(
    x: jax.Array,
    *,
    mask: jax.Array | None = None,
    scale: jax.Array | None = None,
    shift: jax.Array | None = None,
    epsilon: float = 1e-5,
) -> InstanceNorm:
    """`scale (x - mean) / std + shift`, over the times of each series by itself.

    Args:
      x: `(..., L, N)`, floating point.
      mask: `(..., L, N)` bool, which values there are: a missing value, or a series that pads.
      scale: scalar, one for all series, so that none is told from another; RevIN's learnable factor. Default 1.
      shift: scalar, likewise. Default 0.
      epsilon: static, above 0, added to the variance; in the square of the unit of x.

    Returns:
      `InstanceNorm`: values in the dtype of x, mean and std in float32 at least. A constant series gives the shift.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order; the official code takes the mean for a constant, which changes no
      derivative by parameters behind it.
    References: Kim et al., RevIN, ICLR 2022; Liu et al., iTransformer, ICLR 2024, arXiv:2310.06625.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import permutations
      >>> series = jnp.array([[1.0, 100.0], [3.0, 300.0]])  # two times, two series
      >>> values, mean, std = permutations.instance_norm(series)
      >>> values.round(2).tolist(), mean.tolist()
      ([[-1.0, -1.0], [1.0, 1.0]], [2.0, 200.0])
      >>> bool(jnp.allclose(permutations.instance_denorm(values, mean, std), series))
      True
    """
    x = require_series("x", x)
    mask = require_mask(mask, x.shape)
    require_at_least("epsilon", epsilon, 1e-12)
    wide = jnp.where(mask, x, 0).astype(accumulation_dtype(x))
    count = jnp.sum(mask, axis=-2, keepdims=True).astype(wide.dtype)

    def mean_of(values):
        return safe_divide(jnp.sum(values, axis=-2, keepdims=True), count)

    mean = mean_of(wide)
    rest = mean_of(jnp.where(mask, wide - mean, 0))
    # Twice: of a large offset the rounding of the first mean would be seen beside the root of epsilon.
    centred = jnp.where(mask, wide - mean - rest, 0)
    std = jnp.sqrt(mean_of(centred * centred) + epsilon)
    values = jnp.where(mask, _moved(centred / std, scale, shift), 0)
    return InstanceNorm(values.astype(x.dtype), (mean + rest)[..., 0, :], std[..., 0, :])


@jax.jit
def instance_denorm(
    y: jax.Array,
    mean: jax.Array,
    std: jax.Array,
    *,
    scale: jax.Array | None = None,
    shift: jax.Array | None = None,
) -> jax.Array:
    """The inverse of `instance_norm`, for any number of times: `(y - shift) / scale std + mean`.

    Args:
      y: `(..., S, N)`, floating point.
      mean: `(..., N)`, of `instance_norm`.
      std: `(..., N)`, likewise.
      scale: scalar; 1e-10 is added to its size, as published, so that 0 divides nothing.
      shift: scalar.

    Returns:
      `(..., S, N)`, in the dtype of all three together.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: as `instance_norm`.
    """
    y = require_series("y", y)
    wanted = (*y.shape[:-2], y.shape[-1])
    for name, array in (("mean", mean), ("std", std)):
        require_floating(name, array)
        require_shape(name, array, wanted)
    dtype = jnp.result_type(y, mean, std)
    y, mean, std = (array.astype(accumulation_dtype(array)) for array in (y, mean, std))
    if shift is not None:
        y = y - _scalar("shift", shift)
    if scale is not None:
        scale = _scalar("scale", scale)
        y = y / jnp.where(scale < 0, scale - 1e-10, scale + 1e-10)
    return (y * std[..., None, :] + mean[..., None, :]).astype(dtype)


def _moved(values, scale, shift):
    if scale is not None:
        values = values * _scalar("scale", scale)
    return values if shift is None else values + _scalar("shift", shift)


def _scalar(name, value):
    value = jnp.asarray(value)
    require_floating(name, value)
    require_shape(name, value, ())
    return value.astype(accumulation_dtype(value))
