"""The state of a pass over one model's files, kept on disk so that a killed run goes on where it was."""

import dataclasses
import hashlib
import json
import os
import pathlib

import jax
import numpy as np

import jaxinv
from jaxinv.kernels.transferability import ClassStatistics
from jaxinv.ranking.atomic import atomic_write
from jaxinv.ranking.model_data import ModelData

FORMAT = 2


class StateError(Exception):
    """A state file is damaged, foreign or of other input; the message says which."""


@dataclasses.dataclass(frozen=True, eq=False)
class PassState:
    """How far a pass has come: its rows below `rows_done` are in `data`; sampled rows beyond them are still zero.

    The statistics have the devices of the pass in front of every array, or 1 once they have been reduced.
    """

    rows_done: int
    data: ModelData


def fingerprint(paths: list[pathlib.Path], labels: np.ndarray, rows: np.ndarray, options: dict) -> str:
    """A digest of all that the outcome of a pass depends on.

    Args:
      paths: files that are read; size and modification time stand for their content.
      labels: (N,).
      rows: sampled rows.
      options: everything else, as JSON has it.
    """
    files = [(str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns) for path in paths]
    versions = [FORMAT, jaxinv.__version__, jax.__version__, jax.default_backend()]
    text = json.dumps([files, versions, options], sort_keys=True)
    digest = hashlib.sha256(text.encode())
    digest.update(labels.tobytes())
    digest.update(rows.tobytes())
    return digest.hexdigest()


def save_state(path: str | os.PathLike[str], state: PassState, key: str) -> None:
    """Writes `state` atomically; `key` is its fingerprint."""
    arrays = {"fingerprint": np.array(key), "rows_done": np.array(state.rows_done), "features": state.data.features}
    if state.data.source_probabilities is not None:
        arrays["source_probabilities"] = state.data.source_probabilities
    for name, value in _fields(state.data.statistics).items():
        arrays[f"statistics.{name}"] = np.asarray(value)
    with atomic_write(path) as file:
        np.savez(file, allow_pickle=False, **arrays)


def load_state(path: str | os.PathLike[str], start: PassState, key: str) -> PassState:
    """Reads what `save_state` wrote.

    Args:
      path: the state file.
      start: the state in which this pass starts, whose shapes and dtypes the stored arrays must have.
      key: the fingerprint that the file must have.

    Raises:
      FileNotFoundError: no state was stored.
      StateError: the file is damaged, foreign or has another fingerprint.
    """
    try:
        with open(path, "rb") as file:
            stored = np.load(file, allow_pickle=False)
            if stored["fingerprint"] != key:
                raise StateError("it belongs to other files, labels or options")
            statistics = {
                name: _like(stored[f"statistics.{name}"], value[:1], value)
                for name, value in _fields(start.data.statistics).items()
            }
            probabilities = start.data.source_probabilities
            data = ModelData(
                dataclasses.replace(start.data.statistics, **statistics),
                _like(stored["features"], start.data.features),
                None if probabilities is None else _like(stored["source_probabilities"], probabilities),
            )
            return PassState(int(stored["rows_done"]), data)
    except (StateError, FileNotFoundError):
        raise
    except Exception as error:  # whatever is wrong with it, the answer is the same
        raise StateError(f"it is damaged or foreign ({error})") from error


def _fields(statistics: ClassStatistics) -> dict:
    values = {field.name: getattr(statistics, field.name) for field in dataclasses.fields(statistics)}
    return {name: value for name, value in values.items() if value is not None}


def _like(array: np.ndarray, *wanted: np.ndarray) -> np.ndarray:
    if all(array.shape != one.shape or array.dtype != one.dtype for one in wanted):
        raise ValueError(f"{array.dtype} {array.shape} where {wanted[0].dtype} {wanted[0].shape} is due")
    return array
