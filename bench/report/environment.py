"""What the rows of one run share: the newest run of a file, its devices, versions and rates."""

from collections.abc import Mapping, Sequence
from typing import Any

from jaxinv.bench.record import Record
from jaxinv.bench.report import texts
from jaxinv.report.numbers import DASH

_FIRST = ("device", "time", "jax", "jaxlib", "numpy", "python", "precision", "cpu_cores")


def newest_run(records: Sequence[Record]) -> dict[str, Any]:
    """The run with the latest time; ISO times sort as text."""
    return max((record.run for record in records), key=lambda run: str(run.get("time", "")))


def older_rows(records: Sequence[Record]) -> list[Record]:
    """The rows from another day, device or version than the newest run.

    A day's calls with one set of versions count as one run: a long benchmark is often taken case by case.
    """
    newest = _day(newest_run(records))
    return [record for record in records if _day(record.run) != newest]


def older_runs(records: Sequence[Record]) -> list[tuple[str, int]]:
    """The older days' runs, newest first, as text, and how many rows each has left."""
    counts: dict[tuple[str, str], int] = {}
    for record in older_rows(records):
        run = (_date(record.run), f"on {value(record.run, 'device')} with jax {value(record.run, 'jax')}")
        counts[run] = counts.get(run, 0) + 1
    return [(" ".join(run), counts[run]) for run in sorted(counts, reverse=True)]


def facts(run: Mapping[str, Any]) -> dict[str, str]:
    """Names and values of everything that is known about a run, the rates with their units."""
    names = [*_FIRST, *sorted(set(run) - {*_FIRST, "rates"})]
    found = {"matmul precision" if name == "precision" else name: value(run, name) for name in names}
    for name, rate in sorted(rates(run).items()):
        found[f"{name} rate"] = texts.si(rate, "B/s" if name == "copy" else "flop/s")
    return found


def rates(run: Mapping[str, Any]) -> dict[str, float]:
    """Measured rates that are known: flop/s, and bytes/s of "copy"."""
    return {name: float(rate) for name, rate in (run.get("rates") or {}).items() if rate}


def value(run: Mapping[str, Any], name: str) -> str:
    """As text, a dash where it is not known."""
    known = run.get(name)
    return DASH if known is None or known == "" else str(known)


def _day(run: Mapping[str, Any]) -> dict[str, Any]:
    """What makes two calls one run: all but the time of day and the rates."""
    return {name: known for name, known in run.items() if name not in ("time", "rates")} | {"date": _date(run)}


def _date(run: Mapping[str, Any]) -> str:
    return value(run, "time").partition("T")[0]
