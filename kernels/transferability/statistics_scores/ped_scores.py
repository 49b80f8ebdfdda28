"""Scores of features whose overlapping classes PED has moved apart: from statistics, and from samples."""

import functools
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.transferability.statistics.class_shift import shift_classes
from jaxinv.kernels.transferability.statistics.class_statistics import ClassStatistics, class_statistics
from jaxinv.kernels.transferability.statistics_scores.ped import PedShift, ped_shift

Result = TypeVar("Result")


class Ped(NamedTuple):
    """Samples after potential energy descent.

    Attributes:
      features: `(N, D)`, moved, in the dtype they came in.
      motion: how their classes moved.
    """

    features: jax.Array
    motion: PedShift


@functools.partial(jax.jit, static_argnames=("num_classes", "max_steps"))
def ped(
    features: jax.Array,
    labels: jax.Array,
    reference_std: jax.Array | None = None,
    *,
    num_classes: int,
    sample_weight: jax.Array | None = None,
    nsigma: jax.Array | float = 0.6,
    dt: jax.Array | float = 0.1,
    strength: jax.Array | float = 1.0,
    exit_ratio: jax.Array | float = 0.5,
    max_steps: int = 6,
) -> Ped:
    """Samples moved with their classes by potential energy descent; see `ped_shift`.

    Args:
      features: `(N, D)`, floating point, finite.
      labels: `(N,)` integers in `0 .. num_classes - 1`; a sample with another label stays where it is.
      reference_std: as `ped_shift`.
      num_classes: C, static.
      sample_weight: `(N,)` non-negative; 0 for a sample that counts for no class, though it moves with its own.
      nsigma, dt, strength, exit_ratio, max_steps: as `ped_shift`.

    Returns:
      Ped. Where nothing overlaps the features come back unchanged.

    Raises:
      TypeError, ValueError: as `class_statistics` and `ped_shift`.

    Covariances within the classes do not change.
    Transformations: jit, vmap, jvp, vjp, second order. One pass over the samples beside the class means, no Gram.
    References: as `ped_shift`.
    """
    statistics = class_statistics(features, labels, num_classes, sample_weight=sample_weight)
    motion = ped_shift(
        statistics,
        reference_std,
        nsigma=nsigma,
        dt=dt,
        strength=strength,
        exit_ratio=exit_ratio,
        max_steps=max_steps,
    )
    valid = (labels >= 0) & (labels < num_classes)
    moved = jnp.where(valid[:, None], motion.shift[jnp.where(valid, labels, 0)], 0.0)
    return Ped((features.astype(accumulation_dtype(features)) + moved).astype(features.dtype), motion)


def with_ped(score: Callable[..., Result], **settings: jax.Array | float) -> Callable[..., Result]:
    """A score of class statistics, taken after potential energy descent: LogME + PED and the like.

    Args:
      score: of `ClassStatistics`. Of those in this package only `shrinkage_h_score` needs sums that are not there
        after a shift, and raises: use `with_ped_samples`.
      **settings: nsigma, dt, strength, exit_ratio, max_steps of `ped_shift`.

    Returns:
      A function of `(statistics, reference_std=None, **options)` that returns what `score` does; options go to the
      score (no `spectrum`, which would be that of the features before they moved).

    Transformations: those of the score.
    References: Li et al., ICCV 2023 (arXiv:2308.15074), table 1.
    """

    def moved_score(statistics: ClassStatistics, reference_std: jax.Array | None = None, **options) -> Result:
        motion = ped_shift(statistics, reference_std, **settings)
        return score(shift_classes(statistics, motion.shift), **options)

    return moved_score


def with_ped_samples(score: Callable[..., Result], **settings: jax.Array | float) -> Callable[..., Result]:
    """A score of samples, taken after potential energy descent: SFDA + PED and the like.

    Args:
      score: of `(features, labels, num_classes=...)`.
      **settings: nsigma, dt, strength, exit_ratio, max_steps of `ped_shift`.

    Returns:
      A function of `(features, labels, reference_std=None, num_classes=..., sample_weight=None, **options)` that
      returns what `score` does; options, and the weights if there are any, go to the score.

    Transformations: those of the score.
    References: Li et al., ICCV 2023 (arXiv:2308.15074), table 1.
    """

    def moved_score(
        features: jax.Array,
        labels: jax.Array,
        reference_std: jax.Array | None = None,
        *,
        num_classes: int,
        sample_weight: jax.Array | None = None,
        **options,
    ) -> Result:
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        moved = ped(features, labels, reference_std, num_classes=num_classes, **weights, **settings)
        return score(moved.features, labels, num_classes=num_classes, **weights, **options)

    return moved_score
