"""One resumable pass over a part of a model's files: class statistics of its rows, and the sampled ones themselves."""

import dataclasses
import functools
import pathlib
import time
from collections.abc import Callable, Iterator, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels import transferability as kernels
from jaxinv.ranking.chunk_checks import check_probabilities, finite_chunk
from jaxinv.ranking.errors import InputError
from jaxinv.ranking.feature_files import MatrixFile
from jaxinv.ranking.labels import Labels
from jaxinv.ranking.model_data import ModelData
from jaxinv.ranking.shares import Part
from jaxinv.ranking.stored_statistics import PassState, StateError, fingerprint, load_state, save_state

SAVE_SECONDS = 20.0
CHUNK_BYTES = 8 << 20


@dataclasses.dataclass(frozen=True, eq=False)
class ModelFiles:
    """The files of one model and how they are read.

    Attributes:
      name: of the model.
      features: (N, D).
      probabilities: (N, Cs) source-class probabilities, or None.
      labels: (N,).
      rows: sampled rows, ascending.
      part: rows that are read in this pass, and the devices that sum them.
      chunk_rows: rows that are read at a time, a multiple of the number of these devices.
      per_class_gram: whether per-class Grams are taken.
      state_path: where the state of the pass is kept.
    """

    name: str
    features: MatrixFile
    probabilities: MatrixFile | None
    labels: Labels
    rows: np.ndarray
    part: Part
    chunk_rows: int
    per_class_gram: bool
    state_path: pathlib.Path

    def start(self) -> PassState:
        """The state before the first row."""
        dtype = working_dtype()
        width = self.features.shape[1]
        empty = kernels.init(self.labels.num_classes, width, per_class_gram=self.per_class_gram, dtype=dtype)
        shards = len(self.part.devices)
        statistics = jax.tree.map(lambda x: np.repeat(np.asarray(x)[None], shards, axis=0), empty)
        sample = np.zeros((len(self.rows), width), dtype)
        probabilities = None
        if self.probabilities is not None:
            probabilities = np.zeros((len(self.rows), self.probabilities.shape[1]), dtype)
        return PassState(self.part.first, ModelData(statistics, sample, probabilities))

    def fingerprint(self) -> str:
        """A digest of all that the outcome of the pass depends on."""
        matrices = [matrix for matrix in (self.features, self.probabilities) if matrix is not None]
        options = {
            "members": [matrix.member for matrix in matrices],
            "num_classes": self.labels.num_classes,
            "part": (self.part.first, self.part.last, len(self.part.devices)),
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


def run_pass(files: ModelFiles, *, notify: Callable[[str], None] = lambda text: None) -> Iterator[int]:
    """Reads a part of a model's files once, from where an earlier run stopped; leaves the finished state on the disk.

    Chunk boundaries depend on the options only, so that an interrupted pass gives the very bits of an unbroken one.

    Args:
      files: what to read.
      notify: is told in a sentence if a stored state cannot be used.

    Yields:
      The row up to which all is done, at the start and after each chunk.

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
    yield state.rows_done
    if state.rows_done == files.part.last:
        return

    mesh = files.part.mesh
    statistics = state.data.statistics
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
        statistics = kernels.update_shards(
            statistics,
            np.pad(features, ((0, fill), (0, 0))) if fill else features,
            np.pad(files.labels.values[done : done + size], (0, fill)),
            sample_weight=np.pad(np.ones(size, features.dtype), (0, fill)),
            mesh=mesh,
        )
        done += size
        finished = done == files.part.last
        if finished or time.monotonic() - saved > SAVE_SECONDS:
            if finished and mesh.size > 1:
                statistics = jax.tree.map(lambda x: x[None], kernels.reduce_shards(statistics, mesh=mesh))
            data = ModelData(jax.tree.map(np.asarray, statistics), sample, probabilities)
            save_state(files.state_path, PassState(done, data), key)
            saved = time.monotonic()
        yield done


def pass_result(parts: Sequence[ModelFiles]) -> ModelData:
    """What the finished passes over all parts of one model's files found together.

    Raises:
      InputError: the state of a part is not there.
    """
    states = []
    for files in parts:
        try:
            state = load_state(files.state_path, files.start(), files.fingerprint())
            if state.rows_done != files.part.last:
                raise StateError("it is not finished")
        except (FileNotFoundError, StateError) as error:
            raise InputError(
                f"output: {files.state_path} cannot be used ({error}). It was written in this run: all processes must "
                "share this folder, and nothing else may write to it"
            ) from error
        states.append(state.data)
    statistics = [jax.tree.map(lambda x: x[0], data.statistics) for data in states]
    probabilities = [data.source_probabilities for data in states if data.source_probabilities is not None]
    return ModelData(
        jax.tree.map(np.asarray, functools.reduce(kernels.merge, statistics)),
        functools.reduce(np.add, [data.features for data in states]),
        functools.reduce(np.add, probabilities) if probabilities else None,
    )


def _chunks(files: ModelFiles, start: int) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """Checked chunks of features and probabilities, in the working dtype."""
    sources = None if files.probabilities is None else files.probabilities.chunks(files.chunk_rows, start=start)
    row = start
    for chunk in files.features.chunks(files.chunk_rows, start=start):
        left = files.part.last - row
        source = None if sources is None else next(sources)[:left]
        features = finite_chunk(chunk[:left], str(files.features.path), row, working_dtype())
        if source is not None and files.probabilities is not None:
            where = str(files.probabilities.path)
            source = finite_chunk(source, where, row, working_dtype())
            check_probabilities(source, where, row)
        yield features, source
        row += len(features)
        if row == files.part.last:
            return
