"""The neighbourhoods of the nodes of a graph, as index tables of fixed shape, made on the host."""

from typing import NamedTuple

import numpy as np

from jaxinv.kernels.numerics.validation import require_at_least, require_choice


class EgoSubgraphs(NamedTuple):
    """The nodes within some steps of each node.

    Attributes:
      nodes: `(n, max_size)` int32; the centre first, then the others in ascending order, then pads, which are 0.
      mask: `(n, max_size)` bool, False for pads.
      overflow: `(n,)` bool, of neighbourhoods that are larger: their rows are empty, never cut short.
    """

    nodes: np.ndarray
    mask: np.ndarray
    overflow: np.ndarray


def simple_graph(adjacency: np.ndarray) -> np.ndarray:
    """The edges of a graph as booleans.

    Raises:
      ValueError: not square, not finite, or with loops.
    """
    adjacency = np.asarray(adjacency)
    if adjacency.ndim != 2 or adjacency.shape[0] != adjacency.shape[1]:
        raise ValueError(f"adjacency must have shape (n, n), got {adjacency.shape}")
    if not np.all(np.isfinite(adjacency)):
        raise ValueError("adjacency must be finite")
    if np.any(np.diagonal(adjacency)):
        node = int(np.argmax(np.diagonal(adjacency) != 0))
        raise ValueError(f"adjacency must have no loops, the diagonal is where labels go; node {node} has one")
    return adjacency != 0


def ego_subgraphs(
    adjacency: np.ndarray, num_hops: int = 1, *, max_size: int | None = None, overflow: str = "raise"
) -> EgoSubgraphs:
    """The ego nets of all nodes: who is reached in at most so many steps along edges, on the host.

    Args:
      adjacency: `(n, n)` bool or numbers, an edge from i to j where entry (i, j) is not 0; without loops.
      num_hops: steps, 1 at least.
      max_size: nodes of a row; by default those of the largest ego net.
      overflow: "raise", or "flag" those that are larger than `max_size`.

    Returns:
      `EgoSubgraphs`. An isolated node is its own ego net.

    Raises:
      ValueError: an adjacency that is not square, not finite or has loops, no steps, an ego net larger than `max_size`.

    Work: `num_hops n^3` at most.
    References: Mitton and Murray-Smith, Subgraph permutation equivariant networks, arXiv:2111.11840.

    Examples:
      >>> import numpy as np
      >>> from jaxinv.kernels import permutations
      >>> path = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]])
      >>> egos = permutations.ego_subgraphs(path)
      >>> [nodes[mask].tolist() for nodes, mask in zip(egos.nodes, egos.mask)]  # each centre first
      [[0, 1], [1, 0, 2], [2, 1]]
    """
    edges = simple_graph(adjacency)
    require_at_least("num_hops", num_hops, 1)
    require_choice("overflow", overflow, ("raise", "flag"))
    n = len(edges)
    reached = np.eye(n, dtype=bool)
    for _ in range(num_hops):
        # Counts of walks, in floating point for its fast products; a sum of up to n ones is exact.
        reached = reached | (reached.astype(np.float32) @ edges.astype(np.float32) > 0)
    sizes = reached.sum(axis=1)
    max_size = int(sizes.max(initial=0)) if max_size is None else max_size
    require_at_least("max_size", max_size, 0)
    too_large = sizes > max_size
    if overflow == "raise" and too_large.any():
        node = int(np.argmax(sizes))
        raise ValueError(f"max_size must be >= {sizes[node]}, the nodes within {num_hops} steps of {node}: {max_size}")
    # Absent nodes last, the centre first.
    rank = np.where(reached, np.arange(n)[None], n)
    np.fill_diagonal(rank, -1)
    nodes = np.zeros((n, max_size), np.int32)
    held = min(n, max_size)
    nodes[:, :held] = np.argsort(rank, axis=1, kind="stable")[:, :held]
    mask = (np.arange(max_size)[None] < sizes[:, None]) & ~too_large[:, None]
    return EgoSubgraphs(np.where(mask, nodes, 0).astype(np.int32), mask, too_large)
