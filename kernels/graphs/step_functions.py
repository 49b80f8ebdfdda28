"""Graphons as step functions: one resolution from another, graphs drawn from them, and thirteen known ones.

A graphon is a symmetric function of `(0, 1]^2` with values in `[0, 1]`; a step function `(r, r)` holds its values on
equal squares. Two nodes at places u and v are joined with the probability W(u, v).
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Float, PRNGKeyArray

from jaxinv.kernels.graphs.adjacency import require_square
from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.validation import require_at_least

NUM_TEXTBOOK_GRAPHONS = 13
# Turned round, so that degrees descend.
_REVERSED = (0, 2, 3, 4, 5, 8)


@functools.partial(jax.jit, static_argnames=("resolution",))
def resize_bilinear(graphon: Float[Array, "k k"], resolution: int) -> Float[Array, "r r"]:
    """Values at the middles of `resolution` x `resolution` squares, linear between those given, constant at the edges.

    Args:
      graphon: `(k, k)`, floating point.
      resolution: static, r >= 1.

    Returns:
      `(r, r)` in the same dtype.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order.
    """
    require_square("graphon", graphon)
    require_at_least("resolution", resolution, 1)
    size = graphon.shape[0]
    place = np.clip((np.arange(resolution) + 0.5) * size / resolution - 0.5, 0, size - 1)
    weights = np.maximum(0, 1 - np.abs(place[:, None] - np.arange(size)[None, :]))
    wide = graphon.astype(accumulation_dtype(graphon))
    table = jnp.asarray(weights, wide.dtype)
    return contract("ik,kl,jl->ij", table, wide, table).astype(graphon.dtype)


@functools.partial(jax.jit, static_argnames=("num_graphs", "num_nodes"))
def sample_graphs(
    key: PRNGKeyArray, graphon: Float[Array, "r r"], *, num_graphs: int, num_nodes: int
) -> Float[Array, "k n n"]:
    """Draws graphs: places of the nodes uniformly at random, then each pair of nodes once.

    The published code draws both directions of a pair, and loops.

    Args:
      key: of places and pairs.
      graphon: `(r, r)`, floating point, probabilities; the upper triangle of the pairs counts.
      num_graphs: static, K >= 0.
      num_nodes: static, N >= 1.

    Returns:
      `(K, N, N)` of 0 and 1 in the same dtype: symmetric, without loops, the nodes in no order.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.
    Transformations: jit, vmap. The derivative is zero.

    Examples:
      >>> import jax
      >>> from jaxinv.kernels import graphs
      >>> half = jax.numpy.full((8, 8), 0.5)
      >>> drawn = graphs.sample_graphs(jax.random.key(0), half, num_graphs=3, num_nodes=50)
      >>> drawn.shape, bool((drawn == drawn.mT).all()), bool(abs(drawn.mean() - 0.5) < 0.05)
      ((3, 50, 50), True, True)
    """
    require_square("graphon", graphon)
    require_at_least("num_graphs", num_graphs, 0)
    require_at_least("num_nodes", num_nodes, 1)
    key_place, key_pair = jax.random.split(key)
    place = jax.random.randint(key_place, (num_graphs, num_nodes), 0, graphon.shape[0])
    # In float32 always, so that a key draws the same in every precision.
    level = jax.random.uniform(key_pair, (num_graphs, num_nodes, num_nodes), jnp.float32)
    joined = level < jax.lax.stop_gradient(graphon)[place[:, :, None], place[:, None, :]].astype(jnp.float32)
    upper = joined & np.triu(np.ones((1, num_nodes, num_nodes), bool), 1)
    return (upper | jnp.swapaxes(upper, 1, 2)).astype(graphon.dtype)


def synthesize_graphon(kind: int, resolution: int, dtype: DTypeLike = float) -> Float[Array, "r r"]:
    """One of the textbook graphons of the graphon literature, at `u = 1/r, 2/r .. 1`.

    | kind | W(u, v) | kind | W(u, v) |
    | --- | --- | --- | --- |
    | 0 | uv | 7 | exp(-(min(u, v) + sqrt u + sqrt v) / 2) |
    | 1 | exp(-(u^0.7 + v^0.7)) | 8 | log(1 + max(u, v) / 2) |
    | 2 | (u^2 + v^2 + sqrt u + sqrt v) / 4 | 9 | \\|u - v\\| |
    | 3 | (u + v) / 2 | 10 | 1 - \\|u - v\\| |
    | 4 | 1 / (1 + exp(-2 (u^2 + v^2))) | 11 | 0.8 where u and v are in the same half |
    | 5 | 1 / (1 + exp(-max(u, v)^2 - min(u, v)^4)) | 12 | 0.8 where they are not |
    | 6 | exp(-max(u, v)^0.75) | | |

    In kinds 0, 2, 3, 4, 5 and 8, u and v run down from 1, so that degrees descend. Degrees of 11 and 12 are equal.

    Args:
      kind: 0 to 12.
      resolution: r >= 2.
      dtype: of the result.

    Returns:
      `(r, r)`, symmetric, in `[0, 1]`.

    Raises:
      ValueError: unknown kind, or resolution below 2.

    Transformations: none; the table is computed in numpy.
    References: Chan and Airoldi, ICML 2014, arXiv:1402.1888, table 1; Xu et al., Learning graphons via structured
      Gromov-Wasserstein barycenters (2021), arXiv:2012.05644.

    Examples:
      >>> from jaxinv.kernels import graphs
      >>> graphs.synthesize_graphon(0, 2)  # uv, from u = v = 1 down
      Array([[1.  , 0.5 ],
             [0.5 , 0.25]], dtype=float32)
    """
    require_at_least("resolution", resolution, 2)
    if not 0 <= kind < NUM_TEXTBOOK_GRAPHONS:
        raise ValueError(f"kind must be between 0 and {NUM_TEXTBOOK_GRAPHONS - 1}, got {kind}")
    u = np.arange(1, resolution + 1) / resolution
    u = u[::-1] if kind in _REVERSED else u
    u, v = np.meshgrid(u, u, indexing="ij")
    low, high = np.minimum(u, v), np.maximum(u, v)
    same_half = (u <= 0.5) == (v <= 0.5)
    values = (
        u * v,
        np.exp(-(u**0.7 + v**0.7)),
        (u**2 + v**2 + np.sqrt(u) + np.sqrt(v)) / 4,
        (u + v) / 2,
        1 / (1 + np.exp(-2 * (u**2 + v**2))),
        1 / (1 + np.exp(-(high**2) - low**4)),
        np.exp(-(high**0.75)),
        np.exp(-(low + np.sqrt(u) + np.sqrt(v)) / 2),
        np.log(1 + high / 2),
        high - low,
        1 - (high - low),
        0.8 * same_half,
        0.8 * ~same_half,
    )
    return jnp.asarray(values[kind], jnp.result_type(dtype))
