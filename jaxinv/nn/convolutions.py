"""Convolutions along edges, whose weights are linear in radial features of the edge."""

import itertools

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from jaxinv.kernels import tensor_products as kernels
from jaxinv.kernels.tensor_products import tensor_product_paths
from jaxinv.nn.parameters import cast, path_factors


class EdgeConvolution(nnx.Module):
    """`kernels.tensor_products.edge_convolution`: tied weights, a filter for every channel and degree."""

    def __init__(
        self,
        num_channels: int,
        num_radial: int,
        lmax_filter: int,
        lmax_out: int,
        *,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters.

        Args:
          num_channels: of features.
          num_radial: of the radial features, such as those of `RadialBasis`.
          lmax_filter: highest degree of the filter.
          lmax_out: highest degree of the result.
          dtype: of the computation; by default that of inputs and parameters together.
          param_dtype: of the parameters.
          rngs: for the parameters.
        """
        types = {"dtype": dtype, "param_dtype": param_dtype, "use_bias": False, "rngs": rngs}
        self.radial = nnx.Linear(num_radial, num_channels * (lmax_filter + 1), **types)
        self.num_channels, self.lmax_out, self.dtype = num_channels, lmax_out, dtype

    def __call__(self, x: jax.Array, vectors: jax.Array, radial: jax.Array) -> jax.Array:
        """Features at the start of each edge to what arrives at its end.

        Args:
          x: `(edges, num_channels, (lmax + 1)^2)`.
          vectors: `(edges, 3)`.
          radial: `(edges, num_radial)`.

        Returns:
          `(edges, num_channels, (lmax_out + 1)^2)`.
        """
        filters = self.radial(radial).reshape(*radial.shape[:-1], self.num_channels, -1)
        x, filters = cast(self.dtype, x, filters)
        return kernels.edge_convolution(x, vectors[..., None, :], filters, lmax_out=self.lmax_out)


class ChannelwiseConvolution(nnx.Module):
    """`kernels.tensor_products.channelwise_convolution`: a free weight for every channel and path."""

    def __init__(
        self,
        num_channels: int,
        num_radial: int,
        lmax: int,
        lmax_filter: int,
        lmax_out: int,
        *,
        even: bool = False,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters.

        Args:
          num_channels: of features.
          num_radial: of the radial features, such as those of `RadialBasis`.
          lmax: highest degree of the features.
          lmax_filter: highest degree of the harmonics.
          lmax_out: highest degree of the result.
          even: whether to take only the paths with an even sum of degrees, which keep parity `(-1)^l`.
          dtype: of the computation; by default that of inputs and parameters together.
          param_dtype: of the parameters.
          rngs: for the parameters.
        """
        types = {"dtype": dtype, "param_dtype": param_dtype, "use_bias": False, "rngs": rngs}
        factors = path_factors(lmax, lmax_filter, lmax_out, even)
        self.paths = tuple(itertools.compress(tensor_product_paths(lmax, lmax_filter, lmax_out), factors))
        self.factors = factors[factors != 0]
        self.radial = nnx.Linear(num_radial, num_channels * self.factors.size, **types)
        self.num_channels, self.lmax_out, self.dtype = num_channels, lmax_out, dtype

    def __call__(
        self,
        x: jax.Array,
        harmonics: jax.Array,
        radial: jax.Array,
        senders: jax.Array,
        receivers: jax.Array,
        mask: jax.Array | None = None,
    ) -> jax.Array:
        """Features of the nodes to the sums over their edges.

        Args:
          x: `(nodes, num_channels, (lmax + 1)^2)`.
          harmonics: `(edges, (lmax_filter + 1)^2)`, of the edges' directions.
          radial: `(edges, num_radial)`.
          senders: `(edges,)`, integers.
          receivers: `(edges,)`, integers.
          mask: `(edges,)`, booleans: False for edges that pad.

        Returns:
          `(nodes, num_channels, (lmax_out + 1)^2)`.
        """
        weights = self.radial(radial).reshape(len(radial), self.num_channels, -1)
        weights = weights * jnp.asarray(self.factors[None, None], weights.dtype)
        arguments = cast(self.dtype, x, harmonics, weights)
        return kernels.channelwise_convolution(
            *arguments, senders, receivers, lmax_out=self.lmax_out, paths=self.paths, mask=mask
        )
