"""Ranking models whose features are arrays in memory, whoever made them: numpy, JAX, torch, ..., without a copy."""

import pathlib
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels import transferability as kernels
from jaxinv.ranking.chunk_checks import check_probabilities, finite_chunk
from jaxinv.ranking.environment import environment
from jaxinv.ranking.errors import InputError
from jaxinv.ranking.labels import check_labels
from jaxinv.ranking.model_data import ModelData, stratified_rows
from jaxinv.ranking.pool_scores import score_pool
from jaxinv.ranking.registry import choose_scores, takes_class_gram
from jaxinv.ranking.remarks import remarks
from jaxinv.ranking.results import RankingResult
from jaxinv.ranking.streaming import default_chunk_rows, working_dtype

_update = jax.jit(
    lambda statistics, features, labels, weight: kernels.update(statistics, features, labels, sample_weight=weight),
    donate_argnums=0,
)


def rank_arrays(
    features: Mapping[str, Any],
    labels: Any,
    source_probabilities: Mapping[str, Any] | None = None,
    *,
    scores: Sequence[str] | None = None,
    num_classes: int | None = None,
    max_samples: int = 2000,
    seed: int = 0,
    target: str = "target",
) -> RankingResult:
    """Scores models from their features on a labelled target set, all in memory.

    An array is anything that exports DLPack (numpy, JAX, torch, ...) or the buffer that numpy takes, a memory map too.
    It is read where it lies: a chunk of rows at a time is all that is copied. float16 and bfloat16 are widened chunk by
    chunk, which is exact.

    Args:
      features: by model, (N, D) floats; D may differ between models.
      labels: (N,) integers 0..C-1.
      source_probabilities: by model, (N, Cs): its own class probabilities of the same samples; needed by leep and nce.
      scores: names of scores; by default all that the input allows.
      num_classes: C, if classes may be absent from the labels.
      max_samples: rows, in class proportions, that the sample-based scores see.
      seed: of the choice of these rows.
      target: name of the target set.

    Raises:
      InputError: an array or an argument cannot be used.
    """
    started = time.perf_counter()
    if max_samples < 2:
        raise InputError(f"max_samples: must be at least 2, got {max_samples}")
    sources = source_probabilities or {}
    chosen = choose_scores(scores, source_probabilities=bool(sources))
    if not features:
        raise InputError("features: no model given")
    if sources and set(sources) != set(features):
        raise InputError(f"source_probabilities: must be of the models {', '.join(features)}, got {', '.join(sources)}")
    known = check_labels(np.asarray(array_view(labels, "labels")), pathlib.Path("labels"), num_classes=num_classes)
    matrices = {name: _matrix(array, f"features of {name}", len(known.values)) for name, array in features.items()}
    probabilities = {
        name: _matrix(sources[name], f"source_probabilities of {name}", len(known.values))
        for name in features
        if sources
    }
    rows = stratified_rows(known.values, max_samples, seed=seed)
    widths = [matrix.shape[1] for matrix in matrices.values()]
    names = tuple(features)

    def load(i: int) -> ModelData:
        width = widths[i]
        gram = takes_class_gram(chosen, num_classes=known.num_classes, width=width, asked=scores is not None)
        return _data(
            names[i], matrices[names[i]], probabilities.get(names[i]), known.values, known.num_classes, rows, gram
        )

    pool = score_pool(load, widths, known.values[rows], chosen)
    notes = remarks(chosen, widths, num_sampled=len(rows), num_samples=len(known.values))
    return RankingResult(
        target=target,
        num_samples=len(known.values),
        num_classes=known.num_classes,
        models=names,
        widths=tuple(widths),
        scores=pool.scores,
        diagnostics=pool.diagnostics,
        environment=environment(),
        timings={"reading, statistics and scores": time.perf_counter() - started},
        notes=(*known.notes, *pool.notes, *notes),
    )


def array_view(array: Any, where: str) -> np.ndarray | jax.Array:
    """The array itself, seen by numpy, or by JAX where numpy cannot (another device, bfloat16); no element is copied.

    Raises:
      InputError: it exports neither DLPack nor a buffer, or its library refuses.
    """
    if isinstance(array, (np.ndarray, list, tuple)) or not hasattr(array, "__dlpack__"):
        return np.asarray(array)
    try:
        return np.from_dlpack(array)
    except (BufferError, RuntimeError, TypeError, ValueError):
        pass
    try:
        return jnp.from_dlpack(array)
    except Exception as error:  # every library has its own
        raise InputError(f"{where}: cannot be read through DLPack ({error}). Detach it, or copy it to numpy") from error


def _matrix(array: Any, where: str, num_samples: int) -> np.ndarray | jax.Array:
    matrix = array_view(array, where)
    if matrix.ndim != 2 or 0 in matrix.shape:
        raise InputError(f"{where}: must be a matrix (samples, dimensions), got shape {matrix.shape}")
    if len(matrix) != num_samples:
        raise InputError(f"{where}: {len(matrix)} rows for {num_samples} labels")
    if not jnp.issubdtype(matrix.dtype, jnp.floating) or matrix.dtype.itemsize > 8:
        raise InputError(f"{where}: must be float16, bfloat16, float32 or float64, got {matrix.dtype}")
    return matrix


def _data(
    name: str,
    features: np.ndarray | jax.Array,
    probabilities: np.ndarray | jax.Array | None,
    labels: np.ndarray,
    num_classes: int,
    rows: np.ndarray,
    per_class_gram: bool,
) -> ModelData:
    """Statistics of all rows, chunk by chunk, and the sampled rows."""
    dtype = working_dtype()
    size = min(default_chunk_rows(features.shape[1]), len(labels))
    statistics = kernels.init(num_classes, features.shape[1], per_class_gram=per_class_gram, dtype=dtype)
    statistics = jax.tree.map(jnp.asarray, statistics)
    sample = np.empty((len(rows), features.shape[1]), dtype)
    for start, chunk in _chunks(features, size, f"features of {name}", dtype):
        fill = size - len(chunk)
        statistics = _update(
            statistics,
            np.pad(chunk, ((0, fill), (0, 0))),
            np.pad(labels[start : start + size], (0, fill)),
            np.pad(np.ones(len(chunk), dtype), (0, fill)),
        )
        _take(chunk, start, rows, sample)
    own = None
    if probabilities is not None:
        where = f"source_probabilities of {name}"
        own = np.empty((len(rows), probabilities.shape[1]), dtype)
        for start, chunk in _chunks(probabilities, size, where, dtype):
            check_probabilities(chunk, where, start)
            _take(chunk, start, rows, own)
    return ModelData(jax.tree.map(np.asarray, statistics), sample, own)


def _take(chunk: np.ndarray, start: int, rows: np.ndarray, sample: np.ndarray) -> None:
    """Copies those of the (ascending) rows that lie in the chunk."""
    first, last = np.searchsorted(rows, [start, start + len(chunk)])
    sample[first:last] = chunk[rows[first:last] - start]


def _chunks(matrix: np.ndarray | jax.Array, size: int, where: str, dtype: np.dtype) -> Iterator[tuple[int, np.ndarray]]:
    for start in range(0, len(matrix), size):
        yield start, finite_chunk(np.asarray(matrix[start : start + size]), where, start, dtype)
