"""SFDA: how well a linear discriminant tells the classes apart once the samples it is unsure of are made harder."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.safe import safe_divide
from jaxinv.kernels.transferability.statistics.adaptive_shrinkage import adaptive_shrinkage
from jaxinv.kernels.transferability.statistics.class_statistics import class_statistics, finalise
from jaxinv.kernels.transferability.statistics_scores.discriminants import class_logits, lda


class SFDA(NamedTuple):
    """Self-challenging Fisher discriminant analysis of one model.

    Attributes:
      score: `()`, mean probability of the true class in the second stage, in `[0, 1]`; higher is better.
      first_stage: `()`, the same before the samples are mixed.
      shrinkage: `()`, of both stages; at 1 the classes are told apart by their means alone.
      largest_eigenvalue: `()`, of the within-class covariance, in squared units of the features.
      num_samples: `()`, total weight of the samples that counted.
      dropped_classes: `()`, classes without a sample.
    """

    score: jax.Array
    first_stage: jax.Array
    shrinkage: jax.Array
    largest_eigenvalue: jax.Array
    num_samples: jax.Array
    dropped_classes: jax.Array


@functools.partial(jax.jit, static_argnames=("num_classes", "compat"))
def sfda(
    features: jax.Array,
    labels: jax.Array,
    *,
    num_classes: int,
    compat: str | None = None,
    sample_weight: jax.Array | None = None,
    valid_dim: jax.Array | int | None = None,
) -> SFDA:
    """Mean probability of the true class under shrunk discriminant analysis, fitted again to harder samples.

    The first stage is `lda` with `adaptive_shrinkage`. Its probabilities p, passed through softmax once more, say how
    sure it is of the true class of sample i: `q_i`. The samples `q_i x_i + (1 - q_i) o`, o the mean of the other
    classes' means, are fitted and judged by a second discriminant with the same shrinkage.

    Args:
      features: `(N, D)`, floating point, finite.
      labels: `(N,)` integers; samples with a label outside `0 .. num_classes - 1` are left out.
      num_classes: C, static.
      compat: None, or "official" for the public code's estimate of the largest eigenvalue (`adaptive_shrinkage`).
      sample_weight: `(N,)` non-negative; 0 leaves a sample out (padding). Default 1.
      valid_dim: the true width where the features are padded with zero columns; default D.

    Returns:
      SFDA, in float32 at least. No samples: 0. A single class: 1.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.

    Rotation and translation invariant, and in the order of samples and classes; not scale invariant, since the
    shrinkage depends on the scale. The published form solves a generalised eigenproblem in each stage; its
    eigenvectors E enter as `E E' = S_w^-1` only, so one Cholesky solve a stage gives the same.
    Transformations: jit, vmap (over models: features and valid_dim batched; over label sets: labels batched), jvp, vjp,
      second order. Cost `O(N D^2 + D^3)`.
    References: Shao et al., Not all models are equal: predicting model transferability in a self-challenging Fisher
      space, ECCV 2022 (arXiv:2207.03036), sec. 4.

    Examples:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import transferability as tf
      >>> labels = jnp.arange(90) % 3
      >>> noise = jax.random.normal(jax.random.key(0), (90, 8))
      >>> poor, good = (noise + gap * jax.nn.one_hot(labels, 8) for gap in (0.5, 3.0))
      >>> [round(float(tf.sfda(x, labels, num_classes=3).score), 2) for x in (poor, good)]
      [0.36, 0.79]
    """
    statistics_of = functools.partial(
        class_statistics, labels=labels, num_classes=num_classes, sample_weight=sample_weight, valid_dim=valid_dim
    )
    statistics = statistics_of(features)
    moments = finalise(statistics)
    shrinkage, largest = adaptive_shrinkage(statistics, compat=compat)
    first = lda(statistics, shrinkage=shrinkage)
    features = features.astype(accumulation_dtype(features))
    truth = jax.nn.one_hot(labels, num_classes, dtype=features.dtype)
    weight = truth if sample_weight is None else truth * sample_weight.astype(features.dtype)[:, None]

    def mean_of_true(probability):
        return safe_divide(jnp.sum(weight * probability), moments.num_samples)

    probability = jax.nn.softmax(class_logits(features, first), axis=-1)
    lowest = float(jnp.finfo(probability.dtype).min)
    softened = jax.nn.softmax(jnp.where(moments.present[None, :], probability, lowest), axis=-1)
    sure = jnp.sum(truth * softened, axis=-1)[:, None]
    others = jnp.sum(moments.present) - 1
    other_mean = safe_divide(jnp.sum(moments.deviation, axis=0)[None, :] - moments.deviation, others.astype(sure.dtype))
    mixed = sure * (features - first.centre[None, :]) + (1 - sure) * other_mean[labels]
    second = lda(statistics_of(mixed), shrinkage=shrinkage)
    return SFDA(
        score=mean_of_true(jax.nn.softmax(class_logits(mixed, second), axis=-1)),
        first_stage=mean_of_true(probability),
        shrinkage=shrinkage,
        largest_eigenvalue=largest,
        num_samples=moments.num_samples,
        dropped_classes=moments.dropped_classes,
    )
