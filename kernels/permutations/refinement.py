"""How far graphs are told apart by colour refinement (1-WL), and the symmetries of small ones; on the host."""

import itertools
from typing import NamedTuple

import numpy as np

from jaxinv.kernels.numerics.validation import require_at_least
from jaxinv.kernels.permutations.ego_subgraphs import simple_graph


class Automorphisms(NamedTuple):
    """The symmetries of a graph.

    Attributes:
      permutations: `(K, n)`, each takes node i to its entry i.
      orbits: `(n,)`, the smallest node that each node can be taken to.
    """

    permutations: np.ndarray
    orbits: np.ndarray


def wl_refine(
    adjacency: np.ndarray, labels: np.ndarray | None = None, *, num_iterations: int | None = None
) -> np.ndarray:
    """Colours of the nodes after rounds of refinement by the colours of their neighbours.

    Args:
      adjacency: `(n, n)` bool or numbers, an edge where an entry is not 0, without loops; neighbours of i are along its
        row.
      labels: `(n,)` integers, the first colours; by default all alike.
      num_iterations: rounds; by default as many as change something.

    Returns:
      `(n,)` integers 0, 1, .. Colours of two graphs are comparable if they come from one call on both side by side.

    Raises:
      ValueError: an adjacency that is not square, not finite or has loops; wrong labels; negative rounds.
    References: Weisfeiler and Leman, 1968; Xu et al., How powerful are graph neural networks?, arXiv:1810.00826.
    """
    edges = simple_graph(adjacency).astype(np.int64)
    n = len(edges)
    colours = np.zeros(n, np.int64) if labels is None else np.asarray(labels)
    if colours.shape != (n,):
        raise ValueError(f"labels must have shape ({n},), got {colours.shape}")
    if num_iterations is not None:
        require_at_least("num_iterations", num_iterations, 0)
    colours = np.unique(colours, return_inverse=True)[1].reshape(n)
    # n rounds are always enough.
    for _ in range(n if num_iterations is None else num_iterations):
        num_colours = colours.max(initial=-1) + 1
        counts = edges @ (colours[:, None] == np.arange(num_colours)[None])
        seen = np.concatenate([colours[:, None], counts], axis=1)
        colours = np.unique(seen, axis=0, return_inverse=True)[1].reshape(n)
        if colours.max(initial=-1) + 1 == num_colours:
            break
    return colours


def wl_equivalent(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether colour refinement gives two graphs equally many nodes of each colour, so that it cannot tell them apart.

    Args:
      first: `(n, n)`, as for `wl_refine`.
      second: `(n', n')`.

    Returns:
      A bool; isomorphic graphs are equivalent, and some others are.

    Raises:
      ValueError: an adjacency that is not square, not finite or has loops.
    References: as `wl_refine`.

    Examples:
      >>> from jaxinv.kernels import permutations
      >>> ring, two_triangles = permutations.look_alikes()["ring of six, two triangles"]
      >>> permutations.wl_equivalent(ring, two_triangles)
      True
    """
    first, second = simple_graph(first), simple_graph(second)
    n = len(first)
    if len(second) != n:
        return False
    colours = wl_refine(np.block([[first, np.zeros((n, n), bool)], [np.zeros((n, n), bool), second]]))
    return bool(np.array_equal(np.sort(colours[:n]), np.sort(colours[n:])))


def automorphisms(adjacency: np.ndarray, *, max_nodes: int = 8) -> Automorphisms:
    """The permutations of the nodes that keep all edges, by trying all.

    Args:
      adjacency: `(n, n)` bool or numbers, compared as they are.
      max_nodes: more raise, for n! permutations are tried.

    Returns:
      `Automorphisms`, the identity among them.

    Raises:
      ValueError: not square, or too many nodes.

    Examples:
      >>> from jaxinv.kernels import permutations
      >>> permutations.automorphisms(permutations.skip_links(5, (1,))).permutations.shape  # five turns, each mirrored
      (10, 5)
    """
    adjacency = np.asarray(adjacency)
    if adjacency.ndim != 2 or adjacency.shape[0] != adjacency.shape[1]:
        raise ValueError(f"adjacency must have shape (n, n), got {adjacency.shape}")
    n = len(adjacency)
    if n > max_nodes:
        raise ValueError(f"adjacency must have at most {max_nodes} nodes (max_nodes), got {n}")
    orders = np.array(list(itertools.permutations(range(n))), int).reshape(-1, n)
    kept = np.all(adjacency[orders[:, :, None], orders[:, None, :]] == adjacency[None], axis=(1, 2))
    return Automorphisms(orders[kept], orders[kept].min(axis=0, initial=n))
