"""Normalisation over the rows of each graph."""

import functools

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.validation import require_at_least, require_shape
from jaxinv.kernels.permutations.rows import gather_rows, scatter_mean


@functools.partial(jax.jit, static_argnames=("num_graphs", "epsilon"))
def graph_norm(
    x: jax.Array,
    graph: jax.Array,
    mean_scale: jax.Array,
    scale: jax.Array,
    shift: jax.Array,
    *,
    num_graphs: int,
    epsilon: float = 1e-5,
) -> jax.Array:
    """GraphNorm: `scale (x - mean_scale mean) / sqrt(mean square of that + epsilon) + shift`, over each graph.

    Args:
      x: `(rows, c)`, floating point: features of nodes, or of pairs of nodes.
      graph: `(rows,)` integers below `num_graphs`, whose row it is; rows of other numbers pad, and give 0.
      mean_scale: `(c,)`, how much of the mean is taken off.
      scale: `(c,)`.
      shift: `(c,)`.
      num_graphs: static.
      epsilon: static, above 0; in the square of the unit of x.

    Returns:
      `(rows, c)`, in the dtype of x; computed in float32 at least. One row alone, with `mean_scale` 1, gets the shift.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Cai et al., GraphNorm, ICML 2021, arXiv:2009.03294.
    """
    x, graph = jnp.asarray(x), jnp.asarray(graph)
    require_shape("x", x, (None, None))
    require_shape("graph", graph, x.shape[:1])
    for name, vector in (("mean_scale", mean_scale), ("scale", scale), ("shift", shift)):
        require_shape(name, vector, x.shape[1:])
    # The root has no derivative at 0.
    require_at_least("epsilon", epsilon, 1e-12)
    there = (graph >= 0) & (graph < num_graphs)
    wide = jnp.where(there[:, None], x, 0).astype(accumulation_dtype(x))

    def over_graph(values):
        return gather_rows(scatter_mean([values], [graph], [there], num_rows=num_graphs).mean, graph, there)

    wide = wide - mean_scale[None] * over_graph(wide)
    wide = scale[None] * wide / jnp.sqrt(over_graph(wide * wide) + epsilon) + shift[None]
    return jnp.where(there[:, None], wide, 0).astype(x.dtype)
