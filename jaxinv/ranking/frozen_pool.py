"""A pool of frozen models, whose features are all that there is of them: scored, and judged by their linear probes."""

import dataclasses
import pathlib
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from jaxinv.ranking.agreement import agreement_with_truth
from jaxinv.ranking.cache import cache_key, cached_arrays
from jaxinv.ranking.environment import environment
from jaxinv.ranking.registry import SCORES, choose_scores
from jaxinv.ranking.results import RankingResult
from jaxinv.ranking.task_scores import Target, cached_scores, padded_shape
from jaxinv.ranking.truth import LINEAR_PROBE
from jaxinv.training import linear_probe, probe


@dataclasses.dataclass(frozen=True, kw_only=True)
class FrozenPool:
    """How to rank one.

    Attributes:
      name: of the pool.
      targets: the tasks.
      features: of a task, (N + K, D) by model, training samples first; D may differ.
      network: of a model's name, the network that it belongs to.
    """

    name: str
    targets: Sequence[Target]
    features: Callable[[Target], Mapping[str, np.ndarray]]
    network: Callable[[str], str]


def rank_frozen_pool(
    pool: FrozenPool,
    *,
    cache: pathlib.Path,
    scores: Sequence[str] | None,
    seed: int,
    notify: Callable[[str], None],
    status: Callable[[str], None],
) -> list[RankingResult]:
    """Scores the pool on every target, and compares with the linear probes.

    Args:
      pool: what to rank.
      cache: folder.
      scores: names of scores, by default all; those that need source probabilities are left out.
      seed: of the targets.
      notify: takes one sentence.
      status: is told what is being done.

    Raises:
      InputError: unknown score.
    """
    chosen = choose_scores(scores, source_probabilities=True)
    names = tuple(name for name in chosen if SCORES[name].needs != "source probabilities")
    shape = padded_shape(pool.targets)
    return [_rank(pool, task, names, shape, cache, seed, notify, status) for task in pool.targets]


def _rank(
    pool: FrozenPool,
    task: Target,
    names: tuple[str, ...],
    shape: tuple[int, int],
    cache: pathlib.Path,
    seed: int,
    notify: Callable[[str], None],
    status: Callable[[str], None],
) -> RankingResult:
    started = time.perf_counter()
    status(f"Features of the {pool.name} pool on {task.name}")
    features = pool.features(task)
    done = time.perf_counter()
    status(f"Scoring {len(features)} models on {task.name}")
    count = len(task.train_labels)
    stem = f"{pool.name} {task.name} seed {seed}.npz"
    train = [array[:count] for array in features.values()]
    scored = cached_scores(cache / f"scores {stem}", task, train, names, shape=shape, notify=notify)
    accuracies = cached_arrays(
        cache / f"truth {stem}",
        cache_key(pathlib.Path(probe.__file__), task.train_labels, task.test_labels, *features.values()),
        lambda: {LINEAR_PROBE: _probed(task, list(features.values()))},
        notify=notify,
    )[LINEAR_PROBE]
    models = tuple(features)
    return RankingResult(
        target=f"{task.name}, {pool.name}",
        pool=pool.name,
        num_samples=count,
        num_classes=task.num_classes,
        models=models,
        widths=tuple(array.shape[1] for array in features.values()),
        attributes={"network": tuple(map(pool.network, models))},
        scores=scored.scores,
        diagnostics=scored.diagnostics,
        truths={LINEAR_PROBE: accuracies},
        agreement={LINEAR_PROBE: agreement_with_truth(scored.scores, accuracies)},
        environment={**environment(), "seed": str(seed)},
        timings={"features (or cache)": done - started, "scores and truth (or cache)": time.perf_counter() - done},
        notes=scored.notes,
    )


def _probed(task: Target, features: Sequence[np.ndarray]) -> np.ndarray:
    """(M,) test accuracies; the constant features that are added count for nothing in the probe."""
    count, width = len(task.train_labels), max(array.shape[1] for array in features)
    wide = np.stack([np.pad(array, ((0, 0), (0, width - array.shape[1]))) for array in features])
    found = linear_probe(
        wide[:, :count], task.train_labels, wide[:, count:], task.test_labels, num_classes=task.num_classes
    )
    return np.asarray(found)
