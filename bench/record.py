"""What a measurement leaves behind: one `Record` a line of JSON, and the file that keeps the newest of each row."""

import dataclasses
import json
import math
import os
import pathlib
from collections.abc import Iterable, Mapping
from typing import Any

from jaxinv.ranking.atomic import atomic_write

MODES = ("forward", "vjp", "forward+vjp")


@dataclasses.dataclass(frozen=True)
class Time:
    """Milliseconds of one call: wall-clock median and quartiles, and CPU time of all threads (median)."""

    median_ms: float
    low_ms: float
    high_ms: float
    cpu_ms: float
    runs: int


@dataclasses.dataclass(frozen=True)
class PeerRecord:
    """A peer beside our kernel, in the same rounds.

    Attributes:
      name: with its setting.
      kind: "library", "dense" (the plain form of the same thing), "floor" (less work than any algorithm needs) or
        "another map" (something else that people use in this place).
      time: of one call.
      ratio: peer's time over ours, the median of the rounds: above 1 we are faster.
      ratio_low: lower quartile over the rounds.
      ratio_high: upper quartile.
      difference: largest difference of the answers, relative to the largest entry; None where they differ by design.
      tolerance: what the difference had to stay under.
      threads: that the peer was given, the better of 1 and all; None where XLA runs it.
      import_ms: of its packages, in a fresh process; None where XLA runs it.
      lower_ms: tracing and lowering; None where XLA does not compile it, and in records from before it was measured.
      compile_ms: compilation, likewise.
    """

    name: str
    kind: str
    time: Time
    ratio: float
    ratio_low: float
    ratio_high: float
    difference: float | None
    tolerance: float | None
    threads: int | None
    import_ms: float | None
    lower_ms: float | None = None
    compile_ms: float | None = None


@dataclasses.dataclass(frozen=True)
class Record:
    """One row: a kernel at one size, in one mode and dtype.

    Attributes:
      family: folder of the kernel.
      case: name of the row, unique in the family.
      mode: "forward", "vjp" (the pullback alone) or "forward+vjp".
      dtype: of the floating inputs.
      sizes: named sizes.
      axis: the size that a sweep varies, None for the row itself.
      variant: "fresh" (a new result each call) or "donated" (the result takes the place of the first argument).
      huge_pages: whether the allocator was asked for huge pages.
      repeats: calls inside one compiled loop, for kernels too short to be timed alone.
      lower_ms: tracing and lowering.
      compile_ms: compilation.
      time: of one call.
      xla_flops: by XLA's own count, None where it has none (library calls are not counted).
      xla_bytes: bytes accessed, by XLA's own count.
      peak_bytes: arguments, results and temporaries, by XLA's own plan.
      error: largest difference from the same in float64, relative to the largest entry.
      work_flops: that any algorithm must at least do.
      work_bytes: that any algorithm must at least move.
      limit_ms: what this device needs for that work at the rates measured in this run.
      peers: beside it.
      busy: share of the processor's time that others took meanwhile; above `BUSY` ratios are of CPU time.
      run: what all rows of one run share: device, versions, rates.
    """

    family: str
    case: str
    mode: str
    dtype: str
    sizes: dict[str, int]
    axis: str | None
    variant: str
    huge_pages: bool
    repeats: int
    lower_ms: float
    compile_ms: float
    time: Time
    xla_flops: float | None
    xla_bytes: float | None
    peak_bytes: int | None
    error: float | None
    work_flops: float
    work_bytes: float
    limit_ms: float
    peers: tuple[PeerRecord, ...]
    busy: float
    run: dict[str, Any]

    @property
    def limit_share(self) -> float:
        """The limit's time over ours: 1 is the device's limit."""
        return self.limit_ms / self.time.median_ms

    @property
    def key(self) -> tuple:
        """What a newer record of the same row shares with an older one."""
        sizes = tuple(sorted(self.sizes.items()))
        return (self.family, self.case, self.mode, self.dtype, sizes, self.axis, self.variant, self.huge_pages)

    @property
    def row(self) -> str:
        """The row's name in tables and in the baseline."""
        extras = [self.variant] if self.variant != "fresh" else []
        extras += ["huge pages"] if self.huge_pages else []
        return " ".join([row_name(self.family, self.case, self.sizes, self.dtype, self.mode), *extras])


def row_name(family: str, case: str, sizes: Mapping[str, int], dtype: str = "float32", mode: str = "forward") -> str:
    """What a row is called in tables and in the baseline."""
    return f"{family}: " + " ".join([case, *(f"{name}={value}" for name, value in sizes.items()), dtype, mode])


def to_line(record: Record) -> str:
    """One line of JSON."""
    return json.dumps(dataclasses.asdict(record), allow_nan=False)


def from_line(line: str) -> Record:
    """A record from its line.

    Raises:
      ValueError: the line is no record, naming what is wrong.
    """
    try:
        fields = json.loads(line)
        fields["time"] = Time(**fields["time"])
        fields["peers"] = tuple(PeerRecord(**peer | {"time": Time(**peer["time"])}) for peer in fields["peers"])
        record = Record(**fields)
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"not a benchmark record ({error}): {line[:80]}") from error
    if record.mode not in MODES:
        raise ValueError(f"mode must be one of {MODES}, got {record.mode!r}")
    times = (record.time, *(peer.time for peer in record.peers))
    if not all(0 < time.median_ms < math.inf for time in times):
        raise ValueError(f"times must be positive and finite: {line[:80]}")
    return record


def read(path: str | os.PathLike[str]) -> list[Record]:
    """All records of a file; none where there is no file."""
    path = pathlib.Path(path)
    return [from_line(line) for line in path.read_text().splitlines()] if path.exists() else []


def keep(path: str | os.PathLike[str], new: Iterable[Record]) -> None:
    """Writes new records over those of the same rows, and keeps the others; the file is replaced when complete."""
    rows: Mapping[tuple, Record] = {record.key: record for record in [*read(path), *new]}
    with atomic_write(path) as file:
        file.writelines(f"{to_line(record)}\n".encode() for record in rows.values())
