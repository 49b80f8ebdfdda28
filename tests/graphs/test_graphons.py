"""Estimates of known graphons, their symmetries, padding, and where sorting by degree says nothing."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxinv.kernels import graphs as kernels
from tests.duties import FLOAT, X64
from tests.graphs import references
from tests.graphs.cases import random_graphs, weighted_graphs
from tests.symmetry import assert_equivariant, assert_not_equivariant

EXACT = 1e-12 if X64 else 1e-5
# Where node degrees tell the places of nodes apart.
DISTINCT = (0, 3, 6)


def drawn(kind, seed=0, num_graphs=10, num_nodes=100):
    graphon = kernels.synthesize_graphon(kind, 1000)
    key = jax.random.fold_in(jax.random.key(seed), kind)
    return kernels.align_by_degree(kernels.sample_graphs(key, graphon, num_graphs=num_graphs, num_nodes=num_nodes))


def true_means(kind, num_blocks):
    size = 1000 // num_blocks
    return (
        np.asarray(kernels.synthesize_graphon(kind, size * num_blocks))
        .reshape(num_blocks, size, num_blocks, size)
        .mean(axis=(1, 3))
    )


def test_textbook_graphons():
    """Symmetric probabilities; degrees descend where the order is turned."""
    for kind in range(kernels.NUM_TEXTBOOK_GRAPHONS):
        graphon = np.asarray(kernels.synthesize_graphon(kind, 10))
        assert graphon.shape == (10, 10)
        np.testing.assert_allclose(graphon, graphon.T, rtol=1e-6)
        assert 0 <= graphon.min() <= graphon.max() <= 1
        if kind not in (9, 10, 11, 12):
            assert np.all(np.diff(graphon.sum(axis=1)) <= 0), kind
    blocks = np.kron(np.eye(2), np.full((5, 5), 0.8))
    np.testing.assert_allclose(kernels.synthesize_graphon(11, 10), blocks, rtol=1e-6)
    np.testing.assert_allclose(kernels.synthesize_graphon(12, 10), 0.8 - blocks, atol=1e-6)
    assert kernels.synthesize_graphon(0, 2, jnp.bfloat16).dtype == jnp.bfloat16
    with pytest.raises(ValueError, match="kind must be between 0 and 12, got 13"):
        kernels.synthesize_graphon(13, 10)
    with pytest.raises(ValueError, match="resolution must be >= 2, got 1"):
        kernels.synthesize_graphon(0, 1)


def test_sampled_graphs_are_undirected_and_have_the_graphon_s_density():
    graphs = np.asarray(
        kernels.sample_graphs(jax.random.key(0), jnp.full((3, 3), 0.3, FLOAT), num_graphs=20, num_nodes=40)
    )
    np.testing.assert_array_equal(graphs, graphs.swapaxes(1, 2))
    np.testing.assert_array_equal(graphs[:, range(40), range(40)], 0)
    assert set(np.unique(graphs)) == {0, 1}
    pairs = 20 * 40 * 39 / 2
    assert abs(graphs.sum() / 2 / pairs - 0.3) < 4 * np.sqrt(0.21 / pairs)
    blocks = np.asarray(kernels.sample_graphs(jax.random.key(0), jnp.eye(2, dtype=FLOAT), num_graphs=1, num_nodes=9))[0]
    np.testing.assert_array_equal((blocks + np.eye(9)) @ (blocks + np.eye(9)) > 0, blocks + np.eye(9))


def sample_order(key):
    return jax.random.permutation(key, 8)


def renumber(order, graphs):
    return graphs[:, order][:, :, order]


def test_alignment_forgets_the_numbering():
    graphs = jnp.asarray(weighted_graphs(np.random.default_rng(0))[0], FLOAT)
    assert_equivariant(kernels.align_by_degree, graphs, sample_order, act_in=renumber, exactness="exact")
    # Equal degrees say nothing: a cycle stays as it is numbered.
    ring = jnp.roll(jnp.eye(8, dtype=FLOAT), 1, axis=1)
    assert_not_equivariant(kernels.align_by_degree, (ring + ring.T)[None], sample_order, act_in=renumber, delta=0.5)


@pytest.mark.proves("masks", "graphs.align_by_degree", "graphs.graphon_sas", "graphs.topology_features")
def test_padding_changes_nothing():
    graphs = jnp.asarray(random_graphs(np.random.default_rng(1), 3, 6)[0], FLOAT)
    padded = jnp.full((3, 8, 8), 5.0, FLOAT).at[:, :6, :6].set(graphs)
    sizes = jnp.full(3, 6)
    found = kernels.align_by_degree(padded, sizes)
    np.testing.assert_array_equal(found[:, :6, :6], kernels.align_by_degree(graphs))
    np.testing.assert_array_equal(found.at[:, :6, :6].set(0), 0)
    halves = kernels.graphon_sas(found, sizes, block_size=3, smoothing=0.0)
    wanted = references.block_means(np.asarray(found[:, :6, :6], np.float64), [0, 3, 6])
    np.testing.assert_allclose(halves, wanted, rtol=EXACT)
    features = kernels.topology_features(padded, sizes)
    np.testing.assert_allclose(features.features, kernels.topology_features(graphs).features, rtol=EXACT)


def test_parts_of_unequal_graphs_are_unbiased():
    """One density, graphs of 12 to 20 nodes: every block has it, where blocks of padded graphs fall off."""
    sizes = np.repeat([12, 16, 20], 40)
    graphs = kernels.sample_graphs(jax.random.key(2), jnp.full((2, 2), 0.5, FLOAT), num_graphs=120, num_nodes=20)
    real = np.arange(20)[None] < sizes[:, None]
    graphs = jnp.where(real[:, :, None] & real[:, None, :], graphs, 0.0)
    parts = np.asarray(kernels.graphon_sas(graphs, jnp.asarray(sizes), smoothing=0.0))
    # Four standard errors of the block with the fewest pairs: 3, 6 and 10 in the three sizes.
    np.testing.assert_allclose(parts, 0.5, atol=4 * (0.25 * (40 / 3 + 40 / 6 + 40 / 10)) ** 0.5 / 120)
    padded = np.asarray(kernels.graphon_sas(graphs, smoothing=0.0))
    assert padded[-1, -1] < 0.25


def test_a_graph_weight_leaves_graphs_out():
    graphs = jnp.asarray(random_graphs(np.random.default_rng(1))[0], FLOAT)
    weight = jnp.asarray([1.0, 0.0, 1.0], FLOAT)
    kept = graphs[jnp.asarray([0, 2])]
    for estimate in (
        kernels.graphon_sas,
        kernels.graphon_usvt,
        lambda g, **options: kernels.graphon_largest_gap(g, num_blocks=2, **options),
    ):
        np.testing.assert_allclose(estimate(graphs, graph_weight=weight), estimate(kept), atol=EXACT)
    nothing = kernels.graphon_sas(graphs, graph_weight=jnp.zeros(3, FLOAT))
    np.testing.assert_array_equal(nothing, 0.0)


def smoothing_error(kind, seed=0, num_graphs=10, **options):
    """Mean absolute error of 14 blocks of 7 nodes."""
    estimate = kernels.graphon_sas(drawn(kind, seed, num_graphs), **options)
    return float(np.abs(np.asarray(estimate) - true_means(kind, 14)).mean())


@pytest.mark.parametrize("kind", DISTINCT)
def test_sort_and_smooth_finds_the_graphon(kind):
    """Ten graphs of 100 nodes; the published weight of the denoising, 7, leaves a constant."""
    assert smoothing_error(kind) < 0.05
    constant = np.abs(true_means(kind, 14) - true_means(kind, 14).mean()).mean()
    assert smoothing_error(kind, smoothing=7 * 2 * 7 * 10**0.5) > 0.9 * constant


@pytest.mark.parametrize("kind", DISTINCT)
def test_smoothing_lessens_the_error_of_single_graphs(kind):
    with_it, without = (
        np.mean([smoothing_error(kind, seed, num_graphs=1, smoothing=smoothing) for seed in range(4)])
        for smoothing in (1.0, 0.0)
    )
    assert with_it < 0.95 * without


def test_equal_degrees_blur_the_graphon():
    """Two blocks joined within: which of them comes first is chance, and nodes of both mix."""
    assert smoothing_error(11) > 2 * max(smoothing_error(kind) for kind in DISTINCT)


@pytest.mark.parametrize("kind", DISTINCT)
def test_thresholding_finds_the_graphon(kind):
    graphs = drawn(kind)
    estimate = kernels.graphon_usvt(graphs)
    error = np.abs(np.asarray(estimate) - true_means(kind, 100)).mean()
    assert error < 0.06
    # Their mean itself, with its noise, is farther.
    assert error < 0.8 * np.abs(np.asarray(jnp.mean(graphs, axis=0)) - true_means(kind, 100)).mean()


def test_largest_gap_finds_blocks():
    """Densities 0.9 and 0.4 within, 0.1 between, 30 and 30 nodes, ten graphs: the blocks themselves."""
    places = np.repeat([0, 1], 30)
    level = np.random.default_rng(0).random((10, 60, 60))
    upper = np.triu(level < np.array([[0.9, 0.1], [0.1, 0.4]])[places][:, places], 1)
    graphs = (upper | upper.swapaxes(1, 2)).astype(float)
    estimate = kernels.graphon_largest_gap(jnp.asarray(graphs, FLOAT), num_blocks=2)
    wanted = references.block_means(graphs, [0, 30, 60])
    np.testing.assert_allclose(estimate, np.kron(wanted, np.ones((30, 30))), rtol=1e-5)


def test_denoising_at_its_ends():
    image = jnp.asarray(np.random.default_rng(0).random((6, 5)), FLOAT)
    np.testing.assert_allclose(kernels.denoise_total_variation(image, weight=0.0), image, atol=EXACT)
    flat = kernels.denoise_total_variation(image, weight=10.0, num_iterations=2000)
    np.testing.assert_allclose(flat, jnp.mean(image), atol=1e-4)
    some = kernels.denoise_total_variation(image, weight=0.1)
    assert float(jnp.mean(some)) == pytest.approx(float(jnp.mean(image)), abs=1e-6)
    assert float(jnp.std(some)) < 0.9 * float(jnp.std(image))


def test_resizing_keeps_constants_and_lines():
    line = jnp.asarray((np.arange(4) + 0.5) / 4, FLOAT)
    graphon = (line[:, None] + line[None, :]) / 2
    wide = kernels.resize_bilinear(graphon, 8)
    np.testing.assert_allclose(jnp.diagonal(wide)[1:-1], (np.arange(8) + 0.5)[1:-1] / 8, rtol=1e-6)
    np.testing.assert_allclose(kernels.resize_bilinear(wide, 2), [[0.25, 0.5], [0.5, 0.75]], rtol=1e-6)
    np.testing.assert_allclose(kernels.resize_bilinear(graphon, 4), graphon, rtol=1e-6)
