"""Layers of vector channels, `(..., C, D)`."""

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Initializer
from jax.typing import DTypeLike

from jaxinv.kernels import symmetrization as kernels
from jaxinv.nn.parameters import cast, parameter


class ChannelMix(nnx.Module):
    """`kernels.symmetrization.channel_mix`; about the mean over agents and channels, `mix_about_mean`."""

    def __init__(
        self,
        num_in: int,
        num_out: int,
        *,
        about_mean: bool = False,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        kernel_init: Initializer | None = None,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters.

        Args:
          num_in: channels of the input.
          num_out: channels of the result.
          about_mean: for vectors that move with positions.
          dtype: of the computation; by default that of input and parameters together.
          param_dtype: of the parameters.
          kernel_init: of `(num_in, num_out)`; by default normal, of variance `1 / num_in`.
          rngs: for the parameters.
        """
        init = jax.nn.initializers.normal(num_in**-0.5) if kernel_init is None else kernel_init
        self.kernel = parameter(init, rngs, (num_in, num_out), param_dtype)
        self.about_mean, self.dtype = about_mean, dtype

    def __call__(self, vectors: jax.Array, *, mask: jax.Array | None = None) -> jax.Array:
        """`(..., num_in, D)` to `(..., num_out, D)`; about the mean `(..., N, num_in, D)`, with a mask of agents."""
        vectors, weight = cast(self.dtype, vectors, self.kernel[...])
        if self.about_mean:
            return kernels.mix_about_mean(vectors, weight, mask=mask)
        return kernels.channel_mix(vectors, weight)


class VectorReLU(nnx.Module):
    """`kernels.symmetrization.vector_relu` of one mix of the channels by the directions of another."""

    def __init__(
        self,
        num_in: int,
        num_out: int,
        *,
        eps: float = 1e-4,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        kernel_init: Initializer | None = None,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters; eps is that of the kernel, the others as for `ChannelMix`."""
        sizes = {"dtype": dtype, "param_dtype": param_dtype, "kernel_init": kernel_init, "rngs": rngs}
        self.vectors, self.directions = ChannelMix(num_in, num_out, **sizes), ChannelMix(num_in, num_out, **sizes)
        self.eps = eps

    def __call__(self, vectors: jax.Array) -> jax.Array:
        """`(..., num_in, D)` to `(..., num_out, D)`."""
        return kernels.vector_relu(self.vectors(vectors), self.directions(vectors), eps=self.eps)
