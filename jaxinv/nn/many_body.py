"""Powers of features."""

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Initializer
from jax.typing import DTypeLike

from jaxinv.kernels import tensor_products as kernels
from jaxinv.nn.parameters import cast, parameter


class ManyBody(nnx.Module):
    """`kernels.tensor_products.gaunt_power` with a weight for every power, channel and degree."""

    def __init__(
        self,
        order: int,
        num_channels: int,
        lmax_out: int,
        *,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        kernel_init: Initializer | None = None,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters.

        Args:
          order: highest power: `order + 1` bodies.
          num_channels: of features.
          lmax_out: highest degree of the result, at most `order * lmax`.
          dtype: of the computation; by default that of input and parameters together.
          param_dtype: of the parameters.
          kernel_init: of `(order, num_channels, lmax_out + 1)`; by default normal, of variance `1 / order`.
          rngs: for the parameters.
        """
        init = jax.nn.initializers.normal(order**-0.5) if kernel_init is None else kernel_init
        self.kernel = parameter(init, rngs, (order, num_channels, lmax_out + 1), param_dtype)
        self.dtype = dtype

    def __call__(self, x: jax.Array) -> jax.Array:
        """`(..., num_channels, (lmax + 1)^2)` to `(..., num_channels, (lmax_out + 1)^2)`."""
        x, weights = cast(self.dtype, x, self.kernel[...])
        return kernels.gaunt_power(x, weights.reshape(len(weights), *[1] * (x.ndim - 2), *weights.shape[1:]))
