"""Pairs of graphs that are not isomorphic though colour refinement (1-WL) cannot tell them apart; on the host."""

from collections.abc import Sequence

import numpy as np

from jaxinv.kernels.numerics.validation import require_at_least


def skip_links(num_nodes: int, skips: Sequence[int]) -> np.ndarray:
    """A ring whose nodes are joined to those so many places on, both ways.

    Args:
      num_nodes: n, 1 at least.
      skips: none a multiple of n.

    Returns:
      `(n, n)` bool, symmetric, without loops.

    Raises:
      ValueError: no nodes, or a skip that leads back to its node.
    """
    require_at_least("num_nodes", num_nodes, 1)
    if any(skip % num_nodes == 0 for skip in skips):
        raise ValueError(f"skips must lead to other nodes than their own of {num_nodes}, got {tuple(skips)}")
    apart = (np.arange(num_nodes)[None] - np.arange(num_nodes)[:, None]) % num_nodes
    return np.isin(apart, [way * skip % num_nodes for skip in skips for way in (1, -1)])


def look_alikes() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Three such pairs.

    Ego nets of one step tell the first two pairs apart: one graph of each has triangles and the other none. Those of
    the rook's graph and Shrikhande's, a node joined to two triangles or to a ring of six, are themselves such a pair.

    Returns:
      By the names of the graphs, pairs of `(n, n)` bool: of 6, 11 and 16 nodes.

    References: Murphy et al., Relational pooling for graph representations, arXiv:1903.02541 (skip links); Shrikhande,
      The uniqueness of the L2 association scheme, Annals of Mathematical Statistics 30 (1959).
    """
    ring, triangle = skip_links(6, (1,)), skip_links(3, (1,))
    row, column = np.divmod(np.arange(16), 4)
    down, across = (place[:, None] - place[None] for place in (row, column))
    rook = ((down == 0) | (across == 0)) & ~np.eye(16, dtype=bool)
    # Steps of (0, 1), (1, 0) and (1, 1) on a torus, both ways.
    shrikhande = np.isin(4 * (down % 4) + across % 4, [1, 3, 4, 12, 5, 15])
    return {
        "ring of six, two triangles": (ring, np.kron(np.eye(2, dtype=bool), triangle)),
        "skip links of 11: 1 and 2, 1 and 3": (skip_links(11, (1, 2)), skip_links(11, (1, 3))),
        "rook's graph, Shrikhande's graph": (rook, shrikhande),
    }
