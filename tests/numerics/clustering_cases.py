"""Sinkhorn, k-means and silhouettes before their duties."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.numerics.kmeans import kmeans
from jaxinv.kernels.numerics.silhouette import choose_num_clusters, silhouette
from jaxinv.kernels.numerics.sinkhorn import sinkhorn
from tests.duties import BadInput, Case

EPSILON, NUM_ITERATIONS = 0.3, 2
KEY = jax.random.key(0)


def problem(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A cost and weights, one of each side 0."""
    source, target = generator.uniform(0.5, 1.5, 5), generator.uniform(0.5, 1.5, 4)
    source[1] = target[3] = 0
    return generator.uniform(size=(5, 4)), source, target


def scaled_plan(cost, source, target) -> np.ndarray:
    """By scaling factors, as first published."""
    source, target = source / source.sum(), target / target.sum()
    kernel = np.exp(-cost / EPSILON)
    left, right = source, target
    for _ in range(NUM_ITERATIONS):
        left = source / (kernel @ right)
        right = target / (kernel.T @ left)
    return left[:, None] * kernel * right[None, :]


def blobs(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Points around three far centres, and weights."""
    centres = 10 * np.array([[0, 0], [1, 0], [0, 1.0]])
    return np.repeat(centres, 6, axis=0) + generator.normal(size=(18, 2)), generator.uniform(0.5, 1.5, 18)


def blob_inertia(points, weight) -> np.ndarray:
    """Of the three blobs, which no other clustering beats."""
    parts = zip(points.reshape(3, 6, 2), weight.reshape(3, 6), strict=True)
    return np.asarray(sum(w @ np.sum((x - np.average(x, axis=0, weights=w)) ** 2, axis=1) for x, w in parts))


def silhouette_score(points, assignment) -> np.ndarray:
    """By scikit-learn."""
    from sklearn.metrics import silhouette_score

    return np.asarray(silhouette_score(points, assignment))


def clusters(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The blobs in clusters that are not quite theirs, the last of them a point alone."""
    points, _ = blobs(generator)
    return points, np.array([0] * 5 + [1] * 7 + [2] * 5 + [3])


CASES = [
    Case(
        name="numerics.sinkhorn",
        function=lambda cost, source, target: sinkhorn(
            cost, epsilon=EPSILON, num_iterations=NUM_ITERATIONS, source_weight=source, target_weight=target
        ),
        arguments=problem,
        reference=scaled_plan,
        value=lambda result: result.plan,
        second_order=True,
        tolerance=(1e-5, 1e-12),
        # The error is a small difference of sums.
        diagnostics_tolerance=(1e-4, 1e-10),
        empty=lambda: (np.zeros((0, 2)), np.zeros(0), np.ones(2)),
        bad_input=(
            BadInput(
                call=lambda: sinkhorn(jnp.ones((3, 2), int), epsilon=1.0, num_iterations=1),
                error=TypeError,
                message="cost must be floating point, got dtype int",
            ),
            BadInput(
                call=lambda: sinkhorn(jnp.ones((3, 2)), epsilon=1.0, num_iterations=1, target_weight=jnp.ones(3)),
                error=ValueError,
                message=r"target_weight must have shape \(2\), got \(3,\)",
            ),
            BadInput(
                call=lambda: sinkhorn(jnp.ones((3, 2)), epsilon=1.0, num_iterations=1, target_potential=jnp.ones(3)),
                error=ValueError,
                message=r"target_potential must have shape \(2\), got \(3,\)",
            ),
            BadInput(
                call=lambda: sinkhorn(jnp.ones((3, 2)), epsilon=1.0, num_iterations=0),
                error=ValueError,
                message="num_iterations must be >= 1, got 0",
            ),
        ),
    ),
    Case(
        name="numerics.kmeans",
        function=lambda points, weight: kmeans(KEY, points, 3, sample_weight=weight),
        arguments=blobs,
        reference=blob_inertia,
        value=lambda result: result.inertia,
        differentiable=(),
        tolerance=(1e-5, 1e-12),
        empty=lambda: (np.zeros((0, 2)), np.zeros(0)),
        bad_input=(
            BadInput(
                call=lambda: kmeans(KEY, jnp.ones((3, 2), int), 2),
                error=TypeError,
                message="points must be floating point, got dtype int",
            ),
            BadInput(
                call=lambda: kmeans(KEY, jnp.ones((3, 2)), 0),
                error=ValueError,
                message="num_clusters must be >= 1, got 0",
            ),
            BadInput(
                call=lambda: kmeans(KEY, jnp.ones((3, 2)), 2, sample_weight=jnp.ones(2)),
                error=ValueError,
                message=r"sample_weight must have shape \(3\), got \(2,\)",
            ),
        ),
    ),
    Case(
        name="numerics.silhouette",
        function=lambda points, assignment: silhouette(points, assignment, num_clusters=5),
        arguments=clusters,
        reference=silhouette_score,
        second_order=True,
        tolerance=(1e-5, 1e-12),
        empty=lambda: (np.zeros((0, 2)), np.zeros(0, int)),
        bad_input=(
            BadInput(
                call=lambda: silhouette(jnp.ones((3, 2)), jnp.ones(3), num_clusters=2),
                error=TypeError,
                message="assignment must hold integers, got dtype float",
            ),
            BadInput(
                call=lambda: silhouette(jnp.ones((3, 2)), jnp.ones(2, int), num_clusters=2),
                error=ValueError,
                message=r"assignment must have shape \(3\), got \(2,\)",
            ),
            BadInput(
                call=lambda: silhouette(jnp.ones((3, 2)), jnp.ones(3, int), num_clusters=0),
                error=ValueError,
                message="num_clusters must be >= 1, got 0",
            ),
        ),
    ),
    Case(
        name="numerics.choose_num_clusters",
        function=lambda points, weight: choose_num_clusters(KEY, points, (2, 3, 4)),
        arguments=blobs,
        reference=lambda points, weight: silhouette_score(points, np.repeat(np.arange(3), 6)),
        # At the right number no other clustering of the blobs has as little inertia.
        value=lambda result: result.scores[1],
        differentiable=(),
        tolerance=(1e-5, 1e-12),
        empty=lambda: (np.zeros((0, 2)), np.zeros(0)),
        bad_input=(
            BadInput(
                call=lambda: choose_num_clusters(KEY, jnp.ones((3, 2)), (1, 2)),
                error=ValueError,
                message="least of candidates must be >= 2, got 1",
            ),
            BadInput(
                call=lambda: choose_num_clusters(KEY, jnp.ones((3, 2)), ()),
                error=ValueError,
                message="number of candidates must be >= 1, got 0",
            ),
        ),
    ),
]
