"""Drawings of a ranking on matplotlib axes; each function takes the axes and returns them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from jaxinv.report.looks import ACCENT, COLOURS, OTHER, Looks
from jaxinv.report.names import score_name, shortened
from jaxinv.report.numbers import ranks
from jaxinv.report.pictures import INK, LINE, QUIET

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def accuracy_scatter(
    ax: "Axes", values: np.ndarray, accuracies: np.ndarray, looks: Looks, *, title: str, label: str
) -> "Axes":
    """True accuracy (in [0, 1], drawn in %) against `values` (M,), named `label`; model i has the gid `tip{i}`."""
    from matplotlib.ticker import MaxNLocator

    for i in np.flatnonzero(np.isfinite(values) & np.isfinite(accuracies)):
        ax.plot(
            [values[i]],
            [100 * accuracies[i]],
            looks.markers[i],
            color=looks.colours[i],
            markersize=5.5,
            markeredgewidth=0,
            alpha=0.85,
            gid=f"tip{i}",
        )
    ax.set_title(title)
    ax.set_xlabel(label)
    ax.set_ylabel("accuracy (%)")
    ax.margins(0.08)
    ax.xaxis.set_major_locator(MaxNLocator(4))
    ax.yaxis.set_major_locator(MaxNLocator(5, min_n_ticks=3))
    ax.tick_params(length=0)
    return ax


def agreement_bars(
    ax: "Axes", names: Sequence[str], values: np.ndarray, intervals: np.ndarray | None, *, label: str
) -> "Axes":
    """One bar a score from 0 to `values` (S,), first on top, with the ends `intervals` (S, 2) where given."""
    places = np.arange(len(names))
    ax.barh(places, np.nan_to_num(values), height=0.62, color=ACCENT, alpha=1.0 if intervals is None else 0.6)
    if intervals is not None:
        ax.hlines(places, intervals[:, 0], intervals[:, 1], color=INK, linewidth=1.4)
    ax.axvline(0, color=QUIET, linewidth=0.8)
    ax.set_yticks(places, [shortened(score_name(name), 24) for name in names])
    ax.set_ylim(len(names) - 0.4, -0.6)
    lowest = min(0.0, float(np.nanmin(np.append(values, 0.0)) if intervals is None else np.nanmin(intervals)))
    ax.set_xlim(min(lowest * 1.05, -0.02), 1)
    ax.set_xlabel(label)
    ax.grid(False, axis="y")
    ax.tick_params(length=0)
    ax.spines["left"].set_visible(False)
    return ax


def sensitivity_map(ax: "Axes", names: Sequence[str], sensitivity: Mapping[str, np.ndarray]) -> "Axes":
    """Heat map models x transformations of sensitivities, light = invariant; each cell carries its number."""
    import matplotlib

    grid = np.stack(list(sensitivity.values()), axis=1)
    top = max(1.0, float(np.nanmax(grid))) if np.isfinite(grid).any() else 1.0
    colours = matplotlib.colormaps["Blues"]
    ax.pcolormesh(np.ma.masked_invalid(grid), cmap=colours, vmin=0, vmax=top, edgecolors="face", linewidth=0.3)
    for (row, col), value in np.ndenumerate(grid):
        text = f"{value:.2f}" if np.isfinite(value) else "–"
        dark = np.isfinite(value) and value > 0.6 * top
        ax.text(
            col + 0.5,
            row + 0.5,
            text,
            ha="center",
            va="center",
            fontsize=8,
            color=("#ffffff" if dark else "#1b1d1f") if np.isfinite(value) else QUIET,
        )
    ax.set_yticks(np.arange(len(names)) + 0.5, [shortened(name) for name in names])
    ax.set_xticks(np.arange(grid.shape[1]) + 0.5, [shortened(name, 14) for name in sensitivity])
    ax.xaxis.tick_top()
    ax.invert_yaxis()
    ax.grid(False)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return ax


def rank_lines(ax: "Axes", models: Sequence[str], scores: Mapping[str, np.ndarray], *, marked: Sequence[int]) -> "Axes":
    """Rank of each model (1 = best, on top) under each score, one line a model; `marked` ones coloured and named."""
    table = np.stack([ranks(values) for values in scores.values()], axis=1)
    places = np.arange(table.shape[1])
    for i in range(len(models)):
        if i not in marked:
            ax.plot(places, table[i], "-", color=LINE, linewidth=1.0, gid=f"tip{i}")
    for colour, i in zip((*COLOURS, OTHER), marked, strict=False):
        ax.plot(places, table[i], "o-", color=colour, linewidth=2.0, markersize=4.5, label=models[i], gid=f"tip{i}")
        known = np.flatnonzero(np.isfinite(table[i]))
        ax.annotate(
            shortened(models[i]),
            (float(known[-1]), float(table[i, known[-1]])),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
            color=colour,
            annotation_clip=False,
        )
    count = len(models)
    ax.set_xticks(places, [shortened(score_name(name), 18) for name in scores], rotation=40, ha="right")
    ax.set_ylim(count + 0.5, 0.5)
    step = 1 if count <= 8 else 5 if count <= 40 else 10
    ax.set_yticks(sorted({1, count, *range(step, count - step // 2, step)}))
    ax.set_ylabel("rank (1 = best)")
    ax.grid(False, axis="x")
    ax.tick_params(length=0)
    return ax


def marker_key(ax: "Axes", colour: str, marker: str) -> "Axes":
    """A marker by itself, for the legend."""
    ax.plot([0], [0], marker, color=colour, markersize=6.5, markeredgewidth=0)
    ax.set_axis_off()
    return ax
