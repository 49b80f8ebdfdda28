"""Ego networks of a real graph beside networkx: which nodes, how many, what is left out, and derivatives."""

import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np

from jaxinv.kernels import graphs as kernels
from tests.duties import FLOAT
from tests.graphs import references


def test_karate_club_as_networkx():
    """Within one hop all fit; within two some centers see too much."""
    graph = nx.karate_club_graph()
    adjacency = (nx.to_numpy_array(graph) > 0).astype(float)
    for hops in (1, 2):
        found = kernels.ego_networks(jnp.asarray(adjacency, FLOAT), jnp.arange(34), num_hops=hops, max_nodes=20)
        sizes = np.array([len(nx.ego_graph(graph, center, radius=hops)) for center in graph])
        np.testing.assert_array_equal(found.num_nodes, np.minimum(sizes, 20))
        np.testing.assert_array_equal(found.left_out, sizes - np.minimum(sizes, 20))
        assert (hops == 2) == bool(np.any(sizes > 20))
        wanted = [references.ego_network(adjacency, center, hops, 20) for center in graph]
        np.testing.assert_array_equal(found.adjacency, np.stack(wanted))
        np.testing.assert_array_equal(found.nodes[:, 0], np.arange(34))
        padding = np.arange(20)[None] >= np.asarray(found.num_nodes)[:, None]
        np.testing.assert_array_equal(np.asarray(found.nodes) == -1, padding)


def test_no_hops_a_node_alone_and_a_center_out_of_range():
    adjacency = jnp.zeros((4, 4), FLOAT).at[0, 1].set(2.0).at[1, 0].set(2.0)
    alone = kernels.ego_networks(adjacency, jnp.asarray([0, 3]), num_hops=0, max_nodes=2)
    np.testing.assert_array_equal(alone.num_nodes, [1, 1])
    found = kernels.ego_networks(adjacency, jnp.asarray([1, 3, 7, -1]), max_nodes=3)
    np.testing.assert_array_equal(found.num_nodes, [2, 1, 0, 0])
    np.testing.assert_array_equal(found.nodes, [[1, 0, -1], [3, -1, -1], [-1] * 3, [-1] * 3])
    np.testing.assert_array_equal(found.adjacency[0, :2, :2], [[0, 2], [2, 0]])


def test_the_derivative_is_that_of_the_entries_kept():
    adjacency = jnp.asarray(nx.to_numpy_array(nx.path_graph(5)), FLOAT)
    gradient = jax.grad(lambda a: jnp.sum(kernels.ego_networks(a, jnp.asarray([0]), max_nodes=4).adjacency))(adjacency)
    np.testing.assert_array_equal(gradient, np.pad(np.ones((3, 3)), (0, 2)))
