"""A recurrent encoder of short sequences."""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float


class SequenceEncoder(nnx.Module):
    """A gated recurrent unit; its last state stands for the sequence."""

    def __init__(self, num_inputs: int, width: int, *, rngs: nnx.Rngs):
        """`width` is that of the state, and of the embedding."""
        self.cell = nnx.GRUCell(num_inputs, width, rngs=rngs)

    def __call__(self, sequences: Float[Array, "b t d"]) -> Float[Array, "b e"]:
        """Embeddings of B sequences of T steps, each read from the zero state."""
        start = jnp.zeros((sequences.shape[0], self.cell.hidden_features), sequences.dtype)
        return jax.lax.scan(self.cell, start, jnp.swapaxes(sequences, 0, 1))[0]
