"""Graphs of different sizes side by side with all their ego nets, as arrays of fixed shape, made on the host."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from jaxinv.kernels.permutations.ego_maps import Subgraphs
from jaxinv.kernels.permutations.ego_subgraphs import ego_subgraphs


class EgoCapacity(NamedTuple):
    """How much a batch has room for.

    Attributes:
      nodes: of all graphs together.
      pairs: of nodes that share an ego net.
      subgraphs: ego nets in each bucket.
    """

    nodes: int
    pairs: int
    subgraphs: tuple[int, ...]


class EgoBatch(NamedTuple):
    """Graphs side by side; rows that pad belong to graph -1.

    Attributes:
      labels: `(num_nodes,)` int32.
      node_graph: `(num_nodes,)` int32, whose each node is.
      adjacency: `(num_pairs,)` float32, entries of the adjacency matrices at pairs of nodes that share an ego net.
      rows: `(num_pairs,)` int32, the first node of each pair.
      columns: `(num_pairs,)` int32, the second one.
      pair_graph: `(num_pairs,)` int32.
      subgraphs: the ego nets, one `Subgraphs` for each bucket.
    """

    labels: np.ndarray
    node_graph: np.ndarray
    adjacency: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    pair_graph: np.ndarray
    subgraphs: tuple[Subgraphs, ...]

    @property
    def used(self) -> EgoCapacity:
        """What it takes of its capacity."""
        each = tuple(int(np.sum(one.mask[:, 0])) for one in self.subgraphs)
        return EgoCapacity(int(np.sum(self.node_graph >= 0)), int(np.sum(self.pair_graph >= 0)), each)


def ego_batch(
    graphs: Sequence[np.ndarray],
    labels: Sequence[np.ndarray] | None = None,
    *,
    num_hops: int = 1,
    sizes: Sequence[int] | None = None,
    capacity: EgoCapacity | None = None,
) -> EgoBatch:
    """The ego nets of graphs, sorted into buckets by their size.

    Args:
      graphs: adjacency matrices `(n_g, n_g)`, numbers or bool, without loops.
      labels: `(n_g,)` non-negative integers for each graph; by default 0.
      num_hops: steps from the centre of an ego net, 1 at least.
      sizes: ascending, the nodes that ego nets of each bucket have room for; each goes to the smallest that holds it.
        By default the powers of two that are needed.
      capacity: rows of the tables, so that several batches have one shape; by default what is needed.

    Returns:
      `EgoBatch`.

    Raises:
      ValueError: no graphs; a matrix that is not square, not finite or has loops; labels of another number, or below
        0; sizes that do not ascend; an ego net larger than the last size; more than the capacity. Nothing is cut off.
    References: Mitton and Murray-Smith, Subgraph permutation equivariant networks, arXiv:2111.11840.

    Examples:
      >>> from jaxinv.kernels import permutations
      >>> rings = [permutations.skip_links(n, (1,)) for n in (5, 7)]
      >>> batch = permutations.ego_batch(rings, sizes=(4,))
      >>> batch.used
      EgoCapacity(nodes=12, pairs=60, subgraphs=(12,))
    """
    graphs = [np.asarray(graph) for graph in graphs]
    if not graphs:
        raise ValueError("graphs must hold one graph at least")
    found = [ego_subgraphs(graph, num_hops) for graph in graphs]
    each = np.concatenate([one.mask.sum(axis=1) for one in found])
    largest = int(each.max(initial=1))
    powers = np.unique(2 ** np.ceil(np.log2(each)).astype(int)).tolist()
    sizes = tuple(powers or [1]) if sizes is None else tuple(sizes)
    if not sizes or sizes[0] < 1 or any(np.diff(sizes) <= 0):
        raise ValueError(f"sizes must ascend from 1 at least, got {sizes}")
    if largest > sizes[-1]:
        raise ValueError(f"sizes must hold the largest ego net, {largest} nodes, got {sizes}")
    starts = np.concatenate([[0], np.cumsum([len(graph) for graph in graphs])])
    num_nodes = int(starts[-1])
    # Of all graphs, padded to the last size.
    nodes, mask = np.zeros((num_nodes, sizes[-1]), np.int64), np.zeros((num_nodes, sizes[-1]), bool)
    for start, end, one in zip(starts, starts[1:], found, strict=False):
        nodes[start:end, : one.nodes.shape[1]] = np.where(one.mask, one.nodes + start, 0)
        mask[start:end, : one.mask.shape[1]] = one.mask
    # Each pair of nodes by one number.
    codes = nodes[:, :, None] * num_nodes + nodes[:, None, :]
    both = mask[:, :, None] & mask[:, None, :]
    pairs, position = np.unique(codes[both], return_inverse=True)
    index = np.zeros(codes.shape, np.int32)
    index[both] = position.reshape(-1)
    rows, columns = np.divmod(pairs, max(num_nodes, 1))
    bucket = np.searchsorted(sizes, each)
    if capacity is None:
        capacity = EgoCapacity(num_nodes, len(pairs), tuple(np.bincount(bucket, minlength=len(sizes)).tolist()))
    graph_of_node = np.repeat(np.arange(len(graphs)), [len(graph) for graph in graphs])
    pair_graph = graph_of_node[rows]
    entries = np.zeros(len(pairs), np.float32)
    for number, (start, graph) in enumerate(zip(starts, graphs, strict=False)):
        own = pair_graph == number
        entries[own] = graph[rows[own] - start, columns[own] - start]
    return EgoBatch(
        labels=_padded("nodes", _labels(graphs, labels), capacity.nodes, 0),
        node_graph=_padded("nodes", graph_of_node.astype(np.int32), capacity.nodes, -1),
        adjacency=_padded("pairs", entries, capacity.pairs, 0),
        rows=_padded("pairs", rows.astype(np.int32), capacity.pairs, 0),
        columns=_padded("pairs", columns.astype(np.int32), capacity.pairs, 0),
        pair_graph=_padded("pairs", pair_graph.astype(np.int32), capacity.pairs, -1),
        subgraphs=tuple(
            Subgraphs(
                *(
                    _padded("subgraphs", table, room, 0)
                    for table in (
                        nodes[bucket == number, :size].astype(np.int32),
                        index[bucket == number, :size, :size],
                        mask[bucket == number, :size],
                    )
                )
            )
            for number, (size, room) in enumerate(zip(sizes, capacity.subgraphs, strict=True))
        ),
    )


def _labels(graphs, labels):
    if labels is None:
        return np.zeros(sum(map(len, graphs)), np.int32)
    labels = [np.asarray(one) for one in labels]
    if [one.shape for one in labels] != [(len(graph),) for graph in graphs]:
        raise ValueError("labels must be one for each node of each graph")
    together = np.concatenate(labels)
    if not np.issubdtype(together.dtype, np.integer) or together.min(initial=0) < 0:
        raise ValueError("labels must be integers, 0 at least")
    return together.astype(np.int32)


def _padded(what, rows, room, value):
    if len(rows) > room:
        raise ValueError(f"capacity must have room for {len(rows)} {what}, got {room}")
    return np.concatenate([rows, np.full((room - len(rows), *rows.shape[1:]), value, rows.dtype)])
