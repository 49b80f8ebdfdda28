"""Names beside points that do not lie on each other."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np

from jaxinv.report.pictures import INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE = 8.5
# Where a name may stand, in points from its point: shift right, shift up, alignment; the first that is free is taken.
_PLACES = [
    (8, 0, "left"),
    (-8, 0, "right"),
    (0, -11, "center"),
    (0, 11, "center"),
    *((dx, dy, side) for dy in (-11, 11, -22, 22) for dx, side in ((8, "left"), (-8, "right"))),
]
_SHARE_LEFT = {"left": 0.0, "center": 0.5, "right": 1.0}


def label(
    ax: "Axes",
    x: Sequence[float],
    y: Sequence[float],
    texts: Sequence[str],
    chosen: Collection[int],
    lines: Sequence[tuple[np.ndarray, np.ndarray]] = (),
) -> None:
    """Names the chosen points of (x, y), on axes whose limits and place are settled.

    A name keeps clear of points, lines, other names and the texts that are there already; without room it is left out.

    Args:
      ax: the axes.
      x: of all points.
      y: of all points.
      texts: of all points.
      chosen: the points to name, most important first.
      lines: (x, y) each, dense enough that no name fits between two of their points.
    """
    scale = ax.figure.dpi / 72
    points = ax.transData.transform(list(zip(x, y, strict=True))) / scale
    frame = np.asarray(ax.bbox.extents) / scale
    taken = [(px - 3.5, py - 3.5, px + 3.5, py + 3.5) for px, py in points]
    for line in lines:
        taken += [(px - 2, py - 2, px + 2, py + 2) for px, py in ax.transData.transform(np.stack(line, axis=1)) / scale]
    taken += [tuple(np.asarray(text.get_window_extent().extents) / scale) for text in ax.texts]
    for i in chosen:
        width = 0.56 * SIZE * len(texts[i])
        for dx, dy, side in _PLACES:
            left = points[i][0] + dx - width * _SHARE_LEFT[side]
            box = (left, points[i][1] + dy - SIZE / 2, left + width, points[i][1] + dy + SIZE / 2)
            inside = box[0] > frame[0] and box[1] > frame[1] and box[2] < frame[2] and box[3] < frame[3]
            if inside and not any(_meet(box, other) for other in taken):
                taken.append(box)
                ax.annotate(
                    texts[i],
                    (x[i], y[i]),
                    xytext=(dx, dy),
                    textcoords="offset points",
                    ha=side,
                    va="center",
                    fontsize=SIZE,
                    color=INK,
                    arrowprops={"arrowstyle": "-", "color": INK, "linewidth": 0.5, "shrinkA": 0, "shrinkB": 3}
                    if abs(dy) > 11
                    else None,
                )
                break


def _meet(a: Sequence[float], b: Sequence[float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
