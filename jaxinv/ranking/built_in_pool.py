"""`jaxinv rank` without files: the built-in pool, trained, scored, and judged by its true accuracies."""

import pathlib
import time
from collections.abc import Sequence

from rich.console import Console

from jaxinv.ranking.agreement import agreement_with_truth
from jaxinv.ranking.environment import environment
from jaxinv.ranking.pool import Pool, PoolSpec, represent, train_pool
from jaxinv.ranking.registry import choose_scores
from jaxinv.ranking.results import RankingResult
from jaxinv.ranking.task_scores import cached_scores, padded_shape
from jaxinv.ranking.tasks import Task, target_tasks
from jaxinv.ranking.truth import TruthSpec, measure_truth

NAME = "built-in"


def rank_built_in_pool(
    *,
    output: pathlib.Path,
    scores: Sequence[str] | None = None,
    spec: PoolSpec | None = None,
    truth: TruthSpec | None = None,
    seed: int = 0,
    console: Console | None = None,
) -> list[RankingResult]:
    """Trains the pool (or reads it from the cache), scores it on every target task and compares with the truth.

    Args:
      output: folder of the results; the cache is its folder "cache".
      scores: names of scores; by default all.
      spec: the networks; by default the whole pool, from `seed`.
      truth: how the networks are fine-tuned.
      seed: of everything.
      console: for progress bars and notices; by default there are none.

    Returns:
      One RankingResult a target task.

    Raises:
      InputError: unknown score.
      MissingPackage: the packages that ship the images are not installed.
    """
    console = Console(quiet=True) if console is None else console
    names = choose_scores(scores, source_probabilities=True)
    spec = PoolSpec(seed=seed) if spec is None else spec
    truth = TruthSpec() if truth is None else truth
    cache = output / "cache"
    started = time.perf_counter()
    pool = train_pool(spec, cache=cache, console=console)
    training = time.perf_counter() - started
    tasks = target_tasks(seed=seed)
    return [
        _rank(
            pool,
            task,
            names,
            truth,
            shape=padded_shape(tasks),
            cache=cache,
            training=training,
            seed=seed,
            console=console,
        )
        for task in tasks
    ]


def _rank(
    pool: Pool,
    task: Task,
    names: tuple[str, ...],
    truth: TruthSpec,
    *,
    shape: tuple[int, int],
    cache: pathlib.Path,
    training: float,
    seed: int,
    console: Console,
) -> RankingResult:
    started = time.perf_counter()
    representations = represent(pool, task.train_images)
    represented = time.perf_counter()
    with console.status(f"Scoring {len(pool.networks)} networks on {task.name}"):
        scored = cached_scores(
            cache / f"scores {task.name} seed {seed}.npz",
            task,
            [own.features for own in representations],
            names,
            shape=shape,
            source_probabilities=[own.source_probabilities for own in representations],
            notify=lambda text: console.print(text, highlight=False, markup=False, soft_wrap=True),
        )
    done = time.perf_counter()
    measured = measure_truth(pool, task, truth, cache=cache, console=console)
    return RankingResult(
        target=task.name,
        pool=NAME,
        num_samples=len(task.train_labels),
        num_classes=task.num_classes,
        models=tuple(network.name for network in pool.networks),
        widths=tuple(network.width for network in pool.networks),
        attributes={
            field: tuple(getattr(network, field) for network in pool.networks)
            for field in ("architecture", "source", "invariance")
        },
        scores=scored.scores,
        diagnostics=scored.diagnostics,
        truths=measured.accuracies,
        agreement={name: agreement_with_truth(scored.scores, truth) for name, truth in measured.accuracies.items()},
        sensitivity=measured.sensitivity,
        environment={**environment(), "seed": str(seed)},
        timings={
            "pool (training or cache)": training,
            "features": represented - started,
            "all scores of the pool, compilation included (or cache)": done - represented,
            "truth (training or cache)": time.perf_counter() - done,
        },
        notes=(*scored.notes, _source_accuracies(pool)),
    )


def _source_accuracies(pool: Pool) -> str:
    accuracies = [network.source_accuracy for network in pool.networks]
    return f"Test accuracy of the networks on their own source task: {min(accuracies):.2f} to {max(accuracies):.2f}."
