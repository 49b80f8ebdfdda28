"""Gromov-Wasserstein barycenters: what they recover where degrees say nothing, symmetries, weights, and POT."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxinv.kernels import graphs as kernels
from tests.duties import FLOAT, assert_finite

SIZE = 8


def drawn(kind: int, num_graphs: int, num_nodes: int) -> jax.Array:
    graphon = kernels.synthesize_graphon(kind, 240).astype(FLOAT)
    return kernels.sample_graphs(jax.random.key(1), graphon, num_graphs=num_graphs, num_nodes=num_nodes)


def test_blocks_of_equal_degrees_are_found():
    """Nearly, as far as the local minimum goes; sort-and-smooth, the control, sees one constant."""
    truth = kernels.synthesize_graphon(11, 14).astype(FLOAT)
    graphs = drawn(11, 10, 100)
    found = kernels.gw_barycenter(graphs, size=14)
    near = float(kernels.gw_distance(found.graphon, truth))
    sorted_only = float(kernels.gw_distance(kernels.graphon_sas(kernels.align_by_degree(graphs)), truth))
    assert near < 0.75 * sorted_only
    assert sorted_only > 0.25
    assert float(jnp.min(found.trace)) < 0.9 * float(found.trace[0])
    np.testing.assert_allclose(jnp.mean(found.values), jnp.min(found.trace), rtol=1e-5)
    np.testing.assert_allclose(found.graphon, found.graphon.T, atol=1e-6)


@pytest.mark.proves("masks", "graphs.gw_barycenter")
def test_renumbering_and_padding_change_nothing():
    graphs = drawn(0, 3, 12)
    graphs = graphs + 0.01 * jnp.arange(12)[None, :, None] * jnp.arange(12)[None, None, :] / 12
    plain = kernels.gw_barycenter(graphs, size=SIZE, num_steps=2)
    order = jax.random.permutation(jax.random.key(1), 12)
    renumbered = kernels.gw_barycenter(graphs.at[1].set(graphs[1][order][:, order]), size=SIZE, num_steps=2)
    padded = jnp.full((4, 15, 15), 9.0, FLOAT).at[:3, :12, :12].set(graphs)
    weight = jnp.asarray([1.0, 1, 1, 0], FLOAT)
    among = kernels.gw_barycenter(padded, jnp.full(4, 12), size=SIZE, graph_weight=weight, num_steps=2)
    for other in (renumbered, among):
        np.testing.assert_allclose(other.trace, plain.trace, rtol=1e-4)
        np.testing.assert_allclose(other.graphon, plain.graphon, atol=1e-4)


def test_no_worse_than_pot():
    """From the same start, with exact plans; the objective is that of our distance, for both."""
    gromov = pytest.importorskip("ot.gromov")
    graphs = np.asarray(drawn(11, 4, 40), np.float64)
    found = kernels.gw_barycenter(jnp.asarray(graphs, FLOAT), size=SIZE)
    uniform, even = [np.full(40, 1 / 40)] * len(graphs), np.full(SIZE, 1 / SIZE)
    start = kernels.gw_barycenter(jnp.asarray(graphs, FLOAT), size=SIZE, num_steps=1).graphon
    options = {"max_iter": 10, "init_C": np.asarray(start, float)}
    shares = np.full(len(graphs), 1 / len(graphs))
    theirs = gromov.gromov_barycenters(SIZE, list(graphs), uniform, even, shares, "square_loss", **options)
    distance = jax.vmap(lambda graph: kernels.entropic_gw(jnp.asarray(theirs, FLOAT), graph).value)
    assert float(jnp.min(found.trace)) < 1.05 * float(jnp.mean(distance(jnp.asarray(graphs, FLOAT))))


def test_no_graphs_and_no_edges():
    for graphs in (jnp.zeros((0, 4, 4), FLOAT), jnp.zeros((2, 4, 4), FLOAT)):
        found = kernels.gw_barycenter(graphs, size=3, num_steps=2)
        assert_finite(found)
        np.testing.assert_array_equal(found.graphon, 0.0)
