"""Scores that need no training order feature maps as a trained probe does; and three statements on published numbers.

Twenty feature maps of digits (random networks, noise, principal components) are scored and judged by five-fold
logistic regression. Our rank correlations are then held against a table that thuml's library prints, and our LogME and
the authors' against the log evidence by its N x N determinant, where there are fewer samples than features.
"""

import dataclasses
import functools
import time

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.claims.claim import Check, Claim, ClaimResult, Progress, Row, holds_in_every_seed, mean_row
from jaxinv.claims.published_rankings import PUBLISHED_RANKINGS
from jaxinv.claims.published_rankings import SCORES as PUBLISHED_SCORES
from jaxinv.data import digits
from jaxinv.kernels.transferability import (
    ClassStatistics,
    class_statistics,
    h_score,
    lfc,
    logme,
    pearson,
    weighted_kendall_tau,
)
from jaxinv.kernels.transferability.sample_scores.sfda import sfda
from jaxinv.training import linear_probe

NUM_CLASSES, NUM_FOLDS, WIDTH = 10, 5, 64
RANDOM_WIDTHS = (3, 5, 8, 12, 20, 32, 48, 64)
NOISE = (0.2, 0.4, 0.6, 0.9, 1.3, 2.0)
COMPONENTS = (2, 4, 7, 12, 20, 40)
WANTED_TAU = 0.6
# Data sets whose printed correlations do not follow from their printed columns, at any rounding of them.
CONTRADICTORY = ("Aircraft", "Oxford-IIIT Pets")
WIDE = ((100, 512), (40, 512))
SCORES = ("LogME", "H-score", "SFDA", "LFC")


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Size:
    samples: int = 1795
    wide: tuple[tuple[int, int], ...] = WIDE


def run(*, seeds: int, progress: Progress | None, quick: bool) -> ClaimResult:
    """Scores, probes and compares; see `Claim.run`."""
    start = time.perf_counter()
    size = _Size(samples=50, wide=((20, 40),)) if quick else _Size()
    tell = progress or (lambda text: None)
    parts = (_feature_maps(seeds, size, tell), _published(seeds), _wide_features(seeds, size, tell))
    return ClaimResult(
        name=CLAIM.name,
        seeds=seeds,
        seconds=time.perf_counter() - start,
        rows=tuple(row for rows, _ in parts for row in rows),
        checks=tuple(check for _, checks in parts for check in checks),
    )


# --- Twenty feature maps.


def _feature_maps(seeds: int, size: _Size, tell: Progress) -> tuple[list[Row], list[Check]]:
    accuracy, tau = [], {name: [] for name in SCORES}
    for seed in range(seeds):
        tell(f"feature maps of digits: seed {seed + 1} of {seeds}")
        features, widths, labels = draw_feature_maps(seed, size.samples)
        accuracy.append(five_fold_accuracy(features, labels))
        for name in SCORES:
            scores = _scores(features, labels, widths, name=name)
            tau[name].append(float(weighted_kendall_tau(scores, accuracy[-1])))
    rows = [
        mean_row("accuracy: best of 20 feature maps", np.max(accuracy, axis=1)),
        mean_row("accuracy: worst of 20 feature maps", np.min(accuracy, axis=1)),
    ]
    rows += [mean_row(f"weighted Kendall tau: {name}", values) for name, values in tau.items()]
    checks = [
        holds_in_every_seed(
            f"{name} agrees with the accuracy (weighted Kendall tau above {WANTED_TAU:g})",
            np.array(tau[name]) - WANTED_TAU,
        )
        for name in SCORES
    ]
    return rows, checks


def draw_feature_maps(seed: int, num_samples: int) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Twenty maps of digits in random order of the samples: `(20, N, 64)` padded with zeros, widths, and labels."""
    data = digits()
    generator = np.random.default_rng(seed)
    rows = generator.permutation(len(data.labels))[:num_samples]
    pixels = data.images.reshape(len(data.labels), -1)[rows]
    centred = pixels - pixels.mean(axis=0)
    maps = []
    for width in RANDOM_WIDTHS:
        weights = generator.normal(size=(pixels.shape[1], width)) / 4
        maps.append(np.maximum(centred @ weights + 0.3 * generator.normal(size=width), 0))
    maps += [pixels + level * generator.normal(size=pixels.shape) for level in NOISE]
    directions = np.linalg.svd(centred, full_matrices=False)[2]
    maps += [centred @ directions[:count].T for count in COMPONENTS]
    padded = [np.pad(features, ((0, 0), (0, WIDTH - features.shape[1]))) for features in maps]
    widths = [features.shape[1] for features in maps]
    return jnp.asarray(np.stack(padded), jnp.float32), jnp.asarray(widths), jnp.asarray(data.labels[rows])


def five_fold_accuracy(features: jax.Array, labels: jax.Array) -> np.ndarray:
    """Mean accuracy of logistic regression over five folds, of models `(M, N, D)` with N a multiple of five."""
    folds = np.arange(len(labels)).reshape(NUM_FOLDS, -1)
    found = []
    for fold in range(NUM_FOLDS):
        train = np.delete(folds, fold, axis=0).ravel()
        test = folds[fold]
        found.append(
            linear_probe(features[:, train], labels[train], features[:, test], labels[test], num_classes=NUM_CLASSES)
        )
    return np.mean(found, axis=0)


@functools.partial(jax.jit, static_argnames="name")
def _scores(features: jax.Array, labels: jax.Array, widths: jax.Array, *, name: str) -> jax.Array:
    """A score of every map. One a program: LAPACK calls in a batch that run at once can wait for each other."""

    def one(features, width):
        if name == "SFDA":
            return sfda(features, labels, num_classes=NUM_CLASSES, valid_dim=width).score
        score = {"LogME": logme, "H-score": h_score, "LFC": lfc}[name]
        return score(class_statistics(features, labels, NUM_CLASSES, valid_dim=width)).score

    return jax.vmap(one)(features, widths)


# --- The published table.


def correlations(dataset: str, score: str) -> np.ndarray:
    """Pearson and weighted Kendall tau of a column of the published table, as measured here."""
    ranking = PUBLISHED_RANKINGS[dataset]
    scores, accuracies = (np.array(values, np.float32) for values in (ranking.scores[score], ranking.accuracies))
    return np.array([pearson(scores, accuracies), weighted_kendall_tau(scores, accuracies)])


def off_by(dataset: str, score: str) -> np.ndarray:
    """By how much both miss the printed figures, in units of the last printed digit; up to 0.5 is rounding."""
    return 1000 * np.abs(correlations(dataset, score) - np.array(PUBLISHED_RANKINGS[dataset].correlations[score]))


def _published(seeds: int) -> tuple[list[Row], list[Check]]:
    rows = []
    for score in PUBLISHED_SCORES:
        misses = np.array([off_by(dataset, score) for dataset in PUBLISHED_RANKINGS])
        rows.append(
            Row(
                f"printed figures reproduced of {misses.size}: {score}",
                float(np.sum(misses <= 0.5)),
                f"largest miss outside {', '.join(CONTRADICTORY)}: {_consistent(score).max() / 1000:.3f}",
            )
        )
    for dataset in CONTRADICTORY:
        measured, printed = correlations(dataset, "H-score"), PUBLISHED_RANKINGS[dataset].correlations["H-score"]
        rows.append(
            Row(
                f"H-score on {dataset}: weighted Kendall tau of the printed columns",
                measured[1],
                f"printed {printed[1]}",
            )
        )
    check = holds_in_every_seed(
        "both printed correlations of the H-score come out on six data sets (rounding not used up, in last digits)",
        np.full(seeds, 0.5 - _consistent("H-score").max()),
    )
    return rows, [check]


def _consistent(score: str) -> np.ndarray:
    return np.array([off_by(dataset, score) for dataset in PUBLISHED_RANKINGS if dataset not in CONTRADICTORY])


# --- LogME where there are fewer samples than features.


def _wide_features(seeds: int, size: _Size, tell: Progress) -> tuple[list[Row], list[Check]]:
    rows, checks = [], []
    for num_samples, dim in size.wide:
        tell(f"LogME of {num_samples} samples of {dim} features")
        ours, brute, public = np.transpose([_three_evidences(seed, num_samples, dim) for seed in range(seeds)])
        where = f"N = {num_samples}, D = {dim}"
        rows += [
            mean_row(f"{where}: LogME", ours),
            mean_row(f"{where}: log evidence by the N x N determinant", brute),
            mean_row(f"{where}: the authors' fixed point", public),
        ]
        checks += [
            holds_in_every_seed(
                f"{where}: LogME is the log evidence (decades below a share of 1e-3)",
                np.log10(1e-3 / np.maximum(np.abs(ours / brute - 1), 1e-16)),
            ),
            holds_in_every_seed(
                f"{where}: the authors' code exceeds the evidence by more than a nat a sample (excess)",
                public - brute - 1,
            ),
        ]
    return rows, checks


def _three_evidences(seed: int, num_samples: int, dim: int) -> tuple[float, float, float]:
    """LogME of random features and labels, the evidence at its alpha and beta, and what the authors' code gives."""
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(num_samples, dim)).astype(np.float32)
    labels = (np.arange(num_samples) % NUM_CLASSES).astype(np.int32)
    statistics: ClassStatistics = class_statistics(jnp.asarray(features), jnp.asarray(labels), NUM_CLASSES)
    found = logme(statistics)
    evidences = [
        log_evidence(features.astype(np.float64), labels == c, float(found.alpha[c]), float(found.beta[c]))
        for c in range(NUM_CLASSES)
    ]
    return float(found.score), float(np.mean(evidences)), float(logme(statistics, compat="official").score)


def log_evidence(features: np.ndarray, target: np.ndarray, alpha: float, beta: float) -> float:
    """`log N(t; 0, F F' / alpha + I / beta) / N` in float64, from the determinant of the covariance."""
    size = len(features)
    covariance = features @ features.T / alpha + np.eye(size) / beta
    log_det = np.linalg.slogdet(covariance)[1]
    return float(-(size * np.log(2 * np.pi) + log_det + target @ np.linalg.solve(covariance, target)) / (2 * size))


CLAIM = Claim(
    name="transferability-anchors",
    title="LogME, H-score, SFDA and LFC",
    reference="You et al., ICML 2021, arXiv:2102.11005; Bao et al., ICIP 2019; Shao et al., ECCV 2022, "
    "arXiv:2207.03036; Deshpande et al. 2021, arXiv:2102.00084",
    statement="Scores that need one pass over features and labels order feature maps as the accuracy of a trained "
    "linear probe does.",
    experiment=run,
)
