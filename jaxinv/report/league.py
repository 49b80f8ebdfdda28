"""The league table in the report: mean agreement of every score over the targets, with intervals."""

from collections.abc import Sequence
from html import escape

import numpy as np

from jaxinv.ranking.league import League, league_title
from jaxinv.report import numbers, plots, tables
from jaxinv.report.headline import MAIN_MEASURE
from jaxinv.report.names import measure_name, score_name
from jaxinv.report.pictures import Pictures
from jaxinv.report.tables import Column


def league_section(leagues: Sequence[League], pictures: Pictures) -> str:
    """A picture and a table for every pool and truth, as HTML."""
    text = (
        "<p>Which score to trust: its weighted Kendall τ with the truth, on every target, and the mean. Bars end at "
        "the mean; lines hold 95 % of a bootstrap over the models, the same draws for all scores: they say how far the "
        "order hangs on the models that happen to be in this pool, not how it would be on other targets. Scores whose "
        "ranks overlap are not told apart.</p>"
    )
    return text + "\n".join(_league(league, pictures) for league in leagues)


def _league(league: League, pictures: Pictures) -> str:
    bars = pictures.draw(
        lambda ax: plots.agreement_bars(
            ax,
            league.scores,
            league.means,
            league.mean_intervals,
            label=f"{measure_name(MAIN_MEASURE)}, mean of {len(league.targets)} targets",
        ),
        (6.4, 0.8 + 0.24 * len(league.scores)),
        f"Mean {measure_name(MAIN_MEASURE)} of every score with the {league.truth} accuracy, largest first",
    )
    title = league_title(league)
    left_out = ""
    if league.left_out:
        names = ", ".join(score_name(name) for name in league.left_out)
        left_out = f'<p class="quiet">Without a value for some model: {escape(names)}.</p>'
    return f"<h3>{escape(title)}</h3>\n<figure>{bars}</figure>\n{_table(league, title)}\n{left_out}"


def _table(league: League, title: str) -> str:
    ranks = [f"{low:.0f} to {high:.0f}" for low, high in league.rank_intervals]
    columns = [
        Column(title="#", texts=[str(place + 1) for place in range(len(league.scores))]),
        Column(title="Score", texts=[score_name(n) for n in league.scores], is_number=False, is_heading=True),
        tables.ranked_column("Mean", league.means, _texts(league.means, league.mean_intervals)),
        Column(title="Rank", texts=ranks, hint="in 95 % of the resamples"),
    ]
    columns += [
        tables.ranked_column(target, league.taus[:, i], _texts(league.taus[:, i], league.intervals[:, i]))
        for i, target in enumerate(league.targets)
    ]
    return tables.table(columns, caption=f"{measure_name(MAIN_MEASURE)} of every score: {title}")


def _texts(values: np.ndarray, intervals: np.ndarray) -> list[str]:
    return [
        f"{numbers.fixed(value)} [{numbers.fixed(low)}, {numbers.fixed(high)}]"
        for value, (low, high) in zip(values, intervals, strict=True)
    ]
