"""Pairs of past and future out of long series."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.validation import require_at_least
from jaxinv.kernels.permutations.variates.arguments import require_series
from jaxinv.kernels.permutations.variates.instance_norm import InstanceNorm, instance_norm


class Windows(NamedTuple):
    """Pieces of series.

    Attributes:
      past: `(..., W, num_past, N)`.
      future: `(..., W, num_future, N)`, what followed each past at once.
    """

    past: jax.Array
    future: jax.Array


@functools.partial(jax.jit, static_argnames=("num_past", "num_future", "stride"))
def sliding_windows(series: jax.Array, *, num_past: int, num_future: int, stride: int = 1) -> Windows:
    """All pieces of `num_past + num_future` times that start `stride` apart, the first at the first time.

    Args:
      series: `(..., T, N)`, floating point.
      num_past: static, at least 1.
      num_future: static, at least 1.
      stride: static, at least 1.

    Returns:
      `Windows`, W = 1 + (T - num_past - num_future) // stride of them; times after the last whole one are left out.

    Raises:
      TypeError, ValueError: wrong dtype or shape, series too short, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import permutations
      >>> windows = permutations.sliding_windows(jnp.arange(6.0)[:, None], num_past=2, num_future=1)
      >>> windows.past[..., 0].tolist(), windows.future[..., 0].tolist()
      ([[0.0, 1.0], [1.0, 2.0], [2.0, 3.0], [3.0, 4.0]], [[2.0], [3.0], [4.0], [5.0]])
    """
    for name, value in (("num_past", num_past), ("num_future", num_future), ("stride", stride)):
        require_at_least(name, value, 1)
    series = require_series("series", series, num_past + num_future)
    starts = jnp.arange(0, series.shape[-2] - num_past - num_future + 1, stride)

    def cut(offset, length):
        return jnp.take(series, starts[:, None] + jnp.arange(offset, offset + length)[None], axis=-2)

    return Windows(cut(0, num_past), cut(num_past, num_future))


@functools.partial(jax.jit, static_argnames=("num_train", "epsilon"))
def train_scale(series: jax.Array, *, num_train: int, epsilon: float = 1e-12) -> InstanceNorm:
    """Each series scaled by the mean and the standard deviation of its first times, so that none after them tells.

    Args:
      series: `(..., T, N)`, floating point.
      num_train: static, how many times are known, at least 1.
      epsilon: static, above 0, added to the variance; in the square of the unit of the series.

    Returns:
      `InstanceNorm`, whose values are of all times.

    Raises:
      TypeError, ValueError: wrong dtype or shape, fewer times than `num_train`, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order.
    """
    require_at_least("num_train", num_train, 1)
    series = require_series("series", series, num_train)
    _, mean, std = instance_norm(series[..., :num_train, :], epsilon=epsilon)
    values = (series.astype(mean.dtype) - mean[..., None, :]) / std[..., None, :]
    return InstanceNorm(values.astype(series.dtype), mean, std)
