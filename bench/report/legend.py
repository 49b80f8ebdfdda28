"""What colours and markers of a picture mean, as text below it."""

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from jaxinv.report.pictures import Pictures

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Key(NamedTuple):
    """One entry: what it means, its colour, marker ("" for none) and line style ("" for none)."""

    text: str
    colour: str
    marker: str
    line: str = ""


def legend(pictures: Pictures, keys: Sequence[Key]) -> str:
    """A line of keys that wraps where the page is narrow."""
    parts = []
    for key in keys:
        picture = pictures.draw(
            lambda ax, key=key: _sample(ax, key), (0.32, 0.2), f"look of {key.text}", frame=(0, 0, 1, 1)
        )
        parts.append(f"<span>{picture}{escape(key.text)}</span>")
    return f'<p class="legend">{" ".join(parts)}</p>'


def _sample(ax: "Axes", key: Key) -> None:
    if key.line:
        ax.plot([-1, 1], [0, 0], key.line, color=key.colour, linewidth=1.6)
    ax.plot([0], [0], marker=key.marker, color=key.colour, markersize=6, markeredgewidth=0)
    ax.set_axis_off()
