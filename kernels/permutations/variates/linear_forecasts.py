"""Plain forecasts of each series from its own past, the same for all."""

import functools

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.validation import require_at_least, require_shape
from jaxinv.kernels.permutations.variates.arguments import require_series
from jaxinv.kernels.permutations.variates.instance_norm import instance_denorm, instance_norm


@functools.partial(jax.jit, static_argnames=("num_future",))
def repeat_last(x: jax.Array, *, num_future: int) -> jax.Array:
    """Each series stays where it was last: the forecast to beat.

    Args:
      x: `(..., L, N)`, floating point.
      num_future: static, at least 1.

    Returns:
      `(..., num_future, N)`, in the dtype of x.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import permutations
      >>> permutations.repeat_last(jnp.array([[1.0, 5.0], [2.0, 6.0]]), num_future=3).tolist()
      [[2.0, 6.0], [2.0, 6.0], [2.0, 6.0]]
    """
    x = require_series("x", x)
    require_at_least("num_future", num_future, 1)
    return jnp.repeat(x[..., -1:, :], num_future, axis=-2)


@functools.partial(jax.jit, static_argnames=("epsilon",))
def rlinear(x: jax.Array, weight: jax.Array, bias: jax.Array, *, epsilon: float = 1e-5) -> jax.Array:
    """A linear map of the past of each series, scaled by `instance_norm` and back.

    Args:
      x: `(..., L, N)`, floating point.
      weight: `(L, S)`.
      bias: `(S,)`.
      epsilon: static, of `instance_norm`.

    Returns:
      `(..., S, N)` in the dtype of x; computed in float32 at least.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Li et al., Revisiting long-term time series forecasting, arXiv:2305.10721.
    """
    x = require_series("x", x)
    values, mean, std = instance_norm(x.astype(accumulation_dtype(x)), epsilon=epsilon)
    return instance_denorm(_mapped(values, "weight", weight, "bias", bias), mean, std).astype(x.dtype)


@functools.partial(jax.jit, static_argnames=("width",))
def dlinear(
    x: jax.Array,
    trend_weight: jax.Array,
    trend_bias: jax.Array,
    rest_weight: jax.Array,
    rest_bias: jax.Array,
    *,
    width: int = 25,
) -> jax.Array:
    """A linear map of the moving mean of each series, and another of what is left.

    Args:
      x: `(..., L, N)`, floating point.
      trend_weight: `(L, S)`.
      trend_bias: `(S,)`.
      rest_weight: `(L, S)`.
      rest_bias: `(S,)`.
      width: static, odd, of the moving mean; beyond both ends the series stays as it is there.

    Returns:
      `(..., S, N)` in the dtype of x; computed in float32 at least.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Zeng et al., Are Transformers effective for time series forecasting?, AAAI 2023, arXiv:2205.13504.
    """
    x = require_series("x", x)
    if width < 1 or width % 2 == 0:
        raise ValueError(f"width must be odd and >= 1, got {width}")
    wide = x.astype(accumulation_dtype(x))
    times = jnp.arange(x.shape[-2])
    near = jnp.clip(times[:, None] + jnp.arange(width)[None] - width // 2, 0, x.shape[-2] - 1)
    trend = jnp.mean(jnp.take(wide, near, axis=-2), axis=-2)
    of_trend = _mapped(trend, "trend_weight", trend_weight, "trend_bias", trend_bias)
    return (of_trend + _mapped(wide - trend, "rest_weight", rest_weight, "rest_bias", rest_bias)).astype(x.dtype)


def _mapped(x, weight_name, weight, bias_name, bias):
    require_shape(weight_name, weight, (x.shape[-2], None))
    require_shape(bias_name, bias, weight.shape[1:])
    y = contract("...ln,ls->...sn", x, weight)
    return y + jnp.expand_dims(bias.astype(y.dtype)[:, None], range(y.ndim - 2))
