"""Transferability scores beside their best peers, N = 5000, D = 512, C = 10, float32 unless the peer needs more."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import RidgeCV

from bench.timing import compiled
from jaxinv.kernels import transferability as kernels

NUM_SAMPLES, DIM, NUM_CLASSES, POOL = 5000, 512, 10, 8


@dataclasses.dataclass(frozen=True)
class Row:
    """Our call beside a peer's, and how far the answers are apart (relative)."""

    name: str
    ours: Callable[[], Any]
    peer_name: str
    peer: Callable[[], Any]
    difference: float | None


def _data() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    labels = generator.integers(0, NUM_CLASSES, NUM_SAMPLES)
    means = generator.normal(size=(NUM_CLASSES, DIM)) * 0.3
    mixing = generator.normal(size=(DIM, DIM)) / DIM**0.5
    features = (means[labels] + generator.normal(size=(NUM_SAMPLES, DIM))) @ mixing + 0.5
    return features.astype(np.float32), labels.astype(np.int32)


def official_logme(features: np.ndarray, labels: np.ndarray) -> float:
    """The authors' fixed-point algorithm for N > D in float64 numpy, written from its published formulas."""
    wide = features.astype(np.float64)
    _, sigma, basis = np.linalg.svd(wide.T @ wide)
    left = (wide @ basis.T) / np.sqrt(sigma)
    total = 0.0
    for c in range(NUM_CLASSES):
        target = (labels == c).astype(np.float64)
        square = (left.T @ target) ** 2
        rest, alpha, beta, evidence = target.sum() - square.sum(), 1.0, 1.0, 0.0
        for _ in range(11):
            ratio = alpha / beta
            dof = (sigma / (sigma + ratio)).sum()
            length = (sigma * square / (sigma + ratio) ** 2).sum()
            error = (square / (1 + sigma / ratio) ** 2).sum() + rest
            alpha, beta = dof / (length + 1e-5), (NUM_SAMPLES - dof) / (error + 1e-5)
            evidence = DIM * np.log(alpha) + NUM_SAMPLES * np.log(beta / (2 * np.pi))
            evidence = (evidence - np.log(alpha + beta * sigma).sum() - beta * error - alpha * length) / 2
            if abs(alpha / beta - ratio) / ratio <= 1e-3:
                break
        total += evidence / NUM_SAMPLES / NUM_CLASSES
    return total


def all_statistics_scores(features: jax.Array, labels: jax.Array) -> list[jax.Array]:
    """Every score that needs no per-class Gram, with one shared eigendecomposition."""
    statistics = kernels.class_statistics(features, labels, NUM_CLASSES)
    spectrum = kernels.scatter_spectrum(statistics)
    plain = (
        kernels.h_score,
        kernels.shrinkage_h_score,
        kernels.gbc,
        kernels.lfc,
        kernels.lda,
        kernels.nearest_mean,
        kernels.intra_class_variance,
    )
    shared = (kernels.logme, kernels.ridge_gcv)
    return [score(statistics).score for score in plain] + [
        score(statistics, spectrum=spectrum).score for score in shared
    ]


def rows() -> list[Row]:
    """All rows; peers are checked to give the same answer where they compute the same thing."""
    features, labels = _data()
    x, y = jnp.asarray(features), jnp.asarray(labels)

    def statistics(x, y):
        return kernels.class_statistics(x, y, NUM_CLASSES)

    def gram(x):
        return jnp.einsum("nd,ne->de", x, x, precision="highest")

    def logme(x, y):
        return kernels.logme(statistics(x, y)).score

    def lda(x, y):
        return kernels.discriminant_score(x, y, kernels.lda(statistics(x, y))).score

    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=1e-3)

    def sklearn_lda() -> float:
        return model.fit(features, labels).predict_proba(features)[np.arange(NUM_SAMPLES), labels].mean()

    one_hot = np.eye(NUM_CLASSES, dtype=np.float32)[labels]
    ridge = RidgeCV(alphas=np.logspace(-3, 6, 25))
    pool = jnp.stack([x + 0.01 * i for i in range(POOL)])
    official = official_logme(features, labels)
    return [
        Row("class_statistics", compiled(statistics, x, y), "bare Gram (XLA)", compiled(gram, x), None),
        Row(
            f"class_statistics, pool of {POOL}",
            compiled(jax.vmap(statistics, (0, None)), pool, y),
            "bare Grams (XLA)",
            compiled(jax.vmap(gram), pool),
            None,
        ),
        Row(
            "all statistics scores",
            compiled(all_statistics_scores, x, y),
            "one Gram and one eigh (XLA)",
            compiled(lambda x: jnp.linalg.eigh(gram(x)), x),
            None,
        ),
        Row(
            "logme",
            compiled(logme, x, y),
            "official algorithm (numpy, float64)",
            lambda: official_logme(features, labels),
            abs(float(logme(x, y)) - official) / abs(official),
        ),
        Row(
            "lda probability",
            compiled(lda, x, y),
            "scikit-learn lsqr",
            sklearn_lda,
            abs(float(lda(x, y)) - sklearn_lda()) / sklearn_lda(),
        ),
        Row(
            "ridge_gcv",
            compiled(lambda x, y: kernels.ridge_gcv(statistics(x, y)).score, x, y),
            "scikit-learn RidgeCV, 25 ridges",
            lambda: ridge.fit(features, one_hot),
            None,
        ),
    ]
