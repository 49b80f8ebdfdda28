"""The scores of a pool on one of several target tasks, whose sizes are padded so that a score compiles once for all."""

from collections.abc import Sequence

import numpy as np

from jaxinv.ranking.model_data import ModelData, model_data
from jaxinv.ranking.pool_scores import PoolScores, score_pool
from jaxinv.ranking.tasks import Task

# Their settings or units follow the number of classes or of rows, so they are never padded.
SEE_PADDING = ("n_leep", "parc", "emms")


def score_on_task(
    task: Task,
    features: Sequence[np.ndarray],
    names: Sequence[str],
    *,
    shape: tuple[int, int],
    source_probabilities: Sequence[np.ndarray] | None = None,
) -> PoolScores:
    """Scores M models from what they say about the training images of a task.

    Rows of no class, and classes without rows, count for nothing in any score but SEE_PADDING.

    Args:
      task: N training samples of C classes.
      features: (N, D) by model; D may differ.
      names: of the scores.
      shape: rows >= N and classes >= C, the same for all tasks.
      source_probabilities: (N, Cs) by model.
    """
    padded = [name for name in names if name not in SEE_PADDING]
    found = _score(task, features, padded, shape, source_probabilities)
    if len(padded) == len(names):
        return found
    own = [name for name in names if name in SEE_PADDING]
    more = _score(task, features, own, (len(task.train_labels), task.num_classes), source_probabilities)
    scores, diagnostics = found.scores | more.scores, found.diagnostics | more.diagnostics
    return PoolScores(
        {name: scores[name] for name in names}, {name: diagnostics[name] for name in names}, found.notes + more.notes
    )


def _score(
    task: Task,
    features: Sequence[np.ndarray],
    names: Sequence[str],
    shape: tuple[int, int],
    source_probabilities: Sequence[np.ndarray] | None,
) -> PoolScores:
    fill = shape[0] - len(task.train_labels)
    labels = np.pad(task.train_labels, (0, fill), constant_values=-1)

    def load(i: int) -> ModelData:
        return model_data(
            _pad(features[i], fill),
            labels,
            num_classes=shape[1],
            rows=np.arange(shape[0]),
            source_probabilities=None if source_probabilities is None else _pad(source_probabilities[i], fill),
        )

    scored = score_pool(load, [array.shape[1] for array in features], labels, names)
    for fields in scored.diagnostics.values():
        if "dropped_classes" in fields:
            fields["dropped_classes"] -= shape[1] - task.num_classes
    return scored


def _pad(rows: np.ndarray, fill: int) -> np.ndarray:
    """With copies of the last row, which is as finite as the others, and a probability vector if they are."""
    return np.pad(rows, ((0, fill), (0, 0)), mode="edge")
