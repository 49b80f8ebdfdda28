"""Equivariant maps on the ego nets of a graph see more than the same maps on the whole graph, for less memory (SPEN).

First without training: random networks of order 2, on the whole graph and on every ego net by itself, on pairs of
graphs that colour refinement (1-WL) takes for the same: three known ones, then all among the 1252 graphs of up to 7
nodes. On an ego net such a network is no stronger than colour refinement, so it should tell apart those pairs whose ego
nets differ for it, and no others; the rook's graph and Shrikhande's are the control. Then with training: which
3-regular graphs of 12 nodes have a triangle, beside messages between neighbours, to which all nodes of such graphs are
alike. There are only 94 such graphs up to numbering, so tests hold other numberings of graphs that were trained on; a
second test has 16 nodes. Then the memory of a layer, as XLA plans it.
"""

import collections
import dataclasses
import functools
import itertools
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from jaxinv.claims.claim import Claim, ClaimResult, Progress, Row, holds_in_every_seed, mean_row
from jaxinv.data.graphs import graph_atlas, random_regular_graphs
from jaxinv.kernels.permutations import (
    EgoBatch,
    EgoCapacity,
    ego_batch,
    ego_subgraphs,
    eq_2to0,
    eq_2to2,
    look_alikes,
    wl_refine,
)
from jaxinv.models.graph_isomorphism_network import GraphIsomorphismNetwork
from jaxinv.models.spen import Spen
from jaxinv.nn.permutations import EgoMaps, PermutationLinear

_SAME, _APART = 1e-10, 1e-2
_TRAINED_NODES, _LARGER = 12, 16
_DEGREE, _MEMORY_DEGREE = 3, 4


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Size:
    channels: int = 16
    layers: int = 3
    atlas_nodes: int = 7
    train: int = 400
    test: int = 200
    batch: int = 40
    steps: int = 400
    memory: tuple[int, ...] = (100, 200, 400)


def run(*, seeds: int, progress: Progress | None, quick: bool) -> ClaimResult:
    """Tells graphs apart, trains, and asks XLA for memory; see `Claim.run`."""
    start = time.perf_counter()
    small = _Size(channels=4, layers=2, atlas_nodes=5, train=8, test=4, batch=4, steps=2, memory=(10, 20))
    size = small if quick else _Size()
    tell = progress or (lambda text: None)
    tell("three pairs of graphs")
    known = [graph for pair in look_alikes().values() for graph in pair]
    known_pairs = [(2 * i, 2 * i + 1) for i in range(len(known) // 2)]
    whole, one_step, two_steps = (
        np.array([_apart(seed, known, known_pairs, num_hops, size) for seed in range(seeds)])
        for num_hops in (None, 1, 2)
    )
    tell("all pairs of small graphs")
    graphs = [graph for graph in graph_atlas() if len(graph) <= size.atlas_nodes]
    pairs = _alike_pairs(graphs)
    told = np.array([_ego_nets_differ(graphs[a], graphs[b]) for a, b in pairs])
    by_whole, by_egos = (
        np.array([_apart(seed, graphs, pairs, num_hops, size) for seed in range(seeds)]) for num_hops in (None, 1)
    )
    accuracy = {name: np.zeros((seeds, 2)) for name in ("SPEN", "messages")}
    for seed in range(seeds):
        tell(f"triangles in regular graphs, seed {seed + 1} of {seeds}")
        for name, found in _triangles(seed, size).items():
            accuracy[name][seed] = found
    tell("memory")
    memory = {n: _memory(n, size) for n in size.memory}
    rows = [
        mean_row(f"{name}: {way}, difference", values[:, i])
        for i, name in enumerate(look_alikes())
        for way, values in (("whole graph", whole), ("ego nets, one step", one_step), ("two steps", two_steps))
    ]
    rows += [
        Row(
            f"pairs of graphs up to {size.atlas_nodes} nodes that colour refinement takes for the same", len(pairs), ""
        ),
        mean_row("of them told apart by maps on the whole graph", np.sum(by_whole > _SAME, axis=1)),
        mean_row("of them told apart by maps on ego nets", np.sum(by_egos > _SAME, axis=1)),
        mean_row("least difference of pairs told apart, x 1000", [1e3 * _least(one) for one in by_egos]),
    ]
    for i, nodes in enumerate((_TRAINED_NODES, _LARGER)):
        rows += [mean_row(f"accuracy, triangles, {nodes} nodes: {name}", accuracy[name][:, i]) for name in accuracy]
    for n, (dense, egos) in memory.items():
        rows += [
            Row(f"MB of a layer and its gradient, {n} nodes: {name}", one / 1e6, "as XLA plans it")
            for name, one in (("whole graph", dense), ("ego nets", egos))
        ]
    middle = size.memory[1]
    checks = (
        holds_in_every_seed(
            "whole graph: none of the three pairs is told apart (within 1e-10, in 1e-10)",
            1 - whole.max(axis=1) / _SAME,
        ),
        holds_in_every_seed(
            "ego nets of one step: rings and skip links are told apart (more than 0.01)",
            one_step[:, :2].min(axis=1) - _APART,
        ),
        holds_in_every_seed(
            "ego nets of one and two steps: rook's and Shrikhande's graphs are not (within 1e-10, in 1e-10)",
            1 - np.maximum(one_step, two_steps)[:, 2] / _SAME,
        ),
        holds_in_every_seed(
            "small graphs: maps on the whole graph tell no pair apart (within 1e-10, in 1e-10)",
            1 - by_whole.max(axis=1, initial=0) / _SAME,
        ),
        holds_in_every_seed("small graphs: maps on ego nets tell some apart", np.sum(by_egos > _SAME, axis=1)),
        holds_in_every_seed(
            "small graphs: just those whose ego nets colour refinement tells apart (1 less the errors)",
            1 - np.sum((by_egos > _SAME) != told[None], axis=1),
        ),
        holds_in_every_seed("triangles: SPEN knows more than .95", accuracy["SPEN"][:, 0] - 0.95),
        holds_in_every_seed("triangles: messages guess (.5 to .05)", 0.05 - np.abs(accuracy["messages"][:, 0] - 0.5)),
        holds_in_every_seed(
            f"memory at {middle} nodes of degree {_MEMORY_DEGREE}: ego nets take less (MB saved)",
            [(memory[middle][0] - memory[middle][1]) / 1e6] * seeds,
        ),
    )
    return ClaimResult(
        name=CLAIM.name, seeds=seeds, seconds=time.perf_counter() - start, rows=tuple(rows), checks=checks
    )


def _least(differences) -> float:
    return float(np.min(differences, where=differences > _SAME, initial=1e3)) if np.any(differences > _SAME) else 0.0


def _weights(seed: int, channels: int) -> list[np.ndarray]:
    """Of two maps from order 2 to 2 and the readout, as SPEN draws them."""
    generator, widths = np.random.default_rng(seed), [1, channels, channels, channels]
    return [
        generator.normal(size=(number, a, b)) * np.sqrt(2 / (a + b))
        for number, (a, b) in zip((15, 15, 2), itertools.pairwise(widths), strict=True)
    ]


@jax.jit
def _outputs(weights, adjacency, mask):
    """`(tensors, channels)` of `(tensors, n, n)`."""
    x = adjacency[..., None]
    for one in weights[:-1]:
        x = jax.nn.elu(eq_2to2(x, one, mask=mask))
    return eq_2to0(x, weights[-1], mask=mask)


def _of_graphs(weights, graphs, num_hops: int | None) -> np.ndarray:
    """`(graphs, channels)` in float64: of whole graphs, or the mean over ego nets of so many steps."""
    room = max(map(len, graphs))
    of_graph, tensors, masks = [], [], []
    for number, graph in enumerate(graphs):
        n = len(graph)
        if num_hops is None:
            nodes, mask = np.arange(n)[None], np.ones((1, n), bool)
        else:
            nodes, mask, _ = ego_subgraphs(graph, num_hops, max_size=n)
        cut = graph[nodes[:, :, None], nodes[:, None, :]]
        tensors.append(np.pad(cut, ((0, 0), (0, room - n), (0, room - n))))
        masks.append(np.pad(mask, ((0, 0), (0, room - n))))
        of_graph += [number] * len(nodes)
    with jax.enable_x64(True):
        found = np.asarray(_outputs(weights, np.concatenate(tensors).astype(np.float64), np.concatenate(masks)))
    total = np.zeros((len(graphs), found.shape[-1]))
    np.add.at(total, of_graph, found)
    return total / np.bincount(of_graph)[:, None]


def _apart(seed: int, graphs, pairs, num_hops: int | None, size: _Size) -> np.ndarray:
    """How far the outputs of each pair of graphs differ at most."""
    first, second = np.array(pairs, int).reshape(-1, 2).T
    found = _of_graphs(_weights(seed, size.channels), graphs, num_hops)
    return np.abs(found[first] - found[second]).max(axis=1)


def _colours(graphs) -> list[tuple[int, ...]]:
    """How many nodes of each graph have which colour, where all are refined side by side."""
    owner = np.repeat(np.arange(len(graphs)), [len(graph) for graph in graphs])
    together = np.zeros((len(owner), len(owner)), bool)
    for number, graph in enumerate(graphs):
        together[np.ix_(owner == number, owner == number)] = graph
    colours = wl_refine(together)
    return [tuple(np.sort(colours[owner == number]).tolist()) for number in range(len(graphs))]


def _alike_pairs(graphs) -> list[tuple[int, int]]:
    """The pairs that colour refinement takes for the same; only graphs of the same degrees can be."""
    by_degrees = collections.defaultdict(list)
    for number, graph in enumerate(graphs):
        by_degrees[tuple(np.sort(graph.sum(axis=0)).tolist())].append(number)
    pairs = []
    for numbers in by_degrees.values():
        colours = _colours([graphs[number] for number in numbers])
        pairs += [(a, b) for (a, x), (b, y) in itertools.combinations(zip(numbers, colours, strict=True), 2) if x == y]
    return pairs


def _ego_nets_differ(first, second) -> bool:
    """Whether colour refinement tells the ego nets of two graphs of one size apart, all taken together."""
    cut = [graph[np.ix_(row[there], row[there])] for graph in (first, second) for row, there in _rows(graph)]
    colours = _colours(cut)
    return sorted(colours[: len(first)]) != sorted(colours[len(first) :])


def _rows(graph):
    found = ego_subgraphs(graph)
    return zip(found.nodes, found.mask, strict=True)


class _Messages(nnx.Module):
    """Rounds of `GraphIsomorphismNetwork` from equal features, their mean, and logits."""

    def __init__(self, num_channels: int, num_layers: int, *, rngs: nnx.Rngs):
        widths = [1, *[num_channels] * num_layers]
        self.rounds = nnx.List([GraphIsomorphismNetwork(a, num_channels, rngs=rngs) for a in widths[:-1]])
        self.head = nnx.Linear(num_channels, 2, rngs=rngs)

    def __call__(self, adjacency, *, num_graphs: int, key=None):
        del num_graphs, key
        x = jnp.ones((*adjacency.shape[:-1], 1))
        for one in self.rounds:
            x = one(x, adjacency)
        return self.head(jnp.mean(x, axis=-2))


def _draw(generator, count: int, num_nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """As many 3-regular graphs without a triangle as with one, and which they are."""
    kept: tuple[list, list] = ([], [])
    while min(map(len, kept)) < count // 2:
        for graph in random_regular_graphs(generator, count, num_nodes, _DEGREE):
            wide = graph.astype(int)
            kept[int(np.trace(wide @ wide @ wide) > 0)].append(graph)
    labels = np.repeat([0, 1], count // 2)
    graphs = np.stack([*kept[0][: count // 2], *kept[1][: count // 2]])
    order = generator.permutation(len(labels))
    return graphs[order], labels[order]


def _stacked(graphs: np.ndarray, size: int) -> EgoBatch:
    """Batches of so many graphs, of one shape."""
    sizes = (_DEGREE + 1,)
    num_nodes = size * graphs.shape[1]
    # A node shares ego nets with itself, its neighbours and theirs.
    room = EgoCapacity(num_nodes, num_nodes * (1 + _DEGREE**2), (num_nodes,))
    cut = [list(graphs[at : at + size]) for at in range(0, len(graphs), size)]
    batches = [ego_batch(one, sizes=sizes, capacity=room) for one in cut]
    return jax.tree.map(lambda *leaves: np.stack(leaves), *batches)


def _triangles(seed: int, size: _Size) -> dict[str, list[float]]:
    """Accuracies on new graphs as large, and on larger ones."""
    generator = np.random.default_rng(seed)
    graphs, labels = _draw(generator, size.train, _TRAINED_NODES)
    tests = [_draw(generator, size.test, nodes) for nodes in (_TRAINED_NODES, _LARGER)]
    rngs = nnx.Rngs(seed)
    networks = {
        "SPEN": Spen(1, 2, 1, num_channels=size.channels, num_layers=size.layers, rngs=rngs),
        "messages": _Messages(size.channels, size.layers, rngs=rngs),
    }

    def batches(name, graphs, count):
        if name == "SPEN":
            return _stacked(graphs, count)
        return graphs.reshape(-1, count, *graphs.shape[1:]).astype(np.float32)

    found = {}
    for name, network in networks.items():
        graphdef, params = nnx.split(network)
        given = batches(name, graphs, size.batch), labels.reshape(-1, size.batch)
        params = _trained(graphdef, params, *given, jax.random.key(seed), size)
        found[name] = []
        for test, wanted in tests:
            (one,) = (jax.tree.map(lambda leaf: leaf[0], batches(name, test, size.test)),)
            logits = _logits(graphdef, params, one, size.test)
            found[name].append(float(np.mean(np.argmax(np.asarray(logits), axis=-1) == wanted)))
    return found


@functools.partial(jax.jit, static_argnames=("graphdef", "size"))
def _trained(graphdef, params, batches, labels, key, size: _Size):
    optimiser = optax.adam(optax.cosine_decay_schedule(3e-3, size.steps))

    def loss(params, batch, wanted, key):
        logits = nnx.merge(graphdef, params)(batch, num_graphs=size.batch, key=key)
        return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(logits, wanted))

    def step(state, key):
        params, moments = state
        chosen_key, key = jax.random.split(key)
        chosen = jax.random.randint(chosen_key, (), 0, labels.shape[0])
        batch, wanted = jax.tree.map(lambda leaf: jnp.asarray(leaf)[chosen], (batches, labels))
        updates, moments = optimiser.update(jax.grad(loss)(params, batch, wanted, key), moments)
        return (optax.apply_updates(params, updates), moments), None

    return jax.lax.scan(step, (params, optimiser.init(params)), jax.random.split(key, size.steps))[0][0]


@functools.partial(jax.jit, static_argnames=("graphdef", "num_graphs"))
def _logits(graphdef, params, batch, num_graphs: int):
    return nnx.merge(graphdef, params)(batch, num_graphs=num_graphs)


def _memory(num_nodes: int, size: _Size) -> tuple[int, int]:
    """Bytes of a layer from order 2 to 2 with its gradient, on the whole graph and on ego nets."""
    (graph,) = random_regular_graphs(np.random.default_rng(0), 1, num_nodes, _MEMORY_DEGREE)
    batch, c = ego_batch([graph]), size.channels
    dense = PermutationLinear(2, 2, c, c, rngs=nnx.Rngs(0))
    egos = EgoMaps({2: c}, {2: c}, len(batch.subgraphs), rngs=nnx.Rngs(0))

    def of_egos(layer, pairs, subgraphs):
        return layer(pairs, None, subgraphs, num_nodes=num_nodes).pairs

    def bytes_of(apply, layer, x, *tables):
        graphdef, params = nnx.split(layer)

        def loss(params, x, *tables):
            return jnp.sum(apply(nnx.merge(graphdef, params), x, *tables) ** 2)

        shapes = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), (params, x, *tables))
        plan: Any = jax.jit(jax.grad(loss, argnums=(0, 1))).lower(*shapes).compile().memory_analysis()
        return plan.argument_size_in_bytes + plan.output_size_in_bytes + plan.temp_size_in_bytes

    rows = jax.ShapeDtypeStruct((len(batch.pair_graph), c), jnp.float32)
    whole = bytes_of(lambda layer, x: layer(x), dense, jax.ShapeDtypeStruct((num_nodes, num_nodes, c), jnp.float32))
    return whole, bytes_of(of_egos, egos, rows, batch.subgraphs)


CLAIM = Claim(
    name="spen",
    title="Subgraph Permutation Equivariant Networks",
    reference="Mitton and Murray-Smith, arXiv:2111.11840",
    statement="Equivariant maps of order 2 on the ego nets of a graph tell graphs apart that they cannot on the whole "
    "graph, and take memory for the ego nets instead of for all pairs of nodes.",
    experiment=run,
)
