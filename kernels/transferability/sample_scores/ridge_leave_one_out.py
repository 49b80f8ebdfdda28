"""Ridge regression of one-hot labels, judged by leave-one-out in closed form."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.linalg import cho_solve, solve_triangular

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.safe import safe_divide
from jaxinv.kernels.numerics.validation import require_at_least, require_floating, require_integer, require_shape

# Features that stay this close to their mean, in units of rounding, do not vary.
_ROUNDING_UNITS = 8.0


class RidgeLeaveOneOut(NamedTuple):
    """Leave-one-out of one model.

    Attributes:
      score: `()`, minus the squared leave-one-out error per sample, summed over classes; higher is better, <= 0.
      accuracy: `()`, share of the samples whose largest leave-one-out prediction is the true class.
      regularizer: `()`, the ridge that was added to the scatter matrix, in squared units of the features times samples.
      dof: `()`, effective degrees of freedom (trace of the hat matrix), the intercept included.
      dropped_classes: `()`, classes without a sample.
    """

    score: jax.Array
    accuracy: jax.Array
    regularizer: jax.Array
    dof: jax.Array
    dropped_classes: jax.Array


@functools.partial(jax.jit, static_argnames=("num_classes",))
def ridge_leave_one_out(
    features: jax.Array, labels: jax.Array, *, num_classes: int, ridge: jax.Array | float = 1e-3
) -> RidgeLeaveOneOut:
    """Leave-one-out error of ridge regression, with an unpenalised intercept, onto the one-hot labels.

    The residual of sample i under the fit to all others is `(y_i - f_i) / (1 - h_ii)`, with the fit f and the hat
    matrix h of all samples. Taken on the smaller side: a `D x D` factor if `D <= N`, else an `N x N` one.

    Args:
      features: `(N, D)`, floating point, finite.
      labels: `(N,)` integers; samples with a label outside `0 .. num_classes - 1` are left out.
      num_classes: C, static.
      ridge: positive, as a share of the trace of the scatter matrix `sum_i (x_i - mean)(x_i - mean)'`.

    Returns:
      RidgeLeaveOneOut, in float32 at least. Features that do not vary: the leave-one-out error of the mean of the
      labels. N <= 1: score 0.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.

    Invariant to rotations, translations, scaling and zero columns. Time `N D min(N, D)`.
    Transformations: jit, vmap (over models: features batched, labels shared), jvp, vjp, second order.
    References: Allen, Technometrics 16 (1974), PRESS; Golub, Heath, Wahba, Technometrics 21 (1979), eq. (1.3).
    """
    require_floating("features", features)
    require_shape("features", features, (None, None))
    require_integer("labels", labels)
    require_shape("labels", labels, features.shape[:1])
    require_at_least("num_classes", num_classes, 1)
    dtype = accumulation_dtype(features)
    counted = ((labels >= 0) & (labels < num_classes)).astype(dtype)
    size = jnp.sum(counted)
    truth = jax.nn.one_hot(labels, num_classes, dtype=dtype)
    features = features.astype(dtype)
    centred = _centre(features, counted, size)
    target = _centre(truth, counted, size)
    trace = jnp.sum(centred * centred)
    rounding = jax.lax.stop_gradient(_ROUNDING_UNITS * float(jnp.finfo(dtype).eps) * features * counted[:, None])
    varies = trace > jnp.sum(rounding * rounding)
    centred = jnp.where(varies, centred, 0.0)
    regularizer = jnp.where(varies, jnp.asarray(ridge, dtype) * trace, 1.0)

    side = _by_features if features.shape[1] <= features.shape[0] else _by_samples
    residual, slack = side(centred, target, counted, size, regularizer)
    left_out = safe_divide(residual, jnp.broadcast_to(slack[:, None], residual.shape))
    present = jnp.sum(truth, axis=0) > 0
    prediction = jnp.where(present[None, :], truth - left_out, float(jnp.finfo(dtype).min))
    right = counted * (jnp.argmax(prediction, axis=-1) == labels) * (slack > 0)
    return RidgeLeaveOneOut(
        score=-safe_divide(jnp.sum(left_out * left_out), size),
        accuracy=safe_divide(jnp.sum(right), size),
        regularizer=regularizer,
        dof=size - jnp.sum(slack),
        dropped_classes=jnp.sum(~present),
    )


def _centre(values, counted, size):
    """Rows minus the mean of those that count; the others zero."""
    mean = safe_divide(contract("n,nd->d", counted, values), size)
    return (values - mean[None, :]) * counted[:, None]


def _by_features(centred, target, counted, size, regularizer):
    """Residuals `(N, C)` and `1 - h_ii` `(N,)`, with a `(D, D)` factor."""
    scatter = contract("nd,ne->de", centred, centred)
    factor = jnp.linalg.cholesky(scatter + regularizer * jnp.eye(scatter.shape[0], dtype=scatter.dtype))
    whitened = solve_triangular(factor, centred.T, lower=True)
    fitted = contract("dn,dc->nc", whitened, contract("dn,nc->dc", whitened, target))
    leverage = counted * safe_divide(jnp.ones_like(size), size) + jnp.sum(whitened * whitened, axis=0)
    return target - fitted, counted - leverage


def _by_samples(centred, target, counted, size, regularizer):
    """The same with an `(N, N)` factor.

    Adding `c 1 1'` to the kernel matrix leaves the residuals of centred targets as they are, and makes the part of the
    intercept in `(K + r I)^-1` small enough to be taken off without loss of digits.
    """
    kernel = contract("nd,md->nm", centred, centred)
    lift = safe_divide(jnp.trace(kernel), size)
    system = kernel + lift * counted[:, None] * counted[None, :]
    factor = jnp.linalg.cholesky(system + regularizer * jnp.eye(kernel.shape[0], dtype=kernel.dtype))
    inverse_factor = solve_triangular(factor, jnp.eye(kernel.shape[0], dtype=kernel.dtype), lower=True)
    inverse_diagonal = jnp.sum(inverse_factor * inverse_factor, axis=0)
    intercept = safe_divide(jnp.ones_like(size), size * (regularizer + lift * size))
    residual = regularizer * cho_solve((factor, True), target)
    return residual, counted * regularizer * (inverse_diagonal - intercept)
