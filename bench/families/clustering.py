"""Transport of a given cost, k-means and silhouettes, beside POT, OTT and scikit-learn."""

from typing import Any

import jax
import numpy as np

from jaxinv.bench.case import Case, Peer, Sizes, Work
from jaxinv.kernels.numerics.kmeans import kmeans
from jaxinv.kernels.numerics.silhouette import silhouette
from jaxinv.kernels.numerics.sinkhorn import sinkhorn

EPSILON, ITERATIONS = 0.1, 100
NUM_CLUSTERS = 10


def _cost(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    return (generator.random((sizes["points"], sizes["points"]), np.float32),)


def _blobs(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    """Ten clusters that hardly overlap."""
    centres = 4 * generator.normal(size=(NUM_CLUSTERS, sizes["dim"]))
    labels = generator.permutation(np.arange(sizes["samples"]) % NUM_CLUSTERS)
    return ((centres[labels] + generator.normal(size=(sizes["samples"], sizes["dim"]))).astype(np.float32),)


def _clusters(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    """The blobs, and to which of ten points each is most aligned."""
    (points,) = _blobs(generator, sizes)
    return points, np.argmax(points @ points[:NUM_CLUSTERS].T, axis=1).astype(np.int32)


def _silhouette_score(points: np.ndarray, assignment: np.ndarray) -> np.ndarray:
    from sklearn.metrics import silhouette_score

    return np.asarray(silhouette_score(points, assignment))


def _pot(cost: np.ndarray) -> np.ndarray:
    import ot

    weights = np.full(len(cost), 1 / len(cost), cost.dtype)
    options = {"numItermax": ITERATIONS, "stopThr": 0, "warn": False}
    return np.asarray(ot.sinkhorn(weights, weights, cost, EPSILON, method="sinkhorn_log", **options))


def _ott(cost: jax.Array) -> Any:
    from ott.geometry import geometry
    from ott.solvers import linear

    problem = geometry.Geometry(cost_matrix=cost, epsilon=EPSILON)
    return linear.solve(problem, threshold=0.0, min_iterations=ITERATIONS, max_iterations=ITERATIONS).matrix


def _scikit_learn(points: np.ndarray) -> np.ndarray:
    from sklearn.cluster import KMeans

    starts: Any = 8
    return np.asarray(KMeans(NUM_CLUSTERS, n_init=starts, max_iter=100, tol=0, random_state=0).fit(points).inertia_)


CASES = (
    Case(
        family="numerics",
        name="sinkhorn",
        kernel=lambda cost: sinkhorn(cost, epsilon=EPSILON, num_iterations=ITERATIONS).plan,
        arguments=_cost,
        sizes=({"points": 64}, {"points": 1024}),
        small={"points": 12},
        # An exponential counts as one, and so does its sum.
        work=lambda sizes: Work(flops=4 * ITERATIONS * sizes["points"] ** 2, bytes=8 * sizes["points"] ** 2),
        peers=(
            Peer(name="POT, sinkhorn_log", kind="library", call=_pot, modules=("ot",), tolerance=1e-3),
            Peer(name="OTT", kind="library", call=_ott, compiled=True, modules=("ott",), tolerance=1e-3),
        ),
        differentiable=(0,),
    ),
    Case(
        family="numerics",
        name="kmeans",
        kernel=lambda points: kmeans(jax.random.key(0), points, NUM_CLUSTERS).inertia,
        arguments=_blobs,
        sizes=({"samples": 5000, "dim": 64},),
        small={"samples": 200, "dim": 8},
        work=lambda sizes: Work(
            # One assignment: the products of points and centroids.
            flops=2 * sizes["samples"] * sizes["dim"] * NUM_CLUSTERS,
            bytes=4 * sizes["samples"] * sizes["dim"],
        ),
        peers=(
            Peer(
                name="scikit-learn, 8 starts",
                kind="library",
                call=_scikit_learn,
                modules=("sklearn",),
                tolerance=1e-3,
            ),
        ),
    ),
    Case(
        family="numerics",
        name="silhouette",
        kernel=lambda points, assignment: silhouette(points, assignment, num_clusters=NUM_CLUSTERS).score,
        arguments=_clusters,
        sizes=({"samples": 2000, "dim": 64},),
        small={"samples": 200, "dim": 8},
        work=lambda sizes: Work(
            # A difference, a square and a sum for every entry of every pair.
            flops=3 * sizes["samples"] ** 2 * sizes["dim"],
            bytes=4 * sizes["samples"] * sizes["dim"],
        ),
        peers=(
            Peer(
                name="scikit-learn",
                kind="library",
                call=_silhouette_score,
                modules=("sklearn",),
                tolerance=1e-4,
            ),
        ),
        differentiable=(0,),
    ),
)
