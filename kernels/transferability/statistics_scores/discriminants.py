"""Linear discriminants from class statistics: LDA and nearest class mean, and how well they do on samples."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.psd import psd_solve, rounding_level
from jaxinv.kernels.numerics.safe import safe_divide
from jaxinv.kernels.numerics.validation import require_floating, require_integer, require_shape
from jaxinv.kernels.transferability.statistics.class_statistics import ClassMoments, ClassStatistics, finalise


class Discriminant(NamedTuple):
    """A linear classifier: the logits of x are `coefficients (x - centre) + intercept`.

    Attributes:
      score: `()`, separation of the classes as the making function defines it; higher is better.
      coefficients: `(C, D)`.
      intercept: `(C,)`; very low for absent classes, so that their probability is 0.
      centre: `(D,)`, the overall mean, subtracted first so that large offsets cost no digits.
      dropped_classes: `()`, classes without a sample.
    """

    score: jax.Array
    coefficients: jax.Array
    intercept: jax.Array
    centre: jax.Array
    dropped_classes: jax.Array


class DiscriminantScore(NamedTuple):
    """How well a discriminant tells the classes of samples apart.

    Attributes:
      score: `()`, mean probability of the true class, in `[0, 1]`; higher is better.
      accuracy: `()`, share of samples whose most probable class is the true one.
    """

    score: jax.Array
    accuracy: jax.Array


@jax.jit
def lda(statistics: ClassStatistics, *, shrinkage: jax.Array | float = 1e-3) -> Discriminant:
    """Linear discriminant analysis with a shrunk pooled covariance, by one Cholesky solve.

    `S = (1 - a) S_w + a tr(S_w) / D I`, `S_w` the biased pooled within-class covariance; coefficients
    `S^-1 (m_c - m)`, log priors in the intercept. The score is Fisher's criterion `tr(S^-1 S_b)`.

    Args:
      statistics: class statistics of `(N, D)` features; `valid_dim` counts as D.
      shrinkage: a in `[0, 1]`; with 0 the pseudo-inverse is taken.

    Returns:
      Discriminant. No samples: zeros. Classes without spread (S_w = 0): coefficients 0.

    Equals scikit-learn's `LinearDiscriminantAnalysis(solver="lsqr", shrinkage=a)`.
    Transformations: jit, vmap, jvp, vjp, second order.
    References: Fisher (1936); Hastie, Tibshirani, Friedman, Elements of Statistical Learning, sec. 4.3.
    """
    moments = finalise(statistics)
    within = within_covariance(moments)
    valid = (jnp.arange(within.shape[0]) < moments.valid_dim).astype(within.dtype)
    ridge = shrinkage * jnp.trace(within) / moments.valid_dim
    shrunk = (1 - shrinkage) * within + jnp.diag(ridge * valid)
    # Within-class variance is a difference: what rounding of the total explains is none.
    total = jnp.diagonal(moments.scatter) * rounding_level(within.dtype, within.shape[0])
    floor = safe_divide(total, moments.num_samples)
    return discriminant_of(moments, psd_solve(shrunk, moments.deviation.T, diagonal_floor=floor).T)


@jax.jit
def nearest_mean(statistics: ClassStatistics) -> Discriminant:
    """The classifier by the nearest class mean in Euclidean distance; the score is the share of variance it explains.

    Logits `-|x - m_c|^2 / 2` up to a constant, no priors. The score is `tr(S_b) / tr(S_t)`, in `[0, 1]`.

    Args:
      statistics: class statistics of `(N, D)` features.

    Returns:
      Discriminant. Features that do not vary: score 0.

    Invariant to rotations, translations and zero padding; the score also to scaling.
    Transformations: jit, vmap, jvp, vjp, second order.
    References: Hastie, Tibshirani, Friedman, Elements of Statistical Learning, sec. 13.4. The public code of ETran
    (Gholami et al., ICCV 2023) reduces to these coefficients where it says LDA.
    """
    moments = finalise(statistics)
    discriminant = discriminant_of(moments, moments.deviation)
    prior = jnp.where(moments.present, jnp.log(jnp.where(moments.present, moments.prior, 1.0)), 0.0)
    between = jnp.sum(moments.count[:, None] * moments.deviation**2)
    return discriminant._replace(
        score=safe_divide(between, jnp.trace(moments.scatter)), intercept=discriminant.intercept - prior
    )


@jax.jit
def discriminant_score(features: jax.Array, labels: jax.Array, discriminant: Discriminant) -> DiscriminantScore:
    """Mean probability that a discriminant gives to the true class of samples.

    Args:
      features: `(N, D)`, floating point.
      labels: `(N,)` integers; samples with a label outside `0 .. C-1` are left out.
      discriminant: from `lda` or `nearest_mean`, of width D.

    Returns:
      DiscriminantScore. No samples: zeros.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.

    Transformations: jit, vmap, jvp, vjp, second order.
    References: Gholami et al., ETran, ICCV 2023, sec. 3.2 (the LDA score as it is meant there).
    """
    logits = class_logits(features, discriminant)
    require_integer("labels", labels)
    require_shape("labels", labels, features.shape[:1])
    truth = jax.nn.one_hot(labels, logits.shape[1], dtype=logits.dtype)
    probability = jnp.sum(jax.nn.softmax(logits, axis=-1) * truth, axis=-1)
    size = jnp.maximum(jnp.sum(truth), 1.0)
    return DiscriminantScore(
        score=jnp.sum(probability) / size,
        accuracy=jnp.sum(jnp.argmax(logits, axis=-1) == labels) / size,
    )


def class_logits(features: jax.Array, discriminant: Discriminant) -> jax.Array:
    """Logits `(N, C)` of samples `(N, D)`, in float32 at least; very low for absent classes.

    Raises:
      TypeError, ValueError: features are not floating point, or not of the discriminant's width.
    """
    require_floating("features", features)
    require_shape("features", features, (None, discriminant.coefficients.shape[1]))
    centred = features.astype(accumulation_dtype(features)) - discriminant.centre[None, :]
    return contract("nd,cd->nc", centred, discriminant.coefficients) + discriminant.intercept[None, :]


def within_covariance(moments: ClassMoments) -> jax.Array:
    """The biased pooled within-class covariance `(D, D)`; what rounding leaves below 0 on its diagonal is 0."""
    spread = contract("cd,ce->de", moments.prior[:, None] * moments.deviation, moments.deviation)
    within = safe_divide(moments.scatter, moments.num_samples) - spread
    return within - jnp.diag(jnp.minimum(jnp.diagonal(within), 0.0))


def discriminant_of(moments: ClassMoments, coefficients: jax.Array) -> Discriminant:
    """The discriminant of Gaussian classes with one covariance S, from `S^-1 (m_c - m)` `(C, D)`; log priors inside."""
    present = moments.present
    lowest = float(jnp.finfo(coefficients.dtype).min) / 4
    log_prior = jnp.log(jnp.where(present, moments.prior, 1.0))
    offset = log_prior - jnp.sum(coefficients * moments.deviation, axis=-1) / 2
    return Discriminant(
        score=jnp.sum(moments.prior[:, None] * coefficients * moments.deviation),
        coefficients=coefficients,
        intercept=jnp.where(present, offset, lowest),
        centre=moments.mean,
        dropped_classes=moments.dropped_classes,
    )
