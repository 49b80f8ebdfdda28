"""Class labels, and other short columns of numbers, from .npy, .npz, .csv and .txt files."""

import contextlib
import dataclasses
import os
import pathlib
import zipfile

import numpy as np

from jaxinv.ranking.errors import InputError

RELABEL = "np.unique(labels, return_inverse=True)[1] maps any labels to 0..C-1"


@dataclasses.dataclass(frozen=True)
class Labels:
    """Checked class labels.

    Attributes:
      path: where they came from.
      values: (N,) int32 in 0..num_classes-1.
      num_classes: C, absent classes counted.
      notes: remarks on classes that are absent or have one sample.
    """

    path: pathlib.Path
    values: np.ndarray
    num_classes: int
    notes: tuple[str, ...]


def read_labels(path: str | os.PathLike[str], *, num_classes: int | None = None) -> Labels:
    """Reads and checks class labels.

    Args:
      path: .npy, .npz (array "labels", or its only array), or text with one label a line.
      num_classes: C; by default the largest label + 1, and then every class must have a sample.
    Raises:
      InputError: the file cannot be read, or does not hold integers 0..C-1 of at least two classes.
    """
    return check_labels(read_column(path, array_name="labels"), pathlib.Path(path), num_classes=num_classes)


def check_labels(values: np.ndarray, path: pathlib.Path, *, num_classes: int | None = None) -> Labels:
    """Checked labels.

    Args:
      values: (N,).
      path: where they came from, for the messages.
      num_classes: as for `read_labels`.
    Raises:
      InputError: they are not integers 0..C-1 of at least two classes.
    """
    if values.ndim != 1 or len(values) == 0:
        raise InputError(f"{path}: labels must be (N,) with N >= 1, got shape {values.shape}")
    if values.dtype.kind not in "iu":
        raise InputError(f"{path}: labels must be integers 0..C-1, got {values.dtype} ({values[0]!r} first). {RELABEL}")
    if values.min() < 0:
        row = int(np.argmax(values < 0))
        raise InputError(f"{path}: label {values[row]} in row {row} is negative. {RELABEL}; leave out unlabelled rows")
    if num_classes is not None and values.max() >= num_classes:
        row = int(np.argmax(values >= num_classes))
        raise InputError(
            f"{path}: label {values[row]} in row {row} is out of range for {num_classes} classes (0..{num_classes - 1})"
        )
    if values.min() == values.max():
        raise InputError(f"{path}: all {len(values)} labels are {values[0]}. At least two classes are needed")
    classes, sizes = np.unique(values, return_counts=True)
    if num_classes is None:
        num_classes = len(classes)
        if values.max() != num_classes - 1:
            absent = int(np.argmax(classes != np.arange(num_classes)))
            raise InputError(
                f"{path}: the labels run to {values.max()} but no row has class {absent}. {RELABEL}; if classes are "
                "absent on purpose, state the number of classes (--num-classes)"
            )
    notes = []
    if len(classes) < num_classes:
        notes.append(f"{num_classes - len(classes)} of {num_classes} classes have no sample.")
    if np.any(sizes == 1):
        single = [str(label) for label in classes[sizes == 1]]
        shown = ", ".join(single[:10]) + (", ..." if len(single) > 10 else "")
        notes.append(
            f"Warning: only one sample in class {shown}: scores that compare samples within a class leave it out."
        )
    return Labels(path, values.astype(np.int32), num_classes, tuple(notes))


def read_column(path: str | os.PathLike[str], *, array_name: str) -> np.ndarray:
    """Reads a one-dimensional array with at least one entry; text is read as integers if it can be.

    Args:
      path: .npy, .npz (array `array_name`, or its only array), or text with one entry a line.
      array_name: what the file holds, in the words of the messages.
    Raises:
      InputError: the file is missing, foreign or damaged, or its array has the wrong shape.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; give the {array_name} as .npy, .npz, .csv or .txt")
    try:
        with path.open("rb") as file:
            binary = file.read(6)[:4] in (np.lib.format.MAGIC_PREFIX[:4], b"PK\x03\x04")
        values = _read_binary(path, array_name) if binary else _read_text(path, array_name)
    except InputError:
        raise
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: not a readable file of {array_name} ({error}). Write it again") from error
    if values.ndim != 1:
        raise InputError(f"{path}: {array_name} must be one-dimensional, got shape {values.shape}. Use array.ravel()")
    if len(values) == 0:
        raise InputError(f"{path}: no {array_name} in it. At least one is needed")
    return values


def _read_binary(path: pathlib.Path, array_name: str) -> np.ndarray:
    with path.open("rb") as file:
        content = np.load(file, allow_pickle=False)
        if isinstance(content, np.ndarray):
            return content
        if array_name not in content and len(content) != 1:
            raise InputError(
                f"{path}: no array called {array_name!r} in it (it holds {', '.join(content) or 'nothing'})"
            )
        return content[array_name if array_name in content else next(iter(content))]


def _read_text(path: pathlib.Path, array_name: str) -> np.ndarray:
    lines = [line.strip().rstrip(",") for line in path.read_text(encoding="utf-8-sig").splitlines()]
    lines = [line for line in lines if line]
    for number_type in (int, float):
        with contextlib.suppress(ValueError):
            return np.array([number_type(line) for line in lines])
    row, word = next((row, line) for row, line in enumerate(lines) if not _is_number(line))
    hint = f"; {RELABEL}" if array_name == "labels" else ""
    raise InputError(f"{path}: entry {row}, {word[:40]!r}, is not a number. One number a line, no header{hint}")


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
