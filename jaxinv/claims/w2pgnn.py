"""Pre-training helps where a mixture of its graphs' generators could have made the graphs of the task (Cao and Xu).

First the parts: graphons are told apart from ten graphs each, mixtures of bases are recovered, and mixtures keep the
motifs of their bases within the theorem's bound. Then the claim itself: a small network is pre-trained to predict the
edges of graphs from two domains, and then frozen; a linear probe on it tells from ten labelled graphs which of two
graphons a graph came from. The domains are the task's two graphons, or up to five steps away from them along two ways:
twelve networks, which the feasibility of their graphs is to rank, and as a plainer rival the distance of the graphs'
topology features.

Two more parts of the method: barycenters as estimates of graphons, beside sort-and-smooth, which sees nothing where all
degrees are equal; and ego networks of three large sparse graphs, of which one half is to be recognised by the other.
"""

import dataclasses
import functools
import time
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jaxtyping import Array, PRNGKeyArray
from scipy.stats import spearmanr

from jaxinv.claims.claim import Claim, ClaimResult, Progress, holds_in_every_seed, mean_row
from jaxinv.kernels.graphs import (
    MOTIF_EDGES,
    align_by_degree,
    cut_norm_bounds,
    ego_networks,
    feasibility,
    fit_mixture,
    graphon_bases,
    graphon_sas,
    gw_barycenter,
    gw_distance,
    motif_density,
    resize_bilinear,
    sample_graphs,
    synthesize_graphon,
    topology_features,
)
from jaxinv.kernels.numerics.kmeans import kmeans
from jaxinv.kernels.numerics.safe import safe_divide
from jaxinv.models.graph_isomorphism_network import GraphIsomorphismNetwork
from jaxinv.training import linear_probe
from jaxinv.training.full_batch import train_full_batch

RESOLUTION = 240
APART = (0, 1, 3, 6, 10, 11, 12)
# Estimated in two ways; of the last ones, the degrees are equal everywhere.
ESTIMATED, EQUAL_DEGREES = (0, 6, 10, 11, 12), (11, 12)
# Of the large graphs.
SPARSE = ("uniform", "hubs", "communities")
_COMMUNITIES, _MEAN_DEGREE = 30, 8
# The two graphons of the task are mixtures of two kinds; domains lead away from them towards two others.
TASK_KINDS, TASK_WEIGHTS = (0, 6), (0.4, 0.6)
WAYS = (3, 9)
STEPS_AWAY = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
LABELLED = 10
NUM_CLUSTERS = 5
_WIDTH, _LEARNING_RATE = 16, 0.01


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Size:
    graphs_apart: int = 10
    nodes_apart: int = 100
    barycenter_steps: int = 10
    sparse_nodes: int = 600
    egos: int = 40
    ego_nodes: int = 64
    pretraining: int = 32
    nodes: int = 60
    steps: int = 300
    fit_steps: int = 100
    probes: int = 20
    test: int = 400


class _Transfer(NamedTuple):
    """Of the twelve networks of one seed, the two ways outermost."""

    accuracy: Array
    untrained: Array
    feasibility: Array
    topology: Array


def run(*, seeds: int, progress: Progress | None, quick: bool) -> ClaimResult:
    """Estimates, mixes, pre-trains and probes; see `Claim.run`."""
    start = time.perf_counter()
    small = {
        "graphs_apart": 4,
        "nodes_apart": 32,
        "barycenter_steps": 2,
        "sparse_nodes": 60,
        "egos": 4,
        "ego_nodes": 32,
    }
    small |= {"pretraining": 4, "nodes": 16, "steps": 4, "fit_steps": 4, "probes": 2, "test": 6}
    size = _Size(**small) if quick else _Size()
    tell = progress or (lambda text: None)
    keys = [jax.random.key(seed) for seed in range(seeds)]
    tell(f"telling {len(APART)} graphons apart")
    margins = np.array([_least_margin(*_second_estimates(key, size)) for key in keys])
    tell(f"{len(ESTIMATED)} graphons by barycenters")
    # (seeds, ways, kinds)
    errors = np.array(
        [
            [[float(gw_distance(*two)) for two in zip(*way, strict=True)] for way in _estimates(key, size)]
            for key in keys
        ]
    )
    tell("ego networks")
    ego_margins = np.array([_least_margin(*_ego_estimates(key, size)) for key in keys])
    tell("recovering mixtures")
    exact, sampled, distances = np.array([_recovery(key, size) for key in keys]).T
    tell("motifs of mixtures")
    spare, used = np.array([_motifs(key) for key in keys]).T
    found: list[_Transfer] = []
    for seed, key in enumerate(keys):
        tell(f"pre-training {len(WAYS) * len(STEPS_AWAY)} networks and probing them: seed {seed + 1} of {seeds}")
        found.append(_transfer(key, size))
    trained, untrained, covered, alike = (np.stack(parts) for parts in zip(*found, strict=True))
    agreement = {
        name: np.array([_spearman(score, truth) for score, truth in zip(scores, trained, strict=True)])
        for name, scores in (("feasibility", covered), ("topology features", alike))
    }
    # The ways side by side: (seeds, 2, 6).
    accuracy, score = (values.reshape(seeds, len(WAYS), -1) for values in (trained, covered))
    rows = [
        mean_row("graphons: from the nearest other one, further than from its own, at least", margins),
        *(
            mean_row(f"estimate of kind {kind}: distance from the graphon, {way}", errors[:, i, j])
            for j, kind in enumerate(ESTIMATED)
            for i, way in enumerate(("sort-and-smooth", "barycenter"))
        ),
        mean_row(
            "ego networks: from those of the nearest other graph, further than from its own, at least", ego_margins
        ),
        mean_row("mixture: error of the weights, exact graphons", exact),
        mean_row("mixture: distance, exact graphons", distances),
        mean_row("mixture: error of the weights, from graphs", sampled),
        mean_row("motifs: share of the theorem's bound used, at most", used),
    ]
    for i, away in enumerate(STEPS_AWAY):
        rows += [
            mean_row(f"accuracy, domains {away:g} of the way to kind {way}", accuracy[:, j, i])
            for j, way in enumerate(WAYS)
        ]
    rows += [mean_row("accuracy, networks not pre-trained", np.mean(untrained, axis=1))]
    for i, away in enumerate(STEPS_AWAY):
        rows += [
            mean_row(f"feasibility, domains {away:g} of the way to kind {way}", score[:, j, i])
            for j, way in enumerate(WAYS)
        ]
    rows += [mean_row(f"Spearman's rho with transfer: {name}", values) for name, values in agreement.items()]
    checks = (
        holds_in_every_seed("every graphon is nearest to its own second estimate", margins),
        *(
            holds_in_every_seed(
                f"kind {kind}, of equal degrees: the barycenter beats sort-and-smooth",
                errors[:, 0, j] - errors[:, 1, j],
            )
            for j, kind in enumerate(ESTIMATED)
            if kind in EQUAL_DEGREES
        ),
        holds_in_every_seed("ego networks are nearest to others of their own graph", ego_margins),
        holds_in_every_seed("mixture of exact graphons: weights to 0.05", 0.05 - exact),
        holds_in_every_seed("mixture of exact graphons: distance below 0.001", 1e-3 - distances),
        holds_in_every_seed("mixtures keep motif densities within the theorem's bound", spare),
        holds_in_every_seed(
            "feasibility falls along both ways (Spearman's rho with the steps below 0)",
            np.array([-max(_spearman(one, STEPS_AWAY) for one in ways) for ways in score]),
        ),
        holds_in_every_seed("feasibility agrees with the accuracy (Spearman's rho above 0)", agreement["feasibility"]),
        holds_in_every_seed(
            "accuracy: the task's own graphons beat the farthest ones",
            np.mean(accuracy[:, :, 0] - accuracy[:, :, -1], axis=1),
        ),
        holds_in_every_seed(
            "accuracy: the task's own graphons beat no pre-training",
            np.mean(accuracy[:, :, 0], axis=1) - np.mean(untrained, axis=1),
        ),
        holds_in_every_seed(
            "feasibility agrees better than topology features",
            agreement["feasibility"] - agreement["topology features"],
        ),
    )
    return ClaimResult(
        name=CLAIM.name, seeds=seeds, seconds=time.perf_counter() - start, rows=tuple(rows), checks=checks
    )


def _spearman(values, others) -> float:
    """0 where one of the two does not vary."""
    if np.ptp(values) == 0 or np.ptp(others) == 0:
        return 0.0
    return float(spearmanr(values, others).statistic)  # pyright: ignore[reportAttributeAccessIssue]


@functools.partial(jax.jit, static_argnames=("size",))
def _second_estimates(key: PRNGKeyArray, size: _Size) -> Array:
    """Two of each of the graphons that are told apart, `(2, kinds, k, k)`."""
    graphons = jnp.stack([synthesize_graphon(kind, RESOLUTION) for kind in APART])
    keys = jax.random.split(key, (2, len(APART)))
    return jax.vmap(jax.vmap(functools.partial(_estimate, size=size)), (0, None))(keys, graphons)


def _least_margin(first: Array, second: Array) -> float:
    """How much farther the nearest other graphon is than the second estimate of the same, at least."""
    apart = np.array([[float(gw_distance(one, other)) for other in second] for one in first])
    others = np.where(np.eye(len(apart), dtype=bool), np.inf, apart)
    return float(np.min(others.min(axis=1) - np.diagonal(apart)))


def _estimate(key: PRNGKeyArray, graphon: Array, *, size: _Size) -> Array:
    graphs = sample_graphs(key, graphon, num_graphs=size.graphs_apart, num_nodes=size.nodes_apart)
    return graphon_sas(align_by_degree(graphs))


@functools.partial(jax.jit, static_argnames=("size",))
def _estimates(key: PRNGKeyArray, size: _Size) -> Array:
    """Estimates and their graphons, `(2, 2, kinds, k, k)`: by sort-and-smooth, and by a barycenter as large."""
    graphons = jnp.stack([synthesize_graphon(kind, RESOLUTION) for kind in ESTIMATED])

    def both(given):
        key, graphon = given
        graphs = sample_graphs(key, graphon, num_graphs=size.graphs_apart, num_nodes=size.nodes_apart)
        by_degree = graphon_sas(align_by_degree(graphs))
        steps = by_degree.shape[0]
        anew = gw_barycenter(graphs, size=steps, num_steps=size.barycenter_steps).graphon
        return by_degree, anew, resize_bilinear(graphon, steps)

    keys = jax.random.split(jax.random.fold_in(key, 1), len(ESTIMATED))
    by_degree, anew, truth = jax.lax.map(both, (keys, graphons))
    return jnp.stack([jnp.stack([by_degree, truth]), jnp.stack([anew, truth])])


def _sparse_graphons(mean_degree: float, num_nodes: int) -> Array:
    """In the order of `SPARSE`, scaled to the mean degree."""
    u = jnp.arange(1, RESOLUTION + 1) / RESOLUTION
    community = jnp.arange(RESOLUTION) * _COMMUNITIES // RESOLUTION
    same = (community[:, None] == community[None, :]).astype(u.dtype)
    shapes = jnp.stack([jnp.ones((RESOLUTION, RESOLUTION)), jnp.outer(u**3, u**3), same])
    return jnp.minimum(shapes / jnp.mean(shapes, axis=(1, 2), keepdims=True) * mean_degree / num_nodes, 1.0)


@functools.partial(jax.jit, static_argnames=("size",))
def _ego_estimates(key: PRNGKeyArray, size: _Size) -> Array:
    """Of the ego networks of two halves of the nodes of each large graph, `(2, graphs, k, k)`."""

    def halves(key, graphon):
        graph_key, center_key = jax.random.split(key)
        (graph,) = sample_graphs(graph_key, graphon, num_graphs=1, num_nodes=size.sparse_nodes)
        centers = jax.random.permutation(center_key, size.sparse_nodes)[: 2 * size.egos].astype(jnp.int32)

        def estimate(centers):
            egos = ego_networks(graph, centers, max_nodes=size.ego_nodes)
            return graphon_sas(align_by_degree(egos.adjacency, egos.num_nodes), egos.num_nodes)

        return jax.vmap(estimate)(centers.reshape(2, size.egos))

    keys = jax.random.split(jax.random.fold_in(key, 2), len(SPARSE))
    return jnp.swapaxes(jax.vmap(halves)(keys, _sparse_graphons(_MEAN_DEGREE, size.sparse_nodes)), 0, 1)


@functools.partial(jax.jit, static_argnames=("size",))
def _recovery(key: PRNGKeyArray, size: _Size) -> Array:
    """Errors of the weights of a random mixture, exact and from graphs, and the exact one's distance."""
    weight_key, *graph_keys = jax.random.split(key, 4)
    weight = jax.random.uniform(weight_key, minval=0.2, maxval=0.8)
    weights = jnp.stack([weight, 1 - weight])
    # Two bases and their mixture, from graphs, and exactly at the resolution of the estimates.
    graphons = jnp.stack([synthesize_graphon(kind, RESOLUTION) for kind in TASK_KINDS])
    graphons = jnp.concatenate([graphons, jnp.tensordot(weights, graphons, 1)[None]])
    estimates = jax.vmap(functools.partial(_estimate, size=size))(jnp.stack(graph_keys), graphons)
    exact = jax.vmap(lambda graphon: resize_bilinear(graphon, estimates.shape[-1]))(graphons)
    found = jax.vmap(lambda three: fit_mixture(three[:2], three[2], num_steps=size.fit_steps))(
        jnp.stack([exact, estimates])
    )
    errors = jnp.max(jnp.abs(found.weights - weights[None]), axis=1)
    return jnp.concatenate([errors, found.distance[:1]])


@jax.jit
def _motifs(key: PRNGKeyArray) -> Array:
    """What a random mixture leaves of the theorem's bound, at least, and the share of it that it uses, at most."""
    bases = jnp.stack([synthesize_graphon(kind, 60) for kind in APART])
    weights = jax.random.dirichlet(key, jnp.ones(len(APART)))
    mixed = jnp.tensordot(weights, bases, 1)
    cuts = jax.vmap(jax.vmap(cut_norm_bounds))(bases[:, None] - bases[None]).upper @ weights
    used, spare = [], []
    for motif, edges in MOTIF_EDGES.items():
        densities = jax.vmap(functools.partial(motif_density, motif=motif))(bases)
        apart, bound = jnp.abs(densities - motif_density(mixed, motif)), edges * cuts
        used.append(jnp.max(apart / bound))
        spare.append(jnp.min(bound - apart))
    return jnp.stack([jnp.min(jnp.stack(spare)), jnp.max(jnp.stack(used))])


def _generators() -> tuple[Array, Array]:
    """The task's two graphons `(2, r, r)`, and those of the two domains of twelve sets of graphs, `(12, 2, r, r)`."""
    first, second = (synthesize_graphon(kind, RESOLUTION) for kind in TASK_KINDS)
    task = jnp.stack([weight * first + (1 - weight) * second for weight in TASK_WEIGHTS])
    far = [synthesize_graphon(way, RESOLUTION) for way in WAYS]
    return task, jnp.stack([(1 - t) * task + t * end[None] for end in far for t in STEPS_AWAY])


@functools.partial(jax.jit, static_argnames=("size",))
def _transfer(key: PRNGKeyArray, size: _Size) -> _Transfer:
    task, generators = _generators()
    pretraining_key, task_key, network_key = jax.random.split(key, 3)

    def draw(key, graphons, count):
        """Of the two graphons in turn."""
        drawn = jax.vmap(functools.partial(sample_graphs, num_graphs=count // 2, num_nodes=size.nodes))(
            jax.random.split(key), graphons
        )
        return jnp.swapaxes(drawn, 0, 1).reshape(count, size.nodes, size.nodes)

    pretraining = jax.vmap(functools.partial(draw, count=size.pretraining))(
        jax.random.split(pretraining_key, len(generators)), generators
    )
    graphs = draw(task_key, task, size.probes * LABELLED + size.test)
    pretrained, untrained = _embeddings(jax.random.split(network_key, len(generators)), pretraining, graphs, size.steps)
    scores = _scores(pretraining, graphs[: size.probes * LABELLED], size.fit_steps)
    return _Transfer(_probe(pretrained, size), _probe(untrained, size), *scores)


def _embeddings(keys, pretraining, graphs, num_steps):
    """Mean node embeddings `(12, graphs, width)` of networks after pre-training, and before."""
    graphdef, _ = nnx.split(nnx.eval_shape(lambda: GraphIsomorphismNetwork(1, _WIDTH, rngs=nnx.Rngs(0))))

    def nodes(params, adjacency):
        # What is received is then the share of the nodes that are neighbours.
        ones = jnp.full((*adjacency.shape[:-1], 1), 1 / adjacency.shape[-1], adjacency.dtype)
        return nnx.merge(graphdef, params)(ones, adjacency)

    def one(key, own):
        start = nnx.state(GraphIsomorphismNetwork(1, _WIDTH, rngs=nnx.Rngs(key)))
        different = 1 - jnp.eye(own.shape[-1], dtype=own.dtype)[None]

        def edge_prediction(params):
            network, offset = params
            embedded = nodes(network, own)
            logits = jnp.einsum("kie,kje->kij", embedded, embedded) + offset
            losses = optax.sigmoid_binary_cross_entropy(logits, own)
            return jnp.sum(losses * different) / (own.shape[0] * jnp.sum(different))

        optimiser = optax.adam(_LEARNING_RATE)
        trained, _ = train_full_batch(edge_prediction, (start, jnp.zeros(())), optimiser, num_steps=num_steps)
        return tuple(jnp.mean(nodes(params, graphs), axis=1) for params in (trained, start))

    return jax.vmap(one)(keys, pretraining)


def _probe(embeddings, size: _Size) -> Array:
    """Accuracy `(12,)`, the mean of probes that saw ten graphs each."""
    networks, count, width = embeddings.shape
    labels = jnp.arange(count) % 2
    seen = size.probes * LABELLED
    train = embeddings[:, :seen].reshape(networks * size.probes, LABELLED, width)
    test = jnp.repeat(embeddings[:, seen:], size.probes, axis=0)
    accuracy = linear_probe(train, labels[:LABELLED], test, labels[seen:], num_classes=2)
    return jnp.mean(accuracy.reshape(networks, size.probes), axis=1)


def _scores(pretraining, graphs, num_steps):
    """Feasibility of each set of graphs for the task's, and minus the distance of their mean topology features.

    Bases are those of three partitions: all graphs together, by their domain, and by topology.
    """
    target = graphon_sas(align_by_degree(graphs))
    task = topology_features(graphs).features
    spread = jnp.std(task, axis=0)

    def both(own):
        features = topology_features(own).features
        domain = jnp.arange(own.shape[0], dtype=jnp.int32) % 2
        standard = safe_divide(features - jnp.mean(features, axis=0)[None], jnp.std(features, axis=0)[None])
        clusters = kmeans(jax.random.key(0), standard, NUM_CLUSTERS).assignment
        groups = jnp.stack([0 * domain, domain, clusters])
        found = jax.vmap(lambda group: graphon_bases(align_by_degree(own), group, num_groups=NUM_CLUSTERS))(groups)
        covered = feasibility(found.bases, target, mask=found.present, num_steps=num_steps).score
        apart = safe_divide(jnp.mean(features, axis=0) - jnp.mean(task, axis=0), spread)
        return covered, -jnp.linalg.norm(apart)

    return jax.lax.map(both, pretraining)


CLAIM = Claim(
    name="w2pgnn",
    title="When to Pre-Train Graph Neural Networks? From Data Generation Perspective!",
    reference="Cao and Xu et al. (W2PGNN), KDD 2023, arXiv:2303.16458",
    statement="Pre-training on graphs helps a task as far as some mixture of their generators could have made its "
    "graphs; the distance of the nearest mixture of estimated graphons tells so before any training.",
    experiment=run,
)
