"""Graphs: the atlas as networkx reads it, regular graphs."""

import networkx as nx
import numpy as np
import pytest

from jaxinv.data.graphs import graph_atlas, random_regular_graphs


def test_atlas_as_networkx():
    found, wanted = graph_atlas(), nx.graph_atlas_g()[1:]
    assert len(found) == len(wanted) == 1252
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, nx.to_numpy_array(other, nodelist=sorted(other)))


def test_regular_graphs():
    found = random_regular_graphs(np.random.default_rng(0), 300, 4, 1)
    np.testing.assert_array_equal(found.sum(axis=1), 1)
    np.testing.assert_array_equal(found, found.swapaxes(1, 2))
    assert not found.diagonal(axis1=1, axis2=2).any()
    # The three pairings of four nodes, about equally often: within four deviations.
    counts = found[:, 0, 1:].sum(axis=0)
    assert np.all(np.abs(counts - 100) < 4 * np.sqrt(300 * 2 / 9))
    np.testing.assert_array_equal(random_regular_graphs(np.random.default_rng(0), 2, 10, 3).sum(axis=1), 3)
    for degree in (0, 5, 3):
        with pytest.raises(ValueError, match="degree must be"):
            random_regular_graphs(np.random.default_rng(0), 1, 5, degree)
