"""Coding-rate and Gaussian-entropy scores, from per-class Gram matrices."""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.psd import log_det_one_plus
from jaxinv.kernels.numerics.safe import safe_divide
from jaxinv.kernels.numerics.validation import require_choice
from jaxinv.kernels.transferability.statistics.class_statistics import ClassMoments, ClassStatistics, finalise
from jaxinv.kernels.transferability.statistics_scores.gbc import class_covariances


class TransRate(NamedTuple):
    """TransRate of one model.

    Attributes:
      score: `()`, rate minus class rate, in nats; higher is better.
      rate: `()`, coding rate of all features.
      class_rate: `(C,)`, coding rate of each class; 0 for absent classes.
      dropped_classes: `()`, classes without a sample.
    """

    score: jax.Array
    rate: jax.Array
    class_rate: jax.Array
    dropped_classes: jax.Array


class GaussianTMI(NamedTuple):
    """Gaussian within-class entropy of one model.

    Attributes:
      score: `()`, in nats; higher is better.
      entropy: `(C,)`, Gaussian entropy of each class; 0 for absent classes.
      dropped_classes: `()`, classes without a sample.
    """

    score: jax.Array
    entropy: jax.Array
    dropped_classes: jax.Array


@functools.partial(jax.jit, static_argnames=("weighting",))
def transrate(
    statistics: ClassStatistics, *, epsilon: jax.Array | float = 1e-4, weighting: str = "proportional"
) -> TransRate:
    """TransRate `R(Z) - sum_c w_c R(Z_c)`, with `R(Z) = log det(I + Z'Z / (n epsilon)) / 2` of centred features.

    Features are centred on the overall mean, the classes included, as the authors do.

    Args:
      statistics: class statistics with per-class Grams.
      epsilon: squared distortion, in squared units of the features, positive.
      weighting: "proportional", `w_c = n_c / N` as in the paper, or "uniform", `w_c = 1 / C` as in both public codes;
        they differ several-fold on unbalanced data.

    Returns:
      TransRate. No samples: score 0.

    Raises:
      ValueError: no per-class Grams, or unknown weighting.

    Rotation and translation invariant, not scale invariant. Where epsilon is below the rounding of the covariances
    (their size times eps), directions without variance count for about as much as rounding does.
    Transformations: jit, vmap, jvp, vjp, second order. Cost O(C D^3).
    References: Huang et al., Frustratingly easy transferability estimation, ICML 2022, eq. 2-4.

    Examples:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import transferability as tf
      >>> labels = jnp.arange(90) % 3
      >>> noise = jax.random.normal(jax.random.key(0), (90, 8))
      >>> poor, good = (noise + gap * jax.nn.one_hot(labels, 8) for gap in (0.5, 3.0))
      >>> both = (tf.class_statistics(x, labels, 3, per_class_gram=True) for x in (poor, good))
      >>> [round(float(tf.transrate(one).score), 2) for one in both]
      [0.51, 0.85]
    """
    require_choice("weighting", weighting, ("proportional", "uniform"))
    moments = finalise(_with_grams(statistics))
    # One batch of determinants: two batched LAPACK calls that XLA may run at once can block each other on a CPU.
    covariances = jnp.concatenate(
        [
            safe_divide(moments.scatter, moments.num_samples)[None],
            safe_divide(_grams(moments), moments.count[:, None, None]),
        ]
    )
    rates = 0.5 * jax.vmap(log_det_one_plus)(covariances / epsilon)
    rate, class_rate = rates[0], rates[1:]
    uniform = safe_divide(moments.present.astype(rate.dtype), jnp.sum(moments.present).astype(rate.dtype))
    weight = moments.prior if weighting == "proportional" else uniform
    return TransRate(
        score=rate - jnp.sum(weight * class_rate),
        rate=rate,
        class_rate=class_rate,
        dropped_classes=moments.dropped_classes,
    )


@jax.jit
def tmi_gaussian(statistics: ClassStatistics, *, epsilon: jax.Array | float = 1e-4) -> GaussianTMI:
    """Entropy of the features within the classes if each class were Gaussian: a smooth, streaming relative of `tmi`.

    `sum_c p_c log det(2 pi e (Sigma_c + epsilon I)) / 2`, ours.

    Args:
      statistics: class statistics with per-class Grams; `valid_dim` counts as D.
      epsilon: added to the variances, in squared units of the features, positive.

    Returns:
      GaussianTMI. No samples: score 0.

    Raises:
      ValueError: no per-class Grams.

    Rotation and translation invariant; not comparable between features of different width.
    Transformations: jit, vmap, jvp, vjp, second order. Cost O(C D^3).
    References: Xu and Kang, ICCV 2023 (arXiv:2308.05986), for the score that it stands in for.
    """
    moments = finalise(_with_grams(statistics))
    volume = moments.valid_dim * (jnp.log(epsilon) + math.log(2 * math.pi * math.e))
    entropy = 0.5 * (volume + jax.vmap(log_det_one_plus)(class_covariances(moments) / epsilon))
    entropy = jnp.where(moments.present, entropy, 0.0)
    return GaussianTMI(score=jnp.sum(moments.prior * entropy), entropy=entropy, dropped_classes=moments.dropped_classes)


def _with_grams(statistics: ClassStatistics) -> ClassStatistics:
    if statistics.class_gram is None:
        raise ValueError("statistics must hold per-class Grams: class_statistics(..., per_class_gram=True)")
    return statistics


def _grams(moments: ClassMoments) -> jax.Array:
    assert moments.class_gram is not None
    return moments.class_gram
