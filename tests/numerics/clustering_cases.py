"""Sinkhorn and k-means before their duties."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.numerics.kmeans import kmeans
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
]
