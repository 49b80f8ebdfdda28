"""Class statistics of samples whose classes are moved rigidly, without the samples."""

import dataclasses

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import contract
from jaxinv.kernels.numerics.validation import require_floating, require_shape
from jaxinv.kernels.transferability.statistics.class_statistics import ClassStatistics


@jax.jit
def shift_classes(statistics: ClassStatistics, shift: jax.Array) -> ClassStatistics:
    """Statistics of the samples `x + shift[label]`, exactly in exact arithmetic.

    `G' = G + sum_c (S_c d_c' + d_c S_c' + n_c d_c d_c')` with class sums S and shifts d, and likewise the per-class
    Grams and squares. Moved fourth moments would need third moments of each class, which are not kept: `cubic` and
    `quartic` of the result are None, and a score that needs them (`shrinkage_h_score`) raises.

    Args:
      statistics: class statistics of `(N, D)` features.
      shift: `(C, D)`, one row a class.

    Returns:
      ClassStatistics about the same `statistics.shift`.

    Raises:
      TypeError, ValueError: shift has the wrong dtype or shape.

    Transformations: jit, vmap, jvp, vjp, second order. Cost `O(C D^2)`; with per-class Grams the same.
    """
    require_floating("shift", shift)
    require_shape("shift", shift, statistics.total.shape)
    shift = shift.astype(statistics.total.dtype)
    count, total = statistics.count[:, None], statistics.total
    # Half of n d d' goes to either side: S d' + d S' + n d d' = h d' + d h'.
    half = total + count * shift / 2
    cross = contract("cd,ce->de", half, shift)
    class_gram = statistics.class_gram
    if class_gram is not None:
        outer = half[:, :, None] * shift[:, None, :]
        class_gram = class_gram + outer + jnp.swapaxes(outer, 1, 2)
    return dataclasses.replace(
        statistics,
        total=total + count * shift,
        square=statistics.square + 2 * half * shift,
        gram=statistics.gram + cross + cross.T,
        cubic=None,
        quartic=None,
        class_gram=class_gram,
    )
