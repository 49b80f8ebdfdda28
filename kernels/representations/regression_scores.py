"""Two coefficients of determination of several outputs, which differ."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.safe import safe_divide
from jaxinv.kernels.representations.rows import ROUNDING_UNITS, require_pair


@jax.jit
def r2_score_flat(predicted: Float[Array, "n d"], target: Float[Array, "n d"]) -> Float[Array, ""]:
    """1 less the share of squared errors in the variance about ONE mean of all entries of the target.

    Where columns have means of their own, as the w of quaternions, knowing these already scores above 0:
    `r2_score_columns` does not count that.

    Args:
      predicted: `(n, d)`.
      target: `(n, d)`.

    Returns:
      Scalar, at most 1, in float32 at least; 0 where all targets are the same, up to rounding.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.

    Transformations: jit, vmap, jvp, vjp, any order.
    """
    predicted, target = _in_common_dtype(predicted, target)
    return _score(predicted.ravel(), target.ravel())


@jax.jit
def r2_score_columns(predicted: Float[Array, "n d"], target: Float[Array, "n d"]) -> Float[Array, ""]:
    """The mean over columns of each one's coefficient of determination, as scikit-learn averages.

    Arguments, errors and transformations as `r2_score_flat`; columns whose targets are all the same count 0.
    """
    predicted, target = _in_common_dtype(predicted, target)
    scores = jax.vmap(_score, in_axes=1)(predicted, target)
    return jnp.sum(scores) / max(scores.shape[0], 1)


def _in_common_dtype(predicted, target):
    require_pair(predicted, target, equal_width=True)
    dtype = accumulation_dtype(predicted, target)
    return predicted.astype(dtype), target.astype(dtype)


def _score(predicted, target):
    mean = jnp.sum(target) / max(target.shape[0], 1)
    total, scale = jnp.sum((target - mean) ** 2), jnp.sum(target**2)
    constant = total <= (ROUNDING_UNITS * float(jnp.finfo(target.dtype).eps)) ** 2 * scale
    left = safe_divide(jnp.sum((predicted - target) ** 2), jnp.where(constant, 0.0, total))
    return jnp.where(constant, 0.0, 1 - left)
