"""H-score: how much of the between-class covariance the inverse feature covariance explains; plain and shrunk."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.psd import participation_ratio, psd_solve
from jaxinv.kernels.numerics.safe import safe_divide
from jaxinv.kernels.transferability.statistics.class_statistics import ClassMoments, ClassStatistics, finalise


class HScore(NamedTuple):
    """H-score of one model.

    Attributes:
      score: `()`, in `[0, min(C - 1, rank)]`; higher is better.
      effective_rank: `()`, participation ratio of the scatter matrix.
      degenerate: `()` bool, N <= D, where the score says nothing about the features (it tends to C - 1).
      dropped_classes: `()`, classes without a sample.
    """

    score: jax.Array
    effective_rank: jax.Array
    degenerate: jax.Array
    dropped_classes: jax.Array


class ShrinkageHScore(NamedTuple):
    """Shrinkage H-score of one model.

    Attributes:
      score: `()`; higher is better.
      shrinkage: `()`, the Ledoit-Wolf coefficient in `[0, 1]`.
      effective_rank: `()`, participation ratio of the scatter matrix.
      dropped_classes: `()`, classes without a sample.
    """

    score: jax.Array
    shrinkage: jax.Array
    effective_rank: jax.Array
    dropped_classes: jax.Array


def _explained(covariance: jax.Array, moments: ClassMoments) -> jax.Array:
    """`tr(covariance^+ B)` with `B = sum_c n_c (m_c - m)(m_c - m)'`, without forming B."""
    weighted = moments.count[:, None] * moments.deviation
    return jnp.sum(weighted * psd_solve(covariance, moments.deviation.T).T)


@jax.jit
def h_score(statistics: ClassStatistics) -> HScore:
    """H-score `tr(cov(F)^+ cov(E[F | y]))`, the sum of squared canonical correlations of features and labels.

    Args:
      statistics: class statistics of `(N, D)` features.

    Returns:
      HScore. No samples, or features that do not vary: score 0.

    Exactly invariant to invertible affine maps of the features. With N <= D it is C - 1 whatever the features are:
    use `shrinkage_h_score`.
    Transformations: jit, vmap, jvp, vjp, second order.
    References: Bao et al., An information-theoretic approach to transferability, ICIP 2019, eq. 5.

    Examples:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import transferability as tf
      >>> labels = jnp.arange(90) % 3
      >>> noise = jax.random.normal(jax.random.key(0), (90, 8))
      >>> poor, good = (noise + gap * jax.nn.one_hot(labels, 8) for gap in (0.5, 3.0))
      >>> [round(float(tf.h_score(tf.class_statistics(x, labels, 3)).score), 2) for x in (poor, good)]
      [0.25, 1.53]
    """
    moments = finalise(statistics)
    return HScore(
        score=_explained(moments.scatter, moments),
        effective_rank=participation_ratio(moments.scatter),
        degenerate=moments.num_samples <= moments.valid_dim,
        dropped_classes=moments.dropped_classes,
    )


@jax.jit
def shrinkage_h_score(statistics: ClassStatistics) -> ShrinkageHScore:
    """H-score with the Ledoit-Wolf estimate of the feature covariance, meant for N of the order of D or below.

    `(1 - a) tr(S_a^-1 cov(E[F | y]))` with `S_a = (1 - a) S + a tr(S) / D I`, S biased, and the Ledoit-Wolf
    coefficient a from the streamed fourth moments.

    Args:
      statistics: class statistics of `(N, D)` features; `valid_dim` counts as D.

    Returns:
      ShrinkageHScore. No samples, or features that do not vary: score 0.

    Raises:
      ValueError: statistics without fourth moments, from `shift_classes`.

    Rotation and translation invariant; scale invariant; not invariant to general affine maps.
    Transformations: jit, vmap, jvp, vjp, second order.
    References: Ibrahim, Ponomareva, Mazumder, Newer is not always better, arXiv:2110.06893, eq. 6; Ledoit and Wolf,
    J. Multivar. Anal. 88 (2004), lemma 3.3.
    """
    moments = finalise(statistics)
    if moments.quartic is None:
        raise ValueError(
            "shrinkage_h_score needs fourth moments, which statistics of moved classes (shift_classes) do not have: "
            "take class_statistics of the moved samples"
        )
    size = moments.num_samples
    covariance = safe_divide(moments.scatter, size)
    dim = moments.valid_dim
    mean_variance = jnp.trace(covariance) / dim
    squared = jnp.sum(covariance**2)
    distance = jnp.maximum(squared - dim * mean_variance**2, 0.0) / dim
    noise = jnp.maximum(safe_divide(moments.quartic, size) - squared, 0.0)
    noise = jnp.minimum(safe_divide(noise, size * dim), distance)
    # Spherical covariance: distance 0, and any coefficient gives the same matrix.
    shrinkage = safe_divide(noise, distance)
    valid = (jnp.arange(covariance.shape[0]) < dim).astype(covariance.dtype)
    shrunk = (1 - shrinkage) * covariance + jnp.diag(shrinkage * mean_variance * valid)
    between = safe_divide(1 - shrinkage, jnp.maximum(size - 1, 0.0))
    return ShrinkageHScore(
        score=between * _explained(shrunk, moments),
        shrinkage=shrinkage,
        effective_rank=participation_ratio(moments.scatter),
        dropped_classes=moments.dropped_classes,
    )
