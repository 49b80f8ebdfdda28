"""Achieved rates against the roof: what memory and arithmetic of this device allow."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from jaxinv.bench.record import Record
from jaxinv.bench.report import texts
from jaxinv.bench.report.axes import logarithmic
from jaxinv.bench.report.labels import label
from jaxinv.bench.report.legend import Key, legend
from jaxinv.report.looks import OTHER, looks_of
from jaxinv.report.names import shortened
from jaxinv.report.numbers import percent
from jaxinv.report.pictures import QUIET, Pictures

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE = (8.4, 4.9)
FRAME = (0.125, 0.115, 0.985, 0.975)
NUM_NAMED = 4
ROOM = 0.22  # inches that a line of text takes


class Roof(NamedTuple):
    """The fastest rate at which a dtype can be computed with here, and how fast memory feeds it (None: not known)."""

    name: str
    flops: float
    bandwidth: float | None


class Point(NamedTuple):
    """One row: flop a byte, flop/s."""

    record: Record
    intensity: float
    rate: float


def roofs_of(rates: Mapping[str, float], dtypes: Sequence[str]) -> list[Roof]:
    """The roofs of the dtypes, lowest first; float32 has one more where the device multiplies it as TF32."""
    wanted = sorted({f"matmul_{dtype}" for dtype in dtypes})
    if "float32" in dtypes:
        wanted.append("matmul_tf32")
    found = [Roof(name.removeprefix("matmul_"), rates[name], rates.get("copy")) for name in wanted if name in rates]
    return sorted(found, key=lambda roof: roof.flops)


def points_of(records: Sequence[Record]) -> list[Point]:
    """The rows whose work can be drawn on logarithmic axes: rows that only move data have no place there."""
    return [
        Point(row, row.work_flops / row.work_bytes, 1e3 * row.work_flops / row.time.median_ms)
        for row in records
        if row.work_flops > 0 and row.work_bytes > 0
    ]


def paint(
    ax: "Axes",
    points: Sequence[Point],
    roofs: Sequence[Roof],
    colours: Sequence[str],
    markers: Sequence[str],
) -> None:
    """Draws roofs and points; point i has the gid `tip{i}`, and those nearest to and farthest from the limit a name."""
    x, y = [point.intensity for point in points], [point.rate for point in points]
    ridges = [roof.flops / roof.bandwidth for roof in roofs if roof.bandwidth]
    around = [*x, *(0.3 * ridge for ridge in ridges), *(8 * ridge for ridge in ridges)]
    low, high = min(around) / 2, max(around) * 2
    starts = [roof.bandwidth * min(x) for roof in roofs if roof.bandwidth]
    logarithmic(ax, around, [*y, *(1.5 * roof.flops for roof in roofs), *starts], x_unit="flop/B", y_unit="flop/s")
    lines = []
    low_rate, high_rate = ax.get_ylim()
    room = (high_rate / low_rate) ** (ROOM / ((FRAME[3] - FRAME[1]) * SIZE[1]))
    for roof in roofs:
        corner = roof.flops / roof.bandwidth if roof.bandwidth else low
        ends = [low, corner, high]
        ax.plot(ends, [roof.flops * min(1.0, end / corner) for end in ends], color=QUIET, linewidth=1.3, gid="roof")
        along = np.geomspace(low, high, 200)
        lines.append((along, roof.flops * np.minimum(1.0, along / corner)))
        # Below the line where the next roof is too close above.
        is_below = any(roof.flops < other.flops < roof.flops * room for other in roofs)
        ax.annotate(
            f"{roof.name} matmul, {texts.si(roof.flops, 'flop/s')}",
            (ax.get_xlim()[1], roof.flops),
            xytext=(-3, -3 if is_below else 3),
            textcoords="offset points",
            ha="right",
            va="top" if is_below else "bottom",
            fontsize=8.5,
            color=QUIET,
        )
    for i, (_, intensity, rate) in enumerate(points):
        ax.plot(
            [intensity],
            [rate],
            markers[i],
            color=colours[i],
            markersize=6.5,
            markeredgewidth=0,
            alpha=0.9,
            gid=f"tip{i}",
        )
    order = sorted(range(len(points)), key=lambda i: points[i].record.limit_share)
    named = list(dict.fromkeys([*order[:NUM_NAMED], *order[::-1][:NUM_NAMED]]))
    label(ax, x, y, [_short(point.record) for point in points], named, lines)
    ax.set_xlabel("arithmetic intensity: least work over least traffic")
    ax.set_ylabel("least work over time")


def figure(records: Sequence[Record], rates: Mapping[str, float], pictures: Pictures) -> str:
    """The roofline of the rows with its legend, as HTML; empty where no row has a place on it."""
    points = points_of(records)
    if not points:
        return ""
    rows = [point.record for point in points]
    roofs = roofs_of(rates, [row.dtype for row in rows])
    looks = looks_of(
        {"family": [row.family for row in rows], "mode": [row.mode for row in rows], "dtype": [r.dtype for r in rows]},
        len(rows),
        colour_by="family",
    )
    tips = [
        f"{row.row}: {texts.si(rate, 'flop/s')}, {texts.si(intensity, 'flop/B')}, {percent(row.limit_share)} of limit"
        for row, intensity, rate in points
    ]
    picture = pictures.draw(
        lambda ax: paint(ax, points, roofs, looks.colours, looks.markers),
        SIZE,
        f"Roofline: {len(points)} rows under {len(roofs)} roofs",
        tips,
        frame=FRAME,
    )
    keys = [Key(key.text, key.colour, key.marker) for key in looks.legend]
    keys += [Key("roof", OTHER, "", "-")] if roofs else []
    return f'<figure class="roofline">{picture}</figure>{legend(pictures, keys) if keys else ""}'


def _short(record: Record) -> str:
    return shortened(record.case, 26) + ("" if record.mode == "forward" else f" {record.mode}")
