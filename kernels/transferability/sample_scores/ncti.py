"""NCTI: how far features are from the geometry that training ends in (neural collapse)."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.safe import safe_divide, safe_log
from jaxinv.kernels.numerics.validation import require_shape
from jaxinv.kernels.transferability.sample_scores.counted_samples import counted_samples
from jaxinv.kernels.transferability.sample_scores.pool_minmax import pool_minmax
from jaxinv.kernels.transferability.sample_scores.principal_components import principal_components
from jaxinv.kernels.transferability.statistics.class_factors import class_factors
from jaxinv.kernels.transferability.statistics.class_statistics import class_statistics, finalise
from jaxinv.kernels.transferability.statistics_scores.discriminants import (
    class_logits,
    discriminant_of,
    within_covariance,
)

_COMPONENTS = 64
_COMPONENTS_OF_SHRINKAGE = 32
_LEAST_SHRINKAGE = 1e-10
# Components below this share of the largest variance are left out, and so are directions within the classes below this
# share of the variance of their components: in float32 they would hold rounding.
_LEAST_VARIANCE = 1e-5


class NCTI(NamedTuple):
    """The three terms of NCTI of one model; `ncti_pool` makes the published score of a pool of them.

    Attributes:
      score: `()`, mean probability of the true class under LDA, in `[0, 1]`: nearness to a classifier by the class
        means, the term that can be compared by itself; higher is better.
      feature_nuclear_norm: `()`, of the features in the space of LDA: nearness to features whose classes span it
        evenly; higher is better.
      log_class_nuclear_norm: `()`, log of the sum over classes of the nuclear norm of their probabilities: how far
        the samples of a class are from one point; lower is better.
      shrinkage: `()`, of LDA.
      kept_dim: `()`, principal components with variance (1e-5 of the largest at least), at most 64.
      num_samples: `()`, samples that counted.
      dropped_classes: `()`, classes without a sample.
    """

    score: jax.Array
    feature_nuclear_norm: jax.Array
    log_class_nuclear_norm: jax.Array
    shrinkage: jax.Array
    kept_dim: jax.Array
    num_samples: jax.Array
    dropped_classes: jax.Array


@functools.partial(jax.jit, static_argnames=("num_classes",))
def ncti(
    features: jax.Array,
    labels: jax.Array,
    *,
    num_classes: int,
    mask: jax.Array | None = None,
    valid_dim: jax.Array | int | None = None,
) -> NCTI:
    """The terms of the neural collapse transferability index, from LDA of the 64 first principal components.

    The shrinkage is `max(exp(-v), 1e-10)`, v the variance of the 32 first components. The space of LDA holds the
    `C - 1` generalised eigenvectors of the between- and within-class covariances of largest value, scaled to variance 1
    within the classes. All covariances are biased; where the shrinkage vanishes the public code takes an unbiased one
    within the classes.

    Args:
      features: `(N, D)`, floating point, finite.
      labels: `(N,)` integers; samples with a label outside `0 .. num_classes - 1` are left out.
      num_classes: C, static.
      mask: `(N,)` bool, the samples that count; default all.
      valid_dim: the true width where the features are padded with zero columns; default D.

    Returns:
      NCTI, in float32 at least. No samples: zeros. Directions without variance within the classes are left out.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.

    Invariant to rotations, translations, and in the order of samples and classes; not to scaling.
    Transformations: jit, vmap (over models: features batched; over label sets). A constant for differentiation: the
      gradient is zero. Time `O(N D min(N, D) + N C^2 + C^4)`.
    References: Wang et al., How far pre-trained models are from neural collapse on the target dataset informs their
      transferability, ICCV 2023; sizes and scaling from the authors' code.
    """
    weight = counted_samples(features, labels, num_classes, mask, name="mask")
    features = jax.lax.stop_gradient(features.astype(accumulation_dtype(features)))
    weight = (weight > 0).astype(features.dtype)
    components, variance, _ = principal_components(features, weight, _COMPONENTS)
    kept = variance > _LEAST_VARIANCE * jnp.max(variance, initial=0.0)
    components = jnp.where(kept[None, :], components, 0.0)
    size = jnp.sum(weight)
    unbiased = safe_divide(size, jnp.maximum(size - 1, 0.0))
    shrinkage = jnp.maximum(jnp.exp(-unbiased * jnp.sum(variance[:_COMPONENTS_OF_SHRINKAGE])), _LEAST_SHRINKAGE)

    moments = finalise(class_statistics(components, labels, num_classes, sample_weight=weight))
    true_dim = jnp.minimum(jnp.minimum(features.shape[1] if valid_dim is None else valid_dim, size), _COMPONENTS)
    within_dim = jnp.arange(variance.shape[0]) < true_dim

    def shrunk(covariance):
        mean_variance = safe_divide(jnp.trace(covariance), true_dim.astype(covariance.dtype))
        return (1 - shrinkage) * covariance + jnp.diag(jnp.where(within_dim, shrinkage * mean_variance, 0.0))

    within = shrunk(within_covariance(moments))
    between = shrunk(safe_divide(moments.scatter, size)) - within
    whitening = _whitening(within)
    coefficients = contract("cd,dk,ek->ce", moments.deviation, whitening, whitening)
    probability = jax.nn.softmax(class_logits(components, discriminant_of(moments, coefficients)), axis=-1)
    axes = _top_axes(contract("dk,de,el->kl", whitening, between, whitening), num_classes)
    axes = jnp.where(jnp.arange(num_classes)[None, :] < jnp.sum(moments.present) - 1, axes, 0.0)
    projected = contract("nd,dk,kc->nc", components, whitening, axes)

    # The factor of all projected samples beside those of each class: XLA could run two chains of LAPACK calls at once,
    # and batched ones then block each other on a CPU.
    group = jnp.where(weight > 0, labels, -1)
    rows = jnp.concatenate([probability, projected])
    groups = jnp.concatenate([group, jnp.where(weight > 0, num_classes, -1).astype(group.dtype)])
    singular = jnp.linalg.svd(class_factors(rows, groups, num_classes + 1), compute_uv=False)
    nuclear = jnp.sum(singular, axis=-1)
    truth = jax.nn.one_hot(group, num_classes, dtype=features.dtype)
    return NCTI(
        score=safe_divide(jnp.sum(truth * probability), size),
        feature_nuclear_norm=nuclear[-1],
        log_class_nuclear_norm=safe_log(jnp.sum(nuclear[:-1])),
        shrinkage=shrinkage,
        kept_dim=jnp.sum(kept),
        num_samples=size,
        dropped_classes=moments.dropped_classes,
    )


@jax.jit
def ncti_pool(
    probabilities: jax.Array, feature_nuclear_norms: jax.Array, log_class_nuclear_norms: jax.Array
) -> jax.Array:
    """NCTI of the models of a pool: the scaled probability and norm of features, minus the scaled norm within classes.

    Args:
      probabilities: `(M,)`, `NCTI.score` of each model.
      feature_nuclear_norms: `(M,)`.
      log_class_nuclear_norms: `(M,)`.

    Returns:
      `(M,)` in `[-1, 2]`; higher is better. A term that all models share counts 0.

    Raises:
      TypeError, ValueError: wrong dtype or shape, or no models, naming the argument.

    A score says nothing outside its pool. Transformations: jit, vmap, jvp, vjp.
    References: as `ncti`.
    """
    require_shape("feature_nuclear_norms", feature_nuclear_norms, probabilities.shape)
    require_shape("log_class_nuclear_norms", log_class_nuclear_norms, probabilities.shape)
    return (
        pool_minmax("probabilities", probabilities)
        + pool_minmax("feature_nuclear_norms", feature_nuclear_norms)
        - pool_minmax("log_class_nuclear_norms", log_class_nuclear_norms)
    )


def _whitening(covariance):
    """W with `W' S W = I` on the directions with variance, and columns of zeros for the others."""
    diagonal = jnp.diagonal(covariance)
    scale = jnp.where(diagonal > 0, jax.lax.rsqrt(jnp.where(diagonal > 0, diagonal, 1.0)), 0.0)
    values, vectors = jnp.linalg.eigh(covariance * scale[:, None] * scale[None, :])
    varies = values > _LEAST_VARIANCE
    return scale[:, None] * vectors * jnp.where(varies, jax.lax.rsqrt(jnp.where(varies, values, 1.0)), 0.0)[None, :]


def _top_axes(matrix, num):
    """Eigenvectors of the `num` largest eigenvalues, descending, in `(K, num)`, filled up with zeros."""
    _, vectors = jnp.linalg.eigh(matrix)
    vectors = vectors[:, ::-1][:, :num]
    return jnp.pad(vectors, ((0, 0), (0, num - vectors.shape[1])))
