"""Logarithmic axes with numbers that people read: 10k, 1 ms, 5 Tflop/s."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from jaxinv.bench.report.texts import si

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis


def logarithmic(ax: "Axes", x: Sequence[float], y: Sequence[float], *, x_unit: str = "", y_unit: str = "") -> None:
    """Makes both axes logarithmic, around the positive numbers `x` and `y`, with units at the ticks."""
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(_around(x))
    ax.set_ylim(_around(y))
    _ticks(ax.xaxis, x, x_unit)
    _ticks(ax.yaxis, y, y_unit)
    ax.tick_params(which="both", length=0)


def _around(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = max((high / low) ** 0.06, 1.15)
    return low / room, high * room


def _ticks(axis: "Axis", values: Sequence[float], unit: str) -> None:
    """A picture has room for about six ticks; text below a hundredth would be cut short, so each has a prefix."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    decades = math.log10(max(values) / min(values))
    axis.set_major_locator(LogLocator(10, subs=(1, 2, 5) if decades < 1.6 else (1,), numticks=7))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: si(value, unit)))
