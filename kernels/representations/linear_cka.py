"""Linear centred kernel alignment of a whole set of inputs."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxinv.kernels.numerics.gram import row_gram, weighted_gram
from jaxinv.kernels.numerics.precision import contract
from jaxinv.kernels.numerics.safe import safe_divide, safe_norm
from jaxinv.kernels.representations.rows import centred_unit, require_pair


class LinearCKA(NamedTuple):
    """Linear centred kernel alignment."""

    score: Float[Array, ""]
    """In [0, 1]; 0 if collapsed."""
    collapsed: Bool[Array, ""]
    """Whether one of the two representations is constant, up to rounding."""


@jax.jit
def linear_cka(x: Float[Array, "n d"], y: Float[Array, "n e"]) -> LinearCKA:
    """Linear centred kernel alignment of two representations of the same inputs.

    ||Xc^T Yc||_F^2 / (||Xc^T Xc||_F ||Yc^T Yc||_F) with centred columns, taken on whichever side is smaller: O(n d e)
    time, and O((d + e)^2) or O(n^2) memory. Rotations, translations and rescalings of either side change nothing. It is
    biased: independent representations have about `1 / (1 + n / d)`; see `debiased_cka`.

    Args:
      x: `(n, d)`, one row an input.
      y: `(n, e)`, the same inputs in the same order.

    Returns:
      A `LinearCKA`, in float32 at least. If one side is constant (or n < 2) the score is 0 with `collapsed` set.

    Raises:
      TypeError: if an argument is not floating point.
      ValueError: if they are not two matrices with as many rows.

    Transformations: jit, vmap, grad (0 if collapsed).

    References: Kornblith et al. (2019), arXiv:1905.00414, eq. (5).

    Examples:
      >>> import jax
      >>> from jaxinv.kernels import representations
      >>> x = jax.random.normal(jax.random.key(0), (100, 8))
      >>> turned = 3 * x @ jax.random.orthogonal(jax.random.key(1), 8)
      >>> representations.linear_cka(x, turned).score.round(4)
      Array(1., dtype=float32)
    """
    require_pair(x, y)
    x, x_constant = centred_unit(x)
    y, y_constant = centred_unit(y)
    if x.shape[0] <= min(x.shape[1], y.shape[1]):
        x_gram, y_gram = row_gram(x), row_gram(y)
        shared = jnp.sum(x_gram * y_gram)
    else:
        x_gram, y_gram = weighted_gram(x, x), weighted_gram(y, y)
        shared = jnp.sum(contract("nd,ne->de", x, y) ** 2)
    norms = safe_norm(x_gram.ravel()) * safe_norm(y_gram.ravel())
    return LinearCKA(safe_divide(shared, norms), x_constant | y_constant)
