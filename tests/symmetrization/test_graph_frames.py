"""Frames of graphs: averages over them are invariants of the graph, and tell graphs from each other."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxinv.kernels import symmetrization as kernels

# Of graphs with so many nodes, up to renumbering (OEIS A000088).
NUM_GRAPHS = {1: 1, 2: 2, 3: 4, 4: 11, 5: 34}


def numbered_graphs(n):
    """Adjacency of all graphs on n numbered nodes."""
    pairs = list(itertools.combinations(range(n), 2))
    for edges in itertools.product((0.0, 1.0), repeat=len(pairs)):
        adjacency = np.zeros((n, n))
        for (i, j), edge in zip(pairs, edges, strict=True):
            adjacency[i, j] = adjacency[j, i] = edge
        yield adjacency


def function(adjacency):
    """Of `(F, n, n)`, not invariant."""
    n = adjacency.shape[-1]
    way = np.random.default_rng(n).normal(size=(2, n, n))
    return np.sum(np.sin(np.sum(adjacency[:, None] * way, axis=-1) + way[..., 0]), axis=(-1, -2))


def in_orders(adjacency, orders):
    return np.stack([adjacency[np.ix_(order, order)] for order in orders])


def num_distinct(values):
    return len(np.unique(np.round(values, 9)))


@pytest.mark.parametrize("n", NUM_GRAPHS)
def test_averages_take_one_value_for_each_graph(n):
    """All graphs on numbered nodes: renumbered ones give the same, others another value."""
    averages, firsts = [], []
    for adjacency in numbered_graphs(n):
        orders = kernels.graph_orders(kernels.laplacian_sort_frame(adjacency))
        found = function(in_orders(adjacency, orders))
        averages.append(found.mean())
        firsts.append(found[0])
    assert num_distinct(averages) == NUM_GRAPHS[n]
    if n == 5:
        # Negative controls: one order of each frame, and the function alone.
        assert num_distinct(firsts) > NUM_GRAPHS[n]
        alone = [function(adjacency[None])[0] for adjacency in numbered_graphs(n)]
        assert num_distinct(alone) > 2 * NUM_GRAPHS[n]


def test_frames_move_along_and_are_small_where_nodes_differ():
    generator = np.random.default_rng(0)
    weights = np.triu(generator.uniform(0.5, 1.5, size=(7, 7)), 1)
    adjacency = weights + weights.T
    frame = kernels.laplacian_sort_frame(adjacency)
    assert frame.size == 1
    new = generator.permutation(7)
    moved = kernels.laplacian_sort_frame(adjacency[np.ix_(new, new)])
    np.testing.assert_array_equal(new[moved.order], frame.order)
    # A path is the same from both ends, nearly so with noise; a ring from all nodes.
    path = np.diag([1.0, 1, 1 + 1e-4], 1)
    sizes = [kernels.laplacian_sort_frame(path + path.T, decimals=decimals).size for decimals in (2, 8)]
    assert sizes == [4, 1]
    ring = np.roll(np.eye(6), 1, axis=0)
    frame = kernels.laplacian_sort_frame(ring + ring.T)
    np.testing.assert_array_equal(frame.ties, np.zeros(6))
    assert frame.size == 720
    assert kernels.graph_orders(frame).shape == (720, 6)
    assert kernels.laplacian_sort_frame(np.zeros((0, 0))).size == 1


def test_draws_are_of_the_frame_and_equally_likely():
    # A star of four leaves, whose centre is told from the leaves: 24 orders.
    star = np.zeros((5, 5))
    star[2] = star[:, 2] = 1.0
    star[2, 2] = 0.0
    frame = kernels.laplacian_sort_frame(star)
    orders = kernels.graph_orders(frame)
    assert orders.shape == (24, 5)
    draws = 2400
    drawn = np.asarray(kernels.sample_graph_frame(jax.random.key(0), frame, num=draws))
    same = np.all(drawn[:, None] == orders[None], axis=-1)
    assert np.all(same.sum(axis=1) == 1)
    counts = same.sum(axis=0)
    assert np.all(np.abs(counts - 100) < 4 * np.sqrt(100 * 23 / 24))


def test_permutation_matrices_average_any_function():
    path = np.diag(np.ones(3), 1)
    path = path + path.T
    features = np.random.default_rng(1).normal(size=(2, 4))
    way = np.arange(1.0, 5.0)

    def of_graph(adjacency, features):
        return jnp.sum(jnp.cos(adjacency * way[None]) @ features[0]), jnp.sin(features * way[None])

    @jax.jit
    def average(orders, adjacency, features):
        frames = kernels.order_frames(orders)
        inputs, output = ("tensor", "vector"), ("scalar", "vector")
        return kernels.frame_average(of_graph, frames, adjacency, features, inputs=inputs, output=output)

    def found(adjacency, features):
        orders = kernels.graph_orders(kernels.laplacian_sort_frame(adjacency))
        assert orders.shape == (4, 4)
        return average(orders, jnp.asarray(adjacency), jnp.asarray(features))

    scalar, field = found(path, features)
    orders = kernels.graph_orders(kernels.laplacian_sort_frame(path))
    wanted = [np.sum(np.cos(path[np.ix_(o, o)] * way) @ features[0][o]) for o in orders]
    np.testing.assert_allclose(scalar, np.mean(wanted), rtol=1e-5)
    # Equivariant: nodes renumbered.
    new = np.array([2, 0, 3, 1])
    moved_scalar, moved_field = found(path[np.ix_(new, new)], features[:, new])
    np.testing.assert_allclose(moved_scalar, scalar, rtol=1e-5)
    np.testing.assert_allclose(moved_field, field[:, new], atol=1e-6)
    assert np.abs(np.sin(features * way)[:, new] - np.sin(features[:, new] * way)).max() > 0.1


def test_bad_arguments_are_named():
    frame = kernels.laplacian_sort_frame(np.zeros((8, 8)))
    bad = (
        (lambda: kernels.laplacian_sort_frame(np.zeros((2, 3))), "adjacency must have shape"),
        (lambda: kernels.laplacian_sort_frame(np.array([[0.0, 1.0], [0.0, 0.0]])), "adjacency must be a symmetric"),
        (lambda: kernels.laplacian_sort_frame(np.full((2, 2), np.nan)), "adjacency must be a symmetric"),
        (lambda: kernels.laplacian_sort_frame(np.zeros((2, 2)), decimals=-1), "decimals must be"),
        (lambda: kernels.graph_orders(frame), "most must be at least the size of the frame, 40320"),
        (lambda: kernels.sample_graph_frame(jax.random.key(0), frame, num=0), "num must be"),
        (lambda: kernels.order_frames(jnp.zeros(3, int)), "orders must have shape"),
    )
    for call, message in bad:
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.raises(TypeError, match="orders must hold integers"):
        kernels.order_frames(jnp.zeros((1, 3)))
