"""One resumable pass over a model's files: class statistics of all rows, and the sampled rows themselves."""

import dataclasses
import pathlib
import time
from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels import transferability as kernels
from jaxinv.ranking.errors import InputError
from jaxinv.ranking.feature_files import MatrixFile
from jaxinv.ranking.labels import Labels
from jaxinv.ranking.model_data import ModelData
from jaxinv.ranking.stored_statistics import PassState, StateError, fingerprint, load_state, save_state

SAVE_SECONDS = 20.0
CHUNK_BYTES = 8 << 20
PROBABILITY_TOLERANCE = 1e-3

_update = jax.jit(
    lambda statistics, features, labels, weight: kernels.update(statistics, features, labels, sample_weight=weight),
    donate_argnums=0,
)


@dataclasses.dataclass(frozen=True, eq=False)
class ModelFiles:
    """The files of one model and how they are read.

    Attributes:
      name: of the model.
      features: (N, D).
      probabilities: (N, Cs) source-class probabilities, or None.
      labels: (N,).
      rows: sampled rows, ascending.
      chunk_rows: rows that are read at a time.
      per_class_gram: whether per-class Grams are taken.
      state_path: where the state of the pass is kept.
    """

    name: str
    features: MatrixFile
    probabilities: MatrixFile | None
    labels: Labels
    rows: np.ndarray
    chunk_rows: int
    per_class_gram: bool
    state_path: pathlib.Path

    def start(self) -> PassState:
        """The state before the first row."""
        dtype = working_dtype()
        width = self.features.shape[1]
        statistics = kernels.init(self.labels.num_classes, width, per_class_gram=self.per_class_gram, dtype=dtype)
        sample = np.zeros((len(self.rows), width), dtype)
        probabilities = None
        if self.probabilities is not None:
            probabilities = np.zeros((len(self.rows), self.probabilities.shape[1]), dtype)
        return PassState(0, ModelData(statistics, sample, probabilities))

    def fingerprint(self) -> str:
        """A digest of all that the outcome of the pass depends on."""
        matrices = [matrix for matrix in (self.features, self.probabilities) if matrix is not None]
        options = {
            "members": [matrix.member for matrix in matrices],
            "num_classes": self.labels.num_classes,
            "chunk_rows": self.chunk_rows,
            "per_class_gram": self.per_class_gram,
            "dtype": str(working_dtype()),
        }
        return fingerprint([matrix.path for matrix in matrices], self.labels.values, self.rows, options)


def working_dtype() -> np.dtype:
    """In which features are held: float32, or float64 if JAX has it enabled."""
    return np.dtype(jnp.result_type(float))


def default_chunk_rows(width: int) -> int:
    """Rows of float32 features that make about 8 MiB: a power of two between 256 and 16384."""
    return 1 << int(np.clip(np.log2(CHUNK_BYTES / 4 / width), 8, 14))


def run_pass(
    files: ModelFiles,
    *,
    progress: Callable[[int], None] = lambda rows: None,
    notify: Callable[[str], None] = lambda text: None,
) -> ModelData:
    """Reads a model's files once, from where an earlier run stopped, and leaves the finished state on the disk.

    Chunk boundaries depend on the options only, so that an interrupted pass gives the very bits of an unbroken one.

    Args:
      files: what to read.
      progress: is told how many rows are done, at the start and after each chunk.
      notify: is told in a sentence if a stored state cannot be used.

    Raises:
      InputError: a file is damaged, or holds NaN, Inf, or rows that are no probabilities.
    """
    state = files.start()
    key = files.fingerprint()
    try:
        state = load_state(files.state_path, state, key)
    except FileNotFoundError:
        pass
    except StateError as error:
        notify(f"{files.state_path}: not used, {error}. {files.name} is read from its first row.")
    progress(state.rows_done)
    num_samples = len(files.labels.values)
    if state.rows_done == num_samples:
        return state.data

    statistics = jax.tree.map(jnp.asarray, state.data.statistics)
    sample, probabilities = state.data.features, state.data.source_probabilities
    saved = time.monotonic()
    done = state.rows_done
    for features, source in _chunks(files, done):
        size = len(features)
        first, last = np.searchsorted(files.rows, [done, done + size])
        sample[first:last] = features[files.rows[first:last] - done]
        if probabilities is not None and source is not None:
            probabilities[first:last] = source[files.rows[first:last] - done]
        # The next chunk was read while the last one was summed; waiting here keeps only one of them in flight.
        jax.block_until_ready(statistics)
        fill = files.chunk_rows - size
        statistics = _update(
            statistics,
            np.pad(features, ((0, fill), (0, 0))) if fill else features,
            np.pad(files.labels.values[done : done + size], (0, fill)),
            np.pad(np.ones(size, features.dtype), (0, fill)),
        )
        done += size
        progress(done)
        if done == num_samples or time.monotonic() - saved > SAVE_SECONDS:
            data = ModelData(jax.tree.map(np.asarray, statistics), sample, probabilities)
            state = PassState(done, data)
            save_state(files.state_path, state, key)
            saved = time.monotonic()
    return state.data


def _chunks(files: ModelFiles, start: int) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """Checked chunks of features and probabilities, in the working dtype."""
    sources = None if files.probabilities is None else files.probabilities.chunks(files.chunk_rows, start=start)
    row = start
    for chunk in files.features.chunks(files.chunk_rows, start=start):
        source = None if sources is None else next(sources)
        features = _finite(files.features, chunk, row)
        if source is not None and files.probabilities is not None:
            source = _finite(files.probabilities, source, row)
            _check_probabilities(files.probabilities, source, row)
        yield features, source
        row += len(chunk)


def _finite(matrix: MatrixFile, chunk: np.ndarray, first_row: int) -> np.ndarray:
    with np.errstate(over="ignore"):
        cast = chunk.astype(working_dtype(), copy=False)
    finite = np.isfinite(cast)
    if not finite.all():
        row, column = np.argwhere(~finite)[0]
        value = chunk[row, column]
        advice = "Mend it, or leave the row out, in the labels and the other files as well"
        if np.isfinite(value):
            advice = f"That is too large for {cast.dtype}: scale the features down"
        raise InputError(f"{matrix.path}: row {first_row + row}, column {column} is {value}. {advice}")
    return cast


def _check_probabilities(matrix: MatrixFile, chunk: np.ndarray, first_row: int) -> None:
    if chunk.min() < 0:
        row, column = np.argwhere(chunk < 0)[0]
        raise InputError(
            f"{matrix.path}: row {first_row + row}, column {column} is {chunk[row, column]:.6g}: probabilities cannot "
            "be negative. If these are logits, take their softmax first"
        )
    off = np.abs(chunk.sum(axis=1, dtype=np.float64) - 1) > PROBABILITY_TOLERANCE
    if off.any():
        row = int(np.argmax(off))
        raise InputError(
            f"{matrix.path}: row {first_row + row} sums to {chunk[row].sum(dtype=np.float64):.6g}, probabilities must "
            f"sum to 1 within {PROBABILITY_TOLERANCE}. If these are logits, take their softmax first"
        )
