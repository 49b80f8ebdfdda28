"""The scores of a pool on one of several target tasks, whose sizes are padded so that a score compiles once for all."""

import pathlib
from collections.abc import Callable, Sequence
from typing import Protocol

import jax
import numpy as np

from jaxinv import kernels
from jaxinv.ranking import model_data as model_data_module
from jaxinv.ranking import pool_scores, registry
from jaxinv.ranking.cache import cache_key, cached_arrays
from jaxinv.ranking.model_data import ModelData, model_data
from jaxinv.ranking.pool_scores import PoolScores, score_pool

# Its settings follow the number of classes, which is therefore never padded.
SEE_PADDING = ("n_leep",)


class Target(Protocol):
    """A classification task with labels 0..C-1; what it is about does not matter here."""

    @property
    def name(self) -> str:
        """Of the task."""
        ...

    @property
    def num_classes(self) -> int:
        """C."""
        ...

    @property
    def train_labels(self) -> np.ndarray:
        """(N,)."""
        ...

    @property
    def test_labels(self) -> np.ndarray:
        """(K,)."""
        ...


def padded_shape(tasks: Sequence[Target]) -> tuple[int, int]:
    """Most training rows and most classes of the tasks, for `score_on_task`."""
    return max(len(task.train_labels) for task in tasks), max(task.num_classes for task in tasks)


def cached_scores(
    path: pathlib.Path,
    task: Target,
    features: Sequence[np.ndarray],
    names: Sequence[str],
    *,
    shape: tuple[int, int],
    source_probabilities: Sequence[np.ndarray] | None = None,
    notify: Callable[[str], None],
) -> PoolScores:
    """`score_on_task`, read from `path` if it was computed from the same features by the same code."""
    sources = source_probabilities or ()
    folder = pathlib.Path(kernels.__path__[0])
    code = [path for family in ("numerics", "transferability") for path in sorted((folder / family).rglob("*.py"))]
    code += [pathlib.Path(str(module.__file__)) for module in (model_data_module, pool_scores, registry)]
    settings = {"names": list(names), "shape": shape, "jax": jax.__version__, "classes": task.num_classes}
    key = cache_key(settings, pathlib.Path(__file__), *code, task.train_labels, *features, *sources)

    def compute() -> dict[str, np.ndarray]:
        scored = score_on_task(task, features, names, shape=shape, source_probabilities=source_probabilities)
        arrays = {f"{name}|": values for name, values in scored.scores.items()}
        for name, fields in scored.diagnostics.items():
            arrays |= {f"{name}|{field}": values for field, values in fields.items()}
        return arrays | {_NOTES: np.array(scored.notes, str)}

    arrays = cached_arrays(path, key, compute, notify=notify)
    notes = tuple(str(note) for note in arrays.pop(_NOTES))
    diagnostics: dict[str, dict[str, np.ndarray]] = {name: {} for name in names}
    for column, values in arrays.items():
        name, _, field = column.partition("|")
        diagnostics[name][field] = values
    return PoolScores({name: diagnostics[name].pop("") for name in names}, diagnostics, notes)


_NOTES = "notes"


def score_on_task(
    task: Target,
    features: Sequence[np.ndarray],
    names: Sequence[str],
    *,
    shape: tuple[int, int],
    source_probabilities: Sequence[np.ndarray] | None = None,
) -> PoolScores:
    """Scores M models from what they say about the training samples of a task.

    Rows of no class, and classes without rows, count for nothing in any score; only SEE_PADDING take the true number of
    classes. All models are padded to the width of the widest.

    Args:
      task: N training samples of C classes.
      features: (N, D) by model; D may differ.
      names: of the scores.
      shape: rows >= N and classes >= C, the same for all tasks.
      source_probabilities: (N, Cs) by model.
    """
    rows, classes = shape
    padded = [name for name in names if name not in SEE_PADDING]
    own = [name for name in names if name in SEE_PADDING]
    parts = [
        _score(task, features, part, (rows, width), source_probabilities)
        for part, width in ((padded, classes), (own, task.num_classes))
        if part
    ]
    scores = {name: values for part in parts for name, values in part.scores.items()}
    diagnostics = {name: fields for part in parts for name, fields in part.diagnostics.items()}
    notes = tuple(note for part in parts for note in part.notes)
    return PoolScores({name: scores[name] for name in names}, {name: diagnostics[name] for name in names}, notes)


def _score(
    task: Target,
    features: Sequence[np.ndarray],
    names: Sequence[str],
    shape: tuple[int, int],
    source_probabilities: Sequence[np.ndarray] | None,
) -> PoolScores:
    fill = shape[0] - len(task.train_labels)
    labels = np.pad(task.train_labels, (0, fill), constant_values=-1)
    widths = [array.shape[1] for array in features]
    width = max(widths)

    def load(i: int) -> ModelData:
        return model_data(
            np.pad(_pad(features[i], fill), ((0, 0), (0, width - widths[i]))),
            labels,
            num_classes=shape[1],
            rows=np.arange(shape[0]),
            source_probabilities=None if source_probabilities is None else _pad(source_probabilities[i], fill),
            valid_dim=widths[i],
        )

    scored = score_pool(load, widths, labels, names, padded_width=width)
    for fields in scored.diagnostics.values():
        if "dropped_classes" in fields:
            fields["dropped_classes"] -= shape[1] - task.num_classes
    return scored


def _pad(rows: np.ndarray, fill: int) -> np.ndarray:
    """With copies of the last row, which is as finite as the others, and a probability vector if they are."""
    return np.pad(rows, ((0, fill), (0, 0)), mode="edge")
