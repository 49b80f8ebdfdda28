"""A network of scalars, vectors and matrices of space, exactly as symmetric as its linear maps are.

Its non-linearities, gates and outer products of vectors, commute with every orthogonal map. Its linear maps are free:
made equivariant under a subgroup of O(3) they make the network so, and penalties on them (`EquivarianceRegularizer`)
pull it there.
"""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array

from jaxinv.kernels.numerics.validation import require_at_least
from jaxinv.kernels.symmetrization import MatrixGroup, equivariant_basis, tensor_representation


class Tensors(NamedTuple):
    """Features of n samples, or (with numbers in place of arrays) how many channels there are of each kind."""

    scalars: Any
    """`(n, channels, 1)`."""
    vectors: Any
    """`(n, channels, 3)`."""
    matrices: Any
    """`(n, channels, 9)`, row by row."""


class TensorLinear(nnx.Module):
    """All linear maps between scalars, vectors and matrices."""

    def __init__(self, inputs: Tensors, outputs: Tensors, *, rngs: nnx.Rngs):
        """Normal weights of variance 1 over the number of input coordinates, and biases 0.

        Args:
          inputs: channels of each kind.
          outputs: channels of each kind.
          rngs: of the weights.
        """
        self.inputs, self.outputs = inputs, outputs
        kinds = self._kinds()
        deviation = sum(channels * 3**order for order, channels in enumerate(inputs)) ** -0.5
        sizes = [math.prod(shape) for shape in kinds.values()]
        # Drawn at once: every draw by itself costs as long a compilation as all the rest of a layer.
        drawn = jnp.split(deviation * jax.random.normal(rngs.params(), (sum(sizes),)), np.cumsum(sizes)[:-1])
        self.weights = nnx.Dict(
            {
                f"{order_in}{order_out}": nnx.Param(values.reshape(shape))
                for ((order_in, order_out), shape), values in zip(kinds.items(), drawn, strict=True)
            }
        )
        self.biases = nnx.Dict(
            {
                f"{order}": nnx.Param(jnp.zeros((channels, 3**order)))
                for order, channels in enumerate(outputs)
                if channels
            }
        )

    def _kinds(self):
        """Shapes (outputs, inputs, entries of an output, entries of an input) by orders of tensors."""
        return {
            (order_in, order_out): (outputs, inputs, 3**order_out, 3**order_in)
            for order_in, inputs in enumerate(self.inputs)
            for order_out, outputs in enumerate(self.outputs)
            if inputs and outputs
        }

    def __call__(self, x: Tensors) -> Tensors:
        """The images of the features."""
        found: list[Any] = [
            self.biases[f"{order}"][...][None] if channels else jnp.zeros((len(x.scalars), 0, 3**order))
            for order, channels in enumerate(self.outputs)
        ]
        for order_in, order_out in self._kinds():
            weights = self.weights[f"{order_in}{order_out}"][...]
            found[order_out] = found[order_out] + jnp.einsum("oiab,nib->noa", weights, x[order_in])
        return Tensors(*found)

    def bases(self, group: MatrixGroup) -> dict[str, dict[str, np.ndarray]]:
        """Of the maps that are equivariant under a group on space, shaped like `parameters`; channels share them."""
        tensors = [tensor_representation(group, order) for order in range(3)]
        weights = {f"{i}{o}": equivariant_basis(tensors[i], tensors[o]) for i, o in self._kinds()}
        biases = {key: equivariant_basis(tensors[0], tensors[int(key)]) for key in self.biases}
        return {"weights": weights, "biases": biases}

    def parameters(self) -> dict[str, dict[str, Array]]:
        """Weights and biases as plain arrays."""
        return {
            "weights": {key: param[...] for key, param in self.weights.items()},
            "biases": {key: param[...] for key, param in self.biases.items()},
        }


class GatedTensorNetwork(nnx.Module):
    """Layers of a linear map, outer products, added to the matrices, and gates; and a linear map at the end."""

    def __init__(self, inputs: Tensors, outputs: Tensors, *, hidden: Tensors, depth: int, rngs: nnx.Rngs):
        """Takes channels of each kind.

        Args:
          inputs: channels before.
          outputs: channels after.
          hidden: channels of every hidden layer.
          depth: hidden layers, 1 at least.
          rngs: of the weights.

        Raises:
          ValueError: depth below 1.
        """
        require_at_least("depth", depth, 1)
        self.hidden = hidden
        scalars, vectors, matrices = hidden
        # Gates for vectors and matrices, and two factors for every product.
        mapped = Tensors(scalars + vectors + matrices, vectors + 2 * matrices, matrices)
        self.layers = nnx.List(
            [TensorLinear(inputs if i == 0 else hidden, mapped, rngs=rngs) for i in range(depth)]
            + [TensorLinear(hidden, outputs, rngs=rngs)]
        )

    def __call__(self, x: Tensors) -> Tensors:
        """The images of the features."""
        *layers, last = self.layers
        for layer in layers:
            x = self._gated(layer(x))
        return last(x)

    def _gated(self, x: Tensors) -> Tensors:
        scalars, vectors, matrices = self.hidden
        scalar, gates = jnp.split(x.scalars, [scalars], axis=1)
        vector, first, second = jnp.split(x.vectors, [vectors, vectors + matrices], axis=1)
        products = first[..., :, None] * second[..., None, :]
        of_vectors, of_matrices = jnp.split(jax.nn.sigmoid(gates), [vectors], axis=1)
        return Tensors(
            jax.nn.silu(scalar),
            of_vectors * vector,
            of_matrices * (x.matrices + products.reshape(x.matrices.shape)),
        )

    def bases(self, group: MatrixGroup) -> list[dict[str, dict[str, np.ndarray]]]:
        """For `EquivarianceRegularizer`: of the layers' maps that are equivariant under a group on space."""
        return [layer.bases(group) for layer in self.layers]

    def parameters(self) -> list[dict[str, dict[str, Array]]]:
        """What `EquivarianceRegularizer` takes: weights and biases of every layer."""
        return [layer.parameters() for layer in self.layers]
