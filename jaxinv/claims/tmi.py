"""A larger spread within classes transfers better when the classes change (Xu and Kang, TMI).

Small networks are pretrained to tell odd digits from even ones, under a growing pressure to collapse each of these two
classes to a point; the target is all ten digits. TMI, which rewards spread within classes, and H-score, LogME and GBC,
which reward separation, then rank the networks against the accuracy of a linear probe. A negative control keeps the
task and pretrains on the ten digits themselves, with a growing share of random labels: there the spread within classes
is ignorance, and no room for new classes.
"""

import dataclasses
import functools
import time
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.claims.batches import random_batches
from jaxinv.claims.claim import Claim, ClaimResult, Progress, Row, holds_in_every_seed, mean_row
from jaxinv.data import mnist, resize
from jaxinv.kernels.numerics.safe import safe_divide
from jaxinv.kernels.transferability import TMI, class_statistics, gbc, h_score, logme, tmi, weighted_kendall_tau
from jaxinv.models import MultilayerPerceptron
from jaxinv.training import create_ensemble, ensemble_outputs, linear_probe, train_ensemble

NUM_CLASSES = 10
PRESSURES = (0.0, 0.03, 0.1, 0.3, 1.0, 3.0)
RANDOM_LABELS = (0.0, 0.1, 0.2, 0.4, 0.6, 0.8)
# TMI looks at distances of at least 1: features of root mean square 100 are well above.
FEATURE_SCALE = 100.0
SCORES: tuple[str, ...] = ("TMI", "H-score", "LogME", "GBC")


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Size:
    pretraining: int = 2500
    train: int = 1000
    test: int = 1500
    steps: int = 1500
    batch_size: int = 128


class _Task(NamedTuple):
    """Disjoint pictures of the ten digits, equally many of each."""

    pretraining: tuple[np.ndarray, np.ndarray]
    train: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]


class _Pool(NamedTuple):
    """What was measured on the networks of one kind, (seeds, 6) each."""

    accuracy: np.ndarray
    scores: dict[str, np.ndarray]
    clamped: np.ndarray


def make_network(rngs):
    """Two hidden layers of 64."""
    return MultilayerPerceptron(num_classes=NUM_CLASSES, width=64, rngs=rngs)


def collapse(features: jax.Array, logits: jax.Array, labels: jax.Array) -> jax.Array:
    """The share of the features' variance that lies within the classes: a penalty that shrinking does not evade."""
    members = jax.nn.one_hot(labels, NUM_CLASSES, dtype=features.dtype)
    counts = jnp.broadcast_to(jnp.sum(members, axis=0)[:, None], (NUM_CLASSES, features.shape[1]))
    means = safe_divide(members.T @ features, counts)
    within = jnp.sum((features - means[labels]) ** 2)
    return safe_divide(within, jnp.sum((features - jnp.mean(features, axis=0, keepdims=True)) ** 2))


def run(*, seeds: int, progress: Progress | None, quick: bool) -> ClaimResult:
    """Pretrains, probes and scores; see `Claim.run`."""
    start = time.perf_counter()
    size = _Size(pretraining=100, train=60, test=40, steps=4, batch_size=16) if quick else _Size()
    tell = progress or (lambda text: None)
    task = _task(size)
    coarse, control = _measure(task, seeds, size, tell)

    rows = [
        mean_row(f"accuracy on ten digits: pressure {pressure:g}", coarse.accuracy[:, i])
        for i, pressure in enumerate(PRESSURES)
    ]
    rows += [
        mean_row(f"TMI: pressure {pressure:g}", coarse.scores["TMI"][:, i]) for i, pressure in enumerate(PRESSURES)
    ]
    rows += [
        mean_row(f"control accuracy: {share:.0%} random labels", control.accuracy[:, i])
        for i, share in enumerate(RANDOM_LABELS)
    ]
    agreement, control_agreement = (
        {name: _agreement(pool.scores[name], pool.accuracy) for name in SCORES} for pool in (coarse, control)
    )
    rows += [mean_row(f"weighted Kendall tau: {name}", tau) for name, tau in agreement.items()]
    rows += [
        mean_row(f"negative control, weighted Kendall tau: {name}", tau) for name, tau in control_agreement.items()
    ]
    rows += [
        Row("distances clamped by TMI", float(np.mean(coarse.clamped)), f"at most {np.max(coarse.clamped):.3f}"),
    ]
    checks = (
        holds_in_every_seed(
            "premise: the strongest pressure costs accuracy on the ten digits",
            coarse.accuracy[:, 0] - coarse.accuracy[:, -1],
        ),
        holds_in_every_seed("TMI agrees with the accuracy (weighted Kendall tau above 0)", agreement["TMI"]),
        *(
            holds_in_every_seed(f"TMI agrees better than {name}", agreement["TMI"] - agreement[name])
            for name in SCORES[1:]
        ),
    )
    return ClaimResult(
        name=CLAIM.name, seeds=seeds, seconds=time.perf_counter() - start, rows=tuple(rows), checks=checks
    )


def _task(size: _Size) -> _Task:
    data = mnist()
    images = resize(data.images, (16, 16))
    # The set is sorted by class: an equal share of each class goes to every part.
    by_class = np.argsort(data.labels, kind="stable").reshape(NUM_CLASSES, -1)
    ends = np.cumsum([part // NUM_CLASSES for part in (size.pretraining, size.train, size.test)])
    parts = [rows.ravel() for rows in np.split(by_class, ends, axis=1)[:3]]
    return _Task(*((images[rows], data.labels[rows]) for rows in parts))


def _measure(task: _Task, seeds: int, size: _Size, tell: Progress) -> tuple[_Pool, _Pool]:
    """Both kinds of networks, trained under one vmap: seeds outermost, then coarse ones, then the control."""
    images, labels = task.pretraining
    given = []
    for seed in range(seeds):
        generator = np.random.default_rng(seed)
        chance, random_labels = generator.random(len(labels)), generator.integers(0, NUM_CLASSES, len(labels))
        given += [labels % 2 for _ in PRESSURES]
        given += [np.where(chance < share, random_labels, labels) for share in RANDOM_LABELS]
    kinds = len(PRESSURES) + len(RANDOM_LABELS)
    ensemble = train_ensemble(
        create_ensemble(make_network, [seed for seed in range(seeds) for _ in range(kinds)]),
        random_batches(
            np.broadcast_to(images, (len(given), *images.shape)),
            np.stack(given).astype(np.int32),
            limits=[len(labels)] * len(given),
            steps=size.steps,
            batch_size=size.batch_size,
            seed=0,
        ),
        learning_rate=1e-3,
        class_counts=([2] * len(PRESSURES) + [NUM_CLASSES] * len(RANDOM_LABELS)) * seeds,
        penalty=collapse,
        penalty_weights=(list(PRESSURES) + [0.0] * len(RANDOM_LABELS)) * seeds,
        progress=lambda step, _: tell(f"training {len(given)} networks: step {step} of {size.steps}"),
    )
    tell("linear probes and scores")
    train, test = (ensemble_outputs(ensemble, part[0]).features for part in (task.train, task.test))
    accuracy = np.asarray(linear_probe(train, task.train[1], test, task.test[1], num_classes=NUM_CLASSES))
    scores, clamped = _scores(jnp.asarray(train), jnp.asarray(task.train[1]))

    def pool(columns):
        def cut(values):
            return np.asarray(values, float).reshape(seeds, kinds)[:, columns]

        return _Pool(cut(accuracy), {name: cut(values) for name, values in scores.items()}, cut(clamped))

    return pool(slice(len(PRESSURES))), pool(slice(len(PRESSURES), kinds))


def _scores(features: jax.Array, labels: jax.Array) -> tuple[dict[str, jax.Array], jax.Array]:
    """Every score of every network, on features (M, N, D); and the share of distances that TMI clamps."""
    spread = _spread(features, labels)
    scores = {"TMI": spread.score} | {name: _score(features, labels, name) for name in SCORES[1:]}
    return scores, spread.clamped_fraction


@jax.jit
def _spread(features: jax.Array, labels: jax.Array) -> TMI:
    def one(features):
        scale = FEATURE_SCALE / jnp.sqrt(jnp.mean(features**2))
        return tmi(scale * features, labels, num_classes=NUM_CLASSES)

    return jax.vmap(one)(features)


@functools.partial(jax.jit, static_argnames="name")
def _score(features: jax.Array, labels: jax.Array, name: str) -> jax.Array:
    """One score a program: batched LAPACK calls that XLA runs side by side on a CPU can wait for each other."""
    score = {"H-score": h_score, "LogME": logme, "GBC": gbc}[name]
    return jax.vmap(lambda x: score(class_statistics(x, labels, NUM_CLASSES)).score)(features)


def _agreement(scores: np.ndarray, accuracy: np.ndarray) -> np.ndarray:
    """Weighted Kendall tau of each seed's six networks."""
    return np.asarray(jax.vmap(weighted_kendall_tau)(jnp.asarray(scores), jnp.asarray(accuracy)))


CLAIM = Claim(
    name="tmi",
    title="Fast and Accurate Transferability Measurement by Evaluating Intra-class Feature Variance",
    reference="Xu and Kang, ICCV 2023, arXiv:2308.05986",
    statement="Pretrained features that spread more within the target classes transfer better, so that TMI ranks "
    "models better than scores that reward separation.",
    experiment=run,
)
