"""A graphon from graphs with sorted nodes: blocks between the largest gaps of the degrees."""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxinv.kernels.graphs.adjacency import mean_graph, require_graphs
from jaxinv.kernels.numerics.precision import contract
from jaxinv.kernels.numerics.safe import safe_divide


@functools.partial(jax.jit, static_argnames=("num_blocks",))
def graphon_largest_gap(
    adjacency: Float[Array, "k n n"], *, num_blocks: int, graph_weight: Float[Array, "k"] | None = None
) -> Float[Array, "n n"]:
    """Cuts the sorted degrees of the mean graph at their largest gaps, and takes means in the blocks between.

    Finds the blocks of a graphon whose degrees differ between blocks, and only then.

    Args:
      adjacency: `(K, N, N)` from `align_by_degree`, floating point, symmetric, without loops.
      num_blocks: static, 1 to N.
      graph_weight: `(K,)`, non-negative; default equal.

    Returns:
      `(N, N)`, constant in blocks, nodes by descending degree, in float32 at least. Pairs of a node with itself do not
      count; 0 for the one pair of a block of one node.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.

    Transformations: jit, vmap, jvp, vjp, any order; the blocks are constants.
    References: Channarond, Daudin and Robin, Electron. J. Statist. 6 (2012), arXiv:1110.6517.
    """
    require_graphs(adjacency)
    size = adjacency.shape[1]
    if not 1 <= num_blocks <= size:
        raise ValueError(f"num_blocks must be between 1 and the {size} nodes of adjacency, got {num_blocks}")
    mean = mean_graph(adjacency, graph_weight)
    degree = jax.lax.stop_gradient(jnp.sum(mean, axis=1))
    order = jnp.argsort(-degree, stable=True)
    mean, degree = mean[order][:, order], degree[order]
    _, gaps = jax.lax.top_k(degree[:-1] - degree[1:], num_blocks - 1)
    cuts = jnp.zeros(size, jnp.int32).at[gaps + 1].set(1)
    member = jax.nn.one_hot(jnp.cumsum(cuts), num_blocks, dtype=mean.dtype)
    count = jnp.sum(member, axis=0)
    pairs = count[:, None] * count[None, :] - jnp.diag(count)
    return contract("ib,bc,jc->ij", member, safe_divide(contract("ib,ij,jc->bc", member, mean, member), pairs), member)
