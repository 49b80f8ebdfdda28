"""MACE's products of many neighbours."""

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Initializer
from jax.typing import DTypeLike

from jaxinv.kernels import tensor_products as kernels
from jaxinv.nn.parameters import cast, parameter


class SymmetricContraction(nnx.Module):
    """`kernels.tensor_products.symmetric_contraction` with weights of every species, map and channel."""

    def __init__(
        self,
        order: int,
        num_species: int,
        num_channels: int,
        lmax: int,
        lmax_out: int,
        *,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        kernel_init: Initializer | None = None,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters.

        Args:
          order: highest number of factors: `order + 1` bodies.
          num_species: species are numbered 0 .. num_species - 1.
          num_channels: of features.
          lmax: highest degree of the features.
          lmax_out: highest degree of the result.
          dtype: of the computation; by default that of features.
          param_dtype: of the parameters.
          kernel_init: of each order's `(num_species, num_maps, num_channels)`; by default normal, of variance 1 over
            that order's number of maps.
          rngs: for the parameters.
        """
        kernels_of_orders = []
        for paths in kernels.symmetric_contraction_paths(lmax, order, lmax_out):
            init = jax.nn.initializers.normal(max(1, len(paths)) ** -0.5) if kernel_init is None else kernel_init
            kernels_of_orders.append(parameter(init, rngs, (num_species, len(paths), num_channels), param_dtype))
        self.kernels = nnx.List(kernels_of_orders)
        self.lmax_out, self.dtype = lmax_out, dtype

    def __call__(self, x: jax.Array, species: jax.Array) -> jax.Array:
        """`(nodes, num_channels, (lmax + 1)^2)` and `(nodes,)` to `(nodes, num_channels, (lmax_out + 1)^2)`."""
        x, *weights = cast(self.dtype, x, *(kernel[...] for kernel in self.kernels))
        return kernels.symmetric_contraction(x, weights, species, lmax_out=self.lmax_out)
