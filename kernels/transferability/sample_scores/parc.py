"""PARC: whether samples that are far apart in the features are of different classes, by ranks."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.safe import safe_divide, safe_norm
from jaxinv.kernels.numerics.validation import require_at_least
from jaxinv.kernels.transferability.sample_scores.counted_samples import counted_samples
from jaxinv.kernels.transferability.sample_scores.principal_components import principal_components


class PARC(NamedTuple):
    """Pairwise annotation representation comparison of one model.

    Attributes:
      score: `()`, 100 times Spearman's correlation, in `[-100, 100]`; higher is better.
      kept_dim: `()`, principal components with variance, at most `num_components`.
      num_samples: `()`, samples that counted.
      dropped_classes: `()`, classes without a sample.
    """

    score: jax.Array
    kept_dim: jax.Array
    num_samples: jax.Array
    dropped_classes: jax.Array


@functools.partial(jax.jit, static_argnames=("num_classes", "num_components"))
def parc(
    features: jax.Array,
    labels: jax.Array,
    *,
    num_classes: int,
    num_components: int = 32,
    mask: jax.Array | None = None,
) -> PARC:
    """Spearman's correlation between the dissimilarities of features and those of labels, over all pairs of samples.

    The principal components are divided by their deviations. Two samples are as dissimilar as 1 minus the correlation
    of their standardised components, and the labels of two samples are dissimilar or not. Since the latter takes two
    values, one sort of the former gives the correlation; ties have their average rank.

    Args:
      features: `(N, D)`, floating point, finite. Meant for a probe set of about 500 samples.
      labels: `(N,)` integers; samples with a label outside `0 .. num_classes - 1` are left out.
      num_classes: C, static.
      num_components: static, >= 1; of the principal components those of most variance. Components without variance
        are left out.
      mask: `(N,)` bool, the samples that count; default all.

    Returns:
      PARC, in float32 at least. A sample whose components are all equal correlates with none (dissimilarity 1). All
      dissimilarities equal, a single class, or fewer than three samples: 0.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.

    Invariant to rotations, translations, scaling and zero columns, and in the order of samples and classes. The sign of
    a principal component is arbitrary, and the score depends on it, because the correlation of two samples is taken
    about their means over the components: here the entry of greatest size is positive. The public code takes a
    randomised decomposition, and rounding splits the ties of its labels.
    Memory `O(N^2)`, time `O(N^2 log N + N D min(N, D))`.
    Transformations: jit, vmap (over models: features batched; over label sets). Piecewise constant: the gradient is
      zero.
    References: Bolya, Mittapalli, Hoffman, Scalable diverse model selection for accessible transfer learning, NeurIPS
      2021 (arXiv:2111.06977), sec. 4.
    """
    require_at_least("num_components", num_components, 1)
    counted = counted_samples(features, labels, num_classes, mask, name="mask") > 0
    features = jax.lax.stop_gradient(features.astype(accumulation_dtype(features)))
    weight = counted.astype(features.dtype)
    scores, variance, _ = principal_components(features, weight, num_components)
    kept = variance > 0
    kept_dim = jnp.sum(kept)
    standard = safe_divide(scores, jnp.broadcast_to(jnp.sqrt(variance)[None, :], scores.shape))
    mean = safe_divide(jnp.sum(standard, axis=1), kept_dim.astype(features.dtype))
    standard = jnp.where(kept[None, :] & (kept_dim > 1), standard - mean[:, None], 0.0)
    unit = safe_divide(standard, jnp.broadcast_to(safe_norm(standard)[:, None], standard.shape))
    steps = _steps(1 - contract("nk,mk->nm", unit, unit))

    rows, others, once = _each_pair_once(labels.shape[0])
    pair = once & counted[:, None] & counted[others]
    differ = labels[:, None] != labels[others]
    present = jnp.zeros(num_classes, bool).at[jnp.where(counted, labels, num_classes)].set(True, mode="drop")
    return PARC(
        score=100
        * _spearman_with_two_values(steps[rows, others].ravel(), differ.ravel(), pair.ravel(), features.dtype),
        kept_dim=kept_dim,
        num_samples=jnp.sum(weight),
        dropped_classes=num_classes - jnp.sum(present),
    )


def _each_pair_once(size):
    """Pairs of samples as `(N, floor(N / 2))`: row i has i + 1, i + 2, ... around the circle.

    Returns:
      rows and others, the samples of each pair, and whether it is there for the first time.
    """
    row = jnp.arange(size)[:, None]
    step = 1 + jnp.arange(size // 2)[None, :]
    # Halfway around an even circle every pair comes twice.
    once = (2 * step < size) | (row < size // 2)
    return row, (row + step) % max(size, 1), once


def _steps(apart):
    """Dissimilarities as integers, exactly: 1 less a number of size 1 at most is a multiple of half the precision."""
    integer = jnp.int32 if jnp.finfo(apart.dtype).bits == 32 else jnp.int64
    return jnp.round(apart * (2 / float(jnp.finfo(apart.dtype).eps))).astype(integer)


def _spearman_with_two_values(values, high, counted, dtype):
    """Spearman's correlation of integers with a variable that is high or low."""
    size = values.shape[0]
    if size == 0:
        return jnp.zeros((), dtype)
    # Sorting single integers takes a tenth of the time of floats that take others along.
    key = jnp.sort(jnp.where(counted, 2 * values + high, jnp.iinfo(values.dtype).max))
    values, high = key >> 1, (key & 1).astype(bool)
    place = jnp.arange(size)
    number = jnp.sum(counted)
    counted = place < number
    new = jnp.concatenate([jnp.ones(1, bool), values[1:] != values[:-1]])
    first = jax.lax.cummax(jnp.where(new, place, 0))
    last = jax.lax.cummin(jnp.where(jnp.append(new[1:], True), place, size - 1), reverse=True)
    # Average ranks about their mean, as shares of their number, so that float32 holds their squares.
    centred = jnp.where(counted, first + last - (number - 1), 0).astype(dtype)
    number = number.astype(dtype)
    centred = safe_divide(centred, 2 * number)
    high = high & counted
    share = safe_divide(jnp.sum(high).astype(dtype), number)
    covariance = safe_divide(jnp.sum(jnp.where(high, centred, 0.0)), number)
    variance = safe_divide(jnp.sum(centred**2), number)
    return safe_divide(covariance, jnp.sqrt(variance) * jnp.sqrt(share * (1 - share)))
