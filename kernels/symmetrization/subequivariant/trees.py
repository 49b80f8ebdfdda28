"""Where limbs are in the tree of a body: computed once for a body, host side."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.sparse.csgraph import shortest_path

_RESTART = 0.15


class Traversals(NamedTuple):
    """The place of every limb in three orders of the same tree, `(N,)` int32 each.

    Attributes:
      pre: a limb before those below it and after it.
      inner: those below it, then the limb, then those after it.
      post: a limb after those below it and after it.
    """

    pre: np.ndarray
    inner: np.ndarray
    post: np.ndarray


def tree_traversals(parents: Sequence[int]) -> Traversals:
    """The orders in which the binary tree of a body is walked: left is a limb's first child, right its next sibling.

    Args:
      parents: of every limb, in the order of limbs; -1 for the root, which is one limb.

    Returns:
      Traversals. Any two of the orders tell the tree.

    Raises:
      ValueError: there is no limb, not one root, or limbs that hang on none.
    """
    children, root = _tree(parents)
    orders: tuple[list[int], ...] = ([], [], [])

    def walk(siblings):
        if not siblings:
            return
        limb, *after = siblings
        orders[0].append(limb)
        walk(children[limb])
        orders[1].append(limb)
        walk(after)
        orders[2].append(limb)

    walk([root])
    return Traversals(*(np.argsort(order).astype(np.int32) for order in orders))


def tree_relations(parents: Sequence[int]) -> np.ndarray:
    """How limbs are related, three numbers a pair.

    Args:
      parents: as of `tree_traversals`.

    Returns:
      `(N, N, 3)` float32, first limb to second: personalised PageRank with restart probability 0.15, the symmetrically
      normalised Laplacian (0 for a single limb), and the number of joints between them.

    Raises:
      ValueError: as of `tree_traversals`.
    References: Hong et al., Structure-aware transformer policy for inhomogeneous multi-task reinforcement learning,
      ICLR 2022, has the three.
    """
    children, _ = _tree(parents)
    n = len(parents)
    joined = np.zeros((n, n))
    for parent, limbs in enumerate(children):
        joined[parent, limbs] = joined[limbs, parent] = 1
    # A single limb walks to itself.
    degrees = np.maximum(joined.sum(axis=1), 1)
    steps = joined / degrees[:, None] if n > 1 else np.ones((1, 1))
    ranks = _RESTART * np.linalg.inv(np.eye(n) - (1 - _RESTART) * steps)
    laplacian = np.diag((joined.sum(axis=1) > 0).astype(float)) - joined / np.sqrt(degrees[:, None] * degrees[None])
    distances = shortest_path(joined, unweighted=True)
    return np.stack([ranks, laplacian, distances], axis=-1).astype(np.float32)


def _tree(parents):
    """Children of every limb, and the root."""
    parents = [int(parent) for parent in parents]
    n, roots = len(parents), [limb for limb, parent in enumerate(parents) if parent == -1]
    if n == 0 or len(roots) != 1 or not all(-1 <= parent < n for parent in parents):
        raise ValueError(f"parents must have one root, -1, and numbers of limbs, got {parents}")
    children = [[limb for limb in range(n) if parents[limb] == parent] for parent in range(n)]
    reached = list(roots)
    for limb in reached:
        reached.extend(children[limb])
    if len(reached) != n:
        raise ValueError(f"parents must hang all limbs on the root, got {parents}")
    return children, roots[0]
