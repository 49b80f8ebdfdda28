"""The whole page of a benchmark run: `write_report`."""

import os
import pathlib
import statistics
from collections.abc import Sequence
from html import escape

from jaxinv.bench.record import Record
from jaxinv.bench.report import environment, roofline, rows, sweeps, texts, verdicts
from jaxinv.bench.report.style import STYLE
from jaxinv.bench.timing import BUSY
from jaxinv.report.frame import html_page, write_page
from jaxinv.report.numbers import percent
from jaxinv.report.pictures import Pictures
from jaxinv.report.tables import facts


def write_report(records: Sequence[Record], path: str | os.PathLike[str]) -> pathlib.Path:
    """Writes a report of a benchmark run as one HTML file that needs neither network nor script.

    Equal records give equal bytes. The file is moved into place once it is complete.

    Args:
      records: of one run or of several; the environment shown is that of the newest.
      path: of the HTML file; its folder is made if it is missing.

    Returns:
      The path.

    Raises:
      ValueError: `records` is empty.
      ImportError: matplotlib is not installed.
    """
    if not records:
        raise ValueError("records must hold at least one row, got none")
    return write_page(_page(records), path)


def _page(records: Sequence[Record]) -> str:
    pictures = Pictures()
    run = environment.newest_run(records)
    measured = [record for record in records if record.axis is None]
    sections = [
        _cards(measured, len(records) - len(measured)),
        _tables(records, measured),
        _sweeps(records, pictures),
        _roofline(measured, run, pictures),
        _what_was_run(records, run),
    ]
    version, cores = environment.value(run, "jax"), environment.value(run, "cpu_cores")
    lead = f"{environment.value(run, 'time')}: jax {version}, matmul precision {environment.value(run, 'precision')}, "
    lead += f"{cores} CPU cores."
    if older := environment.older_rows(records):
        lead += f" {_counted(len(older), 'row')} of {len(records)} come from older runs."
    title = f"Benchmark on {environment.value(run, 'device')}"
    return html_page(title=title, lead=lead, body="\n".join(filter(None, sections)), style=STYLE)


def _cards(measured: Sequence[Record], points: int) -> str:
    compared = [best for row in measured if (best := verdicts.best_library(row)) is not None]
    slower = [row for row in measured if verdicts.loses(row)]
    wrong = [row for row in measured if verdicts.differs(row)]
    count = len(compared)
    beside = f"of {_counted(count, 'row')} with a library beside it." if count else "No row has a library beside it."
    mean = verdicts.geometric_mean(measured)
    extent = ""
    if compared:
        low, high = (pick(peer.ratio for peer in compared) for pick in (min, max))
        extent = f"Geometric mean over {_counted(count, 'row')}, from {texts.ratio(low)} to {texts.ratio(high)}. "
    cards = [
        _card("Rows measured", str(len(measured)), f"and {_counted(points, 'point')} of sweeps."),
        _card("Faster than every library", str(sum(map(verdicts.wins, measured))), beside),
        _card("Slower than a library", str(len(slower)), beside, is_bad=bool(slower)),
        _card("Ratio to the fastest library", texts.ratio(mean), f"{extent}Above 1 we are faster."),
    ]
    if wrong:
        cards.append(_card("Answers that differ too much", str(len(wrong)), "See the rows in red.", is_bad=True))
    return f'<div class="cards">{"".join(cards)}</div>'


def _card(label: str, value: str, text: str, *, is_bad: bool = False) -> str:
    mark = "⚠ " if is_bad else ""
    return (
        f'<div class="card{" bad" if is_bad else ""}"><p class="label">{escape(label)}</p>'
        f'<p class="value">{mark}{escape(value)}</p><p>{escape(text)}</p></div>'
    )


def _tables(records: Sequence[Record], measured: Sequence[Record]) -> str:
    forward = [row for row in measured if row.mode == "forward"]
    derived = [row for row in measured if not rows.is_plain(row)]
    parts = []
    if forward:
        parts.append(
            "<section>\n<h2>Forward</h2>\n<p>Rows in red, marked ⚠, are slower than a library or differ from a peer "
            "by more than they may; they come first. Point at the head of a column for its meaning.</p>\n"
            f"{rows.forward_table(forward)}\n</section>"
        )
    if derived:
        parts.append(
            "<section>\n<h2>Derivatives and variants</h2>\n<p>vjp is the pullback alone, after a forward pass that "
            "kept what it needs; forward+vjp is both; a donated "
            "result takes the place of the first argument. The cost is against the plain forward row.</p>\n"
            f"{rows.derived_table(derived, measured)}\n</section>"
        )
    if warnings := rows.warnings(records):
        parts.append(f"<section>\n<h2>Rows in red</h2>\n{warnings}\n</section>")
    return "\n".join(parts)


def _sweeps(records: Sequence[Record], pictures: Pictures) -> str:
    found = sweeps.sweeps_of(records)
    if not found:
        return ""
    panels = "\n".join(sweeps.figure(sweep, pictures) for sweep in found)
    return (
        "<section>\n<h2>Time against size</h2>\n<p>Both axes are logarithmic: a power law is a straight line, and its "
        "exponent, fitted to our times over the larger half of the sizes, stands in the title. The dashed limit is "
        "what the device needs for the least work. Point at a marker for its numbers.</p>\n"
        f'<div class="panels">\n{panels}\n</div>\n</section>'
    )


def _roofline(measured: Sequence[Record], run: dict, pictures: Pictures) -> str:
    """Forward rows, whose work is known, of the newest run's device, for the roof is measured there."""
    measured = [row for row in measured if row.mode == "forward"]
    here = [row for row in measured if row.run.get("device") == run.get("device")]
    picture = roofline.figure(here, environment.rates(run), pictures)
    if not picture:
        return ""
    missing = len(measured) - len(roofline.points_of(here))
    left_out = f" Left out: {_counted(missing, 'row')} without arithmetic or from another device." if missing else ""
    return (
        "<section>\n<h2>Roofline</h2>\n<p>One mark a forward row: flop a byte to the right, flop/s upwards, both by "
        "the least work that any algorithm must do. The slope is the copy rate of this device, the flat part its "
        "matmul rate: the nearer to the roof, the less there is to win. Rows farthest from and nearest to their "
        f"limit have names; point at a mark for the others.{left_out}</p>\n{picture}\n</section>"
    )


def _what_was_run(records: Sequence[Record], run: dict) -> str:
    busy = [record.busy for record in records]
    counts = {record.time.runs for record in records}
    runs = str(min(counts)) if len(counts) == 1 else f"{min(counts)} to {max(counts)}"
    older = "".join(
        f"<li>{escape(text)}: {_counted(count, 'row')}</li>" for text, count in environment.older_runs(records)
    )
    listed = f"\n<h3>Rows from older runs</h3>\n<ul>{older}</ul>" if older else ""
    return (
        f"<section>\n<h2>What was run</h2>\n{facts(environment.facts(run))}\n<p>A time is the median of {runs} rounds, "
        "in which our kernel and its peers take turns, so that a slow spell of the machine falls on all alike; a ratio "
        f"is the median of the ratios of the rounds. Where others used more than {percent(BUSY)} of the processor, "
        f"ratios are of CPU time and not of the times beside them (here others used {percent(statistics.median(busy))} "
        f"in the median, {percent(max(busy))} at most). Programs are compiled ahead and inputs are on the device "
        "before the clock starts. numpy, scipy and scikit-learn run on the processor, whatever the device, with one "
        f"thread or all, whichever is faster.</p>{listed}\n</section>"
    )


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
