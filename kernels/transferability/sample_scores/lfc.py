"""LFC: label-feature correlation, which is linear CKA of features and one-hot labels."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.safe import safe_divide, safe_norm
from jaxinv.kernels.transferability.statistics.class_statistics import ClassStatistics, finalise


class LFC(NamedTuple):
    """Label-feature correlation of one model.

    Attributes:
      score: `()`, in `[0, 1]`; higher is better.
      dropped_classes: `()`, classes without a sample.
    """

    score: jax.Array
    dropped_classes: jax.Array


@jax.jit
def lfc(statistics: ClassStatistics) -> LFC:
    """Cosine of the centred Gram matrix of the features and that of the labels, without forming either.

    `|F_c' Y_c|_F^2 / (|F_c' F_c|_F |Y_c' Y_c|_F)`: linear CKA, equal to the correlation with the +1 / -1 label matrix.

    Args:
      statistics: class statistics of `(N, D)` features.

    Returns:
      LFC. Constant features or a single class: score 0.

    Invariant to rotations, translations, scaling and zero padding.
    Transformations: jit, vmap, jvp, vjp, second order. Cost O(C D + D^2).
    References: Deshpande et al., A linearized framework for fine-tuning, arXiv:2102.00084, sec. 3.3; Kornblith et al.,
    Similarity of neural network representations revisited, ICML 2019, eq. 4.
    """
    moments = finalise(statistics)
    count = moments.count
    cross = jnp.sum((count[:, None] * moments.deviation) ** 2)
    label_scatter = jnp.diag(count) - count[:, None] * moments.prior[None, :]
    scale = safe_norm(moments.scatter.ravel()) * safe_norm(label_scatter.ravel())
    return LFC(score=safe_divide(cross, scale), dropped_classes=moments.dropped_classes)
