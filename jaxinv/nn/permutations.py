"""Linear maps on tensors over nodes that follow every renumbering, on whole graphs or on their ego nets."""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from jaxinv.kernels import permutations as kernels
from jaxinv.nn.parameters import cast, parameter


class PermutationLinear(nnx.Module):
    """`kernels.permutations.eq_0to0` to `eq_2to2`."""

    def __init__(
        self,
        order_in: int,
        order_out: int,
        num_in: int,
        num_out: int,
        *,
        use_bias: bool = True,
        normalize: bool = True,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters.

        Args:
          order_in: of the input, 0 to 2.
          order_out: of the result, 0 to 2.
          num_in: channels of the input.
          num_out: channels of the result.
          use_bias: adds a bias, on the diagonal another one too.
          normalize: divides sums over nodes by their number.
          dtype: of the computation; by default that of input and parameters together.
          param_dtype: of the parameters.
          rngs: for the parameters.
        """
        orders = order_in, order_out
        shape = kernels.NUM_OPERATIONS[orders], num_in, num_out
        self.kernel = parameter(_init(num_in, num_out), rngs, shape, param_dtype)
        zeros = jnp.zeros((kernels.NUM_BIASES[order_out], num_out), param_dtype)
        self.bias = nnx.Param(zeros) if use_bias else None
        self.orders, self.normalize, self.dtype = orders, normalize, dtype

    def __call__(self, x: jax.Array, *, mask: jax.Array | None = None) -> jax.Array:
        """Of order 0 `(..., c)`, 1 `(..., n, c)` or 2 `(..., n, n, c)`.

        Args:
          x: the input.
          mask: `(..., n)` bool, which nodes there are; needed from order 0 to others, by default all.
        """
        order_in, order_out = self.orders
        x, kernel = cast(self.dtype, x, self.kernel[...])
        bias = None if self.bias is None else self.bias[...].astype(kernel.dtype)
        call = getattr(kernels, f"eq_{order_in}to{order_out}")
        options = {} if self.orders == (0, 0) else {"mask": mask}
        return call(x, kernel, bias, **options, **({"normalize": self.normalize} if order_in else {}))


class EgoMaps(nnx.Module):
    """`kernels.permutations.ego_maps`, with maps from all orders of the input to all of the result."""

    def __init__(
        self,
        num_in: Mapping[int, int],
        num_out: Mapping[int, int],
        num_buckets: int,
        *,
        use_bias: bool = True,
        normalize: bool = True,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters.

        Args:
          num_in: channels by order: of pairs 2, of nodes 1.
          num_out: channels by order, of centres 0; each map to an order gives an equal part of them.
          num_buckets: of sizes of ego nets, with weights of their own.
          use_bias: adds biases.
          normalize: divides sums over nodes of an ego net by their number.
          dtype: of the computation; by default that of input and parameters together.
          param_dtype: of the parameters.
          rngs: for the parameters.

        Raises:
          ValueError: channels that do not divide into as many parts as there are orders in `num_in`.
        """
        coefficients, biases = {}, {}
        for order_out, channels in num_out.items():
            if channels % len(num_in):
                raise ValueError(f"num_out must divide into {len(num_in)} parts, got {channels} for order {order_out}")
            each = channels // len(num_in)
            for order_in, given in num_in.items():
                shape = num_buckets, kernels.NUM_OPERATIONS[order_in, order_out], given, each
                name = f"{order_in}to{order_out}"
                coefficients[name] = parameter(_init(given, each), rngs, shape, param_dtype)
                if use_bias:
                    zeros = jnp.zeros((num_buckets, kernels.NUM_BIASES[order_out], each), param_dtype)
                    biases[name] = nnx.Param(zeros)
        self.coefficients, self.biases = nnx.Dict(coefficients), nnx.Dict(biases)
        self.normalize, self.dtype = normalize, dtype

    def __call__(
        self,
        pairs: jax.Array,
        nodes: jax.Array | None,
        subgraphs: Sequence[kernels.Subgraphs],
        *,
        num_nodes: int,
    ) -> kernels.EgoFeatures:
        """Features of pairs `(num_pairs, c)`, and of nodes `(num_nodes, c)` if `num_in` has them; see the kernel."""
        (pairs,) = cast(self.dtype, pairs)
        nodes = None if nodes is None else cast(self.dtype, nodes)[0]
        coefficients, biases = (
            {name: cast(self.dtype, one[...])[0] for name, one in each.items()}
            for each in (self.coefficients, self.biases)
        )
        options = {"num_nodes": num_nodes, "normalize": self.normalize}
        return kernels.ego_maps(pairs, nodes, subgraphs, coefficients, biases, **options)


class GraphNorm(nnx.Module):
    """`kernels.permutations.graph_norm`."""

    def __init__(self, num_channels: int, *, epsilon: float = 1e-5, param_dtype: DTypeLike = jnp.float32):
        """At first all of the mean is taken off.

        Args:
          num_channels: of the rows.
          epsilon: added to the variance.
          param_dtype: of the parameters.
        """
        ones, zeros = jnp.ones(num_channels, param_dtype), jnp.zeros(num_channels, param_dtype)
        self.mean_scale, self.scale, self.bias = nnx.Param(ones), nnx.Param(ones), nnx.Param(zeros)
        self.epsilon = epsilon

    def __call__(self, x: jax.Array, graph: jax.Array, *, num_graphs: int) -> jax.Array:
        """Rows `(rows, c)` of the graphs `(rows,)`."""
        vectors = (self.mean_scale[...], self.scale[...], self.bias[...])
        return kernels.graph_norm(x, graph, *vectors, num_graphs=num_graphs, epsilon=self.epsilon)


def _init(num_in, num_out):
    return jax.nn.initializers.normal((2 / (num_in + num_out)) ** 0.5)
