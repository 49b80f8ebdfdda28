"""Layers of split invariant and equivariant representations: projectors, and predictors told of the transformation."""

import itertools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Initializer
from jax.typing import DTypeLike

from jaxinv.kernels import representations as kernels
from jaxinv.nn.parameters import cast, parameter


class Projector(nnx.Module):
    """Linear layers with ReLU between them, after batch normalisation if asked for; the last is without bias."""

    def __init__(
        self,
        widths: Sequence[int],
        *,
        use_batch_norm: bool = True,
        axis_name: str | None = None,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters.

        Args:
          widths: of the input, the hidden layers and the output.
          use_batch_norm: after each hidden layer; `train` and `eval` of the module switch its statistics.
          axis_name: of the mesh axis over which samples are split, for those statistics.
          dtype: of the computation; by default that of input and parameters together.
          param_dtype: of the parameters.
          rngs: for the parameters.
        """
        types = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        *hidden, last = itertools.pairwise(widths)
        self.hidden = nnx.List([nnx.Linear(*pair, **types) for pair in hidden])
        norms = [nnx.BatchNorm(out, axis_name=axis_name, **types) for _, out in hidden] if use_batch_norm else []
        self.norms = nnx.List(norms)
        self.last = nnx.Linear(*last, use_bias=False, **types)

    def __call__(self, x: jax.Array) -> jax.Array:
        """`(n, widths[0])` to `(n, widths[-1])`."""
        for i, layer in enumerate(self.hidden):
            x = layer(x)
            x = jax.nn.relu(self.norms[i](x) if self.norms else x)
        return self.last(x)


class HyperLinear(nnx.Module):
    """`kernels.representations.hyper_linear_apply`: a linear map made from a latent, which cannot ignore it."""

    def __init__(
        self,
        num_latent: int,
        num_in: int,
        num_out: int,
        *,
        num_hidden: Sequence[int] = (),
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        kernel_init: Initializer | None = None,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters.

        Args:
          num_latent: numbers of the latent.
          num_in: features of the input.
          num_out: features of the result.
          num_hidden: widths of linear layers with ReLU after each, through which the latent goes first; none published.
          dtype: of the computation; by default that of input and parameters together.
          param_dtype: of the parameters.
          kernel_init: of `(latent, num_in, num_out)`; by default normal, of variance `1 / num_in`, so that latents of
            length 1 keep the variance.
          rngs: for the parameters.
        """
        types = {"use_bias": False, "dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        widths = (num_latent, *num_hidden)
        self.latent = nnx.List([nnx.Linear(*pair, **types) for pair in itertools.pairwise(widths)])
        init = jax.nn.initializers.normal(num_in**-0.5) if kernel_init is None else kernel_init
        self.kernel = parameter(init, rngs, (widths[-1], num_in, num_out), param_dtype)
        self.dtype = dtype

    def __call__(self, z: jax.Array, x: jax.Array) -> jax.Array:
        """Latents `(..., num_latent)` and features `(..., num_in)` to `(..., num_out)`."""
        for layer in self.latent:
            z = jax.nn.relu(layer(z))
        return kernels.hyper_linear_apply(*cast(self.dtype, self.kernel[...], z, x))


class ConcatenatedPredictor(nnx.Module):
    """The rival: a network with one hidden layer on features and latent side by side, which can ignore the latent."""

    def __init__(
        self,
        num_latent: int,
        num_in: int,
        num_out: int,
        *,
        num_hidden: int,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters; arguments as `HyperLinear`, with one hidden layer."""
        types = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.hidden = nnx.Linear(num_in + num_latent, num_hidden, **types)
        self.last = nnx.Linear(num_hidden, num_out, **types)

    def __call__(self, z: jax.Array, x: jax.Array) -> jax.Array:
        """As `HyperLinear`."""
        return self.last(jax.nn.relu(self.hidden(jnp.concatenate([x, z], axis=-1))))
