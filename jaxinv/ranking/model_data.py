"""What the scores need to know about one model: its class statistics and a sample of its features."""

import dataclasses

import jax
import numpy as np

from jaxinv.kernels.transferability import ClassStatistics, class_statistics


@dataclasses.dataclass(frozen=True, eq=False)
class ModelData:
    """One model on the target task.

    Attributes:
      statistics: of all N samples.
      features: (n, D), the sampled rows that the sample-based scores see.
      source_probabilities: (n, Cs), the model's own class probabilities of the same rows, or None.
    """

    statistics: ClassStatistics
    features: np.ndarray
    source_probabilities: np.ndarray | None


def model_data(
    features: np.ndarray,
    labels: np.ndarray,
    *,
    num_classes: int,
    rows: np.ndarray,
    source_probabilities: np.ndarray | None = None,
    per_class_gram: bool = True,
    valid_dim: int | None = None,
) -> ModelData:
    """ModelData of features `(N, D)` in memory, with the sampled `rows` (see `stratified_rows`).

    Where columns of zeros have been added, `valid_dim` is the width without them.
    """
    statistics = class_statistics(features, labels, num_classes, per_class_gram=per_class_gram, valid_dim=valid_dim)
    probabilities = None if source_probabilities is None else source_probabilities[rows]
    return ModelData(jax.tree.map(np.asarray, statistics), features[rows], probabilities)


def stratified_rows(labels: np.ndarray, max_samples: int, *, seed: int = 0) -> np.ndarray:
    """Row numbers, ascending, of at most `max_samples` samples, every class in its share (rounded up or down).

    Rows are lined up class by class, shuffled within a class, and taken at even distances along this line.

    Args:
      labels: (N,).
      max_samples: all rows are taken if there are no more.
      seed: of the shuffle.
    """
    num_samples = len(labels)
    if num_samples <= max_samples:
        return np.arange(num_samples)
    shuffled = np.random.default_rng(seed).permutation(num_samples)
    line = shuffled[np.argsort(labels[shuffled], kind="stable")]
    places = (np.arange(max_samples) * num_samples + num_samples // 2) // max_samples
    return np.sort(line[places])
