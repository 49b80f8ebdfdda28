"""How many directions a representation uses."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxinv.kernels.numerics.gram import row_gram, weighted_gram
from jaxinv.kernels.numerics.safe import safe_divide
from jaxinv.kernels.numerics.validation import require_floating, require_shape
from jaxinv.kernels.representations.rows import centred_unit


class ParticipationRatio(NamedTuple):
    """Participation ratio of the covariance's eigenvalues."""

    score: Float[Array, ""]
    """In [1, min(n - 1, d)]; 0 if collapsed."""
    collapsed: Bool[Array, ""]
    """Whether all rows are the same, up to rounding."""


@jax.jit
def participation_ratio(x: Float[Array, "n d"]) -> ParticipationRatio:
    """Effective dimension `(sum_i lambda_i)^2 / sum_i lambda_i^2` of a representation; no eigenvalue is computed.

    Both sums are a trace and a Frobenius norm, of the covariance or of the Gram matrix, whichever is smaller:
    O(n d min(n, d)). It is d for features of equal variance that know nothing of one another, 1 where one direction has
    all the variance. Rotations, translations and rescalings change nothing.

    Args:
      x: `(n, d)`, one row an input.

    Returns:
      A `ParticipationRatio`, in float32 at least. If all rows are equal (or n < 2) the score is 0 with `collapsed` set.

    Raises:
      TypeError: x is not floating point.
      ValueError: x is not a matrix.

    Transformations: jit, vmap, jvp, vjp, second order (0 if collapsed).

    References: Gao et al. (2017), A theory of multineuronal dimensionality, dynamics and measurement, bioRxiv 214262.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import representations
      >>> square = jnp.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
      >>> representations.participation_ratio(square).score.round(3)
      Array(2., dtype=float32)
    """
    require_floating("x", x)
    require_shape("x", x, (None, None))
    unit, constant = centred_unit(x)
    # The trace is 1, for the rows have unit length together.
    square = jnp.sum((row_gram(unit) if x.shape[0] < x.shape[1] else weighted_gram(unit, unit)) ** 2)
    return ParticipationRatio(safe_divide(jnp.ones_like(square), square), constant)
