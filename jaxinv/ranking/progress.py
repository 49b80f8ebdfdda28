"""A progress bar for work that reports the steps it has done."""

import contextlib
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

Progress = Callable[[int, int | None], None]
"""`progress(done, total)`."""


@contextlib.contextmanager
def progress_bar(console: Console, description: str) -> Iterator[Progress]:
    """Shows a bar for as long as the body runs; yields the function that moves it."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Bar(*columns, console=console) as bar:
        task = bar.add_task(description, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
