"""Layers of Transformers on sets of tokens, such as time series, and linear forecasts of each series by itself."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from jaxinv.kernels import permutations as kernels
from jaxinv.nn.parameters import cast, parameter


class EncoderLayer(nnx.Module):
    """`kernels.permutations.encoder_layer`."""

    def __init__(
        self,
        width: int,
        num_heads: int,
        num_hidden: int,
        *,
        dropout: float = 0.0,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters.

        Args:
          width: features of a token.
          num_heads: of attention, divides the width.
          num_hidden: hidden features of a token.
          dropout: share that training leaves out.
          dtype: of the computation; by default that of tokens and parameters together.
          param_dtype: of the parameters.
          rngs: for the parameters.
        """
        types: dict[str, Any] = {"param_dtype": param_dtype, "rngs": rngs}
        self.attention = _Dense(width, 3 * width, **types)
        self.merge = _Dense(width, width, **types)
        self.hidden = _Dense(width, num_hidden, **types)
        self.output = _Dense(num_hidden, width, **types)
        self.scale = nnx.Param(jnp.ones((2, width), param_dtype))
        self.shift = nnx.Param(jnp.zeros((2, width), param_dtype))
        self.num_heads, self.dropout, self.dtype = num_heads, dropout, dtype

    def __call__(self, tokens: jax.Array, *, mask: jax.Array | None = None, key: jax.Array | None = None) -> jax.Array:
        """`(..., N, width)` to as much; `mask` says which tokens there are, `key` is for dropout in training."""
        arrays = [*self.attention.arrays, *self.merge.arrays, *self.hidden.arrays, *self.output.arrays]
        arrays += [self.scale[...], self.shift[...]]
        dtype = jnp.result_type(tokens, *arrays) if self.dtype is None else self.dtype
        tokens, *arrays = cast(dtype, tokens, *arrays)
        params = kernels.EncoderLayerParams(kernels.AttentionParams(*arrays[:4]), *arrays[4:])
        options = {"num_heads": self.num_heads, "dropout": self.dropout}
        return kernels.encoder_layer(params, tokens, mask=mask, key=key, **options)


class RLinear(nnx.Module):
    """`kernels.permutations.rlinear`."""

    def __init__(self, num_past: int, num_future: int, *, param_dtype: DTypeLike = jnp.float32, rngs: nnx.Rngs):
        """Draws the parameters of the map from `num_past` times to `num_future`."""
        self.linear = _Dense(num_past, num_future, param_dtype=param_dtype, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        """`(..., num_past, N)` to `(..., num_future, N)`."""
        return kernels.rlinear(x, *self.linear.arrays)


class DLinear(nnx.Module):
    """`kernels.permutations.dlinear`."""

    def __init__(
        self,
        num_past: int,
        num_future: int,
        *,
        width: int = 25,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters of both maps from `num_past` times to `num_future`; `width` is of the moving mean."""
        self.trend = _Dense(num_past, num_future, param_dtype=param_dtype, rngs=rngs)
        self.rest = _Dense(num_past, num_future, param_dtype=param_dtype, rngs=rngs)
        self.width = width

    def __call__(self, x: jax.Array) -> jax.Array:
        """`(..., num_past, N)` to `(..., num_future, N)`."""
        return kernels.dlinear(x, *self.trend.arrays, *self.rest.arrays, width=self.width)


class _Dense(nnx.Module):
    """A weight, drawn evenly up to the root of one over the inputs, as published, and a bias of 0."""

    def __init__(self, inputs: int, outputs: int, *, param_dtype, rngs: nnx.Rngs):
        init = jax.nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform")
        self.kernel = parameter(init, rngs, (inputs, outputs), param_dtype)
        self.bias = nnx.Param(jnp.zeros((outputs,), param_dtype))

    @property
    def arrays(self) -> tuple[jax.Array, jax.Array]:
        """Both."""
        return self.kernel[...], self.bias[...]
