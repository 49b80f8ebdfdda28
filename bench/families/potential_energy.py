"""Potential energy descent beside the published algorithm, which holds the differences of all pairs of class means."""

from typing import Any

import numpy as np

from jaxinv.bench.case import Case, Peer, Sizes, Work
from jaxinv.kernels import transferability as kernels

NUM_CLASSES = 10


def _features(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    """Features (N, D) of ten overlapping classes, and labels."""
    labels = generator.permutation(np.arange(sizes["samples"]) % NUM_CLASSES).astype(np.int32)
    means = 0.3 * generator.normal(size=(NUM_CLASSES, sizes["dim"]))
    return (means[labels] + generator.normal(size=(len(labels), sizes["dim"]))).astype(np.float32), labels


def _balls(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    """Means (C, D) and radii (C,) of balls that overlap by about a tenth of their distance."""
    num_classes, dim = sizes["classes"], sizes["dim"]
    means = generator.normal(size=(num_classes, dim)).astype(np.float32)
    return means, (generator.uniform(1.2, 1.4, num_classes) * dim**0.5).astype(np.float32)


def _published_step(means: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """All differences (C, C, D), their lengths, and the sum over the other class."""
    means, radius = means.astype(np.float64), radius.astype(np.float64)
    difference = means[:, None] - means[None]
    apart = np.sqrt(np.sum(difference**2, axis=-1))
    overlap = np.maximum(0.6 * (radius[:, None] + radius[None]) - apart, 0)
    np.fill_diagonal(overlap, 0)
    np.fill_diagonal(apart, 1)
    return np.sum(difference / apart[..., None] * np.minimum(0.5 * 0.1**2 * overlap, overlap)[..., None], axis=1)


def _published_descent(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Samples are normalised, their class moments taken and they are moved, in every step."""
    moved = features.astype(np.float64)
    mean, scale = moved.mean(0), np.maximum(moved.std(0), 1e-3)
    first = 0.0
    for step in range(6):
        normalised = (moved - mean) / scale
        groups = [normalised[labels == c] for c in range(NUM_CLASSES)]
        displacement = _published_step(
            np.stack([rows.mean(0) for rows in groups]), np.array([np.sqrt(rows.var(0).sum()) for rows in groups])
        )
        change = np.abs(displacement).sum()
        first = first if step else change
        if not change > 0.5 * first:
            break
        moved = (normalised + displacement[labels]) * scale + mean
    return moved


CASES = (
    Case(
        family="transferability",
        name="ped",
        kernel=lambda features, labels: kernels.ped(features, labels, num_classes=NUM_CLASSES).features,
        arguments=_features,
        sizes=({"samples": 5000, "dim": 512},),
        small={"samples": 600, "dim": 32},
        work=lambda sizes: Work(
            flops=3 * sizes["samples"] * sizes["dim"], bytes=8 * sizes["samples"] * sizes["dim"] + 4 * sizes["samples"]
        ),
        peers=(
            Peer(name="published algorithm (numpy, float64)", kind="library", call=_published_descent, tolerance=1e-4),
        ),
        differentiable=(0,),
    ),
    Case(
        family="transferability",
        name="ped_step",
        kernel=lambda means, radius: kernels.ped_step(means, radius).displacement,
        arguments=_balls,
        sizes=({"classes": 100, "dim": 512}, {"classes": 397, "dim": 2048}),
        small={"classes": 12, "dim": 32},
        work=lambda sizes: Work(
            # The Gram matrix of the means, which is symmetric, and one product with it.
            flops=3 * sizes["classes"] ** 2 * sizes["dim"],
            bytes=8 * sizes["classes"] * sizes["dim"],
        ),
        peers=(Peer(name="published formula (numpy, float64)", kind="library", call=_published_step, tolerance=1e-4),),
        differentiable=(0,),
    ),
)
