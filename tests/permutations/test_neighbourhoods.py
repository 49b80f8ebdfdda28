"""Ego nets and their batches: as networkx has them, and maps on them as on squares."""

from typing import Any

import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np
import pytest

from jaxinv.kernels import permutations as kernels
from tests.duties import FLOAT, X64
from tests.permutations import references


def graphs():
    """Of different sizes, one with an isolated node."""
    drawn = [nx.to_numpy_array(nx.gnp_random_graph(n, 0.4, seed=n)) for n in (7, 1, 5)]
    drawn[0][3] = drawn[0][:, 3] = 0
    return drawn


def egos(adjacency, num_hops):
    graph = nx.from_numpy_array(adjacency, create_using=nx.DiGraph)
    reached = [sorted(nx.ego_graph(graph, node, num_hops)) for node in range(len(adjacency))]
    return [[node, *(other for other in ego if other != node)] for node, ego in enumerate(reached)]


@pytest.mark.parametrize("num_hops", [1, 2])
def test_ego_nets_as_networkx(num_hops):
    directed = (np.random.default_rng(0).random((8, 8)) < 0.2) & ~np.eye(8, dtype=bool)
    for adjacency in (*graphs(), directed):
        found = kernels.ego_subgraphs(adjacency, num_hops, max_size=9)
        kept = [nodes[mask].tolist() for nodes, mask in zip(found.nodes, found.mask, strict=True)]
        assert kept == egos(adjacency, num_hops)
        assert not found.overflow.any()
        assert not found.nodes[~found.mask].any()


def test_what_does_not_fit_is_told_and_never_cut():
    star = nx.to_numpy_array(nx.star_graph(4))
    with pytest.raises(ValueError, match="max_size must be >= 5, the nodes within 1 steps of 0: 3"):
        kernels.ego_subgraphs(star, max_size=3)
    found = kernels.ego_subgraphs(star, max_size=3, overflow="flag")
    np.testing.assert_array_equal(found.overflow, [True, False, False, False, False])
    np.testing.assert_array_equal(found.mask.sum(axis=1), [0, 2, 2, 2, 2])
    assert kernels.ego_subgraphs(star).nodes.shape == (5, 5)
    assert kernels.ego_subgraphs(np.zeros((0, 0))).nodes.shape == (0, 0)


def test_bad_graphs_are_named():
    for adjacency, message in (
        (np.ones((2, 3)), r"adjacency must have shape \(n, n\), got \(2, 3\)"),
        (np.eye(3), "adjacency must have no loops.*node 0 has one"),
        (np.full((2, 2), np.nan), "adjacency must be finite"),
    ):
        with pytest.raises(ValueError, match=message):
            kernels.ego_subgraphs(adjacency)
    with pytest.raises(ValueError, match="num_hops must be >= 1"):
        kernels.ego_subgraphs(np.zeros((2, 2)), 0)
    with pytest.raises(ValueError, match="overflow must be one of"):
        kernels.ego_subgraphs(np.zeros((2, 2)), overflow="cut")


def test_batches_hold_each_graph():
    drawn, labels = graphs(), [np.arange(7) % 3, np.array([2]), np.arange(5) % 2]
    batch = kernels.ego_batch(drawn, labels, sizes=(2, 8))
    np.testing.assert_array_equal(batch.labels, np.concatenate(labels))
    np.testing.assert_array_equal(batch.node_graph, np.repeat([0, 1, 2], [7, 1, 5]))
    starts = np.array([0, 7, 8])
    whole = np.zeros((13, 13))
    for start, graph in zip(starts, drawn, strict=True):
        whole[start : start + len(graph), start : start + len(graph)] = graph
    np.testing.assert_array_equal(batch.adjacency, whole[batch.rows, batch.columns])
    np.testing.assert_array_equal(batch.pair_graph, batch.node_graph[batch.rows])
    # Every ego net once, in the bucket of its size, with its pairs.
    kept = [one.nodes[row][one.mask[row]] for one in batch.subgraphs for row in range(len(one.nodes))]
    wanted = [[start + n for n in ego] for start, g in zip(starts, drawn, strict=True) for ego in egos(g, 1)]
    assert sorted(one.tolist() for one in kept) == sorted(wanted)
    assert [one.nodes.shape[1] for one in batch.subgraphs] == [2, 8]
    assert batch.subgraphs[0].mask[:, 0].all()
    for one in batch.subgraphs:
        both = one.mask[:, :, None] & one.mask[:, None, :]
        rows = np.broadcast_to(one.nodes[:, :, None], both.shape)[both]
        columns = np.broadcast_to(one.nodes[:, None, :], both.shape)[both]
        np.testing.assert_array_equal(batch.rows[one.pairs[both]], rows)
        np.testing.assert_array_equal(batch.columns[one.pairs[both]], columns)
    covered = {(a, b) for ego in wanted for a in ego for b in ego}
    assert len(batch.pair_graph) == len(covered) == batch.used.pairs


def test_batches_of_one_shape():
    drawn = graphs()
    used = kernels.ego_batch(drawn, sizes=(2, 8)).used
    roomy = kernels.EgoCapacity(used.nodes + 2, used.pairs + 5, (used.subgraphs[0] + 1, used.subgraphs[1]))
    batch = kernels.ego_batch(drawn, sizes=(2, 8), capacity=roomy)
    assert batch.used == used
    assert (len(batch.labels), len(batch.adjacency), *(len(one.mask) for one in batch.subgraphs)) == (
        roomy.nodes,
        roomy.pairs,
        *roomy.subgraphs,
    )
    np.testing.assert_array_equal(batch.node_graph[-2:], -1)
    wrong: list[tuple[dict[str, Any], str]] = [
        (
            {"sizes": (2, 8), "capacity": roomy._replace(pairs=used.pairs - 1)},
            f"room for {used.pairs} pairs, got {used.pairs - 1}",
        ),
        ({"sizes": (2, 3)}, "sizes must hold the largest ego net"),
        ({"sizes": (8, 2)}, "sizes must ascend"),
        ({"labels": [np.zeros(3, int)] * 3}, "labels must be one for each node"),
        ({"labels": [-np.ones(len(one), int) for one in drawn]}, "labels must be integers, 0 at least"),
    ]
    for options, message in wrong:
        with pytest.raises(ValueError, match=message):
            kernels.ego_batch(drawn, **options)
    with pytest.raises(ValueError, match="graphs must hold one"):
        kernels.ego_batch([])


def test_maps_on_tables_are_those_on_squares():
    """All orders at once on one graph in one bucket, and back unchanged where a map leaves what it gets."""
    (adjacency, *_), generator = graphs(), np.random.default_rng(0)
    n = len(adjacency)
    batch = kernels.ego_batch([adjacency], sizes=(n,))
    square, nodes = generator.normal(size=(n, n, 3)), generator.normal(size=(n, 2))
    names = {f"{a}to{b}": (a, b) for a in (1, 2) for b in (0, 1, 2)}
    coefficients = {
        name: generator.normal(size=(kernels.NUM_OPERATIONS[orders], 3 if orders[0] == 2 else 2, 2))
        for name, orders in names.items()
    }
    biases = {name: generator.normal(size=(kernels.NUM_BIASES[orders[1]], 2)) for name, orders in names.items()}
    cast = lambda tree: jax.tree.map(lambda x: jnp.asarray(x, FLOAT)[None], tree)  # noqa: E731
    pairs = jnp.asarray(square[batch.rows, batch.columns], FLOAT)
    given = jnp.asarray(nodes, FLOAT), batch.subgraphs, cast(coefficients), cast(biases)
    found = kernels.ego_maps(pairs, *given, num_nodes=n)
    wanted: Any = references.ego_maps_on_squares(square, nodes, egos(adjacency, 1), coefficients, biases)
    wanted[0] = wanted[0][batch.rows, batch.columns]
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12 if X64 else 1e-4)
    same = jnp.zeros((1, 15, 3, 3), FLOAT).at[0, 9].set(jnp.eye(3))
    back = kernels.ego_maps(pairs, None, batch.subgraphs, {"2to2": same}, {}, num_nodes=n)
    np.testing.assert_allclose(back.pairs, pairs, atol=1e-12 if X64 else 1e-6)
    assert back.nodes.shape == back.centres.shape == (n, 0)


def test_buckets_have_weights_of_their_own():
    """Cut into two buckets, with equal weights the same as in one, with others not."""
    (adjacency, *_), generator = graphs(), np.random.default_rng(0)
    weights = jnp.asarray(generator.normal(size=(2, 5, 1, 1)), FLOAT)

    def nodes(sizes, weights):
        batch = kernels.ego_batch([adjacency], sizes=sizes)
        pairs = jnp.asarray(batch.adjacency, FLOAT)[:, None]
        return kernels.ego_maps(pairs, None, batch.subgraphs, {"2to1": weights}, {}, num_nodes=7).nodes

    one = nodes((7,), weights[:1])
    np.testing.assert_allclose(nodes((3, 7), jnp.stack([weights[0]] * 2)), one, atol=1e-12 if X64 else 1e-5)
    assert float(jnp.abs(nodes((3, 7), weights) - one).max()) > 0.1
