"""A pool of models of any widths, scored with every score in vmapped calls."""

import dataclasses
import functools
import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec

from jaxinv.kernels import transferability as kernels
from jaxinv.ranking import processes
from jaxinv.ranking.model_data import ModelData
from jaxinv.ranking.registry import SCORES, Inputs

BATCH_BYTES = 256 << 20  # statistics and samples that are scored in one call
_MODELS = PartitionSpec("models")


class PoolScores(NamedTuple):
    """Scores and scalar diagnostics of M models, arrays `(M,)`, NaN where not available, and remarks on them."""

    scores: dict[str, np.ndarray]
    diagnostics: dict[str, dict[str, np.ndarray]]
    notes: tuple[str, ...]


def score_pool(
    load: Callable[[int], ModelData],
    widths: Sequence[int],
    labels: np.ndarray,
    names: Sequence[str],
    *,
    padded_width: int | None = None,
    mesh: Mesh | None = None,
    advance: Callable[[int], None] = lambda count: None,
) -> PoolScores:
    """Scores a pool of models of any widths.

    Models are padded with zero columns. Those of one padded width are scored together, by one vmapped and jitted call a
    score; where they would not fit in memory together, by several. Of several processes, each scores its share of the
    models and gets the scores of all.

    Args:
      load: gives the data of model i; it is called once for each, when it is due, so it may read from the disk.
      widths: (M,) feature dimension of each model.
      labels: (n,) labels of the sampled rows, the same for all models.
      names: of the scores.
      padded_width: of all models, none of which is wider: every score is compiled once. By default each model has the
        next power of two, so that narrow models cost no more than they must.
      mesh: whose axis `models` shares each batch; by default one device has it all. Not for several devices of one CPU,
        where batched LAPACK calls that run at once can wait for each other for ever.
      advance: is told how many models are done, each time that some are.
    """
    count = len(widths)
    columns: dict[str, dict[str, np.ndarray]] = {name: {"score": np.full(count, math.nan)} for name in names}
    mine = range(jax.process_index(), count, jax.process_count())
    for batch, data in _batches(load, widths, mine, padded_width):
        width = padded_width or _bucket(max(widths[i] for i in batch))
        fill = 0 if mesh is None else -len(batch) % mesh.shape["models"]
        statistics, features, probabilities = jax.device_put(_stack(data + data[:1] * fill, width))
        inputs = Inputs(statistics, _spectra(statistics, mesh=mesh), features, probabilities, jnp.asarray(labels))
        for name in names:
            if _is_usable(name, data[0]):
                for field, values in jax.device_get(_score_batch(inputs, name=name, mesh=mesh)).items():
                    columns[name].setdefault(field, np.full(count, math.nan))[batch] = values[: len(batch)]
        advance(len(batch))
    columns = _gathered(columns, count)
    for name, fields in columns.items():
        over_pool = SCORES[name].over_pool
        known = np.flatnonzero(np.isfinite(fields["score"]))
        if over_pool is not None and len(known):
            fields["score"][known] = over_pool({field: jnp.asarray(values[known]) for field, values in fields.items()})
    scores = {name: fields.pop("score") for name, fields in columns.items()}
    notes = []
    for name, values in scores.items():
        missing = np.flatnonzero(~np.isfinite(values))
        values[missing] = math.nan
        if len(missing):
            notes.append(_missing_note(name, len(missing), count))
    return PoolScores(scores, columns, tuple(notes))


def _gathered(columns: dict[str, dict[str, np.ndarray]], count: int) -> dict[str, dict[str, np.ndarray]]:
    """The columns of all processes, of which each has filled in the models of its share."""
    texts = processes.gather(json.dumps({n: {f: list(v) for f, v in fields.items()} for n, fields in columns.items()}))
    if len(texts) == 1:
        return columns
    for process, text in enumerate(texts):
        for name, fields in json.loads(text).items():
            for field, values in fields.items():
                column = columns[name].setdefault(field, np.full(count, math.nan))
                column[process :: len(texts)] = values[process :: len(texts)]
    return columns


@functools.partial(jax.jit, static_argnames="mesh")
def _spectra(statistics: kernels.ClassStatistics, *, mesh: Mesh | None) -> kernels.Spectrum:
    spectra = jax.vmap(kernels.scatter_spectrum)
    return (spectra if mesh is None else _over_models(spectra, mesh, _MODELS))(statistics)


@functools.partial(jax.jit, static_argnames=("name", "mesh"))
def _score_batch(inputs: Inputs, *, name: str, mesh: Mesh | None) -> dict[str, jax.Array]:
    """A score and its scalar diagnostics for a batch of models (leading axis M), `(M,)` each.

    One score a call, because XLA runs independent parts of a program at once, and batched LAPACK calls that run at once
    on the CPU can wait for each other for ever (jaxlib 0.10: each blocks a thread of the pool that its parts need).
    """

    def compute(*inputs: Any) -> dict[str, jax.Array]:
        results = jax.vmap(lambda *model: SCORES[name].compute(Inputs(*model)), in_axes=(0, 0, 0, 0, None))(*inputs)
        return {field: values for field, values in results._asdict().items() if jnp.ndim(values) == 1}

    specs = (_MODELS, _MODELS, _MODELS, _MODELS, PartitionSpec())
    return (compute if mesh is None else _over_models(compute, mesh, specs))(*inputs)


def _over_models(function: Callable, mesh: Mesh, specs: Any) -> Callable:
    """`function` with its batch of models shared by the devices along `models`."""
    # Without a check of replication: loops within scores start from constants, which the check takes for replicated.
    return jax.shard_map(function, mesh=mesh, in_specs=specs, out_specs=_MODELS, check_vma=False)


def _batches(
    load: Callable[[int], ModelData], widths: Sequence[int], models: Iterable[int], padded_width: int | None
) -> Iterator[tuple[list[int], list[ModelData]]]:
    """Models of one padded width, with or without per-class Grams, in batches of at most BATCH_BYTES."""
    batch: list[int] = []
    data: list[ModelData] = []
    kind_of_batch = None
    for i in sorted(models, key=lambda i: widths[i]):
        model, width = load(i), padded_width or _bucket(widths[i])
        kind = width, model.statistics.class_gram is None, model.source_probabilities is None
        if batch and (kind != kind_of_batch or _bytes(model, width) * (len(batch) + 1) > BATCH_BYTES):
            yield batch, data
            batch, data = [], []
        kind_of_batch = kind
        batch.append(i)
        data.append(model)
    if batch:
        yield batch, data


def _bucket(width: int) -> int:
    return 1 << (width - 1).bit_length()


def _bytes(model: ModelData, width: int) -> int:
    growth = (width / model.statistics.dim) ** 2
    return int(growth * sum(leaf.nbytes for leaf in jax.tree.leaves((model.statistics, model.features))))


def _stack(data: list[ModelData], width: int) -> tuple:
    """Statistics, features and source probabilities of a batch, padded with zero columns and stacked."""
    statistics = [_pad_statistics(model.statistics, width) for model in data]
    stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *statistics)
    features = np.stack([_pad_axes(model.features, (-1,), width) for model in data])
    probabilities = [model.source_probabilities for model in data if model.source_probabilities is not None]
    if not probabilities:
        return stacked, features, None
    sources = _bucket(max(array.shape[1] for array in probabilities))
    return stacked, features, np.stack([_pad_axes(array, (-1,), sources) for array in probabilities])


def _pad_statistics(statistics: kernels.ClassStatistics, width: int) -> kernels.ClassStatistics:
    one, two = (-1,), (-2, -1)
    axes = {"shift": one, "total": one, "square": one, "gram": two, "cubic": one, "class_gram": two}
    values = {name: getattr(statistics, name) for name in axes}
    return dataclasses.replace(
        statistics, **{n: _pad_axes(v, axes[n], width) for n, v in values.items() if v is not None}
    )


def _pad_axes(array: Any, axes: tuple[int, ...], width: int) -> np.ndarray:
    array = np.asarray(array)
    return np.pad(array, [(0, width - n if axis - array.ndim in axes else 0) for axis, n in enumerate(array.shape)])


def _is_usable(name: str, model: ModelData) -> bool:
    needs = SCORES[name].needs
    if needs == "class Grams":
        return model.statistics.class_gram is not None
    return needs != "source probabilities" or model.source_probabilities is not None


def _missing_note(name: str, missing: int, count: int) -> str:
    which = "every model" if missing == count else f"{missing} of {count} models"
    if SCORES[name].needs == "class Grams":
        return f"{name} is left out for {which}: per-class Grams are large there; ask for it by name to have it."
    return f"{name} is not finite for {which}: the features are too large for the precision; scale them down."
