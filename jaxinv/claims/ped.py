"""Whether moving overlapping classes apart before scoring makes scores rank models better (PED).

Eight feature extractors of digits differ in their noise and in how far their class means are pulled together, which
changes the shape of no class. LogME and SFDA rank them, on the features as they are and after potential energy descent,
against five-fold logistic regression on the features as they are. The reference set of an extractor, which PED takes
its scales from, are its features of other handwriting. Accuracy falls with noise and contraction alike, and so do both
scores: in such a pool they leave little to repair, other than for the self-supervised networks of the paper.
"""

import dataclasses
import functools
import time
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.claims.claim import Claim, ClaimResult, Progress, Row, holds_in_every_seed, mean_row
from jaxinv.claims.transferability_anchors import NUM_CLASSES, five_fold_accuracy
from jaxinv.data import digits, mnist, resize
from jaxinv.kernels.transferability import (
    class_statistics,
    logme,
    ped_shift,
    weighted_kendall_tau,
    with_ped,
    with_ped_samples,
)
from jaxinv.kernels.transferability.sample_scores.sfda import sfda

WIDTH = 64
NOISE = tuple(np.linspace(0.0, 1.4, 8))
CONTRACTIONS = tuple(np.linspace(0.2, 1.0, 8))
SCORES = ("LogME", "SFDA")
# Time steps of the descent before scoring: none, so that nothing moves, the authors', and a larger one.
DESCENTS = {"": 0.0, "+PED": 0.1, "+PED, dt = 0.5": 0.5}
POOLS = {"contracted pool": True, "pool as it is": False}


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Size:
    samples: int = 1795
    reference: int = 2000
    pools: tuple[str, ...] = tuple(POOLS)


class _Pool(NamedTuple):
    """Eight extractors: features `(8, N, D)`, deviations of their columns on the reference set `(8, D)`, labels."""

    features: jax.Array
    reference_std: jax.Array
    labels: jax.Array


def run(*, seeds: int, progress: Progress | None, quick: bool) -> ClaimResult:
    """Draws pools, probes and scores; see `Claim.run`."""
    start = time.perf_counter()
    size = _Size(samples=50, reference=40, pools=("contracted pool",)) if quick else _Size()
    tell = progress or (lambda text: None)
    rows, checks = [], []
    for kind in size.pools:
        accuracy, motion, tau = _measure(kind, seeds, size, tell)
        rows += [
            mean_row(f"{kind}, accuracy: best extractor", np.max(accuracy, axis=1)),
            mean_row(f"{kind}, accuracy: worst extractor", np.min(accuracy, axis=1)),
            Row(f"{kind}: pairs of classes that overlap, of 45", *_mean_and_range(motion.overlapping_pairs)),
            Row(f"{kind}: steps of the descent", *_mean_and_range(motion.steps)),
        ]
        rows += [mean_row(f"{kind}, weighted Kendall tau: {name}", values) for name, values in tau.items()]
        if POOLS[kind]:
            checks += [
                holds_in_every_seed(
                    f"{kind}: PED raises the agreement of {score} with the accuracy", tau[f"{score}+PED"] - tau[score]
                )
                for score in SCORES
            ]
    return ClaimResult(
        name=CLAIM.name, seeds=seeds, seconds=time.perf_counter() - start, rows=tuple(rows), checks=tuple(checks)
    )


def _mean_and_range(values):
    return float(np.mean(values)), f"from {np.min(values)} to {np.max(values)}"


def _measure(kind: str, seeds: int, size: _Size, tell: Progress):
    """Accuracies (seeds, 8), the descents of all extractors, and the agreement of every score (seeds,)."""
    accuracy, motions = [], []
    tau = {score + descent: [] for score in SCORES for descent in DESCENTS}
    for seed in range(seeds):
        tell(f"{kind}: seed {seed + 1} of {seeds}")
        pool = draw_pool(seed, size.samples, size.reference, contracted=POOLS[kind])
        accuracy.append(five_fold_accuracy(pool.features, pool.labels))
        motions.append(_motion(pool))
        for score in SCORES:
            for descent, dt in DESCENTS.items():
                scores = _scores(pool, dt, score=score)
                tau[score + descent].append(float(weighted_kendall_tau(scores, accuracy[-1])))
    motion = jax.tree.map(lambda *parts: np.stack(parts), *motions)
    return np.array(accuracy), motion, {name: np.array(values) for name, values in tau.items()}


def draw_pool(seed: int, num_samples: int, num_reference: int, *, contracted: bool) -> _Pool:
    """Random projections of digits with growing noise; if contracted, class means pulled together by random factors."""
    generator = np.random.default_rng(seed)
    target, general = digits(), mnist()
    rows = generator.permutation(len(target.labels))[:num_samples]
    labels = target.labels[rows]
    pictures = general.images[generator.permutation(len(general.labels))[:num_reference]]
    reference = resize(pictures, target.images.shape[1:]).reshape(num_reference, -1)
    pixels = target.images[rows].reshape(num_samples, -1)
    members = np.eye(NUM_CLASSES)[labels]
    # Of the pictures, not of the noisy features: there the noise of a sample would hide from its own class mean.
    means = (members.T @ pixels) / np.maximum(members.sum(axis=0), 1)[:, None] - pixels.mean(axis=0)
    features, deviations = [], []
    for noise, contraction in zip(NOISE, generator.permutation(CONTRACTIONS), strict=True):
        weights = generator.normal(size=(pixels.shape[1], WIDTH)) / 4
        drawn, general_drawn = (
            x @ weights + noise * generator.normal(size=(len(x), WIDTH)) for x in (pixels, reference)
        )
        pull = (1 - contraction) * (means @ weights)
        features.append(drawn - pull[labels] if contracted else drawn)
        deviations.append(general_drawn.std(axis=0))
    return _Pool(
        jnp.asarray(np.stack(features), jnp.float32),
        jnp.asarray(np.stack(deviations), jnp.float32),
        jnp.asarray(labels),
    )


@jax.jit
def _motion(pool: _Pool):
    def one(features, deviation):
        return ped_shift(class_statistics(features, pool.labels, NUM_CLASSES), deviation)

    return jax.vmap(one)(pool.features, pool.reference_std)


@functools.partial(jax.jit, static_argnames="score")
def _scores(pool: _Pool, dt: float, *, score: str) -> jax.Array:
    """A score of all extractors. One a program: LAPACK calls in a batch that run at once can wait for each other."""

    def one(features, deviation):
        if score == "SFDA":
            return with_ped_samples(sfda, dt=dt)(features, pool.labels, deviation, num_classes=NUM_CLASSES)
        return with_ped(logme, dt=dt)(class_statistics(features, pool.labels, NUM_CLASSES), deviation)

    return jax.vmap(lambda *model: one(*model).score)(pool.features, pool.reference_std)


CLAIM = Claim(
    name="ped",
    title="Exploring Model Transferability through the Lens of Potential Energy",
    reference="Li et al., ICCV 2023, arXiv:2308.15074",
    statement="Moving overlapping classes apart by potential energy descent before scoring makes LogME and SFDA rank "
    "models better.",
    experiment=run,
)
