"""Graphs: all small ones, as networkx ships them, and random regular ones."""

import numpy as np

from jaxinv.data.packaged import packaged_file


def graph_atlas() -> list[np.ndarray]:
    """The adjacency matrices `(n, n)` bool of all 1252 graphs of 1 to 7 nodes, each once up to numbering.

    networkx comes with scikit-image, so with `pip install 'jaxinv[images]'`.

    Raises:
      MissingPackage, ChangedFile: networkx is not installed, or its file is not the one known.
    References: Read and Wilson, An atlas of graphs, Oxford University Press (1998).
    """
    content = packaged_file(
        "networkx",
        "generators/atlas.dat.gz",
        distribution="networkx",
        known_version="3.6.1",
        sha256="1a08fdb45e0bc27436935ee17423f5f5db4f834a65bb4773e19987c691d3b868",
    )
    graphs = []
    for line in content.decode().splitlines():
        kind, _, value = line.partition(" ")
        if kind == "NODES":
            graphs.append(np.zeros((int(value), int(value)), bool))
        elif kind != "GRAPH":
            i, j = int(kind), int(value)
            graphs[-1][i, j] = graphs[-1][j, i] = True
    # The first has no nodes.
    return graphs[1:]


def random_regular_graphs(generator: np.random.Generator, num_graphs: int, num_nodes: int, degree: int) -> np.ndarray:
    """Graphs all of whose nodes have the same degree, uniform among those of numbered nodes.

    Ends of edges are paired at random until there are no loops and no double edges, which takes about
    `exp((degree^2 - 1) / 4)` tries for each graph.

    Args:
      generator: of numpy.
      num_graphs: to draw.
      num_nodes: n, more than the degree.
      degree: 1 or more; times n an even number.

    Returns:
      `(num_graphs, n, n)` bool.

    Raises:
      ValueError: a degree that no such graph has.
    References: Bollobas, A probabilistic proof of an asymptotic formula for the number of labelled regular graphs,
      European Journal of Combinatorics 1 (1980).
    """
    if not 1 <= degree < num_nodes or num_nodes * degree % 2:
        raise ValueError(f"degree must be in 1 .. {num_nodes - 1} and times the nodes be even, got {degree}")
    ends = np.repeat(np.arange(num_nodes), degree)
    found: list[np.ndarray] = []
    while len(found) < num_graphs:
        for ends_of_try in generator.permuted(np.tile(ends, (256, 1)), axis=1):
            first, second = ends_of_try.reshape(2, -1)
            graph = np.zeros((num_nodes, num_nodes), bool)
            graph[first, second] = graph[second, first] = True
            # A loop or a double edge leaves too few entries.
            if graph.sum() == len(ends) and not graph.diagonal().any():
                found.append(graph)
    return np.stack(found[:num_graphs])
