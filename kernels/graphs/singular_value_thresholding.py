"""A graphon from graphs with sorted nodes: the part of their mean that stands out of the noise."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxinv.kernels.graphs.adjacency import graph_shares, mean_graph, require_graphs
from jaxinv.kernels.numerics.precision import contract
from jaxinv.kernels.numerics.safe import safe_norm


@jax.jit
def graphon_usvt(
    adjacency: Float[Array, "k n n"],
    *,
    threshold: Float[Array, ""] | float = 2.02,
    graph_weight: Float[Array, "k"] | None = None,
) -> Float[Array, "n n"]:
    """Universal singular value thresholding of the mean of the graphs.

    Args:
      adjacency: `(K, N, N)` from `align_by_degree`, floating point; the symmetric part counts.
      threshold: singular values below `threshold sqrt(N / K)` become 0. The noise of a mean of K graphs is smaller by
        `sqrt(K)`; published code for graphons compares with `threshold sqrt(N)` for any K.
      graph_weight: `(K,)`, non-negative; default equal. Unequal weights count as `1 / sum_k share_k^2` graphs.

    Returns:
      `(N, N)` probabilities, in float32 at least; 0 without graphs.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.

    Transformations: jit, vmap. The derivative is zero: which values are kept is a choice.
    References: Chatterjee, Ann. Statist. 43 (2015), arXiv:1212.1247.
    """
    require_graphs(adjacency)
    mean = mean_graph(jax.lax.stop_gradient(adjacency), graph_weight)
    # Of a symmetric matrix the singular values are the sizes of the eigenvalues.
    values, vectors = jnp.linalg.eigh((mean + mean.T) / 2)
    noise = threshold * safe_norm(graph_shares(adjacency, graph_weight)) * adjacency.shape[1] ** 0.5
    kept = jnp.where(jnp.abs(values) >= noise, values, 0.0)
    return jnp.clip(contract("ia,a,ja->ij", vectors, kept, vectors), 0.0, 1.0)
