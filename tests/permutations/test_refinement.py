"""Colour refinement and symmetries: as networkx has them, on graphs known to be hard."""

import networkx as nx
import numpy as np
import pytest

from jaxinv.kernels import permutations as kernels


def test_the_pairs_look_alike_and_are_not_the_same():
    for first, second in kernels.look_alikes().values():
        assert kernels.wl_equivalent(first, second)
        assert not nx.is_isomorphic(nx.from_numpy_array(first), nx.from_numpy_array(second))
    rook, shrikhande = kernels.look_alikes()["rook's graph, Shrikhande's graph"]
    # Strongly regular with parameters 16, 6, 2, 2, which has two graphs: all nodes of the one see two triangles.
    for graph in (rook, shrikhande):
        graph = graph.astype(int)
        np.testing.assert_array_equal(graph @ graph, 6 * np.eye(16) + 2 * graph + 2 * (1 - np.eye(16) - graph))
    around = [graph[np.ix_(graph[0], graph[0])] for graph in (rook, shrikhande)]
    assert [nx.number_connected_components(nx.from_numpy_array(one)) for one in around] == [2, 1]


def test_colours_as_networkx():
    graph = nx.gnp_random_graph(12, 0.25, seed=1)
    adjacency = nx.to_numpy_array(graph)
    labels = np.arange(12) % 2
    nx.set_node_attributes(graph, dict(enumerate(map(str, labels))), "label")
    for rounds in (0, 1, 3):
        found = kernels.wl_refine(adjacency, labels, num_iterations=rounds)
        if rounds == 0:
            np.testing.assert_array_equal(found, labels)
            continue
        hashes = nx.weisfeiler_lehman_subgraph_hashes(graph, node_attr="label", iterations=rounds)
        wanted = np.array([hashes[node][-1] for node in range(12)])
        np.testing.assert_array_equal(found[:, None] == found[None], wanted[:, None] == wanted[None])


def test_refinement_stops_when_it_is_stable_and_needs_no_numbering():
    path = np.diag(np.ones(6), 1)
    path = path + path.T
    np.testing.assert_array_equal(kernels.wl_refine(path)[:4], kernels.wl_refine(path)[:2:-1])
    assert len(np.unique(kernels.wl_refine(path))) == 4
    order = np.random.default_rng(0).permutation(7)
    assert kernels.wl_equivalent(path, path[np.ix_(order, order)])
    ring = kernels.skip_links(7, (1,))
    assert not kernels.wl_equivalent(path, ring)
    assert not kernels.wl_equivalent(ring, ring[:6, :6])
    assert len(kernels.wl_refine(np.zeros((0, 0)))) == 0


def test_symmetries():
    star = nx.to_numpy_array(nx.star_graph(3))
    found = kernels.automorphisms(star)
    assert len(found.permutations) == 6
    np.testing.assert_array_equal(found.orbits, [0, 1, 1, 1])
    assert len(kernels.automorphisms(kernels.skip_links(6, (1,))).permutations) == 12
    # No graph with fewer nodes and with edges has none.
    edges = [(0, 1), (1, 2), (2, 3), (3, 4), (1, 5), (2, 5)]
    asymmetric = nx.to_numpy_array(nx.Graph(edges), nodelist=range(6))
    np.testing.assert_array_equal(kernels.automorphisms(asymmetric).orbits, np.arange(6))
    # Weights count.
    assert len(kernels.automorphisms(np.array([[0.0, 1], [2, 0]])).permutations) == 1


def test_bad_arguments_are_named():
    ring = kernels.skip_links(5, (1,))
    for call, message in (
        (lambda: kernels.automorphisms(kernels.skip_links(9, (1,))), "at most 8 nodes"),
        (lambda: kernels.automorphisms(np.ones((2, 3))), r"adjacency must have shape \(n, n\)"),
        (lambda: kernels.wl_refine(ring, np.zeros(4, int)), r"labels must have shape \(5,\), got \(4,\)"),
        (lambda: kernels.wl_refine(ring, num_iterations=-1), "num_iterations must be >= 0"),
        (lambda: kernels.skip_links(5, (5,)), "skips must lead to other nodes"),
        (lambda: kernels.skip_links(0, (1,)), "num_nodes must be >= 1"),
        (lambda: kernels.equality_patterns(-1), "order must be >= 0"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
