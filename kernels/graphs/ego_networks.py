"""Ego networks: what a node sees of a large graph within some hops, as a graph by itself."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxinv.kernels.graphs.adjacency import require_square
from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.validation import require_at_least, require_integer, require_shape


class EgoNetworks(NamedTuple):
    """A graph a center, padded to one size."""

    adjacency: Float[Array, "k m m"]
    """The center first, then nodes by their distance from it, then by their index; padding is 0."""
    nodes: Int[Array, "k m"]
    """Which nodes of the large graph these are; -1 for padding."""
    num_nodes: Int[Array, "k"]
    """Those that are not padding."""
    left_out: Int[Array, "k"]
    """How many nodes within the hops did not fit, the farthest."""


@functools.partial(jax.jit, static_argnames=("num_hops", "max_nodes"))
def ego_networks(
    adjacency: Float[Array, "n n"], centers: Int[Array, "k"], *, num_hops: int = 2, max_nodes: int
) -> EgoNetworks:
    """The subgraphs on all nodes within some hops of each center, for kernels that take batches of graphs.

    Args:
      adjacency: `(N, N)`, symmetric, floating point; nodes are neighbours where it is not 0.
      centers: `(K,)` integers 0 .. N - 1, such as nodes drawn at random.
      num_hops: static, >= 0.
      max_nodes: static, m, 1 to N.

    Returns:
      EgoNetworks; the adjacency in the dtype given, with its weights. A center out of range has no nodes.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.

    Equivariant to a permutation of the nodes up to the order of those as far from the center.
    Work: `num_hops K N^2`. Transformations: jit, vmap, jvp, vjp, any order, in what is kept of the adjacency.
    References: Cao and Xu (W2PGNN), KDD 2023, arXiv:2303.16458.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import graphs
      >>> path = jnp.diag(jnp.ones(5), 1) + jnp.diag(jnp.ones(5), -1)
      >>> graphs.ego_networks(path, jnp.array([0, 3]), num_hops=1, max_nodes=3).nodes
      Array([[ 0,  1, -1],
             [ 3,  2,  4]], dtype=int32)
    """
    require_square("adjacency", adjacency)
    require_integer("centers", centers)
    require_shape("centers", centers, (None,))
    require_at_least("num_hops", num_hops, 0)
    require_at_least("max_nodes", max_nodes, 1)
    size = adjacency.shape[0]
    if max_nodes > size:
        raise ValueError(f"max_nodes must be <= {size}, the number of nodes, got {max_nodes}")
    linked = (adjacency != 0).astype(accumulation_dtype(adjacency))
    start = centers[:, None] == jnp.arange(size)[None, :]

    def further(state, hop):
        reached, distance = state
        new = ~reached & (contract("kn,nm->km", reached.astype(linked.dtype), linked) > 0)
        return (reached | new, jnp.where(new, hop, distance)), None

    never = num_hops + 1
    (reached, distance), _ = jax.lax.scan(
        further, (start, jnp.where(start, 0, never)), jnp.arange(1, never, dtype=jnp.int32)
    )
    nodes = jnp.argsort(distance, axis=1, stable=True)[:, :max_nodes].astype(jnp.int32)
    count = jnp.sum(reached, axis=1, dtype=jnp.int32)
    num_nodes = jnp.minimum(count, max_nodes)
    kept = jnp.arange(max_nodes)[None, :] < num_nodes[:, None]
    inside = adjacency[nodes[:, :, None], nodes[:, None, :]]
    return EgoNetworks(
        adjacency=jnp.where(kept[:, :, None] & kept[:, None, :], inside, jnp.zeros((), adjacency.dtype)),
        nodes=jnp.where(kept, nodes, -1),
        num_nodes=num_nodes,
        left_out=count - num_nodes,
    )
