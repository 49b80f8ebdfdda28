"""A graphon from graphs with sorted nodes: block means, then smoothing."""

import functools
import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxinv.kernels.graphs.adjacency import graph_shares, mean_graph, require_graphs
from jaxinv.kernels.graphs.total_variation import denoise_total_variation
from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.safe import safe_divide, safe_norm
from jaxinv.kernels.numerics.validation import require_at_least, require_integer, require_shape


@functools.partial(jax.jit, static_argnames=("block_size", "num_iterations"))
def graphon_sas(
    adjacency: Float[Array, "k n n"],
    num_nodes: Int[Array, "k"] | None = None,
    *,
    block_size: int | None = None,
    graph_weight: Float[Array, "k"] | None = None,
    smoothing: Float[Array, ""] | float = 1.0,
    num_iterations: int = 200,
) -> Float[Array, "b b"]:
    """Sort-and-smooth: the mean over the graphs of their means in blocks of nodes, with its total variation lessened.

    Pairs of a node with itself do not count, since graphs have no loops. The published code counts them, which lowers
    the diagonal by `1 / h`, and denoises with the weight h, which makes any graphon constant: here the weight follows
    the noise.

    Args:
      adjacency: `(K, N, N)` from `align_by_degree`, floating point, symmetric, without loops.
      num_nodes: `(K,)` integers >= 1. Graphs of unequal size are then cut in B parts each; by default into blocks of h
        nodes, the remainder dropped, and padding is taken for nodes without edges.
      block_size: h, static; default `floor(log2 N) + 1`. The result has `B = floor(N / h)` steps.
      graph_weight: `(K,)`, non-negative; default equal. Weight 0 leaves a graph out.
      smoothing: the weight of `denoise_total_variation` in units of the largest standard deviation that the mean of a
        block can have, `1 / (2 h sqrt(K))`; 0 does not smooth.
      num_iterations: static, of the denoising.

    Returns:
      `(B, B)` probabilities, in float32 at least. 0 without graphs, and for pairs of parts that share their only node.

    Raises:
      TypeError, ValueError: wrong dtype or shape, or fewer than two blocks, naming the argument.

    Transformations: jit, vmap, jvp, vjp, any order; weights are constants.
    References: Chan and Airoldi, A consistent histogram estimator for exchangeable graph models, ICML 2014,
      arXiv:1402.1888.

    Examples:
      >>> import jax
      >>> from jaxinv.kernels import graphs
      >>> truth = graphs.synthesize_graphon(3, 240)  # (u + v) / 2
      >>> drawn = graphs.sample_graphs(jax.random.key(0), truth, num_graphs=10, num_nodes=100)
      >>> estimate = graphs.graphon_sas(graphs.align_by_degree(drawn))
      >>> estimate.shape
      (14, 14)
      >>> bool(abs(estimate - graphs.resize_bilinear(truth, 14)).mean() < 0.05)
      True
    """
    require_graphs(adjacency)
    size = adjacency.shape[1]
    block_size = math.floor(math.log2(size)) + 1 if block_size is None else block_size
    require_at_least("block_size", block_size, 1)
    num_blocks = size // block_size
    if num_blocks < 2:
        raise ValueError(f"adjacency must have two blocks of {block_size} nodes at least, got shape {adjacency.shape}")
    share = graph_shares(adjacency, graph_weight)
    if num_nodes is None:
        blocks, noise = _equal_blocks(mean_graph(adjacency, graph_weight), block_size), safe_norm(share) / block_size
    else:
        require_integer("num_nodes", num_nodes)
        require_shape("num_nodes", num_nodes, adjacency.shape[:1])
        dtype = accumulation_dtype(adjacency)
        blocks = contract("k,kbc->bc", share, _parts(adjacency.astype(dtype), num_nodes, num_blocks))
        noise = safe_norm(share * num_blocks / num_nodes.astype(dtype))
    return denoise_total_variation(blocks, weight=smoothing * noise / 2, num_iterations=num_iterations)


def _equal_blocks(mean, block_size):
    """Means `(B, B)` over blocks of `block_size` nodes."""
    num_blocks = mean.shape[0] // block_size
    kept = mean[: num_blocks * block_size, : num_blocks * block_size]
    total = jnp.sum(kept.reshape(num_blocks, block_size, num_blocks, block_size), axis=(1, 3))
    return safe_divide(total, block_size**2 - block_size * jnp.eye(num_blocks, dtype=total.dtype))


def _parts(adjacency, num_nodes, num_blocks):
    """Means `(K, B, B)` over B equal parts of each graph, whose nodes at a boundary belong to two parts in shares."""
    dtype = adjacency.dtype
    ends = num_nodes.astype(dtype)[:, None, None] / num_blocks
    part, node = jnp.arange(num_blocks, dtype=dtype), jnp.arange(adjacency.shape[1], dtype=dtype)
    start, stop = part[None, :, None] * ends, (part[None, :, None] + 1) * ends
    overlap = jnp.minimum(stop, node[None, None, :] + 1) - jnp.maximum(start, node[None, None, :])
    member = jax.nn.relu(overlap) / ends
    loops = contract("kbn,kcn->kbc", member, member)
    # Rounding leaves a little of 1 - 1.
    others = jnp.where(loops < 1 - 1e-4, 1 - loops, 0.0)
    return safe_divide(contract("kbm,kmn,kcn->kbc", member, adjacency, member), others)
