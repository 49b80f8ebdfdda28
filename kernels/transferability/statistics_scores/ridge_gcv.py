"""Ridge regression of one-hot labels, judged by generalised cross-validation from class statistics alone."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.first_order import first_order_only
from jaxinv.kernels.numerics.maximise import maximise_on_log_scale
from jaxinv.kernels.numerics.precision import contract
from jaxinv.kernels.numerics.safe import safe_divide
from jaxinv.kernels.transferability.statistics.class_statistics import ClassMoments, ClassStatistics, finalise
from jaxinv.kernels.transferability.statistics.spectrum import (
    Spectrum,
    least_squares_residual,
    moments_spectrum,
    project_class_sums,
)


class RidgeGCV(NamedTuple):
    """Generalised cross-validation of one model.

    Attributes:
      score: `()`, minus the GCV estimate of the squared error per sample, summed over classes; higher is better, <= 0.
      regularizer: `()`, the best ridge, in squared units of the features times samples.
      dof: `()`, effective degrees of freedom, the intercept included.
      at_bound: `()` bool, whether the best ridge lies at an end of the searched range.
      dropped_classes: `()`, classes without a sample.
    """

    score: jax.Array
    regularizer: jax.Array
    dof: jax.Array
    at_bound: jax.Array
    dropped_classes: jax.Array


def _error_and_dof(moments: ClassMoments, spectrum: Spectrum, ridge: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Summed squared residual of all columns, and the trace of the hat matrix, at a ridge."""
    values = spectrum.eigenvalues
    projected = project_class_sums(spectrum, moments)
    shortfall = ridge * safe_divide(projected, jnp.sqrt(values)[None, :]) / (values + ridge)[None, :]
    error = jnp.sum(least_squares_residual(spectrum, moments, projected)) + jnp.sum(shortfall**2)
    return error, 1 + jnp.sum(values / (values + ridge))


def _gcv(moments: ClassMoments, error: jax.Array, dof: jax.Array) -> jax.Array:
    free = moments.num_samples - dof
    return jnp.where(free > 0, moments.num_samples * error / jnp.where(free > 0, free, 1.0) ** 2, 0.0)


def _minimum(moments: ClassMoments, spectrum: Spectrum):
    largest = jnp.where(spectrum.eigenvalues[-1] > 0, spectrum.eigenvalues[-1], 1.0)
    # Below this the residual is rounding; and with N <= D the fit would interpolate, where GCV is 0 / 0.
    eps = float(jnp.finfo(largest.dtype).eps)

    def objective(ridge):
        return -_gcv(moments, *_error_and_dof(moments, spectrum, ridge[0]))[None]

    best = maximise_on_log_scale(objective, (largest * eps**0.75)[None], (largest / eps**0.5)[None])
    return best.argument[0], best.at_bound[0]


@jax.custom_jvp
def _best_gcv(moments: ClassMoments, spectrum: Spectrum):
    ridge, at_bound = _minimum(moments, spectrum)
    error, dof = _error_and_dof(moments, spectrum, ridge)
    return _gcv(moments, error, dof), ridge, dof, at_bound.astype(ridge.dtype)


@_best_gcv.defjvp
def _best_gcv_jvp(primals, tangents):
    """At a minimum over the ridge only the explicit dependence counts (envelope theorem).

    With P = (S + r I)^-1 and b = S_xy: error = t't - b'P b - r b'P^2 b, dof = 1 + D - r tr P.
    """
    moments, spectrum = primals
    change: ClassMoments = tangents[0]
    value = _best_gcv(moments, spectrum)
    ridge, basis, values, moments = first_order_only("ridge_gcv", (value[1], *spectrum[::-1], moments))
    error, dof = _error_and_dof(moments, Spectrum(values, basis), ridge)
    resolvent = 1 / (values + ridge)
    projected = project_class_sums(Spectrum(values, basis), moments)
    cross_change = contract(
        "cd,de->ce", change.count[:, None] * moments.deviation + moments.count[:, None] * change.deviation, basis
    )
    scatter_change = contract("de,df,fg->eg", basis, change.scatter, basis)
    once, twice = projected * resolvent[None, :], projected * (resolvent**2)[None, :]
    variance_change = jnp.sum(change.count * (1 - 2 * moments.prior)) + jnp.sum(change.count) * jnp.sum(
        moments.prior**2
    )
    error_change = variance_change - 2 * jnp.sum((once + ridge * twice) * cross_change)
    error_change = error_change + contract("cd,de,ce->", once + 2 * ridge * twice, scatter_change, once)
    dof_change = ridge * jnp.sum(resolvent**2 * jnp.diagonal(scatter_change))
    size = moments.num_samples
    free = jnp.where(size > dof, size - dof, 1.0)
    size_change = jnp.sum(change.count)
    slope = size * error_change + size_change * error + 2 * size * error * (dof_change - size_change) / free
    slope = jnp.where(size > dof, slope / free**2, 0.0)
    zero = jnp.zeros_like(slope)
    return value, (slope, zero, zero, zero)


@jax.jit
def ridge_gcv(statistics: ClassStatistics, *, spectrum: Spectrum | None = None) -> RidgeGCV:
    """Best generalised cross-validation error of ridge regression (with intercept) onto the one-hot labels.

    `GCV(r) = N |Y - H_r Y|^2 / (N - tr H_r)^2` per sample, minimised over one ridge r for all classes, between
    eps^(3/4) and eps^(-1/2) times the largest eigenvalue of the scatter matrix.

    Args:
      statistics: class statistics of `(N, D)` features.
      spectrum: `scatter_spectrum(statistics)` if it is at hand.

    Returns:
      RidgeGCV. No samples, one class, or N <= 1: score 0.

    Invariant to rotations, translations, scaling and zero padding of the features.
    Transformations: jit, vmap, jvp, vjp, first order only (a second derivative raises TypeError).
    References: Golub, Heath, Wahba, Technometrics 21 (1979), eq. 1.4.

    Examples:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import transferability as tf
      >>> labels = jnp.arange(90) % 3
      >>> noise = jax.random.normal(jax.random.key(0), (90, 8))
      >>> poor, good = (noise + gap * jax.nn.one_hot(labels, 8) for gap in (0.5, 3.0))
      >>> [round(float(tf.ridge_gcv(tf.class_statistics(x, labels, 3)).score), 2) for x in (poor, good)]
      [-0.67, -0.19]
    """
    moments = finalise(statistics)
    spectrum = moments_spectrum(moments) if spectrum is None else spectrum
    value, ridge, dof, at_bound = _best_gcv(moments, jax.lax.stop_gradient(spectrum))
    return RidgeGCV(
        score=-value, regularizer=ridge, dof=dof, at_bound=at_bound > 0, dropped_classes=moments.dropped_classes
    )
