"""The README's picture of results, from the records of the benchmark and the league table.

`python docs/generators/picture.py` writes `docs/pictures/results.png`.
"""

import pathlib
import re

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from jaxinv.bench.record import read
from jaxinv.bench.report.verdicts import best_library
from jaxinv.report.names import score_label

ROOT = pathlib.Path(__file__).parents[2]
RECORDS = ROOT / "bench" / "results" / "amd-epyc-2-cores.jsonl"
LEAGUE = ROOT / "docs" / "league.md"
PICTURE = ROOT / "docs" / "pictures" / "results.png"
WINS, LOSES, PLAIN = "#0072b2", "#d55e00", "#555555"
SHOWN_SCORES = 14


def draw_ratios(axes: Axes) -> None:
    """A dot for every row that has a library beside it, family by family."""
    rows = [
        (record, best_library(record)) for record in read(RECORDS) if record.axis is None and record.mode == "forward"
    ]
    rows = [(record.family, peer.ratio) for record, peer in rows if peer is not None]
    families = sorted({family for family, _ in rows}, reverse=True)
    spread = np.random.default_rng(0)
    for place, family in enumerate(families):
        ratios = np.array([ratio for name, ratio in rows if name == family])
        heights = place + spread.uniform(-0.22, 0.22, len(ratios))
        axes.scatter(
            ratios, heights, s=16, c=[WINS if ratio >= 1 else LOSES for ratio in ratios], alpha=0.8, linewidths=0
        )
    axes.axvline(1, color=PLAIN, linewidth=0.8)
    axes.set_xscale("log")
    axes.set_yticks(range(len(families)), [family.replace("_", " ") for family in families])
    axes.set_xlabel("time of the fastest library beside ours / our time")
    lost = sum(ratio < 1 for _, ratio in rows)
    axes.set_title(f"{len(rows)} rows, forward, 2 cores of a CPU: {lost} lose (orange)", loc="left", fontsize=10)


def draw_league(axes: Axes) -> None:
    """Mean weighted Kendall tau of the best scores, with bootstrap intervals."""
    first = LEAGUE.read_text().split("\n## ")[1]
    title = first.splitlines()[0]
    found = re.findall(r"^\| \d+ \| `(\w+)` \| (\S+) \[(\S+), (\S+)\]", first, re.MULTILINE)[:SHOWN_SCORES][::-1]
    tau = np.array([[float(number.replace("−", "-")) for number in row[1:]] for row in found])
    axes.errorbar(
        tau[:, 0], range(len(found)), xerr=[tau[:, 0] - tau[:, 1], tau[:, 2] - tau[:, 0]], fmt="o", ms=4, color=WINS
    )
    axes.set_yticks(range(len(found)), [score_label(row[0]).split(" (")[0] for row in found])
    axes.set_xlabel("weighted Kendall τ, mean of 7 targets, 95 % over networks")
    axes.set_title(f"{title}: the first {len(found)} scores", loc="left", fontsize=10)


def main() -> None:
    """Draws and writes."""
    figure, panels = plt.subplots(1, 2, figsize=(12, 4.2), layout="constrained")
    draw_ratios(panels[0])
    draw_league(panels[1])
    for axes in panels:
        axes.grid(axis="x", color="#dddddd", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, dpi=130)


if __name__ == "__main__":
    main()
