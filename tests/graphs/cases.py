"""The kernels on graphs before their duties."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels import graphs as kernels
from tests.duties import FEATURES, BadInput, Case
from tests.graphs import references

KEY = jax.random.key(3)
TRIANGLE = ((0, 1), (1, 2), (2, 0))
# Eager steps are slow, and few suffice where the answer is one of the starts.
FEW = {"num_outer": 2, "num_inner": 2}


def random_graphs(generator: np.random.Generator, num_graphs=3, size=8) -> tuple[np.ndarray]:
    """Symmetric 0 and 1 without loops, of very different degrees."""
    popular = np.linspace(0.3, 1, size)
    upper = np.triu(generator.random((num_graphs, size, size)) < popular[:, None] * popular[None, :], 1)
    return ((upper | upper.swapaxes(1, 2)).astype(float),)


def weighted_graphs(generator: np.random.Generator) -> tuple[np.ndarray]:
    """Without equal degrees, so that finite differences do not change the order."""
    (graphs,) = random_graphs(generator)
    noise = generator.uniform(0.1, 0.9, graphs.shape)
    return ((graphs + 0.2) * (noise + noise.swapaxes(1, 2)) * (1 - np.eye(8)),)


def image(generator: np.random.Generator) -> tuple[np.ndarray]:
    return (generator.random((4, 5)),)


def graphon(generator: np.random.Generator) -> tuple[np.ndarray]:
    values = generator.random((4, 4))
    return ((values + values.T) / 2,)


def two_graphons_and_plan(generator: np.random.Generator) -> tuple[np.ndarray, ...]:
    return graphon(generator)[0], graphon(generator)[0][:3, :3], generator.dirichlet(np.ones(12)).reshape(4, 3)


def two_graphons(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The second is the first in another order, a little changed."""
    degrees = np.linspace(0.1, 1, 4)
    source = np.outer(degrees, degrees) + 0.05 * graphon(generator)[0]
    order = generator.permutation(4)
    return source, source[np.ix_(order, order)] + 0.05 * graphon(generator)[0]


def basis_and_other(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Two bases of descending degrees, and the second of them as the target."""
    u = np.linspace(1, 0.2, 4)
    scale = generator.uniform(0.8, 1)
    both = np.stack([scale * np.outer(u, u), np.exp(-scale * np.maximum(u[::-1, None], u[None, ::-1]))])
    return both, both[1]


def partitions(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The two bases, and the wrong one twice."""
    both, target = basis_and_other(generator)
    return np.stack([both[[0, 0]], both]), target


def two_near_graphs(generator: np.random.Generator) -> tuple[np.ndarray]:
    return (np.stack(two_graphons(generator)),)


def ring_and_centers(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A weighted ring of nine nodes and one chord, its nodes renumbered."""
    ring = np.eye(9, k=1) + np.eye(9, k=8) + np.eye(9, k=4) * (np.arange(9) == 1)[:, None]
    order = generator.permutation(9)
    graph = generator.uniform(0.5, 1.5) * (ring + ring.T)[np.ix_(order, order)]
    return graph, generator.permutation(9)[:3]


def certain_graphs(graphon):
    """What `sample_graphs` with `KEY` gives where edges are certain: the places of nodes are drawn first."""
    place = np.asarray(jax.random.randint(jax.random.split(KEY)[0], (3, 5), 0, len(graphon)))
    return graphon[place[:, :, None], place[:, None, :]] * (1 - np.eye(5))


def _group_bases(adjacency):
    return kernels.graphon_bases(adjacency, jnp.asarray([1, 0, 1]), num_groups=2, block_size=2)


def _reference_bases(adjacency):
    bounds = np.arange(0, 9, 2)
    groups = adjacency[1:2], adjacency[[0, 2]]
    return np.stack([references.denoised(references.block_means(g, bounds), 1 / (4 * np.sqrt(len(g)))) for g in groups])


def _of_graphs(kernel) -> tuple[BadInput, ...]:
    return (
        BadInput(
            call=lambda: kernel(jnp.ones((1, 8, 8), int)),
            error=TypeError,
            message="adjacency must be floating point, got dtype int",
        ),
        BadInput(
            call=lambda: kernel(jnp.ones((1, 8, 7))),
            error=ValueError,
            message=r"adjacency must have shape \(any, 8, 8\), got \(1, 8, 7\)",
        ),
        BadInput(call=lambda: kernel(jnp.ones((8, 8))), error=ValueError, message="adjacency must have shape"),
    )


def _of_matrix(name, kernel) -> tuple[BadInput, ...]:
    return (
        BadInput(
            call=lambda: kernel(jnp.ones((3, 3), int)),
            error=TypeError,
            message=f"{name} must be floating point, got dtype int",
        ),
        BadInput(
            call=lambda: kernel(jnp.ones((3, 2))), error=ValueError, message=rf"{name} must have shape \(3, 3\), got"
        ),
        BadInput(
            call=lambda: kernel(jnp.ones((0, 0))), error=ValueError, message=f"size of {name} must be >= 1, got 0"
        ),
    )


def _num_nodes(kernel) -> BadInput:
    return BadInput(
        call=lambda: kernel(jnp.ones((1, 8, 8)), jnp.ones(2, int)),
        error=ValueError,
        message=r"num_nodes must have shape \(1\), got \(2,\)",
    )


def _no_graphs() -> tuple[np.ndarray]:
    return (np.zeros((0, 8, 8)),)


CASES = [
    Case(
        name="graphs.align_by_degree",
        function=kernels.align_by_degree,
        arguments=weighted_graphs,
        reference=references.aligned,
        **FEATURES,
        empty=_no_graphs,
        bad_input=(*_of_graphs(kernels.align_by_degree), _num_nodes(kernels.align_by_degree)),
    ),
    Case(
        name="graphs.denoise_total_variation",
        function=lambda x: kernels.denoise_total_variation(x, weight=0.1, num_iterations=5),
        arguments=image,
        reference=lambda x: references.denoised(x, 0.1, num_iterations=5),
        **FEATURES,
        empty=lambda: (np.zeros((0, 3)),),
        bad_input=(
            BadInput(
                call=lambda: kernels.denoise_total_variation(jnp.ones((2, 2), int), weight=1.0),
                error=TypeError,
                message="image must be floating point, got dtype int",
            ),
            BadInput(
                call=lambda: kernels.denoise_total_variation(jnp.ones(2), weight=1.0),
                error=ValueError,
                message="image must have shape",
            ),
            BadInput(
                call=lambda: kernels.denoise_total_variation(jnp.ones((2, 2)), weight=1.0, num_iterations=-1),
                error=ValueError,
                message="num_iterations must be >= 0, got -1",
            ),
        ),
    ),
    Case(
        name="graphs.graphon_sas",
        function=lambda adjacency: kernels.graphon_sas(adjacency, block_size=2, num_iterations=5),
        arguments=random_graphs,
        reference=lambda adjacency: references.denoised(
            references.block_means(adjacency, np.arange(0, 9, 2)), 1 / (4 * np.sqrt(3)), num_iterations=5
        ),
        value=lambda result: result,
        second_order=True,
        tolerance=(1e-5, 1e-12),
        empty=_no_graphs,
        bad_input=(
            *_of_graphs(kernels.graphon_sas),
            _num_nodes(kernels.graphon_sas),
            BadInput(
                call=lambda: kernels.graphon_sas(jnp.ones((1, 8, 8)), block_size=5),
                error=ValueError,
                message="adjacency must have two blocks of 5 nodes at least, got shape",
            ),
            BadInput(
                call=lambda: kernels.graphon_sas(jnp.ones((1, 8, 8)), block_size=0),
                error=ValueError,
                message="block_size must be >= 1, got 0",
            ),
            BadInput(
                call=lambda: kernels.graphon_sas(jnp.ones((1, 8, 8)), graph_weight=jnp.ones(2)),
                error=ValueError,
                message=r"graph_weight must have shape \(1\), got \(2,\)",
            ),
        ),
    ),
    Case(
        name="graphs.graphon_usvt",
        function=lambda adjacency: kernels.graphon_usvt(adjacency, threshold=1.0),
        arguments=random_graphs,
        reference=lambda adjacency: references.thresholded(adjacency, 1.0),
        value=lambda result: result,
        differentiable=(),
        tolerance=(1e-5, 1e-11),
        empty=_no_graphs,
        bad_input=_of_graphs(kernels.graphon_usvt),
    ),
    Case(
        name="graphs.graphon_largest_gap",
        function=lambda adjacency: kernels.graphon_largest_gap(adjacency, num_blocks=3),
        arguments=weighted_graphs,
        reference=lambda adjacency: references.largest_gap(adjacency, 3),
        value=lambda result: result,
        second_order=True,
        tolerance=(1e-5, 1e-12),
        # Its rounding may decide between two gaps.
        low_precision=None,
        empty=_no_graphs,
        bad_input=(
            *_of_graphs(lambda adjacency: kernels.graphon_largest_gap(adjacency, num_blocks=1)),
            BadInput(
                call=lambda: kernels.graphon_largest_gap(jnp.ones((1, 8, 8)), num_blocks=9),
                error=ValueError,
                message="num_blocks must be between 1 and the 8 nodes of adjacency, got 9",
            ),
        ),
    ),
    Case(
        name="graphs.resize_bilinear",
        function=lambda graphon: kernels.resize_bilinear(graphon, 7),
        arguments=graphon,
        reference=lambda graphon: references.resized(graphon, 7),
        **FEATURES,
        bad_input=(
            *_of_matrix("graphon", lambda graphon: kernels.resize_bilinear(graphon, 2)),
            BadInput(
                call=lambda: kernels.resize_bilinear(jnp.ones((2, 2)), 0),
                error=ValueError,
                message="resolution must be >= 1, got 0",
            ),
        ),
    ),
    Case(
        name="graphs.sample_graphs",
        function=lambda graphon: kernels.sample_graphs(
            KEY, (graphon > 0.5).astype(graphon.dtype), num_graphs=3, num_nodes=5
        ),
        arguments=graphon,
        # Certain edges depend on the places of the nodes alone.
        reference=lambda graphon: certain_graphs((graphon > 0.5).astype(float)),
        value=lambda result: result,
        differentiable=(),
        low_result=jnp.bfloat16,
        bad_input=(
            *_of_matrix("graphon", lambda graphon: kernels.sample_graphs(KEY, graphon, num_graphs=1, num_nodes=2)),
            BadInput(
                call=lambda: kernels.sample_graphs(KEY, jnp.ones((2, 2)), num_graphs=-1, num_nodes=2),
                error=ValueError,
                message="num_graphs must be >= 0, got -1",
            ),
        ),
    ),
    Case(
        name="graphs.topology_features",
        function=kernels.topology_features,
        arguments=random_graphs,
        reference=lambda adjacency: np.stack([references.topology(graph) for graph in adjacency]),
        value=lambda result: result.features,
        differentiable=(),
        tolerance=(1e-5, 1e-11),
        empty=_no_graphs,
        bad_input=(*_of_graphs(kernels.topology_features), _num_nodes(kernels.topology_features)),
    ),
    Case(
        name="graphs.cut_norm_bounds",
        function=kernels.cut_norm_bounds,
        arguments=lambda generator: (graphon(generator)[0] - graphon(generator)[0],),
        reference=references.cut_norm,
        value=lambda result: result.lower,
        differentiable=(),
        tolerance=(1e-5, 1e-11),
        bad_input=_of_matrix("difference", kernels.cut_norm_bounds),
    ),
    Case(
        name="graphs.motif_density",
        function=lambda graphon: kernels.motif_density(graphon, "triangle"),
        arguments=graphon,
        reference=lambda graphon: references.motif_density(graphon, TRIANGLE),
        value=lambda result: result,
        second_order=True,
        tolerance=(1e-5, 1e-12),
        bad_input=(
            *_of_matrix("graphon", lambda graphon: kernels.motif_density(graphon, "edge")),
            BadInput(
                call=lambda: kernels.motif_density(jnp.ones((2, 2)), "square"),
                error=ValueError,
                message="motif must be one of 'edge', 'path-2', 'triangle', '4-cycle', got 'square'",
            ),
        ),
    ),
    Case(
        name="graphs.gw_cost",
        function=kernels.gw_cost,
        arguments=two_graphons_and_plan,
        reference=references.gw_cost,
        value=lambda result: result,
        differentiable=(0, 1, 2),
        second_order=True,
        tolerance=(1e-5, 1e-12),
        bad_input=(
            *_of_matrix("source", lambda source: kernels.gw_cost(source, source, source)),
            BadInput(
                call=lambda: kernels.gw_cost(jnp.ones((3, 3)), jnp.ones((2, 2)), jnp.ones((3, 3))),
                error=ValueError,
                message=r"plan must have shape \(3, 2\), got \(3, 3\)",
            ),
        ),
    ),
    Case(
        name="graphs.entropic_gw",
        function=lambda source, target: kernels.entropic_gw(source, target, **FEW),
        arguments=two_graphons,
        reference=references.best_permutation,
        value=lambda result: result.value,
        differentiable=(0, 1),
        # A small difference of large terms.
        tolerance=(1e-3, 1e-9),
        diagnostics_tolerance=(1e-4, 1e-8),
        bad_input=(
            *_of_matrix("source", lambda source: kernels.entropic_gw(source, source)),
            BadInput(
                call=lambda: kernels.entropic_gw(jnp.ones((3, 3)), jnp.ones((2, 2)), jnp.ones(2)),
                error=ValueError,
                message=r"source_weight must have shape \(3\), got \(2,\)",
            ),
            BadInput(
                call=lambda: kernels.entropic_gw(jnp.ones((3, 3)), jnp.ones((2, 2)), num_outer=0),
                error=ValueError,
                message="num_outer must be >= 1, got 0",
            ),
        ),
    ),
    Case(
        name="graphs.gw_distance",
        function=lambda source, target: kernels.gw_distance(source, target, **FEW),
        arguments=two_graphons,
        reference=lambda source, target: np.sqrt(references.best_permutation(source, target)),
        value=lambda result: result,
        differentiable=(0, 1),
        tolerance=(1e-3, 1e-9),
        bad_input=_of_matrix("source", lambda source: kernels.gw_distance(source, source)),
    ),
    Case(
        name="graphs.graphon_bases",
        function=_group_bases,
        arguments=random_graphs,
        reference=_reference_bases,
        value=lambda result: result.bases,
        second_order=True,
        tolerance=(1e-5, 1e-10),
        bad_input=(
            *_of_graphs(lambda adjacency: kernels.graphon_bases(adjacency, jnp.zeros(1, int), num_groups=1)),
            BadInput(
                call=lambda: kernels.graphon_bases(jnp.ones((1, 8, 8)), jnp.zeros(2, int), num_groups=1),
                error=ValueError,
                message=r"group must have shape \(1\), got \(2,\)",
            ),
        ),
    ),
    Case(
        name="graphs.gw_barycenter",
        function=lambda graphs: kernels.gw_barycenter(graphs, size=4, num_steps=1, **FEW),
        arguments=two_near_graphs,
        # Where the degrees of both differ alike; that later steps lower the distance is `test_barycenters.py`'s.
        reference=lambda graphs: references.aligned(graphs).mean(axis=0),
        value=lambda result: result.graphon,
        differentiable=(),
        tolerance=(1e-5, 1e-12),
        low_precision=None,
        empty=lambda: (np.zeros((0, 4, 4)),),
        bad_input=(
            *_of_graphs(lambda graphs: kernels.gw_barycenter(graphs, size=4)),
            _num_nodes(lambda graphs, num_nodes: kernels.gw_barycenter(graphs, num_nodes, size=4)),
            BadInput(
                call=lambda: kernels.gw_barycenter(jnp.ones((1, 8, 8)), size=0),
                error=ValueError,
                message="size must be >= 1, got 0",
            ),
            BadInput(
                call=lambda: kernels.gw_barycenter(jnp.ones((1, 8, 8)), size=4, graph_weight=jnp.ones(2)),
                error=ValueError,
                message=r"graph_weight must have shape \(1\), got \(2,\)",
            ),
        ),
    ),
    Case(
        name="graphs.ego_networks",
        function=lambda adjacency, centers: kernels.ego_networks(adjacency, centers, num_hops=2, max_nodes=6),
        arguments=ring_and_centers,
        reference=lambda adjacency, centers: np.stack([references.ego_network(adjacency, c, 2, 6) for c in centers]),
        value=lambda result: result.adjacency,
        # Differences would link every node to every other; see `test_ego_networks.py`.
        differentiable=(),
        tolerance=(1e-6, 1e-12),
        low_precision=4e-3,
        low_result=jnp.bfloat16,
        empty=lambda: (np.ones((6, 6)), np.zeros(0, int)),
        bad_input=(
            *_of_matrix("adjacency", lambda x: kernels.ego_networks(x, jnp.zeros(1, int), max_nodes=1)),
            BadInput(
                call=lambda: kernels.ego_networks(jnp.ones((3, 3)), jnp.zeros(1), max_nodes=2),
                error=TypeError,
                message="centers must hold integers, got dtype float",
            ),
            BadInput(
                call=lambda: kernels.ego_networks(jnp.ones((3, 3)), jnp.zeros(1, int), max_nodes=4),
                error=ValueError,
                message="max_nodes must be <= 3, the number of nodes, got 4",
            ),
        ),
    ),
    Case(
        name="graphs.fit_mixture",
        function=lambda bases, target: kernels.fit_mixture(bases, target, num_steps=2, **FEW),
        arguments=basis_and_other,
        # How near other mixtures come is `test_feasibility.py`'s.
        reference=lambda bases, target: np.array([0.0, 1.0]),
        value=lambda result: result.weights,
        differentiable=(),
        low_precision=None,
        bad_input=(
            BadInput(
                call=lambda: kernels.fit_mixture(jnp.ones((2, 3, 2)), jnp.ones((3, 3))),
                error=ValueError,
                message=r"bases must have shape \(2, 3, 3\), got \(2, 3, 2\)",
            ),
            BadInput(
                call=lambda: kernels.fit_mixture(jnp.ones((2, 3, 3)), jnp.ones((3, 3)), mask=jnp.ones(3, bool)),
                error=ValueError,
                message=r"mask must have shape \(2\), got \(3,\)",
            ),
        ),
    ),
    Case(
        name="graphs.feasibility",
        function=lambda bases, target: kernels.feasibility(bases, target, num_steps=2, **FEW),
        arguments=partitions,
        reference=lambda bases, target: np.array([0.0, 1.0]),
        value=lambda result: result.weights[1],
        differentiable=(),
        low_precision=None,
        bad_input=(
            BadInput(
                call=lambda: kernels.feasibility(jnp.ones((2, 3, 3)), jnp.ones((3, 3))),
                error=ValueError,
                message="bases must have shape",
            ),
            BadInput(
                call=lambda: kernels.feasibility(jnp.ones((1, 2, 3, 3)), jnp.ones((3, 3)), mask=jnp.ones((2, 2), bool)),
                error=ValueError,
                message=r"mask must have shape \(1, 2\), got \(2, 2\)",
            ),
        ),
    ),
]
