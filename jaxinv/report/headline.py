"""What a reader must know first about one target: what won, by which score, and how sure that is."""

from html import escape

import numpy as np

from jaxinv.ranking.results import RankingResult
from jaxinv.report import numbers, tables
from jaxinv.report.names import measure_name, score_name

MAIN_MEASURE = "weighted_kendall_tau"


def main_score(result: RankingResult) -> str:
    """The score that sorts the models where no truth is known: LogME, else the first."""
    return "logme" if "logme" in result.scores else next(iter(result.scores))


def by_agreement(result: RankingResult, truth: str) -> list[str]:
    """Names of the scores, the one that agrees best with `truth` first, unknown agreement last."""
    measures = result.agreement.get(truth, {})
    values = np.array([measures.get(name, {}).get(MAIN_MEASURE, np.nan) for name in result.scores])
    names = list(result.scores)
    return [names[i] for i in np.argsort(-values, kind="stable")]


def mean_ranks(result: RankingResult) -> np.ndarray:
    """(M,) mean over the scores of a model's rank, NaN where it has none."""
    table = np.stack([numbers.ranks(values) for values in result.scores.values()])
    known = np.isfinite(table)
    count = known.sum(axis=0)
    return np.where(count > 0, np.where(known, table, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan)


def _card(label: str, value: str, text: str) -> str:
    return (
        f'<div class="card"><p class="label">{escape(label)}</p><p class="value">{escape(value)}</p>'
        f"<p>{escape(text)}</p></div>"
    )


def headline(result: RankingResult) -> str:
    """Up to three cards: the winner, and how far the scores can be trusted."""
    cards = _headline_with_truth(result) if result.truths else _headline_without_truth(result)
    return f'<div class="cards">{"".join(cards)}</div>'


def _headline_with_truth(result: RankingResult) -> list[str]:
    truth, accuracies = next(iter(result.truths.items()))
    known = accuracies[np.isfinite(accuracies)]
    if not len(known):
        return []
    winner = result.models[int(np.nanargmax(accuracies))]
    best, middle, worst = (numbers.percent(float(np.quantile(known, q))) for q in (1.0, 0.5, 0.0))
    cards = [
        _card("Best model in truth", winner, f"{best} {truth} accuracy. The pool: median {middle}, lowest {worst}.")
    ]
    measures = result.agreement.get(truth, {})
    score = by_agreement(result, truth)[0]
    agreement = measures.get(score, {}).get(MAIN_MEASURE, np.nan)
    if not np.isfinite(agreement):
        return cards
    value = numbers.fixed(agreement)
    count = int(np.isfinite(result.scores[score] + accuracies).sum())
    low, high = (measures[score].get(MAIN_MEASURE + end, np.nan) for end in tables.INTERVAL_ENDS)
    sure = f" (interval {numbers.fixed(low)} to {numbers.fixed(high)})" if np.isfinite(low + high) else ""
    cards.append(
        _card(
            "Score that agrees best",
            score_name(score),
            f"{measure_name(MAIN_MEASURE)} {value}{sure} with the {truth} accuracy, over {count} models. It was picked "
            f"among {len(result.scores)} scores with the truth at hand, so expect less on a new task.",
        )
    )
    pick = int(np.nanargmax(result.scores[score]))
    regret = known.max() - accuracies[pick]
    lost = "the best of the pool" if regret == 0 else f"{100 * regret:.1f} points below the best"
    cards.append(
        _card("What this score would pick", result.models[pick], f"{numbers.percent(accuracies[pick])}, {lost}.")
    )
    return cards


def _headline_without_truth(result: RankingResult) -> list[str]:
    main = main_score(result)
    available = {name: values for name, values in result.scores.items() if np.isfinite(values).any()}
    if main not in available:
        return [_card("No ranking", score_name(main), "This score is not available for any model: see the remarks.")]
    winner = int(np.nanargmax(result.scores[main]))
    agreeing = [name for name, values in available.items() if int(np.nanargmax(values)) == winner]
    mean = mean_ranks(result)
    favourite = int(np.nanargmin(mean))
    return [
        _card(f"First by {score_name(main)}", result.models[winner], f"out of {len(result.models)} models."),
        _card(
            "How many scores agree",
            f"{len(agreeing)} of {len(available)}",
            "scores put this model first. The fewer they are, the less sure is the choice.",
        ),
        _card(
            "Best on average",
            result.models[favourite],
            f"mean rank {mean[favourite]:.1f} over all scores (1 = always first).",
        ),
    ]
