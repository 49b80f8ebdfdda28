"""Which three source models make the best ensemble (Vimal K B et al., OSBORN).

Eight small networks per seed learn five digits each, from pictures that are turned by 0 to 45 degrees, faded and
noisy, each to its own degree. The target is all ten digits as they are, with 20 labels a digit: every network is
fine-tuned to it, and the truth about a triple is the accuracy of its averaged predictions. OSBORN, MS-LEEP and E-LEEP
then rank all 56 triples from the source models alone.
"""

import dataclasses
import functools
import itertools
import time
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from jaxinv.claims.batches import random_batches
from jaxinv.claims.claim import Claim, ClaimResult, Progress, holds_in_every_seed, mean_row
from jaxinv.data import mnist, resize
from jaxinv.data.warps import warp
from jaxinv.kernels.transferability import (
    EnsembleCosts,
    all_subset_scores,
    disagreement_matrix,
    e_leep,
    ensemble_costs,
    expected_predictions,
    greedy_selection,
    ms_leep,
    osborn_terms,
    weighted_kendall_tau,
)
from jaxinv.models import MultilayerPerceptron
from jaxinv.training import Ensemble, create_ensemble, ensemble_outputs, mask_logits, train_ensemble

NUM_CLASSES = 10
SOURCE_CLASSES = 5
POOL = 8
TEAM = 3
TRIPLES = np.array(list(itertools.combinations(range(POOL), TEAM)))
SCORES = ("OSBORN", "MS-LEEP", "E-LEEP")
PARTS = {"domain difference": (1.0, 0.0, 0.0), "task difference": (0.0, 1.0, 0.0), "disagreement": (0.0, 0.0, 1.0)}


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Size:
    source: int = 2000
    per_class: int = 20
    test: int = 2000
    steps: int = 800
    tuning_steps: int = 300
    batch_size: int = 64
    transported: int = 500


class _Target(NamedTuple):
    """The digits as they are, equally many of each: to tune on, and to be judged by."""

    train: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]


class _Sources(NamedTuple):
    """What each network of a seed learns from: pictures `(8, N, 16, 16)` and labels 0 .. 4 `(8, N)`."""

    images: np.ndarray
    labels: np.ndarray


class _Ranking(NamedTuple):
    """Of the 56 triples of one seed, `(56,)` each, and which of them the greedy choice is."""

    accuracy: np.ndarray
    scores: dict[str, np.ndarray]
    greedy: int


def make_network(rngs):
    """Two hidden layers of 64."""
    return MultilayerPerceptron(num_classes=NUM_CLASSES, width=64, rngs=rngs)


def draw_sources(images: np.ndarray, labels: np.ndarray, number: int, generator: np.random.Generator) -> _Sources:
    """`number` pictures for each of 8 networks: five of the ten digits, one angle, one contrast, one level of noise."""
    angles = np.radians(np.linspace(0, 45, POOL))[generator.permutation(POOL)]
    pictures, names = [], []
    for angle in angles:
        digits = np.sort(generator.permutation(NUM_CLASSES)[:SOURCE_CLASSES])
        chosen = generator.choice(np.flatnonzero(np.isin(labels, digits)), number)
        turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]], np.float32)
        turned = np.asarray(warp(jnp.asarray(images[chosen]), jnp.broadcast_to(turn, (number, 3, 3))))
        noise = generator.uniform(0, 0.3) * generator.normal(size=turned.shape)
        pictures.append(np.clip(generator.uniform(0.3, 1) * turned + noise, 0, 1).astype(np.float32))
        names.append(np.searchsorted(digits, labels[chosen]).astype(np.int32))
    return _Sources(np.stack(pictures), np.stack(names))


def team_accuracy(probabilities: np.ndarray, labels: np.ndarray, teams: np.ndarray) -> np.ndarray:
    """Accuracy of the averaged predictions `(M, N, C)` of each team `(T, k)`."""
    return np.array([np.mean(probabilities[team].mean(0).argmax(1) == labels) for team in teams])


def run(*, seeds: int, progress: Progress | None, quick: bool) -> ClaimResult:
    """Trains, tunes, scores and judges; see `Claim.run`."""
    start = time.perf_counter()
    size = _Size(source=60, per_class=3, test=60, steps=4, tuning_steps=4, batch_size=8, transported=30)
    size = size if quick else _Size()
    tell = progress or (lambda text: None)
    sources, targets = zip(*(_draw(seed, size) for seed in range(seeds)), strict=True)
    ensemble = _train(sources, size, tell)
    tuned = _tune(ensemble, targets, size, tell)
    rankings = []
    for seed in range(seeds):
        tell(f"scores of seed {seed + 1} of {seeds}")
        rows = slice(seed * POOL, (seed + 1) * POOL)
        rankings.append(_rank(_some(ensemble, rows), _some(tuned, rows), sources[seed], targets[seed], size))

    accuracy = np.stack([ranking.accuracy for ranking in rankings])
    chosen = accuracy[np.arange(seeds), [ranking.greedy for ranking in rankings]]
    tau = {
        name: np.array([weighted_kendall_tau(r.scores[name], r.accuracy) for r in rankings])
        for name in (*SCORES, *PARTS)
    }
    rows = [
        mean_row("accuracy of the best triple", accuracy.max(axis=1)),
        mean_row("accuracy of the greedy triple by OSBORN", chosen),
        mean_row("accuracy of the median triple", np.median(accuracy, axis=1)),
        mean_row("accuracy of the worst triple", accuracy.min(axis=1)),
        mean_row("rank of the greedy triple among 56", 1 + np.sum(accuracy > chosen[:, None], axis=1)),
        *(mean_row(f"weighted Kendall tau: {name}", values) for name, values in tau.items()),
    ]
    checks = (
        holds_in_every_seed("OSBORN agrees with the accuracy (weighted Kendall tau above 0)", tau["OSBORN"]),
        *(holds_in_every_seed(f"OSBORN agrees better than {name}", tau["OSBORN"] - tau[name]) for name in SCORES[1:]),
        holds_in_every_seed("the greedy triple beats the median one", chosen - np.median(accuracy, axis=1)),
    )
    return ClaimResult(
        name=CLAIM.name, seeds=seeds, seconds=time.perf_counter() - start, rows=tuple(rows), checks=checks
    )


def _draw(seed: int, size: _Size) -> tuple[_Sources, _Target]:
    generator = np.random.default_rng(seed)
    data = mnist()
    images = resize(data.images, (16, 16)).astype(np.float32)
    by_class = np.argsort(data.labels, kind="stable").reshape(NUM_CLASSES, -1)
    by_class = generator.permuted(by_class, axis=1)
    # Source pictures are none of the target's.
    ends = np.cumsum([size.per_class, size.test // NUM_CLASSES])
    train, test, source = (rows.ravel() for rows in np.split(by_class, ends, axis=1))
    target = _Target(*((images[rows], data.labels[rows].astype(np.int32)) for rows in (train, test)))
    return draw_sources(images[source], data.labels[source], size.source, generator), target


def _train(sources: Sequence[_Sources], size: _Size, tell: Progress) -> Ensemble:
    """Eight networks a seed, the seeds outermost."""
    images, labels = (np.concatenate(parts) for parts in zip(*sources, strict=True))
    batches = random_batches(
        images, labels, limits=[size.source] * len(labels), steps=size.steps, batch_size=size.batch_size, seed=0
    )
    return train_ensemble(
        create_ensemble(make_network, range(len(labels))),
        batches,
        learning_rate=1e-3,
        class_counts=[SOURCE_CLASSES] * len(labels),
        progress=lambda step, _: tell(f"training {len(labels)} networks: step {step} of {size.steps}"),
    )


def _tune(ensemble: Ensemble, targets: Sequence[_Target], size: _Size, tell: Progress) -> Ensemble:
    """All layers of the networks, with a new head, on the few labels of the target."""
    number = ensemble.num_networks
    fresh = create_ensemble(make_network, range(number, 2 * number))
    params = nnx.State({**ensemble.params, "head": fresh.params["head"]})
    images, labels = (
        np.repeat(np.stack(parts), POOL, axis=0) for parts in zip(*(target.train for target in targets), strict=True)
    )
    batches = random_batches(
        images,
        labels,
        limits=[labels.shape[1]] * number,
        steps=size.tuning_steps,
        batch_size=size.batch_size,
        seed=1,
    )
    return train_ensemble(
        Ensemble(ensemble.graphdef, params),
        batches,
        learning_rate=1e-3,
        progress=lambda step, _: tell(f"fine-tuning {number} networks: step {step} of {size.tuning_steps}"),
    )


def _some(ensemble: Ensemble, rows: slice) -> Ensemble:
    return Ensemble(ensemble.graphdef, jax.tree.map(lambda p: p[rows], ensemble.params))


def _rank(pool: Ensemble, tuned: Ensemble, sources: _Sources, target: _Target, size: _Size) -> _Ranking:
    """Truth and scores of every triple of one seed."""
    answers = jax.nn.softmax(ensemble_outputs(tuned, target.test[0]).logits)
    images, labels = target.train
    own = ensemble_outputs(pool, sources.images[:, : size.transported], per_network=True).features
    seen = ensemble_outputs(pool, images)
    probabilities = jax.nn.softmax(mask_logits(jnp.asarray(seen.logits), SOURCE_CLASSES))
    costs, scores = _scores(
        jnp.asarray(own),
        jnp.asarray(sources.labels[:, : size.transported]),
        jnp.asarray(seen.features),
        probabilities[..., :SOURCE_CLASSES],
        jnp.asarray(labels),
    )
    greedy = sorted(np.asarray(greedy_selection(costs, size=TEAM).models).tolist())
    return _Ranking(
        accuracy=team_accuracy(np.asarray(answers), target.test[1], TRIPLES),
        scores={name: np.asarray(values) for name, values in scores.items()},
        greedy=TRIPLES.tolist().index(greedy),
    )


@jax.jit
def _scores(
    own: jax.Array, own_labels: jax.Array, seen: jax.Array, probabilities: jax.Array, labels: jax.Array
) -> tuple[EnsembleCosts, dict[str, jax.Array]]:
    """OSBORN's costs, and every score of the 56 triples in the order of `TRIPLES`."""
    terms = jax.vmap(
        functools.partial(osborn_terms, num_source_classes=SOURCE_CLASSES, num_classes=NUM_CLASSES),
        in_axes=(0, 0, 0, None),
    )(own, own_labels, seen, labels)
    disagreement = disagreement_matrix(jnp.argmax(probabilities, axis=-1), num_classes=SOURCE_CLASSES)
    parts = terms.domain, terms.task, disagreement
    costs = ensemble_costs(*parts)
    scores = {"OSBORN": all_subset_scores(costs, size=TEAM).score}
    for name, weights in PARTS.items():
        scores[name] = all_subset_scores(ensemble_costs(*parts, weights=weights), size=TEAM).score
    expected = jax.vmap(lambda p: expected_predictions(p, labels, num_classes=NUM_CLASSES))(probabilities)
    members = jnp.asarray(np.any(TRIPLES[:, :, None] == np.arange(POOL), axis=1))
    for name, score in (("MS-LEEP", ms_leep), ("E-LEEP", e_leep)):
        scores[name] = jax.vmap(lambda member, score=score: score(expected, labels, subset=member).score)(members)
    return costs, scores


CLAIM = Claim(
    name="osborn",
    title="Building a Winning Team: Selecting Source Model Ensembles using a Submodular Transferability Estimation "
    "Approach",
    reference="Vimal K B, Bachu, Garg, Narasimhan, Konuru and Balasubramanian, ICCV 2023, arXiv:2309.02429",
    statement="Domain difference, task difference and disagreement of source models together rank ensembles by their "
    "accuracy after fine-tuning better than MS-LEEP and E-LEEP, and choose good ones greedily.",
    experiment=run,
)
