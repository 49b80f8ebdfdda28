"""Drawings as inline SVG: text stays text, colours follow the page, and equal input gives equal bytes."""

import html
import io
import re
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from jaxinv.report.looks import ACCENT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Drawn in these colours (and the accent), shown in those that the page has for text, quiet text and lines.
INK = "#0a0b0c"
QUIET = "#0a0b0d"
LINE = "#0a0b0e"
_PAGE_COLOURS = {INK: "var(--ink)", QUIET: "var(--quiet)", LINE: "var(--line)", ACCENT: "var(--blue)"}
_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "jaxinv",
    "text.parse_math": False,
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.edgecolor": LINE,
    "axes.labelcolor": QUIET,
    "axes.titlecolor": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": QUIET,
    "ytick.labelcolor": QUIET,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
}


def require_matplotlib() -> None:
    """Raises ImportError with the way to install it where matplotlib is missing."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise ImportError("the report draws with matplotlib, which is missing: pip install 'jaxinv[plots]'") from error


class Pictures:
    """Draws the pictures of one page; each gets ids of its own, so that they do not meet on the page."""

    def __init__(self):
        require_matplotlib()
        self._count = 0

    def draw(
        self,
        paint: "Callable[[Axes], object]",
        size: tuple[float, float],
        description: str,
        tips: Sequence[str] = (),
        *,
        frame: tuple[float, float, float, float] | None = None,
    ) -> str:
        """An `<svg>` element.

        Args:
          paint: draws on the axes it is given.
          size: width and height in inches; a page shows an inch about 80 pixels wide.
          description: what a reader who cannot see the picture must know.
          tips: texts that appear over what `paint` drew with gid `tip0`, `tip1`, ...
          frame: left, bottom, right and top of the axes, as shares of the picture; chosen to fit by default.
        """
        import matplotlib.style
        from matplotlib.figure import Figure

        with matplotlib.style.context(["default", _STYLE]), warnings.catch_warnings():
            # Measuring only: the page's own fonts show the glyphs that matplotlib's font lacks.
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")
            figure = Figure(figsize=size, layout=None if frame else "constrained")
            if frame:
                figure.subplots_adjust(*frame)
            paint(figure.subplots())
            buffer = io.StringIO()
            nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
            figure.savefig(buffer, format="svg", metadata=nothing, transparent=True)
        self._count += 1
        return _inline(buffer.getvalue(), f"p{self._count}-", description, tips)


def _inline(svg: str, prefix: str, description: str, tips: Sequence[str]) -> str:
    """The `<svg>` element of a matplotlib file, as a part of an HTML page."""
    svg = svg[svg.index("<svg") :]
    frame = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)
    assert frame is not None
    svg = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", svg, count=1, flags=re.DOTALL)
    svg = re.sub(r"font-family: [^;\"]*;? ?", "", svg)
    svg = re.sub(r' transform="rotate\(-0 [^"]*\)"', "", svg)
    svg = re.sub(r"(-?\d+\.\d{2})\d+", r"\1", svg)
    svg = re.sub(r"\s*\n\s*", " ", svg)
    for drawn, shown in _PAGE_COLOURS.items():
        svg = svg.replace(drawn, shown)
    used = set(re.findall(r'(?:href="|url\()#([^")]+)', svg))

    def rename(found: re.Match[str]) -> str:
        return f' id="{prefix}{found[1]}"' if found[1] in used else ""

    svg = re.sub(
        r'<g id="tip(\d+)">', lambda found: f"<g><title>{html.escape(tips[int(found[1])], quote=False)}</title>", svg
    )
    svg = re.sub(r' id="([^"]+)"', rename, svg)
    svg = re.sub(r'xlink:href="#', f'href="#{prefix}', svg)
    svg = svg.replace("url(#", f"url(#{prefix}")
    body = svg[svg.index(">") + 1 :].strip()
    return (
        f'<svg role="img" aria-label="{html.escape(description)}" viewBox="{frame[0][9:-1]}" '
        f'style="max-width:{float(frame[1]) * 1.35:.0f}px">{body}'
    )
