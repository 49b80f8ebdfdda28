"""Numbers as text: as many digits as tell the models apart, a true minus sign, a dash for what is not there."""

import math
from collections.abc import Sequence

import numpy as np

DASH = "–"


def column(values: Sequence[float] | np.ndarray) -> list[str]:
    """Texts with one common number of decimals, so that right-aligned digits stand under each other."""
    finite = [float(value) for value in values if math.isfinite(value)]
    if not finite:
        return [DASH] * len(values)
    largest = max(abs(value) for value in finite)
    spread = max(finite) - min(finite) or largest
    if largest >= 1e7 or 0 < spread < 1e-5:
        return [_signed(f"{value:.2e}") if math.isfinite(value) else DASH for value in values]
    decimals = min(max(2 - math.floor(math.log10(spread)), 0), 6) if spread else 0
    if all(value.is_integer() for value in finite):
        decimals = 0
    return [_signed(f"{value:,.{decimals}f}") if math.isfinite(value) else DASH for value in values]


def fixed(value: float, decimals: int = 2) -> str:
    """`value` with `decimals`."""
    return _signed(f"{value:.{decimals}f}") if math.isfinite(value) else DASH


def percent(value: float) -> str:
    """0.924 -> 92.4%."""
    return _signed(f"{100 * value:.1f}%") if math.isfinite(value) else DASH


def duration(seconds: float) -> str:
    """5.25 -> 5.3 s, 75 -> 1 min 15 s."""
    if not math.isfinite(seconds):
        return DASH
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def ranks(values: np.ndarray) -> np.ndarray:
    """Ranks of the values, 1 = largest, the mean for ties; NaN where the value is NaN."""
    values = np.asarray(values, dtype=np.float64)
    found = np.full(values.shape, np.nan)
    known = np.isfinite(values)
    _, inverse, counts = np.unique(-values[known], return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    found[known] = (last - (counts - 1) / 2)[inverse]
    return found


def _signed(text: str) -> str:
    if text.startswith("-") and not text.strip("-0.,%e+"):
        text = text[1:]
    return text.replace("-", "−")
