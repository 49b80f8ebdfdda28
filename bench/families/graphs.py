"""The graph kernels beside POT, OTT, networkx and scikit-image."""

import itertools
import math
from typing import Any

import jax
import numpy as np

from jaxinv.bench.case import Case, Peer, Sizes, Work
from jaxinv.kernels import graphs as kernels

TV_WEIGHT, TV_ITERATIONS = 0.1, 100
BARYCENTER_SIZE, BARYCENTER_STEPS = 14, 10
HOPS, EGO_NODES = 2, 32


def _graphs(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    """(K, N, N), nodes of descending popularity, of mean degree about N / 4."""
    popular = np.linspace(1.0, 0.1, sizes["nodes"])
    level = generator.random((sizes["graphs"], sizes["nodes"], sizes["nodes"]))
    upper = np.triu(level < popular[:, None] * popular[None], 1)
    return ((upper | upper.swapaxes(1, 2)).astype(np.float32),)


def _sparse_graph(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    """(N, N) of mean degree about 4, and K different nodes."""
    upper = np.triu(generator.random((sizes["nodes"], sizes["nodes"])) < 4 / sizes["nodes"], 1)
    centers = generator.permutation(sizes["nodes"])[: sizes["egos"]]
    return (upper | upper.T).astype(np.float32), centers.astype(np.int32)


def _image(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    return (generator.random((sizes["side"], sizes["side"]), np.float32),)


def _graphons(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    """Two step functions (n, n) that nearly descend."""
    popular = np.linspace(1.0, 0.1, sizes["steps"])

    def one(power):
        noise = 0.05 * generator.random((sizes["steps"], sizes["steps"]))
        return (np.outer(popular, popular) ** power + (noise + noise.T) / 2).astype(np.float32)

    return one(1.0), one(1.5)


def _graphons_and_plan(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    plan = generator.random((sizes["steps"], sizes["steps"]))
    return *_graphons(generator, sizes), (plan / plan.sum()).astype(np.float32)


def _block_means(graphs: np.ndarray) -> np.ndarray:
    """Sort-and-smooth by reshape and scikit-image."""
    from skimage.restoration import denoise_tv_chambolle

    num_graphs, size, _ = graphs.shape
    block = math.floor(math.log2(size)) + 1
    num_blocks = size // block
    kept = graphs.mean(axis=0, dtype=np.float64)[: num_blocks * block, : num_blocks * block]
    means = kept.reshape(num_blocks, block, num_blocks, block).sum(axis=(1, 3))
    means /= block**2 - block * np.eye(num_blocks)
    return denoise_tv_chambolle(means, weight=1 / (2 * block * num_graphs**0.5), eps=0, max_num_iter=201)


def _chambolle(image: np.ndarray) -> np.ndarray:
    from skimage.restoration import denoise_tv_chambolle

    return denoise_tv_chambolle(image, weight=TV_WEIGHT, eps=0, max_num_iter=TV_ITERATIONS + 1)


def _networkx(graphs: np.ndarray) -> np.ndarray:
    """Graph by graph."""
    import networkx as nx

    def features(matrix):
        graph = nx.from_numpy_array(matrix)
        degrees = [degree for _, degree in graph.degree()]
        return (
            np.mean(degrees),
            np.std(degrees),
            nx.density(graph),
            np.mean(list(nx.closeness_centrality(graph).values())),
            nx.degree_pearson_correlation_coefficient(graph),
            nx.degree_assortativity_coefficient(graph),
            nx.transitivity(graph),
            nx.average_clustering(graph),
        )

    return np.array([features(matrix) for matrix in graphs])


def _pot_cost(source: np.ndarray, target: np.ndarray, plan: np.ndarray) -> np.ndarray:
    from ot.gromov import gwloss, init_matrix

    return np.asarray(gwloss(*init_matrix(source, target, plan.sum(axis=1), plan.sum(axis=0)), plan))


def _pot_descent(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Conditional gradients from one start, in float64."""
    import ot

    weights = np.full(len(source), 1 / len(source))
    found = ot.gromov_wasserstein2(source.astype(np.float64), target.astype(np.float64), weights, weights)
    return np.asarray(found)


def _ott_descent(source: jax.Array, target: jax.Array) -> Any:
    """Entropic, from one start, at the smallest epsilon of ours."""
    from ott.geometry import geometry
    from ott.problems.quadratic import quadratic_problem
    from ott.solvers.linear import sinkhorn
    from ott.solvers.quadratic import gromov_wasserstein

    first, second = (geometry.Geometry(cost_matrix=x) for x in (source, target))
    problem = quadratic_problem.QuadraticProblem(first, second)
    solver = gromov_wasserstein.GromovWasserstein(
        linear_solver=sinkhorn.Sinkhorn(max_iterations=200), epsilon=0.02, relative_epsilon="mean"
    )
    return solver(problem).primal_cost


def _pot_barycenter(graphs: np.ndarray) -> np.ndarray:
    """Conditional gradients from one start a graph and step, in float64, from the degrees' order too."""
    from ot.gromov import gromov_barycenters

    graphs = graphs.astype(np.float64)
    num_graphs, size, _ = graphs.shape
    parts = np.linspace(0, size, BARYCENTER_SIZE + 1).astype(int)
    mean = graphs.mean(axis=0)
    start = [[mean[a:b, c:d].mean() for c, d in itertools.pairwise(parts)] for a, b in itertools.pairwise(parts)]
    options: Any = {"max_iter": BARYCENTER_STEPS, "tol": 0.0, "init_C": np.array(start)}
    uniform, even = [np.full(size, 1 / size)] * num_graphs, np.full(BARYCENTER_SIZE, 1 / BARYCENTER_SIZE)
    shares = np.full(num_graphs, 1 / num_graphs)
    return np.asarray(
        gromov_barycenters(BARYCENTER_SIZE, list(graphs), uniform, even, shares, "square_loss", **options)
    )


def _networkx_egos(graph: np.ndarray, centers: np.ndarray) -> np.ndarray:
    """With the reading of the graph."""
    import networkx as nx

    whole = nx.from_numpy_array(graph)
    found = np.zeros((len(centers), EGO_NODES, EGO_NODES), graph.dtype)
    for i, center in enumerate(centers):
        ego = nx.ego_graph(whole, center, radius=HOPS)
        distance = nx.single_source_shortest_path_length(ego, center)
        nodes = sorted(ego, key=lambda node, d=distance: (d[node], node))[:EGO_NODES]
        found[i, : len(nodes), : len(nodes)] = nx.to_numpy_array(ego.subgraph(nodes), nodelist=nodes)
    return found


def _work_of_graphs(sizes: Sizes) -> Work:
    """Each entry is added once."""
    entries = sizes["graphs"] * sizes["nodes"] ** 2
    return Work(flops=entries, bytes=4 * entries)


def _work_of_costs(sizes: Sizes) -> Work:
    """The two products of one cost."""
    steps = sizes["steps"]
    return Work(flops=4 * steps**3, bytes=12 * steps**2)


CASES = (
    Case(
        family="graphs",
        name="graphon_sas",
        kernel=kernels.graphon_sas,
        arguments=_graphs,
        sizes=({"graphs": 100, "nodes": 128}, {"graphs": 100, "nodes": 1024}),
        small={"graphs": 4, "nodes": 40},
        work=_work_of_graphs,
        peers=(
            Peer(
                name="numpy and scikit-image",
                kind="library",
                call=_block_means,
                modules=("skimage",),
                tolerance=1e-4,
            ),
        ),
        differentiable=(0,),
    ),
    Case(
        family="graphs",
        name="denoise_total_variation",
        kernel=lambda image: kernels.denoise_total_variation(image, weight=TV_WEIGHT, num_iterations=TV_ITERATIONS),
        arguments=_image,
        sizes=({"side": 64}, {"side": 1024}),
        small={"side": 16},
        work=lambda sizes: Work(flops=10 * TV_ITERATIONS * sizes["side"] ** 2, bytes=8 * sizes["side"] ** 2),
        peers=(
            Peer(
                name="scikit-image, as many iterations",
                kind="library",
                call=_chambolle,
                modules=("skimage",),
                tolerance=1e-4,
            ),
        ),
        differentiable=(0,),
    ),
    Case(
        family="graphs",
        name="topology_features",
        kernel=lambda graphs: kernels.topology_features(graphs).features,
        arguments=_graphs,
        sizes=({"graphs": 32, "nodes": 128},),
        small={"graphs": 2, "nodes": 24},
        work=_work_of_graphs,
        peers=(
            Peer(name="networkx", kind="library", call=_networkx, modules=("networkx",), tolerance=1e-4, slow=True),
        ),
    ),
    Case(
        family="graphs",
        name="gw_cost",
        kernel=kernels.gw_cost,
        arguments=_graphons_and_plan,
        sizes=({"steps": 64}, {"steps": 1024}),
        small={"steps": 9},
        work=_work_of_costs,
        peers=(Peer(name="POT (numpy)", kind="library", call=_pot_cost, modules=("ot",), tolerance=1e-4),),
        differentiable=(0, 1),
    ),
    Case(
        family="graphs",
        name="entropic_gw",
        kernel=lambda source, target: kernels.entropic_gw(source, target).value,
        arguments=_graphons,
        sizes=({"steps": 16}, {"steps": 64}, {"steps": 256}),
        small={"steps": 8},
        work=_work_of_costs,
        peers=(
            # Local minima of one problem from other starts, and of the entropic one.
            Peer(name="POT, conditional gradients", kind="another map", call=_pot_descent, modules=("ot",)),
            Peer(name="OTT, entropic", kind="another map", call=_ott_descent, compiled=True, modules=("ott",)),
        ),
    ),
    Case(
        family="graphs",
        name="gw_barycenter",
        kernel=lambda graphs: kernels.gw_barycenter(graphs, size=BARYCENTER_SIZE, num_steps=BARYCENTER_STEPS).graphon,
        arguments=_graphs,
        sizes=({"graphs": 10, "nodes": 100},),
        small={"graphs": 3, "nodes": 20},
        work=lambda sizes: Work(
            # In each step the two products that bring a graph to the size of the barycenter.
            flops=2 * BARYCENTER_STEPS * sizes["graphs"] * sizes["nodes"] ** 2 * BARYCENTER_SIZE,
            bytes=4 * sizes["graphs"] * sizes["nodes"] ** 2,
        ),
        peers=(
            # Another local minimum, from fewer starts.
            Peer(name="POT, conditional gradients", kind="another map", call=_pot_barycenter, modules=("ot",)),
        ),
    ),
    Case(
        family="graphs",
        name="ego_networks",
        kernel=lambda graph, centers: (
            kernels.ego_networks(graph, centers, num_hops=HOPS, max_nodes=EGO_NODES).adjacency
        ),
        arguments=_sparse_graph,
        sizes=({"nodes": 2048, "egos": 256},),
        small={"nodes": 64, "egos": 8},
        # Each entry of the graph is read, each of the result written.
        work=lambda sizes: Work(
            flops=sizes["nodes"] ** 2, bytes=4 * (sizes["nodes"] ** 2 + sizes["egos"] * EGO_NODES**2)
        ),
        peers=(Peer(name="networkx", kind="library", call=_networkx_egos, modules=("networkx",), tolerance=1e-6),),
    ),
)
