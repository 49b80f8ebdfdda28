"""The guard: ratios that were once reached must not get worse by more than their own noise.

`baseline.json` holds ratios only, by device and row: a peer's time over ours, or the share of the device's limit.
"""

import json
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from jaxinv.bench.case import Case, Sizes
from jaxinv.bench.measure import Settings, forward
from jaxinv.bench.record import Record, row_name
from jaxinv.ranking import InputError
from jaxinv.ranking.atomic import atomic_write

LIMIT = "limit"
_LEAST_BAND = 0.25
_SPREADS = 3.0


class Guarded(NamedTuple):
    """What a row reached: the ratio to `against` (higher is better) and the share by which noise moves it."""

    against: str
    ratio: float
    band: float


class Verdict(NamedTuple):
    """A guarded row, then and now."""

    row: str
    against: str
    wanted: float
    band: float
    found: float

    @property
    def worse(self) -> bool:
        """Whether the ratio fell by more than noise."""
        return self.found < self.wanted * (1 - self.band)

    def __str__(self) -> str:
        state = "WORSE" if self.worse else "ok"
        return (
            f"{state}: {self.row} against {self.against}: {self.found:.3g}, baseline {self.wanted:.3g} -{self.band:.0%}"
        )


def reached(record: Record) -> Guarded:
    """The ratio that guards a row: to its fastest peer, in the same rounds; without one, to the device's limit."""
    if not record.peers:
        time = record.time
        return Guarded(LIMIT, record.limit_share, _band(time.low_ms, time.median_ms, time.high_ms))
    peer = min(record.peers, key=lambda peer: peer.ratio)
    return Guarded(peer.name, peer.ratio, _band(peer.ratio_low, peer.ratio, peer.ratio_high))


def _band(low: float, median: float, high: float) -> float:
    """Three quartile ranges; a quarter at least, since runs differ by more than the rounds of one."""
    return min(0.75, max(_LEAST_BAND, _SPREADS * (high - low) / median))


def judge(row: str, guarded: Guarded, record: Record) -> Verdict:
    """A new record of a row against its baseline.

    Raises:
      InputError: the peer it is held against was not measured.
    """
    ratios = {peer.name: peer.ratio for peer in record.peers} | {LIMIT: record.limit_share}
    if guarded.against not in ratios:
        raise InputError(f"baseline: {row} is held against {guarded.against}, which was not measured: is it installed?")
    return Verdict(row, guarded.against, guarded.ratio, guarded.band, ratios[guarded.against])


def check(
    cases: Sequence[Case],
    baseline: Mapping[str, Guarded],
    settings: Settings,
    *,
    report: Callable[[Verdict], None] = lambda verdict: None,
) -> list[Verdict]:
    """Measures every guarded row again beside its peers, in this process.

    A row that is worse is measured a second time and judged by the better of the two: a slow spell passes, a slow
    kernel does not.
    """
    verdicts = []
    for case in cases:
        for sizes in _sizes(case, settings):
            row = row_name(case.family, case.name, sizes)
            if row not in baseline:
                continue
            verdict = judge(row, baseline[row], forward(case, sizes, settings))
            if verdict.worse:
                again = judge(row, baseline[row], forward(case, sizes, settings))
                verdict = max(verdict, again, key=lambda one: one.found)
            report(verdict)
            verdicts.append(verdict)
    return verdicts


def orphans(cases: Sequence[Case], baseline: Mapping[str, Guarded]) -> list[str]:
    """Guarded rows that no case measures any more: renamed or removed, and so no longer guarded by anything."""
    known = {row_name(case.family, case.name, sizes) for case in cases for sizes in (case.small, *case.sizes)}
    return sorted(set(baseline) - known)


def _sizes(case: Case, settings: Settings) -> Sequence[Sizes]:
    return (case.small,) if settings.quick else case.sizes


def read_baseline(path: pathlib.Path, device: str) -> dict[str, Guarded]:
    """The guarded rows of a device; none where it has no baseline yet."""
    devices = json.loads(path.read_text()) if path.exists() else {}
    return {row: Guarded(**fields) for row, fields in devices.get(device, {}).items()}


def write_baseline(path: pathlib.Path, device: str, records: Sequence[Record]) -> None:
    """Guards what these records reached; other rows and other devices keep their baseline."""
    devices = json.loads(path.read_text()) if path.exists() else {}
    rows = devices.setdefault(device, {})
    for record in records:
        if record.axis is None and record.mode == "forward" and record.dtype == "float32" and record.variant == "fresh":
            rows[record.row] = reached(record)._asdict()
    with atomic_write(path) as file:
        file.write((json.dumps(devices, indent=1, sort_keys=True) + "\n").encode())
