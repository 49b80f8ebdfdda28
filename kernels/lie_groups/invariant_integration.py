"""Integrals over groups: quadrature where Haar measure is a probability, importance weights elsewhere."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.validation import require_at_least, require_floating


class Quadrature(NamedTuple):
    """Rotations `(num, n, n)` and their positive weights `(num,)`, of sum 1."""

    elements: jax.Array
    weights: jax.Array


class WeightedIntegral(NamedTuple):
    """An integral from weighted samples.

    Attributes:
      value: `(...)`, the mean of weight times function.
      standard_error: `(...)`, of the value, from the scatter of the same samples.
      effective_sample_size: `()`, see the function of this name.
    """

    value: jax.Array
    standard_error: jax.Array
    effective_sample_size: jax.Array


def so2_quadrature(degree: int, *, dtype: DTypeLike = float) -> Quadrature:
    """Equidistant angles: exact for trigonometric polynomials of a degree.

    Args:
      degree: static, 0 at least.
      dtype: static.

    Returns:
      `Quadrature` of `degree + 1` rotations `(degree + 1, 2, 2)`.

    Raises:
      ValueError: a negative degree.
    """
    require_at_least("degree", degree, 0)
    return _cast(_so2_table(degree), dtype)


def so3_quadrature(degree: int, *, dtype: DTypeLike = float) -> Quadrature:
    """Product rule in Euler angles: exact for matrix coefficients of all irreps of degree up to `degree`.

    `R_z(a) R_y(b) R_z(c)` with `degree + 1` equidistant a and c and the Gauss-Legendre nodes of cos b that integrate
    polynomials of this degree.

    Args:
      degree: static, 0 at least.
      dtype: static.

    Returns:
      `Quadrature` of `(degree + 1)^2 (degree // 2 + 1)` rotations `(num, 3, 3)`.

    Raises:
      ValueError: a negative degree.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import lie_groups
      >>> elements, weights = lie_groups.so3_quadrature(2)
      >>> squares = jnp.trace(elements, axis1=1, axis2=2) ** 2
      >>> elements.shape, jnp.sum(weights * squares).round()  # the integral is 1
      ((18, 3, 3), Array(1., dtype=float32))
    """
    require_at_least("degree", degree, 0)
    return _cast(_so3_table(degree), dtype)


@jax.jit
def effective_sample_size(log_weights: jax.Array) -> jax.Array:
    """`(sum w)^2 / sum w^2` over the last axis: how many equal weights would scatter as much, 1 to num.

    Args:
      log_weights: `(..., num)` floating point, num >= 1; any constant may be added.

    Returns:
      `(...)` in the dtype of the weights.

    Raises:
      TypeError, ValueError: not floating point, or no weights.
    It sees the samples that were drawn, not those whose large weights were missed.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Kong, A note on importance sampling using standardized weights (1992).
    """
    logs = _log_weights(log_weights)
    weights = jnp.exp(logs - jax.lax.stop_gradient(jnp.max(logs, axis=-1, keepdims=True)))
    size = jnp.sum(weights, axis=-1) ** 2 / jnp.sum(weights * weights, axis=-1)
    return size.astype(jnp.asarray(log_weights).dtype)


@jax.jit
def weighted_integral(values: jax.Array, log_weights: jax.Array) -> WeightedIntegral:
    """The integral of a function by the measure that importance weights stand for.

    Args:
      values: `(..., num)` floating point, of the function at each sample.
      log_weights: `(num,)` floating point, log of measure by proposal: `PolarSamples.log_weight`.

    Returns:
      `WeightedIntegral`, in the dtype of the values. Where the largest weight is beyond the root of the largest number,
      all are reduced alike to hold it there.

    Raises:
      TypeError, ValueError: not floating point, no samples, or numbers of samples that differ.
    Only of functions that decay towards determinant 0 and infinity is the variance finite.
    Transformations: jit, vmap, jvp, vjp, any order in the values; the standard error where values scatter.
    """
    values = jnp.asarray(values)
    require_floating("values", values)
    logs = _log_weights(log_weights)
    if logs.ndim != 1 or values.ndim == 0 or values.shape[-1] != logs.shape[0]:
        raise ValueError(
            f"values must be (..., num) and log_weights (num,), got shapes {values.shape} and {logs.shape}"
        )
    sums = accumulation_dtype(values, logs)
    num = logs.shape[0]
    # By the largest weight, whose square would overflow long before itself.
    largest = jax.lax.stop_gradient(jnp.max(logs))
    terms = values.astype(sums) * jnp.exp(logs.astype(sums) - largest)[(None,) * (values.ndim - 1)]
    mean = jnp.mean(terms, axis=-1)
    variance = jnp.mean((terms - mean[..., None]) ** 2, axis=-1) / max(num - 1, 1)
    is_constant = variance == 0
    error = jnp.where(is_constant, 0.0, jnp.sqrt(jnp.where(is_constant, 1.0, variance)))
    scale = jnp.exp(jnp.minimum(largest.astype(sums), float(np.log(jnp.finfo(sums).max)) / 2))
    mean, error = scale * mean, scale * error
    return WeightedIntegral(mean.astype(values.dtype), error.astype(values.dtype), effective_sample_size(logs))


def _log_weights(log_weights):
    logs = jnp.asarray(log_weights)
    require_floating("log_weights", logs)
    if logs.ndim == 0 or logs.shape[-1] == 0:
        raise ValueError(f"log_weights must have shape (..., num) with num >= 1, got {logs.shape}")
    return logs.astype(accumulation_dtype(logs))


def _cast(tables, dtype):
    elements, weights = tables
    return Quadrature(jnp.asarray(elements, dtype), jnp.asarray(weights, dtype))


@functools.lru_cache(maxsize=16)
def _so2_table(degree):
    angles = 2 * np.pi * np.arange(degree + 1) / (degree + 1)
    elements = _turns(angles, 0, 1, 2)
    return _frozen(elements, np.full(degree + 1, 1.0 / (degree + 1)))


@functools.lru_cache(maxsize=16)
def _so3_table(degree):
    angles = 2 * np.pi * np.arange(degree + 1) / (degree + 1)
    cosines, weights = np.polynomial.legendre.leggauss(degree // 2 + 1)
    about_z, about_y = _turns(angles, 0, 1, 3), _turns(np.arccos(cosines), 2, 0, 3)
    elements = np.einsum("aij,bjk,ckl->abcil", about_z, about_y, about_z).reshape(-1, 3, 3)
    return _frozen(
        elements, np.tile((weights / 2 / (degree + 1) ** 2)[None, :, None], (degree + 1, 1, degree + 1)).ravel()
    )


def _turns(angles, i, j, n):
    """Rotations from axis i to axis j."""
    matrices = np.tile(np.eye(n), (len(angles), 1, 1))
    matrices[:, i, i] = matrices[:, j, j] = np.cos(angles)
    matrices[:, j, i], matrices[:, i, j] = np.sin(angles), -np.sin(angles)
    return matrices


def _frozen(*tables):
    for table in tables:
        table.flags.writeable = False
    return tables
