"""Nodes in an order that graphs share."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxinv.kernels.graphs.adjacency import real_nodes, require_graphs
from jaxinv.kernels.numerics.precision import accumulation_dtype


@jax.jit
def align_by_degree(
    adjacency: Float[Array, "k n n"], num_nodes: Int[Array, "k"] | None = None
) -> Float[Array, "k n n"]:
    """Sorts the nodes of every graph by descending degree, and sets what is padding to 0.

    The order is canonical only as far as degrees differ. Where a graphon has equal degrees everywhere, as block
    diagonal ones have, nodes are sorted by noise, and the mean of the sorted graphs is a blurred picture of it.

    Args:
      adjacency: `(K, N, N)`, floating point; the degree is half the sum of a row and its column.
      num_nodes: `(K,)` integers: the first so many nodes are real, the others padding; default all.

    Returns:
      `(K, N, N)` in the same dtype; nodes of equal degree in the order of their index, padding last.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.

    Invariant to a permutation of real nodes where their degrees differ.
    Transformations: jit, vmap, jvp, vjp, any order; the order is a constant.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import graphs
      >>> path = jnp.array([[[0.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]])
      >>> graphs.align_by_degree(path)[0].astype(int)  # the node in the middle comes first
      Array([[0, 1, 1],
             [1, 0, 0],
             [1, 0, 0]], dtype=int32)
    """
    require_graphs(adjacency)
    real = real_nodes(adjacency, num_nodes)
    kept = jnp.where(real[:, :, None] & real[:, None, :], adjacency, jnp.zeros((), adjacency.dtype))
    wide = jax.lax.stop_gradient(kept).astype(accumulation_dtype(kept))
    degree = (jnp.sum(wide, axis=1) + jnp.sum(wide, axis=2)) / 2
    order = jnp.argsort(jnp.where(real, -degree, float(jnp.finfo(degree.dtype).max)), axis=1, stable=True)
    return jax.vmap(lambda graph, nodes: graph[nodes][:, nodes])(kept, order)
