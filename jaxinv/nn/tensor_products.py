"""Products of two features."""

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Initializer
from jax.typing import DTypeLike

from jaxinv.kernels import tensor_products as kernels
from jaxinv.nn.parameters import cast, parameter, path_factors

_ONES, _NORMAL = jax.nn.initializers.ones, jax.nn.initializers.normal(1.0)


class _TiedProduct(nnx.Module):
    """Weights of the degrees of both factors and of the result, for every channel."""

    def __init__(
        self,
        num_channels: int,
        lmax1: int,
        lmax2: int,
        lmax_out: int,
        *,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        kernel_init: Initializer = _ONES,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters.

        Args:
          num_channels: of both factors and of the result: channel by channel.
          lmax1: highest degree of the first factor.
          lmax2: highest degree of the second.
          lmax_out: highest degree of the result, at most `lmax1 + lmax2`.
          dtype: of the computation; by default that of factors and parameters together.
          param_dtype: of the parameters.
          kernel_init: of the weights, each `(num_channels, lmax + 1)`; by default ones.
          rngs: for the parameters.
        """
        self.weights1, self.weights2, self.weights_out = (
            parameter(kernel_init, rngs, (num_channels, lmax + 1), param_dtype) for lmax in (lmax1, lmax2, lmax_out)
        )
        self.lmax_out, self.dtype = lmax_out, dtype

    def _arguments(self, x1, x2):
        x1, x2, *weights = cast(self.dtype, x1, x2, self.weights1[...], self.weights2[...], self.weights_out[...])
        named = dict(zip(("weights1", "weights2", "weights_out"), weights, strict=True))
        return (x1, x2), {"lmax_out": self.lmax_out, "normalize": "variance"} | named


class GauntTensorProduct(_TiedProduct):
    """`kernels.tensor_products.gaunt_tensor_product`: even paths, with unit variance at first."""

    def __call__(self, x1: jax.Array, x2: jax.Array) -> jax.Array:
        """`(..., num_channels, (lmax1 + 1)^2)` and that of lmax2 to `(..., num_channels, (lmax_out + 1)^2)`."""
        factors, options = self._arguments(x1, x2)
        return kernels.gaunt_tensor_product(*factors, **options)


class CompleteTensorProduct(_TiedProduct):
    """`kernels.tensor_products.complete_tensor_product`: even and odd paths apart, each with unit variance at first."""

    def __call__(self, x1: jax.Array, x2: jax.Array) -> kernels.CompleteProduct:
        """`(..., num_channels, (lmax1 + 1)^2)` and that of lmax2 to two `(..., num_channels, (lmax_out + 1)^2)`."""
        factors, options = self._arguments(x1, x2)
        return kernels.complete_tensor_product(*factors, **options, balanced=True)


class TensorProduct(nnx.Module):
    """`kernels.tensor_products.clebsch_gordan_tensor_product` with a weight for every path and channel."""

    def __init__(
        self,
        num_channels: int,
        lmax1: int,
        lmax2: int,
        lmax_out: int,
        *,
        even: bool = False,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        kernel_init: Initializer = _NORMAL,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters.

        Args:
          num_channels: of both factors and of the result: channel by channel.
          lmax1: highest degree of the first factor.
          lmax2: highest degree of the second.
          lmax_out: highest degree of the result, at most `lmax1 + lmax2`.
          even: whether to take only the paths with an even sum of degrees, which keep parity `(-1)^l`.
          dtype: of the computation; by default that of factors and parameters together.
          param_dtype: of the parameters.
          kernel_init: of `(num_channels, num_paths)`, by default normal. The weights of each degree are divided by
            the root of its number of paths.
          rngs: for the parameters.
        """
        self.factors = path_factors(lmax1, lmax2, lmax_out, even)
        self.kernel = parameter(kernel_init, rngs, (num_channels, self.factors.size), param_dtype)
        self.lmax_out, self.dtype = lmax_out, dtype

    def __call__(self, x1: jax.Array, x2: jax.Array) -> jax.Array:
        """`(..., num_channels, (lmax1 + 1)^2)` and that of lmax2 to `(..., num_channels, (lmax_out + 1)^2)`."""
        weights = self.kernel[...] * jnp.asarray(self.factors[None], self.kernel[...].dtype)
        arguments = cast(self.dtype, x1, x2, weights)
        return kernels.clebsch_gordan_tensor_product(*arguments, lmax_out=self.lmax_out)


class FullyConnectedTensorProduct(nnx.Module):
    """`kernels.tensor_products.fully_connected_tensor_product`: all pairs of channels, all paths."""

    def __init__(
        self,
        num_channels1: int,
        num_channels2: int,
        num_channels_out: int,
        lmax1: int,
        lmax2: int,
        lmax_out: int,
        *,
        even: bool = False,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        kernel_init: Initializer | None = None,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters.

        Args:
          num_channels1: of the first factor.
          num_channels2: of the second.
          num_channels_out: of the result.
          lmax1: highest degree of the first factor.
          lmax2: highest degree of the second.
          lmax_out: highest degree of the result, at most `lmax1 + lmax2`.
          even: as in `TensorProduct`.
          dtype: of the computation; by default that of factors and parameters together.
          param_dtype: of the parameters.
          kernel_init: of `(num_paths, num_channels1, num_channels2, num_channels_out)`; by default normal, of variance
            `1 / (num_channels1 num_channels2)`. The weights of each degree are divided by the root of its number of
            paths.
          rngs: for the parameters.
        """
        if kernel_init is None:
            kernel_init = jax.nn.initializers.normal((num_channels1 * num_channels2) ** -0.5)
        self.factors = path_factors(lmax1, lmax2, lmax_out, even)
        shape = (self.factors.size, num_channels1, num_channels2, num_channels_out)
        self.kernel = parameter(kernel_init, rngs, shape, param_dtype)
        self.lmax_out, self.dtype = lmax_out, dtype

    def __call__(self, x1: jax.Array, x2: jax.Array) -> jax.Array:
        """`(..., num_channels1, (lmax1 + 1)^2)` and so on to `(..., num_channels_out, (lmax_out + 1)^2)`."""
        weights = self.kernel[...] * jnp.asarray(self.factors.reshape(-1, 1, 1, 1), self.kernel[...].dtype)
        arguments = cast(self.dtype, x1, x2, weights)
        return kernels.fully_connected_tensor_product(*arguments, lmax_out=self.lmax_out)
