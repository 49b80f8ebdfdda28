"""One run: the chosen cases, measured and kept one by one, then a table and a report."""

import datetime
import importlib.metadata
import os
import pathlib
import platform
import re
import sys
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from rich.console import Console
from rich.progress import track

from jaxinv.bench.case import Case
from jaxinv.bench.families import FAMILIES
from jaxinv.bench.guard import check, orphans, read_baseline, write_baseline
from jaxinv.bench.limits import rates
from jaxinv.bench.measure import Settings, measure
from jaxinv.bench.record import keep, read
from jaxinv.bench.report import write_report
from jaxinv.bench.table import table
from jaxinv.ranking import InputError

HUGE_PAGES = "glibc.malloc.hugetlb=1"


def chosen(family: str | None, case: str | None) -> list[Case]:
    """The cases of a family (all by default) that are called `case` or, if none is, whose name contains it.

    Raises:
      InputError: nothing fits, naming what there is.
    """
    if family is not None and family not in FAMILIES:
        raise InputError(f"family: must be one of {', '.join(FAMILIES)}, got {family!r}")
    cases = [one for name, group in FAMILIES.items() if family in (None, name) for one in group]
    fitting = [one for one in cases if case in (None, one.name)]
    fitting = fitting or [one for one in cases if case is not None and case in one.name]
    if not fitting:
        raise InputError(f"case: must be part of one of {', '.join(one.name for one in cases)}, got {case!r}")
    return fitting


def environment(*, quick: bool = False) -> dict[str, Any]:
    """What all records of a run share: device, versions, and the device's rates, measured now."""
    return {
        "device": device_name(),
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "jax": jax.__version__,
        "jaxlib": importlib.metadata.version("jaxlib"),
        "numpy": np.__version__,
        "precision": "highest",
        "cpu_cores": os.cpu_count(),
        "rates": rates(quick=quick),
    }


def device_name() -> str:
    """The accelerator's name; of a CPU, its model and the number of cores."""
    device = jax.devices()[0]
    if device.platform != "cpu":
        return device.device_kind
    info = pathlib.Path("/proc/cpuinfo")
    model = re.search(r"model name\s*:\s*(.+)", info.read_text()) if info.exists() else None
    return f"{model[1] if model else platform.machine()}, {os.cpu_count()} cores"


def results_file(folder: pathlib.Path) -> pathlib.Path:
    """Where this device's records are kept."""
    return folder / (re.sub(r"[^a-z0-9]+", "-", device_name().lower()).strip("-") + ".jsonl")


def run(
    cases: Sequence[Case],
    folder: pathlib.Path,
    *,
    quick: bool,
    huge_pages: bool,
    seconds: float,
    console: Console,
    baseline: pathlib.Path | None = None,
) -> list[pathlib.Path]:
    """Measures cases; after each its records are in the file, so that an interrupted run keeps what it has.

    Args:
      cases: which.
      folder: of the results.
      quick: small sizes, no sweeps.
      huge_pages: in a process that asks for huge pages, the cases with large results alone.
      seconds: of rounds a row.
      console: for progress and the table.
      baseline: file that shall guard what is reached now.

    Returns:
      The files written: the records, the report of all that is kept for this device, the baseline.
    """
    if huge_pages:
        _with_huge_pages()
        cases = [case for case in cases if case.large_result]
    settings = Settings(seconds=seconds, quick=quick, huge_pages=huge_pages, run=environment(quick=quick))
    path, records = results_file(folder), []
    for case in track(cases, "measuring", console=console):
        found = list(measure(case, settings))
        keep(path, found)
        records += found
        # Programs and buffers of one case must not slow the next.
        jax.clear_caches()
    console.print(table(records, settings.run["device"]))
    written = [path, write_report(read(path), path.with_suffix(".html"))]
    if baseline is not None:
        write_baseline(baseline, settings.run["device"], records)
        written.append(baseline)
    return written


def guard(cases: Sequence[Case], baseline: pathlib.Path, *, quick: bool, seconds: float, console: Console) -> bool:
    """Measures the guarded rows of this device again; prints a line each, and returns whether none is worse or lost."""
    guarded = read_baseline(baseline, device_name())
    if not guarded:
        console.print(f"{baseline} guards no row of {device_name()}: nothing is checked", highlight=False)
        return True
    lost = orphans([case for family in FAMILIES.values() for case in family], guarded)
    for row in lost:
        console.print(f"LOST: {row}: no case measures it any more", highlight=False)
    settings = Settings(seconds=seconds, quick=quick, run=environment(quick=quick))
    verdicts = check(cases, guarded, settings, report=lambda verdict: console.print(str(verdict), highlight=False))
    return not lost and not any(verdict.worse for verdict in verdicts)


def _with_huge_pages() -> None:
    """Starts this command anew in an environment that asks for huge pages, unless it already runs in one."""
    if HUGE_PAGES not in os.environ.get("GLIBC_TUNABLES", ""):
        os.environ["GLIBC_TUNABLES"] = HUGE_PAGES
        os.execv(sys.executable, [sys.executable, "-m", "jaxinv", *sys.argv[1:]])
