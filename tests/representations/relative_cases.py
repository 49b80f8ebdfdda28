"""Relative representations and the choice of anchors before their duties."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.spatial.distance import cdist

from jaxinv.kernels import representations as kernels
from tests.duties import FEATURES, BadInput, Case

NUM, ANCHORS, DIM = 6, 5, 4
KEY = jax.random.key(3)
SIGMA = 1.5


def samples_and_anchors(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """6 samples and 5 anchors of width 4, off the origin."""
    return generator.normal(size=(NUM, DIM)) + 0.3, generator.normal(size=(ANCHORS, DIM)) + 0.3


REFERENCES = {
    "cosine": lambda x, a: 1 - cdist(x, a, "cosine"),
    "geodesic": lambda x, a: 1 - np.arccos(1 - cdist(x, a, "cosine")) / np.pi,
    "inner": lambda x, a: x @ a.T / 2,
    "euclidean": lambda x, a: -cdist(x, a),
    "rbf": lambda x, a: np.exp(-cdist(x, a, "sqeuclidean") / (2 * SIGMA**2)),
    "l1": lambda x, a: -cdist(x, a, "cityblock"),
    "lstsq": lambda x, a: np.linalg.lstsq(a.T, x.T)[0].T,
}


def _bad(function) -> tuple[BadInput, ...]:
    return (
        BadInput(
            call=lambda: function(jnp.ones((3, 4)), jnp.ones((5, 2))),
            error=ValueError,
            message=r"x must have shape \(..., d\) with the d >= 1 of anchors \(5, 2\), got \(3, 4\)",
        ),
        BadInput(
            call=lambda: function(jnp.ones((3, 4)), jnp.ones((0, 4))),
            error=ValueError,
            message="rows of anchors must be >= 1, got 0",
        ),
        BadInput(
            call=lambda: function(jnp.ones((3, 4)), jnp.ones((5, 4), int)),
            error=TypeError,
            message="anchors must be floating point",
        ),
    )


def _of_anchors(name: str, function, reference, *more_bad: BadInput, **options: Any) -> Case:
    return Case(
        name=f"representations.{name}",
        function=function,
        arguments=samples_and_anchors,
        reference=reference,
        differentiable=(0, 1),
        empty=lambda: (np.zeros((0, DIM)), np.ones((ANCHORS, DIM))),
        bad_input=(*_bad(function), *more_bad),
        **{**FEATURES, "tolerance": (2e-5, 1e-10), **options},
    )


def _relative(similarity: str) -> Case:
    def function(x, anchors):
        return kernels.relative(x, anchors, similarity=similarity, sigma=SIGMA)

    unknown = BadInput(
        call=lambda: kernels.relative(jnp.ones((3, 4)), jnp.ones((5, 4)), similarity="l2"),
        error=ValueError,
        message="similarity must be one of .*, got 'l2'",
    )
    few = BadInput(
        call=lambda: kernels.relative(jnp.ones((3, 4)), jnp.ones((3, 4)), similarity="lstsq"),
        error=ValueError,
        message=r"anchors must have at least as many rows as columns for 'lstsq', got \(3, 4\)",
    )
    return _of_anchors(f"relative[{similarity}]", function, REFERENCES[similarity], unknown, few)


def _in_halves(x, anchors):
    return np.hstack([REFERENCES["cosine"](x[:, part], anchors[:, part]) for part in (slice(0, 2), slice(2, 4))])


def _picked(name: str, pick, reference, bad: tuple[BadInput, ...]) -> Case:
    """The rows that are picked of the samples, as the value."""
    return Case(
        name=f"representations.{name}",
        function=pick,
        arguments=lambda generator: (generator.normal(size=(12, DIM)),),
        reference=reference,
        value=lambda result: result,
        differentiable=(),
        low_precision=0.0,
        low_result=jnp.bfloat16,
        bad_input=bad,
    )


def _too_many(call) -> tuple[BadInput, ...]:
    return (BadInput(call=call, error=ValueError, message="must be from 1 to 3, got 4"),)


def _farthest(x):
    chosen = [2]
    for _ in range(3):
        chosen.append(int(np.argmax(np.min(cdist(x[chosen], x), axis=0))))
    return x[chosen]


def _near_centroids(x):
    """Centroids are means of the samples nearest to them; those of two far groups are known."""
    groups = x[:6], x[6:]
    near = [group[np.argmin(np.linalg.norm(group - group.mean(0), axis=1))] for group in groups]
    return np.sort(np.stack(near), axis=0)


def _apart(x):
    return jnp.concatenate([x[:6], x[6:] + 40.0])


def _of_classes(x):
    """The mean of the classes' anchors, of samples that are all the same within a class."""
    found = kernels.anchors_stratified(KEY, jnp.arange(12) % 3, 2, num_classes=3)
    return x[found.rows % 3]


CASES = [
    *(_relative(similarity) for similarity in kernels.SIMILARITIES),
    _of_anchors(
        "relative_products",
        lambda x, anchors: kernels.relative_products(x, anchors, ("cosine", "euclidean"), centre=True),
        lambda x, a: np.hstack([REFERENCES[name](x - a.mean(0), a - a.mean(0)) for name in ("cosine", "euclidean")]),
    ),
    _of_anchors(
        "subspace_relative",
        lambda x, anchors: kernels.subspace_relative(x, anchors, 2),
        _in_halves,
        BadInput(
            call=lambda: kernels.subspace_relative(jnp.ones((3, 4)), jnp.ones((5, 4)), 3),
            error=ValueError,
            message="num_splits must divide the last axis of x, got 3",
        ),
    ),
    Case(
        name="representations.standardize",
        function=lambda x: kernels.standardize(x, eps=0.01),
        arguments=lambda generator: (generator.normal(size=(NUM, DIM)) + 1.0,),
        reference=lambda x: (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 0.01),
        empty=lambda: (np.zeros((0, DIM)),),
        bad_input=(
            BadInput(call=lambda: kernels.standardize(jnp.ones((3, 0))), error=ValueError, message="x must have shape"),
        ),
        **FEATURES,
    ),
    _picked(
        "anchors_uniform",
        lambda x: jnp.sort(x[kernels.anchors_uniform(KEY, 12, 12)], axis=0),
        lambda x: np.sort(x, axis=0),
        _too_many(lambda: kernels.anchors_uniform(KEY, 3, 4)),
    ),
    _picked(
        "anchors_fps",
        lambda x: x[kernels.anchors_fps(x, 4, start=2)],
        _farthest,
        (
            *_too_many(lambda: kernels.anchors_fps(jnp.ones((3, 2)), 4)),
            BadInput(
                call=lambda: kernels.anchors_fps(jnp.ones((3, 2)), 2, start=3),
                error=ValueError,
                message="start must be from 0 to 2, got 3",
            ),
        ),
    ),
    _picked(
        "anchors_kmeans",
        lambda x: jnp.sort(x[kernels.anchors_kmeans(KEY, _apart(x), 2)], axis=0),
        _near_centroids,
        _too_many(lambda: kernels.anchors_kmeans(KEY, jnp.ones((3, 2)), 4)),
    ),
    _picked(
        "anchors_stratified",
        _of_classes,
        lambda x: x[[0, 0, 1, 1, 2, 2]],
        (
            *_too_many(lambda: kernels.anchors_stratified(KEY, jnp.zeros(3, int), 4, num_classes=2)),
            BadInput(
                call=lambda: kernels.anchors_stratified(KEY, jnp.zeros(3), 1, num_classes=2),
                error=TypeError,
                message="labels must hold integers",
            ),
        ),
    ),
]
