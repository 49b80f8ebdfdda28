"""Tables of rows, those that lose on top, and the list of what is wrong with them."""

from collections.abc import Callable, Sequence
from html import escape

import numpy as np

from jaxinv.bench.record import PeerRecord, Record
from jaxinv.bench.report import texts, verdicts
from jaxinv.report.numbers import DASH, percent
from jaxinv.report.tables import Column, table


def is_plain(record: Record) -> bool:
    """Whether it is the row that others of the same kernel and size are compared with."""
    return record.mode == "forward" and record.variant == "fresh" and not record.huge_pages


def forward_table(records: Sequence[Record]) -> str:
    """Every forward row beside its peers; a row that loses, or whose answer differs too much, is red and on top."""
    rows = _sorted(records)
    columns = [
        *_names(rows),
        *_library(rows),
        Column(
            title="Time over floor",
            texts=[texts.ratio(verdicts.floor_ratio(row)) for row in rows],
            hint="a floor does less work than any algorithm needs, such as one pass over the input",
        ),
        Column(
            title="Share of limit",
            texts=[percent(row.limit_share) for row in rows],
            shades=np.clip([row.limit_share for row in rows], 0.0, 1.0),
            hint="what the device needs for the least work, over our time",
        ),
        *_compilation(rows),
        Column(
            title="Error",
            texts=[texts.scientific(row.error) for row in rows],
            hint="largest difference from the same in float64, relative to the largest entry",
        ),
        _difference(rows),
        Column(title="Family", texts=[row.family for row in rows], is_number=False),
    ]
    return table(columns, caption="Forward rows")


def derived_table(records: Sequence[Record], plain: Sequence[Record]) -> str:
    """Derivatives, donated results and huge pages, each against its plain forward row.

    Args:
      records: the rows.
      plain: where their forward rows are found.
    """
    rows = _sorted(records)
    forward = {_kernel(row): row.time.median_ms for row in plain if is_plain(row)}
    costs = [row.time.median_ms / forward[_kernel(row)] if _kernel(row) in forward else None for row in rows]
    columns = [
        *_names(rows),
        Column(
            title="Cost over forward",
            texts=[texts.ratio(cost) for cost in costs],
            hint="time over that of the plain forward row of the same kernel, size and dtype",
        ),
        *_library(rows),
        *_compilation(rows),
        Column(title="Error", texts=[texts.scientific(row.error) for row in rows]),
        _difference(rows),
        Column(title="Family", texts=[row.family for row in rows], is_number=False),
    ]
    return table(columns, caption="Derivatives and variants")


def warnings(records: Sequence[Record]) -> str:
    """Why rows are red, one line each; empty where none is."""
    lines = [
        f"<li>⚠ <b>{escape(row.row)}</b>: {escape('; '.join(reasons))}.</li>"
        for row in _sorted(records)
        if (reasons := verdicts.reasons(row))
    ]
    return f'<ul class="warnings">{"".join(lines)}</ul>' if lines else ""


def _sorted(records: Sequence[Record]) -> list[Record]:
    """Slower rows first, then those that differ, then the rest; by family and case."""

    def place(row: Record) -> tuple:
        trouble = 0 if verdicts.loses(row) else 1 if verdicts.differs(row) else 2
        return (trouble, row.family, row.case, tuple(row.sizes.items()), row.dtype, row.mode, texts.variant(row))

    return sorted(records, key=place)


def _kernel(row: Record) -> tuple:
    return (row.family, row.case, row.dtype, tuple(sorted(row.sizes.items())))


def _names(rows: Sequence[Record]) -> list[Column]:
    """What a row is, its ratio right after the name: that must be in sight on a phone too."""
    return [
        Column(title="Case", texts=[row.case for row in rows], is_number=False, is_heading=True),
        Column(
            title="Ratio",
            texts=_texts(
                [verdicts.best_library(row) for row in rows],
                lambda peer: texts.ratio(peer.ratio, peer.ratio_low, peer.ratio_high),
            ),
            warned=[i for i, row in enumerate(rows) if verdicts.loses(row)],
            hint="the fastest library's time over ours, median (quartiles) of the rounds: above 1 we are faster",
        ),
        Column(title="Sizes", texts=[texts.sizes(row.sizes) for row in rows], is_number=False),
        Column(title="Dtype", texts=[row.dtype for row in rows], is_number=False),
        Column(title="Mode", texts=[row.mode for row in rows], is_number=False),
        Column(title="Variant", texts=[texts.variant(row) for row in rows], is_number=False),
        Column(title="Ours, ms", texts=[texts.time(row.time) for row in rows], hint="median (quartiles) of one call"),
    ]


def _library(rows: Sequence[Record]) -> list[Column]:
    peers = [verdicts.best_library(row) for row in rows]
    return [
        Column(title="Fastest library", texts=_texts(peers, _peer), is_number=False),
        Column(title="Its ms", texts=_texts(peers, lambda peer: texts.significant(peer.time.median_ms))),
    ]


def _compilation(rows: Sequence[Record]) -> list[Column]:
    def whole(timed: Record | PeerRecord) -> str:
        if timed.lower_ms is None or timed.compile_ms is None:
            return DASH
        return texts.significant(timed.lower_ms + timed.compile_ms)

    hint = "tracing, lowering and compiling"
    peers = [verdicts.best_library(row) for row in rows]
    return [
        Column(title="Compile, ms", texts=[whole(row) for row in rows], hint=hint),
        Column(title="Its compile, ms", texts=_texts(peers, whole), hint=f"{hint}, where XLA runs the library"),
    ]


def _difference(rows: Sequence[Record]) -> Column:
    def text(peer: PeerRecord) -> str:
        allowed = "" if peer.tolerance is None else f" (≤ {texts.scientific(peer.tolerance)})"
        return texts.scientific(peer.difference) + allowed

    return Column(
        title="Difference",
        texts=_texts([verdicts.most_different(row) for row in rows], text),
        warned=[i for i, row in enumerate(rows) if verdicts.differs(row)],
        hint="from the peer whose answer is farthest off, relative to the largest entry (what it had to stay under)",
    )


def _peer(peer: PeerRecord) -> str:
    threads = "" if peer.threads is None else f", {peer.threads} thread{'s' if peer.threads != 1 else ''}"
    return peer.name + threads


def _texts(peers: Sequence[PeerRecord | None], text: Callable[[PeerRecord], str]) -> list[str]:
    return [DASH if peer is None else text(peer) for peer in peers]
