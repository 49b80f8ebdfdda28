"""HTML tables of a ranking; all text that comes from outside is escaped here."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from html import escape

import numpy as np

from jaxinv.ranking.results import RankingResult
from jaxinv.report import numbers
from jaxinv.report.flags import Flag
from jaxinv.report.names import measure_name, score_name, spaced

INTERVAL_ENDS = ("_low", "_high")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Column:
    """One column: plain texts, one a row, and how they look."""

    title: str
    texts: Sequence[str]
    is_number: bool = True
    is_heading: bool = False
    shades: np.ndarray | None = None
    """In [0, 1], how strongly each cell is tinted; NaN for not at all."""
    best: Collection[int] = ()
    """Rows that are marked as the best of the column."""
    warned: Collection[int] = ()
    """Rows that are marked with a warning sign."""
    hint: str = ""
    """Shown over the title."""


def table(columns: Sequence[Column], *, caption: str, order: Sequence[int] | np.ndarray | None = None) -> str:
    """A table that scrolls in its own frame, so that its header stays in sight.

    Args:
      columns: with one text a row each.
      caption: says what the table shows.
      order: of the rows; as given by default.
    """
    rows = range(len(columns[0].texts)) if order is None else order
    head = "".join(_title(column) for column in columns)
    body = "\n".join(f"<tr>{''.join(_cell(column, int(row)) for column in columns)}</tr>" for row in rows)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}"><table>'
        f"<caption>{escape(caption)}</caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>"
    )


def _title(column: Column) -> str:
    kind = ' class="number"' if column.is_number else ""
    if column.is_heading:
        widest = min(max(map(len, (column.title, *column.texts))), 30)
        kind = f' class="name" style="min-width:min({widest}ch,38vw)"'
    hint = f' title="{escape(column.hint)}"' if column.hint else ""
    return f'<th scope="col"{kind}{hint}>{escape(column.title)}</th>'


def _cell(column: Column, row: int) -> str:
    text = escape(column.texts[row])
    if column.is_heading:
        return f'<th scope="row" class="name">{text}</th>'
    kinds = ["number"] if column.is_number else []
    if row in column.best:
        kinds.append("best")
    if row in column.warned:
        text = f'<span class="warned" title="see the warnings below">⚠</span> {text}'
    style = ""
    if column.shades is not None and np.isfinite(column.shades[row]):
        kinds.append("shaded")
        style = f' style="--shade:{column.shades[row]:.2f}"'
    kind = f' class="{" ".join(kinds)}"' if kinds else ""
    return f"<td{kind}{style}>{text}</td>"


def ranking_table(result: RankingResult, order: np.ndarray, flags: Sequence[Flag]) -> str:
    """All models with their truths and scores, in the given order, each column tinted by its own ranking."""
    count = len(result.models)
    places = np.empty(count, dtype=int)
    places[order] = np.arange(1, count + 1)
    columns = [
        Column(title="#", texts=[str(place) for place in places]),
        Column(title="Model", texts=result.models, is_number=False, is_heading=True),
    ]
    columns += [
        ranked_column(f"True: {name}", values, [numbers.percent(value) for value in values], hint="true accuracy")
        for name, values in result.truths.items()
    ]
    for name, values in result.scores.items():
        warned: set[int] = set()
        for flag in flags:
            if flag.score == name and not flag.models.all():
                warned |= set(np.flatnonzero(flag.models).tolist())
        columns.append(ranked_column(score_name(name), values, numbers.column(values), warned=warned, hint=name))
    columns += [
        Column(title=spaced(name).capitalize(), texts=values, is_number=False)
        for name, values in result.attributes.items()
    ]
    columns.append(Column(title="Width", texts=[str(width) for width in result.widths], hint="feature dimension"))
    return table(columns, caption=f"{count} models on {result.target}", order=order)


def agreement_table(measures: Mapping[str, Mapping[str, float]], truth: str) -> str:
    """Scores x measures of agreement with the truth, in the given order of scores."""
    names = list(measures)
    columns = [Column(title="Score", texts=[score_name(name) for name in names], is_number=False, is_heading=True)]
    for measure in dict.fromkeys(measure for values in measures.values() for measure in values):
        if measure.endswith(INTERVAL_ENDS):
            continue
        values = np.array([measures[name].get(measure, np.nan) for name in names], dtype=np.float64)
        if measure == "regret" or measure.startswith(("relative_at_", "top_")):
            texts = [numbers.percent(value) for value in values]
        else:
            texts = [_with_interval(measures[name], measure) for name in names]
        columns.append(ranked_column(measure_name(measure), values, texts, sign=-1 if measure == "regret" else 1))
    return table(columns, caption=f"Agreement of every score with the {truth} accuracy")


def diagnostics_table(result: RankingResult, flags: Sequence[Flag]) -> str:
    """Smallest, middle and largest value of every diagnostic, and how many models it warns about."""
    warned = {(flag.score, flag.diagnostic): int(flag.models.sum()) for flag in flags}
    rows = [(s, d, np.asarray(v, dtype=float)) for s, named in result.diagnostics.items() for d, v in named.items()]
    numbers_of = [numbers.column(_extremes(values)) for _, _, values in rows]
    columns = [
        Column(title="Score", texts=[score_name(s) for s, _, _ in rows], is_number=False, is_heading=True),
        Column(title="Diagnostic", texts=[spaced(d) for _, d, _ in rows], is_number=False),
    ]
    columns += [
        Column(title=title, texts=[texts[i] for texts in numbers_of])
        for i, title in enumerate(("Smallest", "Median", "Largest"))
    ]
    columns.append(Column(title="Models warned about", texts=[str(warned.get((s, d), 0)) for s, d, _ in rows]))
    return table(columns, caption="Diagnostics of the scores, over all models")


def facts(pairs: Mapping[str, str]) -> str:
    """Names and values, two columns without a header."""
    rows = "\n".join(f"<tr><th>{escape(spaced(k))}</th><td>{escape(v)}</td></tr>" for k, v in pairs.items())
    return f'<table class="facts"><tbody>\n{rows}\n</tbody></table>'


def ranked_column(
    title: str, values: np.ndarray, texts: Sequence[str], *, sign: int = 1, warned: Collection[int] = (), hint: str = ""
) -> Column:
    """A column tinted by rank, its best cells marked; `sign` -1 where lower is better."""
    places = numbers.ranks(sign * np.asarray(values, dtype=np.float64))
    known = np.isfinite(places)
    worst = places[known].max() if known.any() else 1.0
    telling = worst > 1 and bool((places[known] != worst).any())
    shades = (worst - places) / (worst - places[known].min()) if telling else None
    best = np.flatnonzero(places == places[known].min()).tolist() if telling else ()
    return Column(title=title, texts=texts, shades=shades, best=best, warned=warned, hint=hint)


def _with_interval(values: Mapping[str, float], measure: str) -> str:
    text = numbers.fixed(values.get(measure, np.nan))
    low, high = (values.get(measure + end) for end in INTERVAL_ENDS)
    return text if low is None or high is None else f"{text} [{numbers.fixed(low)}, {numbers.fixed(high)}]"


def _extremes(values: np.ndarray) -> np.ndarray:
    known = values[np.isfinite(values)]
    return np.array([known.min(), np.median(known), known.max()]) if len(known) else np.full(3, np.nan)
