"""Features of a data set by any model, batch by batch, into a .npy file; a killed run goes on where it was."""

import json
import os
import pathlib
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from rich.console import Console

from jaxinv.ranking.atomic import atomic_write
from jaxinv.ranking.errors import InputError
from jaxinv.ranking.progress import progress_bar

SAVE_SECONDS = 5.0


class Sliceable(Protocol):
    """A data set: an array, a memory map, or an object of one's own that reads rows when it is sliced."""

    def __len__(self) -> int:
        """N."""
        ...

    def __getitem__(self, rows: slice, /) -> Any:
        """Rows as an array."""
        ...


def extract_features(
    model: nnx.Module | Callable[[Any], Any],
    data: Sliceable,
    *,
    output: str | os.PathLike[str],
    batch_size: int = 256,
    method: str = "__call__",
    console: Console | None = None,
) -> np.memmap:
    """Runs a model over a data set and writes its features as `jaxinv rank --features` reads them.

    Rows that are done are kept in `output` + ".part" and their number beside it, every few seconds; the same call goes
    on there, and its file has the very bits of an unbroken run. Whether the model and the data are the same is told
    from the features of the first batch, which is always run.

    Args:
      model: an NNX module in evaluation mode, compiled here once, or a function `(B, ...) -> (B, D)`, called as it is:
        jit it yourself if it is one of JAX's. It sees `batch_size` samples at a time; the last batch repeats its last
        sample.
      data: (N, ...).
      output: the .npy file.
      batch_size: B.
      method: of the module, e.g. "features".
      console: for the progress bar and notices; by default there are none.

    Returns:
      (N, D), mapped from the file; bfloat16 becomes float32, other dtypes stay.

    Raises:
      InputError: the data are empty, the model does not give a floating-point matrix with a row a sample, or `output`
        holds other features.
    """
    console = Console(quiet=True) if console is None else console
    output = pathlib.Path(output)
    if batch_size < 1:
        raise InputError(f"batch_size: must be at least 1, got {batch_size}")
    if len(data) == 0:
        raise InputError("data: holds no samples")
    run = _compiled(model, method) if isinstance(model, nnx.Module) else model
    first = _checked(run(_batch(data, 0, batch_size)), batch_size)
    first = first[: len(data)]
    shape = len(data), first.shape[1]
    if output.exists():
        if not _begins_with(output, first, shape):
            raise InputError(f"{output}: holds other features. Remove it, or name another output")
        return np.load(output, mmap_mode="r")
    part = output.with_name(f"{output.name}.part")
    done = _rows_done(part, first, shape, batch_size, notify=console.print)
    if not done:
        output.parent.mkdir(parents=True, exist_ok=True)
        _save_rows_done(part, 0, batch_size)  # before the old rows go, or they would be taken for new ones
        features = np.lib.format.open_memmap(part, "w+", first.dtype, shape)
        features[: len(first)] = first
        done = len(first)
    else:
        features = np.lib.format.open_memmap(part, "r+")
    saved = time.monotonic()
    with progress_bar(console, f"Extracting {output.stem}") as progress:
        progress(done, len(data))
        for start, batch in _outputs(run, data, done, batch_size):
            rows = features[start : start + batch_size]
            rows[:] = _checked(batch, batch_size)[: len(rows)]
            progress(start + len(rows), len(data))
            if time.monotonic() - saved > SAVE_SECONDS:
                features.flush()
                _save_rows_done(part, start + len(rows), batch_size)
                saved = time.monotonic()
    features.flush()
    del features
    os.replace(part, output)
    _record(part).unlink()
    return np.load(output, mmap_mode="r")


def _compiled(model: nnx.Module, method: str) -> Callable[[Any], jax.Array]:
    graphdef, state = nnx.split(model)
    run = jax.jit(lambda state, batch: getattr(nnx.merge(graphdef, state), method)(batch))
    return lambda batch: run(state, batch)


def _outputs(run: Callable, data: Sliceable, start: int, batch_size: int) -> Iterator[tuple[int, Any]]:
    """(first row, output) of every batch; a batch is dispatched before the one before it is waited for."""
    waiting = None
    for row in range(start, len(data), batch_size):
        output = run(_batch(data, row, batch_size))
        if waiting is not None:
            yield waiting
        waiting = row, output
    if waiting is not None:
        yield waiting


def _batch(data: Sliceable, start: int, batch_size: int) -> np.ndarray:
    batch = np.asarray(data[start : start + batch_size])
    fill = batch_size - len(batch)
    return np.concatenate([batch, np.repeat(batch[-1:], fill, axis=0)]) if fill else batch


def _checked(output: Any, batch_size: int) -> np.ndarray:
    features = np.asarray(output)
    if features.ndim != 2 or len(features) != batch_size:
        raise InputError(
            f"model: must give ({batch_size}, D) for {batch_size} samples, gave {features.shape}. Pool or reshape first"
        )
    if features.dtype == jnp.bfloat16:
        return features.astype(np.float32)
    if features.dtype.kind != "f":
        raise InputError(f"model: must give floating-point features, gave {features.dtype}")
    return features


def _begins_with(path: pathlib.Path, first: np.ndarray, shape: tuple[int, int]) -> bool:
    try:
        stored = np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError):
        return False
    return stored.shape == shape and stored.dtype == first.dtype and stored[: len(first)].tobytes() == first.tobytes()


def _record(part: pathlib.Path) -> pathlib.Path:
    return part.with_name(f"{part.name}.json")


def _save_rows_done(part: pathlib.Path, rows: int, batch_size: int) -> None:
    with atomic_write(_record(part)) as file:
        file.write(json.dumps({"rows done": rows, "batch size": batch_size}).encode())


def _rows_done(
    part: pathlib.Path,
    first: np.ndarray,
    shape: tuple[int, int],
    batch_size: int,
    *,
    notify: Callable[[str], None],
) -> int:
    """Rows that an earlier run left; 0 if there was none, or none that can be used."""
    try:
        record = json.loads(_record(part).read_text())
        rows, size = record["rows done"], record["batch size"]
    except FileNotFoundError:
        return 0
    except (OSError, ValueError, KeyError, TypeError):
        rows, size = 0, None
    if size == batch_size and (rows == 0 or _begins_with(part, first, shape)):
        return rows
    notify(f"{part}: not used, it is damaged or of another model, data set or batch size. Starting again.")
    return 0
