"""What the command `jaxinv` prints: leagues, rankings and claims as tables in the terminal."""

from typing import Any

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from jaxinv.ranking import RankingResult

NUMBER_WIDTH = 11
console = Console()


def default_sort(result: RankingResult) -> str:
    """The score that orders a table if nobody says otherwise."""
    return "logme" if "logme" in result.scores else next(iter(result.scores))


def print_league(league: Any) -> None:
    """Prints how well every score ordered a pool, the best first; the intervals are in the files."""
    from jaxinv.ranking.league import league_title

    targets = (Column(target, justify="right") for target in league.targets)
    title = f"{league_title(league)}: weighted Kendall tau, and 95 % of the bootstrap"
    table = Table("", "score", Column("mean", justify="right"), Column("interval", no_wrap=True), *targets, title=title)
    for place, name in enumerate(league.scores, start=1):
        low, high = league.mean_intervals[place - 1]
        taus = (f"{tau:.2f}" for tau in league.taus[place - 1])
        table.add_row(str(place), name, f"{league.means[place - 1]:.2f}", f"{low:.2f} to {high:.2f}", *taus)
    console.print(table)


def print_ranking(result: RankingResult, sort_by: str) -> None:
    """Prints a ranking, best first, each column's best marked by a star; wide ones in several tables."""
    order = result.order(sort_by)
    columns = {f"truth: {name}": values for name, values in result.truths.items()} | result.scores
    names_width = max(len(name) for name in result.models)
    per_table = max(1, (console.width - names_width - 18) // (NUMBER_WIDTH + 3))
    names = sorted(columns, key=lambda name: name != sort_by)
    console.print(
        f"\n[bold]{escape(result.target)}[/]: {len(result.models)} models, {result.num_samples} samples, "
        f"{result.num_classes} classes; higher is better, sorted by {sort_by}",
        highlight=False,
    )
    for start in range(0, len(names), per_table):
        table = Table("", Column("model", no_wrap=True), Column("width", justify="right"))
        shown = names[start : start + per_table]
        for name in shown:
            table.add_column(name.replace("_", " "), justify="right", width=NUMBER_WIDTH)
        for place, i in enumerate(order, start=1):
            cells = [_cell(columns[name], i) for name in shown]
            table.add_row(str(place), escape(result.models[i]), str(result.widths[i]), *cells)
        console.print(table)
    from jaxinv.report.names import measure_name

    for truth, scores in result.agreement.items():
        measures = list(next(iter(scores.values()), {}))
        table = Table(
            "score",
            *(Column(measure_name(measure), justify="right") for measure in measures),
            title=f"Agreement with the truth ({truth})",
        )
        first = measures[0] if measures else ""
        for name in sorted(scores, key=lambda name: -scores[name][first]):
            table.add_row(name, *(f"{scores[name][measure]:.3f}" for measure in measures))
        console.print(table)
    for note in result.notes:
        console.print(f"- {note}", highlight=False, markup=False)


def _cell(values: np.ndarray, i: int) -> str:
    value = values[i]
    if value != value:
        return "-"
    best = max(other for other in values if other == other)
    return f"[bold green]{value:.4g}*[/]" if value == best else f"{value:.4g} "


def print_claim(claim: Any, result: Any) -> None:
    """Prints the measured numbers, the checks and the verdict of a claim."""
    console.print(
        f"[bold]{escape(claim.title)}[/] {escape(claim.reference)}\n{escape(claim.statement)}", highlight=False
    )
    table = Table("measured", Column("value", justify="right"), "")
    for label, value, text in result.rows:
        table.add_row(label, f"{value:.4g}", text)
    console.print(table)
    for statement, passed, measured in result.checks:
        console.print(f"{'[green]yes[/]' if passed else '[red]no[/] '} {escape(statement)} ({escape(str(measured))})")
    console.print(f"verdict: [bold]{result.verdict}[/]")
