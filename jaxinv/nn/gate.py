"""The non-linearity."""

from collections.abc import Callable

import jax
from flax import nnx

from jaxinv.kernels import tensor_products as kernels


class Gate(nnx.Module):
    """`kernels.tensor_products.gate`; it has no parameters."""

    def __init__(
        self,
        activation: Callable[[jax.Array], jax.Array] = jax.nn.silu,
        gate_activation: Callable[[jax.Array], jax.Array] = jax.nn.sigmoid,
    ):
        """Takes the activations of degree 0 and of the gates."""
        self.activation, self.gate_activation = activation, gate_activation

    def __call__(self, x: jax.Array, gates: jax.Array) -> jax.Array:
        """`(..., (lmax + 1)^2)` and `(..., lmax)` to `(..., (lmax + 1)^2)`."""
        return kernels.gate(x, gates, activation=self.activation, gate_activation=self.gate_activation)
