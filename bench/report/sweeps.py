"""Time against size: one picture a case and swept size, with the peers, the limit and the fitted exponent."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from jaxinv.bench.record import Record
from jaxinv.bench.report import texts
from jaxinv.bench.report.axes import logarithmic
from jaxinv.bench.report.legend import Key, legend
from jaxinv.bench.scaling import exponent
from jaxinv.report.looks import ACCENT, COLOURS, MARKERS, OTHER
from jaxinv.report.pictures import QUIET, Pictures

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE = (3.7, 2.9)


class Line(NamedTuple):
    """One curve: sizes and milliseconds, and how it looks."""

    key: Key
    sizes: tuple[int, ...]
    times: tuple[float, ...]


class Sweep(NamedTuple):
    """The records of one picture, smallest size first; all but the size `axis` is the same for all."""

    axis: str
    records: tuple[Record, ...]


def sweeps_of(records: Iterable[Record]) -> list[Sweep]:
    """The sweeps among the records, by family, case and axis."""
    found: dict[tuple, list[Record]] = {}
    for record in records:
        if record.axis is not None:
            fixed = tuple((name, size) for name, size in record.sizes.items() if name != record.axis)
            key = (record.family, record.case, record.axis, record.mode, record.dtype, texts.variant(record), fixed)
            found.setdefault(key, []).append(record)
    return [
        Sweep(key[2], tuple(sorted(group, key=lambda record: record.sizes[key[2]])))
        for key, group in sorted(found.items())
    ]


def lines_of(sweep: Sweep) -> list[Line]:
    """The limit, every peer, and ours, last so that it lies on top."""
    sizes = tuple(record.sizes[sweep.axis] for record in sweep.records)
    points: dict[str, list[tuple[int, float]]] = {}
    for size, record in zip(sizes, sweep.records, strict=True):
        for peer in record.peers:
            points.setdefault(peer.name, []).append((size, peer.time.median_ms))
    lines = [Line(Key("limit", QUIET, "", "--"), sizes, tuple(record.limit_ms for record in sweep.records))]
    for i, (name, found) in enumerate(points.items(), start=1):
        look = Key(name, COLOURS[i] if i < len(COLOURS) else OTHER, MARKERS[min(i, len(MARKERS) - 1)], "-")
        lines.append(Line(look, *zip(*found, strict=True)))
    ours = Key("ours", ACCENT, MARKERS[0], "-")
    return [*lines, Line(ours, sizes, tuple(record.time.median_ms for record in sweep.records))]


def title(sweep: Sweep) -> str:
    """Case, axis and, from three sizes on, the exponent: `class_statistics over samples: n^1.02`."""
    first = sweep.records[0]
    mode = "" if first.mode == "forward" else f" {first.mode}"
    growth = exponent(
        [record.sizes[sweep.axis] for record in sweep.records], [record.time.median_ms for record in sweep.records]
    )
    return f"{first.case}{mode} over {sweep.axis}" + ("" if growth is None else f": n^{growth:.2f}".replace("-", "−"))


def paint(ax: "Axes", lines: Sequence[Line], axis: str) -> None:
    """Draws the lines, time upwards; the markers have the gids tip0, tip1, ... in the order of `tips`."""
    count = 0
    for key, sizes, times in lines:
        seconds = [1e-3 * ms for ms in times]
        width = 2.0 if key.colour == ACCENT else 1.3
        ax.plot(sizes, seconds, key.line, color=key.colour, linewidth=width, label=key.text)
        for size, second in zip(sizes, seconds, strict=True):
            if key.marker:
                ax.plot(
                    [size],
                    [second],
                    key.marker,
                    color=key.colour,
                    markersize=5,
                    markeredgewidth=0,
                    gid=f"tip{count}",
                )
                count += 1
    drawn = [1e-3 * ms for line in lines for ms in line.times if ms > 0]
    logarithmic(ax, [size for line in lines for size in line.sizes], drawn, y_unit="s")
    ax.set_xlabel(axis)


def tips(lines: Sequence[Line], axis: str) -> list[str]:
    """What the markers say, in the order of `paint`."""
    return [
        f"{line.key.text}, {axis} {size:,}: {texts.si(1e-3 * ms, 's')}"
        for line in lines
        if line.key.marker
        for size, ms in zip(line.sizes, line.times, strict=True)
    ]


def figure(sweep: Sweep, pictures: Pictures) -> str:
    """The picture of a sweep with its title and legend, as HTML."""
    lines = lines_of(sweep)
    first = sweep.records[0]
    fixed = {name: size for name, size in first.sizes.items() if name != sweep.axis}
    parts = [first.family, *([texts.sizes(fixed)] if fixed else []), first.dtype]
    if texts.variant(first) != "fresh":
        parts.append(texts.variant(first))
    picture = pictures.draw(
        lambda ax: paint(ax, lines, sweep.axis),
        SIZE,
        f"Time of {title(sweep)}, beside {len(lines) - 2} peers and the limit",
        tips(lines, sweep.axis),
    )
    keys = [line.key for line in (lines[-1], *lines[1:-1], lines[0])]
    return (
        f'<figure><figcaption>{escape(title(sweep))}<span class="quiet">{escape(" · ".join(parts))}</span>'
        f"</figcaption>{picture}{legend(pictures, keys)}</figure>"
    )
