"""Frames of graphs: the few orders of the nodes that the eigenvectors of the Laplacian leave possible."""

import itertools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.numerics.validation import require_at_least, require_integer
from jaxinv.kernels.symmetrization.frames import Frames, orthogonal_frames

# Boundaries between rounded numbers lie off the simple fractions that norms are made of, by far more than rounding.
_OFFSET = 1e-7 * np.pi


class GraphFrame(NamedTuple):
    """Orders of a graph's nodes, as a set.

    Attributes:
      order: `(n,)` int32, the nodes, sorted.
      ties: `(n,)` int32, ascending from 0: places of equal number hold nodes that the sort does not tell apart, and are
        free to swap them.
    """

    order: np.ndarray
    ties: np.ndarray

    @property
    def size(self) -> int:
        """How many orders there are."""
        return math.prod(math.factorial(count) for count in np.bincount(self.ties).tolist())


def laplacian_sort_frame(adjacency: np.ndarray, *, decimals: int = 2, tolerance: float = 1e-6) -> GraphFrame:
    """The orders that sort nodes by their shares in the eigenspaces of the Laplacian, on the host.

    A node's row holds, for each eigenvalue in ascending order, the norm of its row of eigenvectors (of a simple one the
    size of its entry), rounded; nodes are sorted by their rows, the first number first. The set of orders moves along
    when nodes are renumbered, so averages over it are invariant.

    Args:
      adjacency: `(n, n)` real, symmetric; weights of edges.
      decimals: to which the norms are rounded; more of them make frames smaller, and less robust to noise.
      tolerance: eigenvalues that differ by up to so much of the largest size count as one.

    Returns:
      `GraphFrame`. Its size is 1 for graphs that the rows tell the nodes of, n! where all rows are equal.

    Raises:
      ValueError: adjacency is no symmetric matrix of finite numbers, or decimals is below 0.
    Not differentiable; not for jit.
    References: Puny et al., arXiv:2110.03336, sec. 3.2.
    """
    adjacency = np.asarray(adjacency, np.float64)
    if adjacency.ndim != 2 or adjacency.shape[0] != adjacency.shape[1]:
        raise ValueError(f"adjacency must have shape (n, n), got {adjacency.shape}")
    if not np.all(np.isfinite(adjacency)) or not np.array_equal(adjacency, adjacency.T):
        raise ValueError("adjacency must be a symmetric matrix of finite numbers")
    require_at_least("decimals", decimals, 0)
    n = len(adjacency)
    if n == 0:
        return GraphFrame(np.zeros(0, np.int32), np.zeros(0, np.int32))
    values, vectors = np.linalg.eigh(np.diag(adjacency.sum(axis=1)) - adjacency)
    first = np.flatnonzero(np.diff(values, prepend=-np.inf) > tolerance * np.abs(values).max())
    norms = np.sqrt(np.add.reduceat(vectors**2, first, axis=1))
    rows = np.floor(norms * 10**decimals + 0.5 + _OFFSET).astype(np.int64)
    order = np.lexsort(rows.T[::-1])
    differs = np.any(np.diff(rows[order], axis=0) != 0, axis=1)
    return GraphFrame(order.astype(np.int32), np.append(0, np.cumsum(differs)).astype(np.int32))


def sample_graph_frame(key: jax.Array, frame: GraphFrame, *, num: int = 1) -> jax.Array:
    """Orders drawn from a graph's frame, each as likely as any other.

    Args:
      key: of `jax.random`.
      frame: such as of `laplacian_sort_frame`.
      num: static; how many, independent, 1 at least.

    Returns:
      `(num, n)` int32: node `orders[s, i]` takes place i, so the graph in order is `adjacency[o][:, o]`.

    Raises:
      ValueError: num below 1.
    Transformations: jit, vmap.
    """
    require_at_least("num", num, 1)
    order, ties = (jnp.asarray(x, jnp.int32) for x in frame)
    chance = jax.random.uniform(key, (num, *order.shape))
    shuffled = jax.vmap(lambda chance: jnp.lexsort((chance, ties)))(chance)
    return order[shuffled]


def graph_orders(frame: GraphFrame, *, most: int = 5040) -> np.ndarray:
    """All orders of a small frame, on the host.

    Args:
      frame: such as of `laplacian_sort_frame`.
      most: so many orders are made at most.

    Returns:
      `(frame.size, n)` int32, as of `sample_graph_frame`; for `order_frames`.

    Raises:
      ValueError: there are more than `most`; then `sample_graph_frame`.
    """
    if frame.size > most:
        raise ValueError(f"most must be at least the size of the frame, {frame.size}, got {most}: draw some instead")
    tied = [frame.order[frame.ties == tie] for tie in np.unique(frame.ties)]
    ways = itertools.product(*(itertools.permutations(nodes.tolist()) for nodes in tied))
    return np.array([list(itertools.chain(*way)) for way in ways], np.int32).reshape(frame.size, len(frame.order))


def order_frames(orders: jax.Array | np.ndarray) -> Frames:
    """Orders of n nodes as permutation matrices, for `frame_average`.

    Args:
      orders: `(..., F, n)` integers, each row a permutation.

    Returns:
      `Frames` in the default floating dtype, centre 0, equal weights: adjacency `(n, n)` is of the kind "tensor",
      features of nodes `(channels, n)` are of the kind "vector".

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap.
    """
    orders = jnp.asarray(orders)
    require_integer("orders", orders)
    if orders.ndim < 2 or orders.shape[-2] == 0:
        raise ValueError(f"orders must have shape (..., F, n) with F >= 1, got {orders.shape}")
    *lead, count, n = orders.shape
    elements = jnp.swapaxes(jax.nn.one_hot(orders, n, dtype=float), -1, -2)
    weights, gap = jnp.full(count, 1 / count), jnp.ones(tuple(lead))
    return orthogonal_frames(jnp.zeros((*lead, n)), elements, weights, gap, 0.0)
