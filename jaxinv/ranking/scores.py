"""Every transferability score by name, and a pool of models scored with all of them in vmapped calls."""

import dataclasses
import difflib
import functools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels import transferability as kernels
from jaxinv.kernels.transferability.leep import leep
from jaxinv.kernels.transferability.nce import nce
from jaxinv.kernels.transferability.nearest_neighbours import knn
from jaxinv.kernels.transferability.ridge_leave_one_out import ridge_leave_one_out
from jaxinv.kernels.transferability.tmi import tmi
from jaxinv.ranking.errors import InputError
from jaxinv.ranking.model_data import ModelData

CLASS_GRAM_BYTES = 256 << 20  # per-class Grams up to this size are taken unasked
BATCH_BYTES = 256 << 20  # statistics and samples that are scored in one call
Needs = Literal["statistics", "class Grams", "samples", "source probabilities"]


class Inputs(NamedTuple):
    """What a score may use of one model; `labels` `(n,)` belong to the sampled rows."""

    statistics: kernels.ClassStatistics
    spectrum: kernels.Spectrum
    features: jax.Array
    source_probabilities: Any
    labels: jax.Array

    @property
    def num_classes(self) -> int:
        """C."""
        return self.statistics.num_classes


class Score(NamedTuple):
    """A score in the registry: what it needs, what it says, and its kernel (result with a field `score`)."""

    needs: Needs
    meaning: str
    compute: Callable[[Inputs], Any]


SCORES: Mapping[str, Score] = {
    "logme": Score(
        "statistics",
        "log evidence of a Bayesian linear fit, per sample",
        lambda x: kernels.logme(x.statistics, spectrum=x.spectrum),
    ),
    "h_score": Score(
        "statistics",
        "sum of squared canonical correlations of features and labels",
        lambda x: kernels.h_score(x.statistics),
    ),
    "shrinkage_h_score": Score(
        "statistics", "H-score with Ledoit-Wolf covariance", lambda x: kernels.shrinkage_h_score(x.statistics)
    ),
    "lfc": Score(
        "statistics", "correlation of feature and label similarity (linear CKA)", lambda x: kernels.lfc(x.statistics)
    ),
    "lda": Score("statistics", "Fisher's criterion of shrunk LDA", lambda x: kernels.lda(x.statistics)),
    "nearest_mean": Score(
        "statistics", "share of variance between class means", lambda x: kernels.nearest_mean(x.statistics)
    ),
    "ridge_gcv": Score(
        "statistics",
        "minus the cross-validated error of ridge regression (GCV)",
        lambda x: kernels.ridge_gcv(x.statistics, spectrum=x.spectrum),
    ),
    "intra_class_variance": Score(
        "statistics", "variance within the classes", lambda x: kernels.intra_class_variance(x.statistics)
    ),
    "gbc": Score("statistics", "minus the overlap of spherical class Gaussians", lambda x: kernels.gbc(x.statistics)),
    "gbc_diagonal": Score(
        "statistics",
        "minus the overlap of diagonal class Gaussians",
        lambda x: kernels.gbc(x.statistics, covariance="diagonal"),
    ),
    "gbc_full": Score(
        "class Grams",
        "minus the overlap of full class Gaussians",
        lambda x: kernels.gbc(x.statistics, covariance="full"),
    ),
    "transrate": Score(
        "class Grams",
        "coding rate of all features minus that of the classes",
        lambda x: kernels.transrate(x.statistics),
    ),
    "tmi_gaussian": Score(
        "class Grams", "Gaussian entropy within the classes", lambda x: kernels.tmi_gaussian(x.statistics)
    ),
    "tmi": Score(
        "samples",
        "entropy within the classes, by nearest neighbours",
        lambda x: tmi(
            x.features, x.labels, num_classes=x.num_classes, valid_dim=x.statistics.valid_dim.astype(jnp.int32)
        ),
    ),
    "knn": Score(
        "samples",
        "leave-one-out accuracy of the nearest neighbour",
        lambda x: knn(x.features, x.labels, num_classes=x.num_classes),
    ),
    "ridge_leave_one_out": Score(
        "samples",
        "minus the leave-one-out error of ridge regression",
        lambda x: ridge_leave_one_out(x.features, x.labels, num_classes=x.num_classes),
    ),
    "lda_probability": Score(
        "samples",
        "probability of the true class under LDA",
        lambda x: kernels.discriminant_score(x.features, x.labels, kernels.lda(x.statistics)),
    ),
    "nearest_mean_probability": Score(
        "samples",
        "probability of the true class by nearest class mean",
        lambda x: kernels.discriminant_score(x.features, x.labels, kernels.nearest_mean(x.statistics)),
    ),
    "leep": Score(
        "source probabilities",
        "log likelihood of the labels through the source classes",
        lambda x: leep(x.source_probabilities, x.labels, num_classes=x.num_classes),
    ),
    "nce": Score(
        "source probabilities",
        "minus the entropy of the labels given the predicted source class",
        lambda x: nce(x.source_probabilities, x.labels, num_classes=x.num_classes),
    ),
}


def choose_scores(names: Sequence[str] | None, *, source_probabilities: bool) -> tuple[str, ...]:
    """Checked score names, in the order of the registry.

    Args:
      names: of the wanted scores; None for all that the input allows.
      source_probabilities: whether the models' own class probabilities are there.

    Raises:
      InputError: a name is unknown, or its input is missing.
    """
    if names is None:
        return tuple(n for n, s in SCORES.items() if source_probabilities or s.needs != "source probabilities")
    for name in names:
        if name not in SCORES:
            near = difflib.get_close_matches(name, SCORES, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise InputError(f"scores: there is no score {name!r}.{hint} The scores are: {', '.join(SCORES)}")
        if SCORES[name].needs == "source probabilities" and not source_probabilities:
            raise InputError(f"scores: {name} needs the models' own class probabilities: give --source-probabilities")
    if not names:
        raise InputError(f"scores: none given. The scores are: {', '.join(SCORES)}")
    return tuple(name for name in SCORES if name in names)


def takes_class_gram(names: Sequence[str], *, num_classes: int, width: int, asked: bool) -> bool:
    """Whether per-class Grams are taken of features of this width: a score needs them, and asks for them or is small.

    Args:
      names: of the scores.
      num_classes: C.
      width: D.
      asked: whether the scores were asked for by name.
    """
    needed = any(SCORES[name].needs == "class Grams" for name in names)
    return needed and (asked or 4 * num_classes * width**2 <= CLASS_GRAM_BYTES)


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
    advance: Callable[[int], None] = lambda count: None,
) -> PoolScores:
    """Scores a pool of models of any widths.

    Models are padded with zero columns to the next power of two. Those of one padded width are scored together, by one
    vmapped and jitted call a score; where they would not fit in memory together, by several.

    Args:
      load: gives the data of model i; it is called once for each, when it is due, so it may read from the disk.
      widths: (M,) feature dimension of each model.
      labels: (n,) labels of the sampled rows, the same for all models.
      names: of the scores.
      advance: is told how many models are done, each time that some are.
    """
    count = len(widths)
    columns: dict[str, dict[str, np.ndarray]] = {name: {"score": np.full(count, math.nan)} for name in names}
    for batch, data in _batches(load, widths):
        width = _bucket(max(widths[i] for i in batch))
        statistics, features, probabilities = jax.device_put(_stack(data, width))
        inputs = Inputs(statistics, _spectra(statistics), features, probabilities, jnp.asarray(labels))
        for name in names:
            if _is_usable(name, data[0]):
                for field, values in jax.device_get(_score_batch(inputs, name=name)).items():
                    columns[name].setdefault(field, np.full(count, math.nan))[batch] = values
        advance(len(batch))
    scores = {name: fields.pop("score") for name, fields in columns.items()}
    notes = []
    for name, values in scores.items():
        missing = np.flatnonzero(~np.isfinite(values))
        values[missing] = math.nan
        if len(missing):
            notes.append(_missing_note(name, len(missing), count))
    return PoolScores(scores, columns, tuple(notes))


_spectra = jax.jit(jax.vmap(kernels.scatter_spectrum))


@functools.partial(jax.jit, static_argnames=("name",))
def _score_batch(inputs: Inputs, *, name: str) -> dict[str, jax.Array]:
    """A score and its scalar diagnostics for a batch of models (leading axis M), `(M,)` each.

    One score a call, because XLA runs independent parts of a program at once, and batched LAPACK calls that run at once
    on the CPU can wait for each other for ever (jaxlib 0.10: each blocks a thread of the pool that its parts need).
    """
    results = jax.vmap(lambda *model: SCORES[name].compute(Inputs(*model)), in_axes=(0, 0, 0, 0, None))(*inputs)
    return {field: values for field, values in results._asdict().items() if jnp.ndim(values) == 1}


def _batches(load: Callable[[int], ModelData], widths: Sequence[int]) -> Iterator[tuple[list[int], list[ModelData]]]:
    """Models of one padded width, with or without per-class Grams, in batches of at most BATCH_BYTES."""
    batch: list[int] = []
    data: list[ModelData] = []
    for i in sorted(range(len(widths)), key=lambda i: widths[i]):
        model = load(i)
        if batch and (_kind(model) != _kind(data[0]) or _bytes(model) * (len(batch) + 1) > BATCH_BYTES):
            yield batch, data
            batch, data = [], []
        batch.append(i)
        data.append(model)
    if batch:
        yield batch, data


def _bucket(width: int) -> int:
    return 1 << (width - 1).bit_length()


def _kind(model: ModelData) -> tuple:
    return _bucket(model.statistics.dim), model.statistics.class_gram is None, model.source_probabilities is None


def _bytes(model: ModelData) -> int:
    growth = (_bucket(model.statistics.dim) / model.statistics.dim) ** 2
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
