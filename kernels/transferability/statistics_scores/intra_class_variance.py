"""Intra-class variance: how widely features spread within their classes."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.transferability.statistics.class_statistics import ClassStatistics, finalise


class IntraClassVariance(NamedTuple):
    """Within-class variance of one model.

    Attributes:
      score: `()`, in squared units of the features; higher is better.
      per_class: `(C,)`, trace of each class's covariance; 0 for absent classes.
      dropped_classes: `()`, classes without a sample.
    """

    score: jax.Array
    per_class: jax.Array
    dropped_classes: jax.Array


@jax.jit
def intra_class_variance(statistics: ClassStatistics) -> IntraClassVariance:
    """`sum_c p_c tr(cov_c)`, with biased covariances: the cheap streaming stand-in for `tmi`.

    Args:
      statistics: class statistics of `(N, D)` features.

    Returns:
      IntraClassVariance. No samples: 0.

    Invariant to rotations, translations and zero padding; scales with the square of the features. It rewards spread,
    the opposite of the separation scores (`gbc`, `h_score`, `lda`).
    Transformations: jit, vmap, jvp, vjp, second order.
    References: Xu and Kang, Fast and accurate transferability measurement by evaluating intra-class feature variance,
    ICCV 2023 (arXiv:2308.05986), for the idea; some public codes call this number TMI.
    """
    moments = finalise(statistics)
    per_class = jnp.sum(moments.class_variance, axis=-1)
    return IntraClassVariance(
        score=jnp.sum(moments.prior * per_class), per_class=per_class, dropped_classes=moments.dropped_classes
    )
