"""Topology features of real graphs, and of graphs where something is not defined."""

import jax.numpy as jnp
import networkx as nx
import numpy as np

from jaxinv.kernels import graphs as kernels
from tests.duties import FLOAT, X64
from tests.graphs import references

EXACT = 1e-11 if X64 else 1e-5


def padded(*graphs):
    """Adjacency matrices in one batch, and their sizes."""
    matrices = [np.sign(nx.to_numpy_array(graph)) for graph in graphs]
    sizes = [len(matrix) for matrix in matrices]
    batch = np.zeros((len(graphs), max(sizes), max(sizes)))
    for i, matrix in enumerate(matrices):
        batch[i, : sizes[i], : sizes[i]] = matrix
    return jnp.asarray(batch, FLOAT), jnp.asarray(sizes)


def test_real_graphs_as_networkx():
    real = nx.karate_club_graph(), nx.les_miserables_graph(), nx.florentine_families_graph()
    found = kernels.topology_features(*padded(*real))
    wanted = np.stack([references.topology(np.sign(nx.to_numpy_array(graph))) for graph in real])
    np.testing.assert_allclose(found.features, wanted, rtol=EXACT)
    assert not np.any(found.constant_degrees)


def test_a_graph_in_pieces():
    """Closeness of a node counts its component only, in proportion."""
    graph = nx.disjoint_union(nx.star_graph(4), nx.path_graph(3))
    graph.add_node(8)
    found = kernels.topology_features(*padded(graph)).features[0]
    np.testing.assert_allclose(found, references.topology(nx.to_numpy_array(graph)), rtol=EXACT)


def test_constant_degrees_are_flagged():
    found = kernels.topology_features(
        *padded(nx.cycle_graph(5), nx.empty_graph(3), nx.empty_graph(1), nx.star_graph(2))
    )
    np.testing.assert_array_equal(found.constant_degrees, [True, True, True, False])
    np.testing.assert_allclose(found.features[0], [2, 0, 0.5, 4 / 6, 0, 0, 0, 0], rtol=EXACT)
    np.testing.assert_array_equal(found.features[1:3], 0.0)
    np.testing.assert_allclose(found.features[3, 4], -1.0, rtol=EXACT)
