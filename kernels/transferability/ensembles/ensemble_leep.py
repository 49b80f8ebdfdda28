"""Ensembles of source models by their expected empirical predictions: MS-LEEP, E-LEEP, IoU-EEP, SoftIoU-EEP.

Each model's `expected_predictions` are taken once; every score then takes a subset of the pool as a mask, so that one
vmap over masks scores all subsets.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.safe import safe_divide
from jaxinv.kernels.numerics.validation import require_floating, require_integer, require_shape
from jaxinv.kernels.transferability.prediction_scores.leep import check_source_predictions


class EnsembleScore(NamedTuple):
    """The score of one subset of a pool.

    Attributes:
      score: `()`; higher is better.
      num_models: `()`, models in the subset.
      num_samples: `()`, total weight of the samples that counted.
      dropped_classes: `()`, target classes without a sample.
    """

    score: jax.Array
    num_models: jax.Array
    num_samples: jax.Array
    dropped_classes: jax.Array


@functools.partial(jax.jit, static_argnames=("num_classes",))
def expected_predictions(
    source_probabilities: jax.Array,
    labels: jax.Array,
    *,
    num_classes: int,
    sample_weight: jax.Array | None = None,
) -> jax.Array:
    """LEEP's classifier of one model, `p(y | x) = sum_z P(y | z) theta_z(x)`, on every sample: `(N, C)`.

    Args:
      source_probabilities: `(N, Cs)`, theta, non-negative; rows are divided by their sum. A row of zeros gets zeros.
      labels: `(N,)` integers; samples with a label outside `0 .. num_classes - 1` do not count in P(y | z).
      num_classes: C, static.
      sample_weight: `(N,)` non-negative; default 1.

    Returns:
      `(N, C)`, in float32 at least; rows sum to 1 if every source class of the row occurs in a sample that counts.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.

    Transformations: jit, vmap (over models: probabilities batched, labels shared), jvp, vjp, second order.
    References: Nguyen et al., LEEP, ICML 2020 (arXiv:2002.12462), eq. (1).
    """
    check_source_predictions(source_probabilities, labels, num_classes, sample_weight)
    dtype = accumulation_dtype(source_probabilities)
    theta = source_probabilities.astype(dtype)
    mass = jnp.sum(theta, axis=-1)
    theta = safe_divide(theta, jnp.broadcast_to(mass[:, None], theta.shape))
    weight = jnp.ones_like(mass) if sample_weight is None else sample_weight.astype(dtype)
    joint = contract("n,nc,nz->cz", weight, jax.nn.one_hot(labels, num_classes, dtype=dtype), theta)
    conditional = safe_divide(joint, jnp.broadcast_to(jnp.sum(joint, axis=0)[None, :], joint.shape))
    return contract("nz,cz->nc", theta, conditional)


@jax.jit
def ms_leep(
    predictions: jax.Array,
    labels: jax.Array,
    *,
    subset: jax.Array | None = None,
    sample_weight: jax.Array | None = None,
) -> EnsembleScore:
    """MS-LEEP: the mean LEEP of the models of an ensemble.

    Args:
      predictions: `(M, N, C)`, `expected_predictions` of each model.
      labels: `(N,)` integers; samples with a label outside `0 .. C - 1`, and those of which a model of the subset
        predicts zeros, are left out.
      subset: `(M,)` bool, the models of the ensemble; default all.
      sample_weight: `(N,)` non-negative; default 1. As given to `expected_predictions`.

    Returns:
      EnsembleScore, in nats per sample, <= 0, in float32 at least. No models or no samples: score 0. The paper's score
      is the sum over the models, which orders subsets of one size likewise.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.

    Transformations: jit, vmap (over subsets), jvp, vjp, second order in the predictions.
    References: Agostinelli et al., Transferability metrics for selecting source model ensembles, CVPR 2022
      (arXiv:2111.13011), section 3.
    """
    return _likelihood(predictions, labels, subset, sample_weight, of_each=True)


@jax.jit
def e_leep(
    predictions: jax.Array,
    labels: jax.Array,
    *,
    subset: jax.Array | None = None,
    sample_weight: jax.Array | None = None,
) -> EnsembleScore:
    """E-LEEP: the log likelihood of the labels under the mean of the models' expected predictions.

    Never below `ms_leep`, by Jensen's inequality, and equal to it for models that predict alike.

    Args, returns, raises, transformations and references: as `ms_leep`.
    """
    return _likelihood(predictions, labels, subset, sample_weight, of_each=False)


@jax.jit
def iou_eep(
    predictions: jax.Array,
    labels: jax.Array,
    *,
    subset: jax.Array | None = None,
    sample_weight: jax.Array | None = None,
) -> EnsembleScore:
    """IoU-EEP: mean intersection over union of the class that the averaged predictions favour, and the truth.

    For segmentation, where the samples are pixels. A sample's class is the first one with the largest mean prediction.

    Args and raises: as `ms_leep`. Returns: EnsembleScore in `[0, 1]`, a mean over the classes that have samples.
    Transformations: jit, vmap (over subsets). Piecewise constant in the predictions: the gradient there is zero.
    References: as `ms_leep`.
    """
    setting = _setting(predictions, labels, subset, sample_weight)
    favoured = jnp.argmax(setting.mean, axis=-1) if predictions.shape[2] else jnp.zeros(labels.shape, jnp.int32)
    return _mean_overlap(setting, jax.nn.one_hot(favoured, predictions.shape[2], dtype=setting.mean.dtype))


@jax.jit
def soft_iou_eep(
    predictions: jax.Array,
    labels: jax.Array,
    *,
    subset: jax.Array | None = None,
    sample_weight: jax.Array | None = None,
) -> EnsembleScore:
    """SoftIoU-EEP: mean intersection over union of the averaged predictions themselves and the truth.

    With prediction p and one-hot truth t of a class: `sum p t / sum (p + t - p t)`.

    Args and raises: as `ms_leep`. Returns: EnsembleScore in `[0, 1]`, a mean over the classes that have samples.
    Transformations: jit, vmap (over subsets), jvp, vjp, second order in the predictions.
    References: as `ms_leep`.
    """
    setting = _setting(predictions, labels, subset, sample_weight)
    return _mean_overlap(setting, setting.mean)


class _Setting(NamedTuple):
    """Predictions `(M, N, C)` and their mean `(N, C)`, shares of the models `(M,)`, one-hot truth, weights `(N,)`."""

    predictions: jax.Array
    mean: jax.Array
    share: jax.Array
    truth: jax.Array
    weight: jax.Array
    num_models: jax.Array


def _setting(predictions, labels, subset, sample_weight) -> _Setting:
    require_floating("predictions", predictions)
    require_shape("predictions", predictions, (None, None, None))
    num_models, num_samples, num_classes = predictions.shape
    require_integer("labels", labels)
    require_shape("labels", labels, (num_samples,))
    if subset is not None:
        require_shape("subset", subset, (num_models,))
    if sample_weight is not None:
        require_floating("sample_weight", sample_weight)
        require_shape("sample_weight", sample_weight, (num_samples,))
    dtype = accumulation_dtype(predictions)
    member = jnp.ones(num_models, dtype) if subset is None else subset.astype(dtype)
    share = safe_divide(member, jnp.broadcast_to(jnp.sum(member), member.shape))
    weight = jnp.ones(num_samples, dtype) if sample_weight is None else sample_weight.astype(dtype)
    predictions = predictions.astype(dtype)
    # LEEP leaves out samples of which the model says nothing.
    silent = (jnp.sum(predictions, axis=-1) == 0) & (member > 0)[:, None]
    weight = jnp.where(jnp.any(silent, axis=0), 0.0, weight)
    return _Setting(
        predictions=predictions,
        mean=contract("m,mnc->nc", share, predictions),
        share=share,
        truth=jax.nn.one_hot(labels, num_classes, dtype=dtype),
        weight=jnp.where((labels >= 0) & (labels < num_classes), weight, 0.0),
        num_models=jnp.sum(member > 0),
    )


def _likelihood(predictions, labels, subset, sample_weight, *, of_each):
    setting = _setting(predictions, labels, subset, sample_weight)
    if of_each:
        likely = contract("mnc,nc->mn", setting.predictions, setting.truth)
        log_likelihood = contract("m,mn->n", setting.share, _floored_log(likely))
    else:
        log_likelihood = _floored_log(contract("nc,nc->n", setting.mean, setting.truth))
    total = contract("n,n->", setting.weight, log_likelihood)
    return _score(setting, safe_divide(total, jnp.sum(setting.weight)))


def _floored_log(probability):
    """Of what is 0 in samples that the predictions were not fitted to, the log of the smallest normal number."""
    least = float(jnp.finfo(probability.dtype).tiny)
    return jnp.log(jnp.where(probability > least, probability, least))


def _mean_overlap(setting, claimed):
    truth, weight = setting.truth, setting.weight
    both = contract("n,nc,nc->c", weight, claimed, truth)
    either = contract("n,nc->c", weight, claimed) + contract("n,nc->c", weight, truth) - both
    present = contract("n,nc->c", weight, truth) > 0
    overlap = jnp.where(present, safe_divide(both, either), 0.0)
    return _score(setting, safe_divide(jnp.sum(overlap), jnp.sum(present).astype(overlap.dtype)))


def _score(setting, score):
    return EnsembleScore(
        score=score,
        num_models=setting.num_models,
        num_samples=jnp.sum(setting.weight),
        dropped_classes=jnp.sum(contract("n,nc->c", setting.weight, setting.truth) == 0),
    )
