"""The Gromov-Wasserstein barycenter of graphs or graphons: a mean that matches their nodes, not by degree alone."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxinv.kernels.graphs.adjacency import graph_shares, real_nodes, require_graphs
from jaxinv.kernels.graphs.couplings import degree_order, monotone_plan
from jaxinv.kernels.graphs.gromov_wasserstein import entropic_gw
from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.safe import safe_divide
from jaxinv.kernels.numerics.validation import require_at_least


class GromovWassersteinBarycenter(NamedTuple):
    """The best barycenter found."""

    graphon: Float[Array, "m m"]
    """Of equal steps. As a step function it is blind to an order of its steps."""
    values: Float[Array, "k"]
    """The squared distance of every graph from it, an upper bound of the least one."""
    trace: Float[Array, "s"]
    """The weighted mean of the squared distances before each step."""


@functools.partial(jax.jit, static_argnames=("size", "num_steps", "num_outer", "num_inner"))
def gw_barycenter(
    graphs: Float[Array, "k n n"],
    num_nodes: Int[Array, "k"] | None = None,
    *,
    size: int,
    graph_weight: Float[Array, "k"] | None = None,
    epsilon: Float[Array, ""] | float = 0.02,
    num_steps: int = 10,
    num_outer: int = 10,
    num_inner: int = 10,
) -> GromovWassersteinBarycenter:
    """`argmin_C sum_k w_k GW(C, A_k)^2` over C of `size` equal steps, by turns in the plans and in C.

    Starts from the mean of the graphs when their nodes are taken by descending degree, and keeps the best of all steps.
    Given the plans P_k, the best C is `sum_k w_k P_k A_k P_k^T size^2`. The problem is not convex: a local minimum.

    Args:
      graphs: `(K, N, N)`, symmetric, floating point, finite: graphs or graphons, their nodes in any order.
      num_nodes: `(K,)` integers: the first so many nodes are real, the others padding; default all.
      size: static, m, >= 1.
      graph_weight: `(K,)`, non-negative, divided by their sum; default equal. Weight 0 leaves a graph out.
      epsilon: of `entropic_gw`.
      num_steps: static, >= 1; each takes one `entropic_gw` a graph.
      num_outer: of `entropic_gw`, static.
      num_inner: likewise.

    Returns:
      GromovWassersteinBarycenter, in float32 at least. A graphon of zeros without graphs.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.

    Invariant to a permutation of the nodes of a graph whose degrees differ, and to the order of the graphs.
    Transformations: jit, vmap (over groups: weights batched, graphs shared). A search: the derivative is zero.
    References: Peyre, Cuturi and Solomon, Gromov-Wasserstein averaging of kernel and distance matrices, ICML 2016; Xu
      et al., Learning graphons via structured Gromov-Wasserstein barycenters (2021), arXiv:2012.05644.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import graphs
      >>> path = jnp.array([[0.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
      >>> order = jnp.array([1, 0, 2])
      >>> found = graphs.gw_barycenter(jnp.stack([path, path[order][:, order]]), size=3, num_steps=2)
      >>> found.graphon.round(3)  # the same graph, the node in the middle first
      Array([[0., 1., 1.],
             [1., 0., 0.],
             [1., 0., 0.]], dtype=float32)
    """
    require_graphs(graphs)
    require_at_least("size", size, 1)
    require_at_least("num_steps", num_steps, 1)
    share = graph_shares(graphs, graph_weight)
    dtype = accumulation_dtype(graphs)
    graphs = jax.lax.stop_gradient(graphs.astype(dtype))
    real = real_nodes(graphs, num_nodes).astype(dtype)
    node_weight = safe_divide(real, jnp.sum(real, axis=1, keepdims=True))
    even = jnp.full(size, 1 / size, dtype)

    def mean(plans):
        """Of all graphs, each brought to the steps of the barycenter by its plan."""
        return contract("k,kai,kij,kbj->ab", share, plans, graphs, plans) * size**2

    def by_degree(graph, weight):
        return monotone_plan(even, weight, jnp.arange(size), degree_order(graph, weight))

    def step(graphon, _):
        found = jax.vmap(
            lambda graph, weight: entropic_gw(
                graphon, graph, even, weight, epsilon=epsilon, num_outer=num_outer, num_inner=num_inner
            )
        )(graphs, node_weight)
        return mean(found.plan), (graphon, found.value)

    start = mean(jax.vmap(by_degree)(graphs, node_weight))
    _, (graphons, values) = jax.lax.scan(step, start, length=num_steps)
    trace = contract("sk,k->s", values, share)
    best = jnp.argmin(trace)
    return GromovWassersteinBarycenter(graphons[best], values[best], trace)
