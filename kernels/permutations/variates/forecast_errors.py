"""How far forecasts are off."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.safe import safe_divide
from jaxinv.kernels.numerics.validation import require_at_least, require_floating, require_shape
from jaxinv.kernels.permutations.masks import require_mask
from jaxinv.kernels.permutations.variates.arguments import require_series


class ForecastErrors(NamedTuple):
    """Means over times and variates; 0 where there are none.

    Attributes:
      mse: squared error.
      mae: absolute error.
      mase: absolute error of a variate over the mean absolute step of its own past; of variates that ever stepped.
    """

    mse: jax.Array
    mae: jax.Array
    mase: jax.Array


@functools.partial(jax.jit, static_argnames=("period",))
def forecast_errors(
    found: jax.Array, wanted: jax.Array, past: jax.Array, *, mask: jax.Array | None = None, period: int = 1
) -> ForecastErrors:
    """Errors of forecasts.

    Args:
      found: `(..., S, N)`, floating point, predicted.
      wanted: `(..., S, N)`, what came.
      past: `(..., L, N)`, before it.
      mask: `(..., N)` bool, which variates count.
      period: static, times between which a step is taken, below L: 1, or the length of a season.

    Returns:
      `ForecastErrors`, each of the leading axes, in float32 at least.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Hyndman and Koehler (2006), Another look at measures of forecast accuracy, for MASE.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import permutations
      >>> past, future = jnp.array([[0.0], [2.0], [4.0]]), jnp.array([[6.0], [8.0]])
      >>> errors = permutations.forecast_errors(permutations.repeat_last(past, num_future=2), future, past)
      >>> errors.mse, errors.mae, errors.mase
      (Array(10., dtype=float32), Array(3., dtype=float32), Array(1.5, dtype=float32))
    """
    require_at_least("period", period, 1)
    found, past = require_series("found", found), require_series("past", past, period + 1)
    wanted = jnp.asarray(wanted)
    require_floating("wanted", wanted)
    require_shape("wanted", wanted, found.shape)
    require_shape("past", past, (*found.shape[:-2], None, found.shape[-1]))
    mask = require_mask(mask, (*found.shape[:-2], found.shape[-1]))
    dtype = accumulation_dtype(found, wanted, past)
    past = past.astype(dtype)
    error = jnp.where(mask[..., None, :], found.astype(dtype) - wanted.astype(dtype), 0)
    absolute = jnp.mean(jnp.abs(error), axis=-2)
    step = jnp.mean(jnp.abs(past[..., period:, :] - past[..., :-period, :]), axis=-2)

    def mean_of(values, there):
        return safe_divide(jnp.sum(values, axis=-1), jnp.sum(there, axis=-1).astype(dtype))

    mase = mean_of(jnp.where(mask, safe_divide(absolute, step), 0), mask & (step > 0))
    return ForecastErrors(mean_of(jnp.mean(error * error, axis=-2), mask), mean_of(absolute, mask), mase)
