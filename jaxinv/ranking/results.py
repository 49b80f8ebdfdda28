"""What a ranking found: scores, diagnostics and, where it is known, the truth; written as JSON and CSV."""

import csv
import dataclasses
import io
import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxinv.ranking.atomic import atomic_write
from jaxinv.ranking.errors import InputError

FORMAT = "jaxinv ranking 1"


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class RankingResult:
    """The scores of M models on one target task; every array has shape (M,), in the order of `models`.

    Attributes:
      target: name of the target task.
      num_samples: rows of the target's training set that the scores saw.
      num_classes: classes of the target.
      models: names, all different.
      widths: feature dimension of each model.
      pool: what the models are together, if they are ranked for several targets; `target` ends with it, after a comma,
        unless it is the first pool.
      attributes: what is known about each model, e.g. its architecture.
      scores: one array a score, higher is better, NaN where a score is not available for a model.
      diagnostics: per score, one array a diagnostic.
      truths: true accuracies in [0, 1] per way of measuring them; empty where they are not known.
      agreement: truth -> score -> measure -> value.
      sensitivity: per transformation, how much the features of each model move under it.
      environment: versions and devices.
      timings: seconds per stage.
      notes: remarks that a reader of the table must know.
    """

    target: str
    num_samples: int
    num_classes: int
    models: tuple[str, ...]
    widths: tuple[int, ...]
    scores: dict[str, np.ndarray]
    pool: str = ""
    attributes: dict[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    diagnostics: dict[str, dict[str, np.ndarray]] = dataclasses.field(default_factory=dict)
    truths: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    agreement: dict[str, dict[str, dict[str, float]]] = dataclasses.field(default_factory=dict)
    sensitivity: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    environment: dict[str, str] = dataclasses.field(default_factory=dict)
    timings: dict[str, float] = dataclasses.field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __post_init__(self):
        columns: dict[str, Any] = {"widths": self.widths, **self.attributes, **self.scores, **self.truths}
        columns |= self.sensitivity | _flat_diagnostics(self.diagnostics)
        for name, column in columns.items():
            if len(column) != len(self.models):
                raise ValueError(f"{name} must have one entry for each of {len(self.models)} models, got {len(column)}")

    def order(self, score: str = "logme") -> np.ndarray:
        """Indices of the models, best first by `score`; NaN comes last and ties keep the given order."""
        if score not in self.scores:
            raise InputError(f"score {score!r} is not in this result, which has {', '.join(self.scores)}")
        return np.argsort(-self.scores[score], kind="stable")

    def to_json(self, path: str | os.PathLike[str]) -> pathlib.Path:
        """Writes everything as JSON; numbers that are not finite become null."""
        content = {"format": FORMAT} | {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        with atomic_write(path) as file:
            file.write((json.dumps(_plain(content), indent=1, allow_nan=False) + "\n").encode())
        return pathlib.Path(path)

    @classmethod
    def from_json(cls, path: str | os.PathLike[str]) -> "RankingResult":
        """Reads what `to_json` wrote; raises InputError for any other file."""
        try:
            content = json.loads(pathlib.Path(path).read_text())
        except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
            raise InputError(f"{path}: not a readable JSON file ({error})") from error
        if not isinstance(content, dict) or content.pop("format", None) != FORMAT:
            raise InputError(f"{path}: not a ranking written by this version of jaxinv: run `jaxinv rank` again")
        content["models"] = tuple(content["models"])
        content["widths"] = tuple(content["widths"])
        content["notes"] = tuple(content["notes"])
        content["attributes"] = {name: tuple(values) for name, values in content["attributes"].items()}
        for field in ("scores", "truths", "sensitivity"):
            content[field] = _arrays(content[field])
        content["diagnostics"] = {score: _arrays(values) for score, values in content["diagnostics"].items()}
        for measures in content["agreement"].values():
            for score, values in measures.items():
                measures[score] = {k: float("nan") if v is None else v for k, v in values.items()}
        return cls(**content)

    def to_csv(self, path: str | os.PathLike[str], *, score: str = "logme") -> pathlib.Path:
        """Writes one row a model, best first by `score`: attributes, scores, truths, sensitivities, diagnostics.

        Numbers carry all their digits; NaN is an empty cell. Equal rankings give equal bytes.
        """
        columns = {f"truth: {name}": values for name, values in self.truths.items()}
        columns |= {f"sensitivity: {name}": values for name, values in self.sensitivity.items()}
        columns = self.scores | columns | _flat_diagnostics(self.diagnostics)
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["rank", "model", "width", *self.attributes, *columns])
        for rank, i in enumerate(self.order(score), start=1):
            known = [rank, self.models[i], self.widths[i], *(values[i] for values in self.attributes.values())]
            numbers = (float(values[i]) for values in columns.values())
            writer.writerow(known + ["" if np.isnan(number) else repr(number) for number in numbers])
        with atomic_write(path) as file:
            file.write(text.getvalue().encode())
        return pathlib.Path(path)


def _flat_diagnostics(diagnostics: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {f"{score}.{name}": array for score, named in diagnostics.items() for name, array in named.items()}


def _arrays(columns: Mapping[str, list]) -> dict[str, np.ndarray]:
    return {name: np.array(values, dtype=np.float64) for name, values in columns.items()}


def _plain(value: Any) -> Any:
    """`value` with arrays as lists and numbers that JSON cannot hold as None."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(item) for item in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else None
    return value
