"""The league table as Markdown, with what a reader must know before trusting it."""

import os
import pathlib
from collections.abc import Sequence

import numpy as np

from jaxinv.ranking.atomic import atomic_write
from jaxinv.ranking.league import League, league_title

EXPLANATION = """\
How well does each transferability score order a pool of pretrained networks? τ is the weighted Kendall rank correlation
between a score and the true accuracy: 1 is the true order, 0 chance, −1 the reverse; mistakes among the best networks
count most. The table is sorted by the mean τ over the targets.

- **The truth** is the test accuracy after transfer, measured here: either of a linear classifier on the frozen features
  (linear probe) or after training all weights under a new head (fine-tuned). The two do not order a pool alike, and a
  score can be good at one only. Accuracies come from test sets of at most some hundred samples: their own error is not
  in the intervals.
- **The networks** of the built-in pool are small (16 x 16 pixels, some ten thousand weights) and trained here. Scores
  that reward what only large networks have are not seen at their best. The pretrained layers belong to networks that
  read text and find faces (PP-OCRv4, MTCNN); the models of the pool of texts are layers of a sentence encoder
  (all-MiniLM-L6-v2) in three poolings, and counts of words and of characters. These are never fine-tuned, and layers of
  one network are no independent models.
- **The intervals** are percentiles (95 %) of a bootstrap over the networks: networks are drawn from the pool with
  replacement, the same draw for every score and target. They say how far the table hangs on the networks that happen
  to be in the pool. They say nothing about other targets, other settings of a score, or other training seeds; networks
  of one pool share sources and architectures, so that an interval is narrower than one over independent networks.
  Resampled networks tie with themselves, which are pairs that count for nothing.
- **The ranks** in brackets are those of the same resamples: scores whose ranks overlap are not told apart here.
- Every score runs with the settings of `jaxinv.ranking.registry`: the defaults of this library, but for N-LEEP (2
  starts, at most 64 components), PARC (500 samples at most) and PACTran-Gaussian (300 samples at most, prior scale .1).
  These bound their time; none was tuned on these targets.
- GBC with full covariances is 0 to rounding for many wide models, which then tie. TMI and its Gaussian form grow with
  the width, which differs within the pools.
"""


def write_markdown(
    tables: Sequence[League], path: str | os.PathLike[str], *, remarks: Sequence[str] = ()
) -> pathlib.Path:
    """Writes one table a pool and truth, under the explanation.

    Args:
      tables: of `jaxinv.ranking.league.leagues`.
      path: of the file.
      remarks: lines about the run, e.g. how it was made.
    """
    listed = "".join(f"- {remark}\n" for remark in remarks)
    parts = ["# League table of transferability scores\n", EXPLANATION + listed, *map(_section, tables)]
    with atomic_write(path) as file:
        file.write("\n".join(parts).encode())
    return pathlib.Path(path)


def _section(table: League) -> str:
    head = ["#", "score", "mean τ", "rank", *table.targets]
    lines = [head, ["---:", "---", *["---:"] * (len(head) - 2)]]
    for i, name in enumerate(table.scores):
        low, high = (round(rank) for rank in table.rank_intervals[i])
        cells = [_tau(table.means[i], table.mean_intervals[i]), f"[{low}, {high}]"]
        cells += [_tau(tau, interval) for tau, interval in zip(table.taus[i], table.intervals[i], strict=True)]
        lines.append([str(i + 1), f"`{name}`", *cells])
    rows = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    title = f"## {league_title(table)}\n"
    left_out = f"\nWithout a value for some model: {', '.join(table.left_out)}.\n" if table.left_out else ""
    return f"{title}\n{table.resamples} resamples.\n\n{rows}\n{left_out}"


def _tau(value: float, interval: np.ndarray) -> str:
    # The z option writes no negative zero.
    return f"{value:z.2f} [{interval[0]:z.2f}, {interval[1]:z.2f}]".replace("-", "−")
