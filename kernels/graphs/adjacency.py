"""What the kernels on batches of graphs check of their arguments."""

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.shares import shares
from jaxinv.kernels.numerics.validation import require_at_least, require_floating, require_integer, require_shape


def require_graphs(adjacency: jax.Array) -> None:
    """Raises TypeError or ValueError unless `adjacency` has shape `(K, N, N)`, N >= 1, in floating point."""
    require_floating("adjacency", adjacency)
    require_shape("adjacency", adjacency, (None, None, None))
    require_shape("adjacency", adjacency, (None, adjacency.shape[1], adjacency.shape[1]))
    require_at_least("number of nodes", adjacency.shape[1], 1)


def require_square(name: str, matrix: jax.Array) -> None:
    """Raises TypeError or ValueError unless `matrix` is square, not empty and in floating point."""
    require_floating(name, matrix)
    require_shape(name, matrix, (None, None))
    require_shape(name, matrix, (matrix.shape[0], matrix.shape[0]))
    require_at_least(f"size of {name}", matrix.shape[0], 1)


def real_nodes(adjacency: jax.Array, num_nodes: jax.Array | None) -> jax.Array:
    """`(K, N)` bool: the first `num_nodes` of each graph, or all of them."""
    num_graphs, size, _ = adjacency.shape
    if num_nodes is None:
        return jnp.ones((num_graphs, size), bool)
    require_integer("num_nodes", num_nodes)
    require_shape("num_nodes", num_nodes, (num_graphs,))
    return jnp.arange(size)[None, :] < num_nodes[:, None]


def mean_graph(adjacency: jax.Array, graph_weight: jax.Array | None) -> jax.Array:
    """The weighted mean `(N, N)` of graphs, in the dtype of sums; 0 where nothing has weight."""
    share = graph_shares(adjacency, graph_weight)
    return contract("k,kij->ij", share, adjacency.astype(share.dtype))


def graph_shares(adjacency: jax.Array, graph_weight: jax.Array | None) -> jax.Array:
    """`(K,)` of sum 1 from weights of the graphs, in the dtype of sums."""
    return shares("graph_weight", graph_weight, adjacency.shape[0], accumulation_dtype(adjacency))
