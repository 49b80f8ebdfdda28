"""The whole report: `write_report` puts the sections of all targets on one HTML page."""

import os
import pathlib
from collections.abc import Sequence
from html import escape

from jaxinv.ranking.league import League
from jaxinv.ranking.results import RankingResult
from jaxinv.report import numbers, tables
from jaxinv.report.frame import html_page, write_page
from jaxinv.report.league import league_section
from jaxinv.report.pictures import Pictures
from jaxinv.report.sections import target_section
from jaxinv.report.style import STYLE


def write_report(
    results: Sequence[RankingResult], path: str | os.PathLike[str], *, leagues: Sequence[League] = ()
) -> pathlib.Path:
    """Writes a report of one or several rankings as one HTML file that needs neither network nor script.

    Equal results give equal bytes. The file is moved into place once it is complete.

    Args:
      results: one a target task; a section each, in this order.
      path: of the HTML file; its folder is made if it is missing.
      leagues: over the targets; they come first.

    Returns:
      The path.

    Raises:
      ValueError: `results` is empty.
      ImportError: matplotlib is not installed.
    """
    if not results:
        raise ValueError("results must hold at least one ranking, got none")
    return write_page(_page(results, leagues), path)


def _page(results: Sequence[RankingResult], leagues: Sequence[League]) -> str:
    pictures = Pictures()
    sections, links = [], []
    if leagues:
        league = league_section(leagues, pictures)
        sections.append(f'<section>\n<h2 id="league">Which score to trust</h2>\n{league}\n</section>')
        links.append('<a href="#league">Which score to trust</a>')
    for i, result in enumerate(results, start=1):
        size = f"{result.num_samples:,} samples, {result.num_classes} classes"
        title = f'<h2 id="target-{i}">{escape(result.target)}</h2>\n<p class="quiet">{size}</p>'
        sections.append(f"<section>\n{title}\n{target_section(result, pictures)}\n</section>")
        links.append(f'<a href="#target-{i}">{escape(result.target)}</a>')
    sections.append(f'<section>\n<h2 id="run">What was run</h2>\n{_what_was_run(results)}\n</section>')
    links.append('<a href="#run">What was run</a>')
    models = max(len(result.models) for result in results)
    scores = max(len(result.scores) for result in results)
    targets = "one target task" if len(results) == 1 else f"{len(results)} target tasks"
    lead = f"{models} pretrained models, {scores} transferability scores, {targets}: which model to take, and which "
    lead += "score to trust."
    return html_page(title="Model ranking", lead=lead, body="\n".join(sections), style=STYLE, links="\n".join(links))


def _what_was_run(results: Sequence[RankingResult]) -> str:
    """Devices and versions, times and remarks; what is equal for all targets is said once."""
    parts = []
    shared = all(result.environment == results[0].environment for result in results)
    for result in results[:1] if shared else results:
        if not shared:
            parts.append(f"<h3>{escape(result.target)}</h3>")
        if result.environment:
            parts.append(tables.facts(result.environment))
    for result in results:
        heading = f" · {escape(result.target)}" if len(results) > 1 else ""
        if result.timings:
            parts.append(f"<h3>Time taken{heading}</h3>\n{_timings(result)}")
        if result.notes:
            notes = "".join(f"<li>{escape(note)}</li>" for note in result.notes)
            parts.append(f"<h3>Remarks{heading}</h3>\n<ul>{notes}</ul>")
    return "\n".join(parts)


def _timings(result: RankingResult) -> str:
    longest = max(result.timings.values()) or 1.0
    rows = "\n".join(
        f'<tr><th>{escape(stage)}</th><td class="number">{numbers.duration(seconds)}</td>'
        f'<td><span class="bar" style="width:{9 * max(seconds, 0.0) / longest:.2f}em"></span></td></tr>'
        for stage, seconds in result.timings.items()
    )
    return f'<table class="facts"><tbody>\n{rows}\n</tbody></table>'
