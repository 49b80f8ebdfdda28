"""Channel mixing."""

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Initializer
from jax.typing import DTypeLike

from jaxinv.kernels import tensor_products as kernels
from jaxinv.nn.parameters import cast, parameter


class IrrepsLinear(nnx.Module):
    """`kernels.tensor_products.linear` with a matrix of its own for every degree."""

    def __init__(
        self,
        num_in: int,
        num_out: int,
        lmax: int,
        *,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        kernel_init: Initializer | None = None,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters.

        Args:
          num_in: channels of the input.
          num_out: channels of the result.
          lmax: highest degree.
          dtype: of the computation; by default that of input and parameters together.
          param_dtype: of the parameters.
          kernel_init: of `(lmax + 1, num_in, num_out)`; by default normal, of variance `1 / num_in`.
          rngs: for the parameters.
        """
        init = jax.nn.initializers.normal(num_in**-0.5) if kernel_init is None else kernel_init
        self.kernel = parameter(init, rngs, (lmax + 1, num_in, num_out), param_dtype)
        self.dtype = dtype

    def __call__(self, x: jax.Array) -> jax.Array:
        """`(..., num_in, (lmax + 1)^2)` to `(..., num_out, (lmax + 1)^2)`."""
        return kernels.linear(*cast(self.dtype, x, self.kernel[...]))
