"""What a re-run claim consists of: measured numbers, checks on them, and the verdict that follows from the checks."""

import dataclasses
import json
import os
import pathlib
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from scipy.special import stdtrit

from jaxinv.ranking.atomic import atomic_write
from jaxinv.ranking.environment import environment

Progress = Callable[[str], None]


class Row(NamedTuple):
    """A measured number."""

    label: str
    value: float
    text: str
    """Its spread, or what a reader should know of it."""


class Check(NamedTuple):
    """A statement of the claim against the measurement."""

    statement: str
    passed: bool
    measured: str
    """The numbers that decided."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClaimResult:
    """What a run found.

    Attributes:
      name: of the claim.
      seeds: independent repetitions.
      seconds: that the run took.
      rows: measured numbers.
      checks: statements that the claim stands on.
      environment: versions and device.
    """

    name: str
    seeds: int
    seconds: float
    rows: tuple[Row, ...]
    checks: tuple[Check, ...]
    environment: dict[str, str] = dataclasses.field(default_factory=environment)

    @property
    def verdict(self) -> str:
        """ "reproduced" if every check passed, "not reproduced" if none did, else "partly"."""
        passed = [check.passed for check in self.checks]
        return "reproduced" if all(passed) else "partly" if any(passed) else "not reproduced"

    def to_json(self, path: str | os.PathLike[str]) -> pathlib.Path:
        """Writes everything, the verdict too, as JSON."""
        content = {"verdict": self.verdict} | dataclasses.asdict(self)
        content["rows"] = [row._asdict() for row in self.rows]
        content["checks"] = [check._asdict() for check in self.checks]
        with atomic_write(path) as file:
            file.write((json.dumps(content, indent=1, allow_nan=False) + "\n").encode())
        return pathlib.Path(path)


class Run(Protocol):
    """Runs an experiment."""

    def __call__(self, *, seeds: int, progress: Progress | None, quick: bool) -> ClaimResult:
        """`seeds` repetitions; `quick` runs a version too small to decide anything, which tests the machinery."""
        ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class Claim:
    """What a paper claims, and the experiment that shows it.

    Attributes:
      name: key in the registry.
      title: of the paper.
      reference: authors, year, where.
      statement: the claim in a sentence.
      experiment: runs it.
    """

    name: str
    title: str
    reference: str
    statement: str
    experiment: Run

    def run(self, *, seeds: int = 3, progress: Progress | None = None, quick: bool = False) -> ClaimResult:
        """Runs the experiment.

        Args:
          seeds: independent repetitions, at least 1.
          progress: told in a few words what is going on.
          quick: a version of seconds, too small to decide anything.

        Raises:
          ValueError: if `seeds` is below 1.
        """
        if seeds < 1:
            raise ValueError(f"seeds must be >= 1, got {seeds}")
        return self.experiment(seeds=seeds, progress=progress, quick=quick)


def spread(values: Sequence[float] | np.ndarray) -> str:
    """The half width of the 95 % t interval of the mean over seeds, then the values one by one."""
    values = np.asarray(values, float)
    if len(values) == 1:
        return "(one seed)"
    each = " ".join(f"{value:.3f}" for value in values)
    half_width = stdtrit(len(values) - 1, 0.975) * values.std(ddof=1) / np.sqrt(len(values))
    return f"± {half_width:.3f} (seeds: {each})"


def mean_row(label: str, values: Sequence[float] | np.ndarray) -> Row:
    """A number measured once a seed: its mean and its spread."""
    return Row(label, float(np.mean(values)), spread(values))


def holds_in_every_seed(statement: str, differences: Sequence[float] | np.ndarray) -> Check:
    """Passed if the difference that the statement is about is positive in every single seed."""
    differences = np.asarray(differences, float)
    positive = int(np.sum(differences > 0))
    measured = f"{differences.mean():+.3f} {spread(differences)}, positive in {positive} of {len(differences)}"
    return Check(statement, positive == len(differences), measured)
