"""Message passing on dense graphs that tells graphs apart as far as colour refinement does."""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float


class GraphIsomorphismNetwork(nnx.Module):
    """One round: `MLP((1 + c) h_i + sum_j A_ij h_j)`, with a learnt c and one hidden layer (Xu et al., ICLR 2019)."""

    def __init__(self, num_inputs: int, width: int, *, rngs: nnx.Rngs):
        """`width` is that of the hidden layer and of the embeddings."""
        self.own_weight = nnx.Param(jnp.zeros(()))
        self.hidden = nnx.Linear(num_inputs, width, rngs=rngs)
        self.output = nnx.Linear(width, width, rngs=rngs)

    def __call__(
        self, features: Float[Array, "*batch n f"], adjacency: Float[Array, "*batch n n"]
    ) -> Float[Array, "*batch n e"]:
        """Embeddings of the nodes."""
        received = jnp.einsum("...ij,...jf->...if", adjacency, features)
        return self.output(jax.nn.relu(self.hidden((1 + self.own_weight[...]) * features + received)))
