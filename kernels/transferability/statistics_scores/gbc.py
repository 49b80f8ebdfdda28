"""GBC: Gaussian Bhattacharyya coefficient, how much the classes' Gaussians overlap."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import contract
from jaxinv.kernels.numerics.psd import rounding_level, shifted_cholesky
from jaxinv.kernels.numerics.validation import require_choice
from jaxinv.kernels.transferability.statistics.class_statistics import ClassMoments, ClassStatistics, finalise

_VARIANCE_FLOOR = 1e-4


class GBC(NamedTuple):
    """Gaussian Bhattacharyya coefficient of one model.

    Attributes:
      score: `()`, minus the sum over ordered pairs of different classes, in `[-C (C - 1), 0]`; higher is better.
      floored_fraction: `()`, share of class variances at or below the floor of 1e-4.
      dropped_classes: `()`, classes without a sample.
    """

    score: jax.Array
    floored_fraction: jax.Array
    dropped_classes: jax.Array


@functools.partial(jax.jit, static_argnames=("covariance", "compat"))
def gbc(statistics: ClassStatistics, *, covariance: str = "spherical", compat: str | None = None) -> GBC:
    """Minus the summed Bhattacharyya coefficients `exp(-D_B)` of all ordered pairs of classes.

    `D_B = d' S^-1 d / 8 + (log det S - log det S_i / 2 - log det S_j / 2) / 2`, `S = (S_i + S_j) / 2`, d the difference
    of class means, S_i the biased covariance of class i.

    Args:
      statistics: class statistics of `(N, D)` features; with per-class Grams for "full". Published numbers first
        reduce the features to 64 principal components.
      covariance: "spherical" (one variance a class, the mean over the `valid_dim` columns), "diagonal", or "full".
        Variances are floored at 1e-4, so scale the features to order one; "full" adds 1e-4 to them, or more where
        rounding would leave no Cholesky factor.
      compat: None, or "official": with "spherical", the reference code counts the volume term once, not D times.

    Returns:
      GBC. Fewer than two present classes: score 0.

    Raises:
      ValueError: unknown covariance or compat; "full" without per-class Grams.

    Invariant to translations and zero padding, and to rotations unless "diagonal". Not scale invariant.
    Transformations: jit, vmap, jvp, vjp. Cost O(C^2 D), memory O(C D); "full" O(C^2 D^3) and O(C D^2).
    References: Pandy et al., Transferability estimation using Bhattacharyya class separability, CVPR 2022, eq. 3-5.

    Examples:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import transferability as tf
      >>> labels = jnp.arange(90) % 3
      >>> noise = jax.random.normal(jax.random.key(0), (90, 8))
      >>> poor, good = (noise + gap * jax.nn.one_hot(labels, 8) for gap in (0.5, 3.0))
      >>> [round(float(tf.gbc(tf.class_statistics(x, labels, 3)).score), 2) for x in (poor, good)]
      [-5.38, -0.58]
    """
    require_choice("covariance", covariance, ("spherical", "diagonal", "full"))
    require_choice("compat", str(compat), ("None", "official"))
    moments = finalise(statistics)
    if covariance == "full":
        distance, floored = _full(moments)
    elif covariance == "diagonal":
        distance, floored = _diagonal(moments)
    else:
        distance, floored = _spherical(moments, jnp.ones(()) if compat == "official" else moments.valid_dim)
    present = moments.present
    pair = present[:, None] & present[None, :] & ~jnp.eye(present.shape[0], dtype=bool)
    return GBC(
        score=-jnp.sum(jnp.where(pair, jnp.exp(-jnp.where(pair, distance, 0.0)), 0.0)),
        floored_fraction=floored,
        dropped_classes=moments.dropped_classes,
    )


def _spherical(moments: ClassMoments, volume_dim: jax.Array) -> tuple[jax.Array, jax.Array]:
    raw = jnp.sum(moments.class_variance, axis=-1) / moments.valid_dim
    variance = jnp.maximum(raw, _VARIANCE_FLOOR)
    middle = (variance[:, None] + variance[None, :]) / 2
    # Differences first: the expanded square would cancel for close classes.
    square = jax.lax.map(lambda row: jnp.sum((moments.deviation - row[None, :]) ** 2, axis=-1), moments.deviation)
    log_variance = jnp.log(variance)
    volume = jnp.log(middle) - (log_variance[:, None] + log_variance[None, :]) / 2
    return square / middle / 8 + volume_dim * volume / 2, _share(raw <= _VARIANCE_FLOOR, moments.present)


def _diagonal(moments: ClassMoments) -> tuple[jax.Array, jax.Array]:
    variance = jnp.maximum(moments.class_variance, _VARIANCE_FLOOR)
    log_variance = jnp.log(variance)

    def distances(inputs):
        row, row_variance, row_log = (value[None, :] for value in inputs)
        middle = (variance + row_variance) / 2
        square = (moments.deviation - row) ** 2 / middle
        return jnp.sum(square / 8 + (jnp.log(middle) - (log_variance + row_log) / 2) / 2, axis=-1)

    distance = jax.lax.map(distances, (moments.deviation, variance, log_variance))
    valid = (jnp.arange(variance.shape[1]) < moments.valid_dim)[None, :] & moments.present[:, None]
    return distance, _share(moments.class_variance <= _VARIANCE_FLOOR, valid)


def _full(moments: ClassMoments) -> tuple[jax.Array, jax.Array]:
    if moments.class_gram is None:
        raise ValueError(
            "covariance='full' needs statistics with per-class Grams: class_statistics(per_class_gram=True)"
        )
    factors = jax.vmap(lambda covariance: shifted_cholesky(covariance, _VARIANCE_FLOOR))(class_covariances(moments))
    covariance = contract("cij,ckj->cik", factors, factors)
    half_log_det = _half_log_det(factors)

    def distances(inputs):
        row, row_covariance, row_log = inputs
        factor = jax.vmap(lambda middle: shifted_cholesky(middle, 0.0))((covariance + row_covariance[None]) / 2)
        difference = (moments.deviation - row[None, :])[..., None]
        whitened = jax.scipy.linalg.solve_triangular(factor, difference, lower=True)[..., 0]
        return jnp.sum(whitened**2, axis=-1) / 8 + _half_log_det(factor) - (half_log_det + row_log) / 2

    distance = jax.lax.map(distances, (moments.deviation, covariance, half_log_det))
    valid = (jnp.arange(covariance.shape[1]) < moments.valid_dim)[None, :] & moments.present[:, None]
    return distance, _share(moments.class_variance <= _VARIANCE_FLOOR, valid)


def class_covariances(moments: ClassMoments) -> jax.Array:
    """Biased covariance of each class, `(C, D, D)`; 0 for absent classes. Needs per-class Grams.

    Columns that vary within a class by no more than rounding of the class's distance from the mean are constant there.
    """
    assert moments.class_gram is not None
    level = rounding_level(moments.deviation.dtype, moments.deviation.shape[-1])
    varies = moments.class_variance > level * moments.deviation**2
    scale = jnp.where(moments.present, 1 / jnp.where(moments.present, moments.count, 1.0), 0.0)[:, None, None]
    outer = contract("cd,ce->cde", moments.deviation, moments.deviation)
    return jnp.where(varies[:, :, None] & varies[:, None, :], moments.class_gram * scale - outer, 0.0)


def _half_log_det(factor: jax.Array) -> jax.Array:
    return jnp.sum(jnp.log(jnp.diagonal(factor, axis1=-2, axis2=-1)), axis=-1)


def _share(flag: jax.Array, valid: jax.Array) -> jax.Array:
    return jnp.sum(flag & valid) / jnp.maximum(jnp.sum(valid), 1)
