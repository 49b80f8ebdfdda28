"""Which diagnostics deserve a warning beside a score."""

import dataclasses
from collections.abc import Callable

import numpy as np

from jaxinv.ranking.results import RankingResult


@dataclasses.dataclass(frozen=True)
class Rule:
    """When a diagnostic is a warning, and what the warning says."""

    holds: Callable[[np.ndarray], np.ndarray]
    says: str


RULES = {
    "clamped_fraction": Rule(
        lambda x: x > 0.5, "more than half of the neighbour distances lie at the smallest allowed"
    ),
    "floored_fraction": Rule(lambda x: x > 0.5, "more than half of the class variances lie at the smallest allowed"),
    "degenerate": Rule(lambda x: x > 0, "fewer samples than dimensions: the score then says nothing about the model"),
    "at_bound": Rule(lambda x: x > 0, "the best regulariser lies at an end of the searched range"),
    "collapsed": Rule(lambda x: x > 0, "all samples have the same representation"),
    "dropped_classes": Rule(lambda x: x > 0, "classes without enough samples were left out"),
    "converged": Rule(lambda x: x < 1, "the optimum lies outside the searched range"),
}


@dataclasses.dataclass(frozen=True)
class Flag:
    """A warning about one score of some models."""

    score: str
    diagnostic: str
    models: np.ndarray
    """(M,) bool."""
    says: str


def find_flags(result: RankingResult) -> tuple[Flag, ...]:
    """Every warning in the diagnostics of a result, in the order of the scores."""
    flags = []
    for score in result.scores:
        for diagnostic, values in result.diagnostics.get(score, {}).items():
            rule = RULES.get(diagnostic)
            if rule is None:
                continue
            values = np.asarray(values, dtype=np.float64)
            models = np.isfinite(values) & rule.holds(values)
            if models.any():
                flags.append(Flag(score, diagnostic, models, rule.says))
    return tuple(flags)
