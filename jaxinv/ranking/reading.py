"""All passes of this process, with a progress bar."""

import time
from collections.abc import Iterator, Sequence

import jax
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from jaxinv.ranking.streaming import ModelFiles, run_pass


def read_parts(files: Sequence[Sequence[ModelFiles]], console: Console) -> None:
    """Reads this process's parts, those of different devices by turns, one chunk each.

    Args:
      files: for each model, all its parts.
      console: for the progress bar and notices.

    Raises:
      InputError: as `run_pass`.
    """
    mine = [part for model in files for part in model if part.part.process == jax.process_index()]
    lanes: dict[tuple, list[ModelFiles]] = {}
    for part in mine:
        lanes.setdefault(part.part.devices, []).append(part)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}% {task.fields[speed_text]}"),
        TimeRemainingColumn(),
        console=console,
    ) as bar:
        task = bar.add_task("", total=sum(part.part.last - part.part.first for part in mine), speed_text="")
        meter = _Meter(bar, task, len(mine))
        running = [_run_lane(lane, meter, console) for lane in lanes.values()]
        while running:
            running = [lane for lane in running if next(lane, None) is not None]


def _run_lane(lane: list[ModelFiles], meter: "_Meter", console: Console) -> Iterator[ModelFiles]:
    """The passes of one group of devices, one after the other; yields after each chunk."""
    for files in lane:
        before = files.part.first
        for number, done in enumerate(run_pass(files, notify=console.print)):
            meter(files.name, done - before, read=number > 0, last=done == files.part.last)
            before = done
            yield files


class _Meter:
    """Moves the bar, and measures rows per second from what is really read, not from what was done before."""

    def __init__(self, bar: Progress, task: TaskID, num_parts: int):
        self._bar, self._task, self._num_parts = bar, task, num_parts
        self._parts_done = self._rows_done = self._rows_read = 0
        self._start = time.perf_counter()

    def __call__(self, name: str, rows: int, *, read: bool, last: bool) -> None:
        self._rows_done += rows
        if read:
            self._rows_read += rows
        elif rows:
            self._bar.reset(self._task)
        speed = self._rows_read / max(time.perf_counter() - self._start, 1e-9)
        number = min(self._parts_done + 1, self._num_parts)
        self._parts_done += last
        self._bar.update(
            self._task,
            completed=self._rows_done,
            description=f"Reading {name} ({number} of {self._num_parts})",
            speed_text=f"{speed:,.0f} rows/s",
        )
