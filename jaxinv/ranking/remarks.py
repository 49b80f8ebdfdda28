"""Remarks that a reader of a ranking must know, from what the scores saw."""

from collections.abc import Sequence

from jaxinv.ranking.registry import SCORES

GROWS_WITH_WIDTH = ("tmi", "tmi_gaussian")


def remarks(names: Sequence[str], widths: Sequence[int], *, num_sampled: int, num_samples: int) -> list[str]:
    """On scores that see a part of the samples, and on scores that grow with the width where widths differ."""
    notes = []
    sampled = [name for name in names if SCORES[name].needs in ("samples", "source probabilities")]
    if sampled and num_sampled < num_samples:
        notes.append(f"{', '.join(sampled)} see {num_sampled} of {num_samples} samples, in class proportions.")
    growing = [name for name in names if name in GROWS_WITH_WIDTH]
    if growing and len(set(widths)) > 1:
        notes.append(f"{' and '.join(growing)} grow with the width: compare models of equal width by them.")
    return notes
