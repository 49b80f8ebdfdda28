"""Arrays that took long to compute, kept in a file and trusted only if they were computed from the same things."""

import hashlib
import json
import os
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from jaxinv.ranking.atomic import atomic_write

_KEY = "cache key"


def cache_folder() -> pathlib.Path:
    """Where caches lie if nobody says otherwise: `jaxinv` in $XDG_CACHE_HOME or ~/.cache."""
    return pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "jaxinv"


def cached_arrays(
    path: pathlib.Path,
    key: str,
    compute: Callable[[], Mapping[str, np.ndarray]],
    *,
    notify: Callable[[str], None],
) -> dict[str, np.ndarray]:
    """The arrays of `compute`, read from `path` if they lie there under the same key, else computed and kept there.

    A file that is damaged or belongs to another key is replaced, with a notice; where none can be written, a notice is
    all. A run killed half-way leaves what was there.

    Args:
      path: an .npz file.
      key: says what the arrays depend on, see `cache_key`.
      compute: the work.
      notify: takes one sentence.
    """
    if path.exists():
        try:
            # Opened here, because numpy leaves a damaged file open.
            with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            if str(arrays.pop(_KEY)) == key:
                return arrays
            notify(f"{path} was made from other settings, data or code: computing it again")
        except Exception as error:  # a damaged file can raise almost anything
            notify(f"{path} is damaged ({type(error).__name__}): computing it again")
    arrays = {name: np.asarray(array) for name, array in compute().items()}
    stored: dict[str, Any] = {_KEY: np.array(key), **arrays}
    try:
        with atomic_write(path) as file:
            np.savez(file, **stored)
    except OSError as error:
        notify(f"{path} cannot be written ({error.strerror}): the next run will compute it again")
    return arrays


def cache_key(*parts: Any) -> str:
    """A SHA-256 over arrays, bytes, files (a `pathlib.Path` stands for its content) and JSON values."""
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            content = f"{part.dtype} {part.shape} ".encode() + np.ascontiguousarray(part).tobytes()
        elif isinstance(part, pathlib.Path):
            content = part.read_bytes()
        else:
            content = part if isinstance(part, bytes) else json.dumps(part, sort_keys=True).encode()
        total.update(hashlib.sha256(content).digest())
    return total.hexdigest()
