"""Dense layers with tanh between them."""

import itertools
from collections.abc import Sequence

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float


class DenseNetwork(nnx.Module):
    """A multilayer perceptron with smooth activations, so that one can be trained through another."""

    def __init__(self, widths: Sequence[int], *, rngs: nnx.Rngs):
        """`widths` are those of the input, the hidden layers and the output."""
        self.layers = nnx.List(nnx.Linear(n_in, n_out, rngs=rngs) for n_in, n_out in itertools.pairwise(widths))

    def __call__(self, x: Float[Array, "*batch n_in"]) -> Float[Array, "*batch n_out"]:
        """The output, without an activation."""
        *hidden, last = self.layers
        for layer in hidden:
            x = jnp.tanh(layer(x))
        return last(x)
