"""Numbers of a measurement as text."""

import math

from jaxinv.bench.record import Record, Time
from jaxinv.report.numbers import DASH

_PREFIXES = ("n", "µ", "m", "", "k", "M", "G", "T", "P")


def significant(value: float | None) -> str:
    """Three digits that count: 0.0123, 1.23, 12,346; a power of ten where it would take many zeros."""
    if value is None or not math.isfinite(value):
        return DASH
    if value == 0:
        return "0"
    if abs(value) < 1e-4:
        return scientific(value)
    return f"{value:,.{max(0, 2 - math.floor(math.log10(abs(value))))}f}".replace("-", "−")


def scientific(value: float | None) -> str:
    """0.00000021 -> 2.1e−07."""
    return DASH if value is None or not math.isfinite(value) else f"{value:.1e}".replace("-", "−")


def ratio(value: float | None, low: float | None = None, high: float | None = None) -> str:
    """1.83×, with the quartiles where they are given: 1.83× (1.79–1.90)."""
    if value is None:
        return DASH
    spread = "" if low is None or high is None else f" ({significant(low)}–{significant(high)})"
    return f"{significant(value)}×{spread}"


def time(value: Time) -> str:
    """Milliseconds, with the quartiles: 1.23 (1.20–1.31)."""
    return f"{significant(value.median_ms)} ({significant(value.low_ms)}–{significant(value.high_ms)})"


def si(value: float, unit: str = "") -> str:
    """Three digits with a prefix: 0.00123 s -> 1.23 ms, 10000 -> 10k."""
    if not (math.isfinite(value) and value > 0):
        return DASH
    rounded = float(f"{value:.3g}")
    step = min(max(math.floor(math.log10(rounded) / 3), -3), 5)
    return f"{rounded / 1000.0**step:.3g}{' ' if unit else ''}{_PREFIXES[step + 3]}{unit}"


def sizes(named: dict[str, int]) -> str:
    """samples 10,000 · features 512, which may be broken between two sizes only."""
    return " · ".join(f"{name}\u00a0{value:,}" for name, value in named.items()) or DASH


def variant(record: Record) -> str:
    """fresh, donated, with huge pages where they were asked for."""
    return record.variant + (", huge pages" if record.huge_pages else "")
