"""Eight numbers that describe the topology of a graph."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from jaxinv.kernels.graphs.adjacency import real_nodes, require_graphs
from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.safe import safe_divide

FEATURE_NAMES = (
    "mean degree",
    "standard deviation of the degree",
    "density",
    "mean closeness",
    "degree correlation",
    "degree assortativity",
    "transitivity",
    "mean clustering",
)


class TopologyFeatures(NamedTuple):
    """A row a graph."""

    features: Float[Array, "k 8"]
    """In the order of `FEATURE_NAMES`."""
    constant_degrees: Bool[Array, "k"]
    """All nodes that have edges have equally many: the degree correlation is not defined, and is given as 0."""


@jax.jit
def topology_features(adjacency: Float[Array, "k n n"], num_nodes: Int[Array, "k"] | None = None) -> TopologyFeatures:
    """Topology features of a batch of graphs, as networkx has them.

    The correlation of the degrees at the two ends of an edge and the degree assortativity are one number, computed in
    two ways in networkx; published code takes both, and so they are both here.

    Args:
      adjacency: `(K, N, N)`, floating point: 0 and 1, symmetric, without loops.
      num_nodes: `(K,)` integers: the first so many nodes are real, the others padding; default all.

    Returns:
      TopologyFeatures, in float32 at least. The standard deviation divides by the number of nodes; a node's closeness
      is that of its component times the component's share of the other nodes; it and clustering are 0 for a node
      without edges, or with less than two. A graph of one node has density 0, one without nodes zeros.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.

    Invariant to permutations of the real nodes. Work: `N^3` times the longest of the shortest paths.
    Transformations: jit, vmap. The derivative is zero.
    References: Cao and Xu (W2PGNN), KDD 2023, arXiv:2303.16458; Newman, Mixing patterns in networks, Phys. Rev. E 67
      (2003); Wasserman and Faust, Social Network Analysis (1994), p. 201, for closeness.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import graphs
      >>> triangle_and_tail = jnp.array([[0.0, 1, 1, 0], [1, 0, 1, 0], [1, 1, 0, 1], [0, 0, 1, 0]])
      >>> found = graphs.topology_features(triangle_and_tail[None])
      >>> {name: round(float(value), 2) for name, value in zip(graphs.FEATURE_NAMES, found.features[0])}["transitivity"]
      0.6
    """
    require_graphs(adjacency)
    real = real_nodes(adjacency, num_nodes)
    kept = jnp.where(real[:, :, None] & real[:, None, :], adjacency, jnp.zeros((), adjacency.dtype))
    graph = jax.lax.stop_gradient(kept).astype(accumulation_dtype(adjacency))
    nodes = jnp.sum(real, axis=1, dtype=graph.dtype)
    degree = jnp.sum(graph, axis=2)

    def mean(values):
        return safe_divide(jnp.sum(values, axis=1), nodes)

    mean_degree = mean(degree)
    deviation = jnp.where(real, degree - mean_degree[:, None], 0.0)
    correlation, constant = _degree_correlation(graph, degree)
    # Twice the triangles at each node, and the pairs of its neighbours.
    triangles = contract("kij,kjl,kli->ki", graph, graph, graph)
    pairs = degree * (degree - 1)
    features = (
        mean_degree,
        jnp.sqrt(mean(deviation**2)),
        safe_divide(mean_degree, nodes - 1),
        mean(_closeness(graph, nodes)),
        correlation,
        correlation,
        safe_divide(jnp.sum(triangles, axis=1), jnp.sum(pairs, axis=1)),
        mean(safe_divide(triangles, pairs)),
    )
    return TopologyFeatures(jnp.stack(features, axis=1), constant)


def _degree_correlation(graph, degree):
    """Of the degrees at the ends of an edge, and whether they do not vary."""
    edges = jnp.sum(degree, axis=1)
    mean = safe_divide(jnp.sum(degree**2, axis=1), edges)
    apart = jnp.where(degree > 0, degree - mean[:, None], 0.0)
    variance = contract("ki,ki->k", degree, apart**2)
    linked = degree > 0
    largest = jnp.max(jnp.where(linked, degree, 0.0), axis=1)
    constant = ~jnp.any(linked & (degree < largest[:, None]), axis=1)
    covariance = contract("kij,ki,kj->k", graph, apart, apart)
    return jnp.where(constant, 0.0, safe_divide(covariance, variance)), constant


def _closeness(graph, nodes):
    """`(K, N)`: reached / sum of distances * reached / (n - 1), by a search in all graphs at once."""
    size = graph.shape[1]

    def further(state):
        reached, frontier, total, length = state
        frontier = jnp.where(reached, 0.0, jnp.minimum(contract("kij,kjl->kil", frontier, graph), 1.0))
        total = total + length * jnp.sum(frontier, axis=2)
        return reached | (frontier > 0), frontier, total, length + 1

    start = jnp.broadcast_to(jnp.eye(size, dtype=graph.dtype)[None], graph.shape)
    reached, _, total, _ = jax.lax.while_loop(
        lambda state: jnp.any(state[1] > 0), further, (start > 0, start, jnp.zeros(graph.shape[:2], graph.dtype), 1.0)
    )
    others = jnp.sum(reached, axis=2, dtype=graph.dtype) - 1
    return safe_divide(others**2, total * (nodes - 1)[:, None])
