"""The league table: how well every score orders a pool on every target, with bootstrap intervals over the models."""

import dataclasses
import json
import os
import pathlib
from collections.abc import Iterable, Sequence

import jax
import numpy as np

from jaxinv.kernels.transferability import weighted_kendall_tau
from jaxinv.ranking.atomic import atomic_write
from jaxinv.ranking.results import RankingResult

FORMAT = "jaxinv league 1"
RESAMPLES = 1000
COVERAGE = 0.95


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class League:
    """Weighted Kendall τ of S scores with one truth on T targets, best mean first. An interval is (low, high).

    Attributes:
      pool: what the models are together.
      truth: how the true accuracies were measured.
      num_models: M, the same models on every target.
      targets: T names.
      scores: S names; one that lacks a value for some model on some target is left out.
      left_out: their names.
      taus: (S, T).
      intervals: (S, T, 2).
      means: (S,) over the targets.
      mean_intervals: (S, 2); a resample holds the same models on every target.
      rank_intervals: (S, 2), of the rank by the mean, 1 = best.
      resamples: number of bootstrap resamples.
    """

    pool: str
    truth: str
    num_models: int
    targets: tuple[str, ...]
    scores: tuple[str, ...]
    left_out: tuple[str, ...]
    taus: np.ndarray
    intervals: np.ndarray
    means: np.ndarray
    mean_intervals: np.ndarray
    rank_intervals: np.ndarray
    resamples: int


def leagues(results: Sequence[RankingResult], *, resamples: int = RESAMPLES, seed: int = 0) -> tuple[League, ...]:
    """One league for every pool and truth that several targets have in common, in the order of appearance.

    Args:
      results: of one or several pools; those with equal `models` are one pool.
      resamples: of the bootstrap: M models drawn from M with replacement; the intervals hold 95 % of them.
      seed: of the draws.
    """
    found = []
    for models in dict.fromkeys(result.models for result in results):
        pool = [result for result in results if result.models == models]
        truths = [truth for truth in pool[0].truths if all(truth in result.truths for result in pool)]
        if len(pool) > 1 and pool[0].scores:
            found += [_league(pool, truth, resamples, seed) for truth in truths]
    return tuple(found)


def league_title(league: League) -> str:
    """In words."""
    pool = f"{league.pool[0].upper()}{league.pool[1:]}: " if league.pool else ""
    return f"{pool}{league.num_models} models, {league.truth} accuracy"


def _league(pool: Sequence[RankingResult], truth: str, resamples: int, seed: int) -> League:
    names = [name for name in pool[0].scores if all(name in result.scores for result in pool)]
    known = [name for name in names if all(np.isfinite(result.scores[name]).all() for result in pool)]
    num_models = len(pool[0].models)
    draws = np.random.default_rng(seed).integers(num_models, size=(resamples, num_models))
    taus, drawn = [], []
    for result in pool:
        scores = np.stack([result.scores[name] for name in known])
        # Ranks keep the order and the ties, whatever the size of the values, in any precision.
        ranks = np.stack([np.unique(values, return_inverse=True)[1] for values in scores]).astype(np.float32)
        accuracies = np.unique(result.truths[truth], return_inverse=True)[1].astype(np.float32)
        taus.append(np.asarray(_taus(ranks, accuracies, np.arange(num_models)[None]))[0])
        drawn.append(np.asarray(_taus(ranks, accuracies, draws)))
    by_target, resampled = np.stack(taus, axis=1), np.stack(drawn, axis=2)
    means, drawn_means = by_target.mean(axis=1), resampled.mean(axis=2)
    places = 1 + np.sum(drawn_means[:, None, :] > drawn_means[:, :, None], axis=2)
    order = np.argsort(-means, kind="stable")
    name = pool[0].pool
    return League(
        pool=name,
        truth=truth,
        num_models=num_models,
        targets=tuple(result.target.removesuffix(f", {name}") for result in pool),
        scores=tuple(known[i] for i in order),
        left_out=tuple(name for name in names if name not in known),
        taus=by_target[order],
        intervals=_interval(resampled)[order],
        means=means[order],
        mean_intervals=_interval(drawn_means)[order],
        rank_intervals=_interval(places)[order],
        resamples=resamples,
    )


@jax.jit
def _taus(scores: jax.Array, accuracies: jax.Array, draws: jax.Array) -> jax.Array:
    """(R, S) of scores (S, M) and accuracies (M,) for draws (R, M) of the models."""
    taus = jax.vmap(weighted_kendall_tau, in_axes=(0, None))
    return jax.lax.map(lambda rows: taus(scores[:, rows], accuracies[rows]), draws, batch_size=128)


def _interval(draws: np.ndarray) -> np.ndarray:
    """Percentiles over the first axis, on a new last one."""
    tail = 50 * (1 - COVERAGE)
    return np.moveaxis(np.percentile(draws, [tail, 100 - tail], axis=0), 0, -1)


def write_json(tables: Iterable[League], path: str | os.PathLike[str]) -> pathlib.Path:
    """Writes every number of the tables; raises OSError where the file cannot be written."""
    plain = [
        {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in vars(table).items()}
        for table in tables
    ]
    with atomic_write(path) as file:
        file.write((json.dumps({"format": FORMAT, "leagues": plain}, indent=1, allow_nan=False) + "\n").encode())
    return pathlib.Path(path)
