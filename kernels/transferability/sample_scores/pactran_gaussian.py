"""PACTran with a Gaussian prior: the PAC-Bayes bound of a linear classifier, minus the bound being the score."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.safe import safe_divide
from jaxinv.kernels.numerics.validation import require_at_least, require_floating, require_integer, require_shape
from jaxinv.kernels.transferability.sample_scores.softmax_regression import (
    SoftmaxProblem,
    softmax_logits,
    softmax_loss,
    softmax_regression,
)


class PACTranGaussian(NamedTuple):
    """The bound of one model.

    Attributes:
      score: `()`, minus the sum of both parts, in nats per sample, <= 0; higher is better.
      fit: `()`, mean cross-entropy of the classifier plus its ridge.
      flatness: `()`, the part of the bound that grows with the curvature of the loss at the classifier.
      num_steps: `()`, Newton steps taken; at 50 the fit has not converged.
      dropped_classes: `()`, classes without a sample.
    """

    score: jax.Array
    fit: jax.Array
    flatness: jax.Array
    num_steps: jax.Array
    dropped_classes: jax.Array


@functools.partial(jax.jit, static_argnames=("num_classes",))
def pactran_gaussian(
    features: jax.Array,
    labels: jax.Array,
    *,
    num_classes: int,
    prior_scale: jax.Array | float = 1.0,
    prior_variance: jax.Array | float = 100.0,
    sample_weight: jax.Array | None = None,
    valid_dim: jax.Array | int | None = None,
) -> PACTranGaussian:
    """`-[L + |W|^2 / (2 lam N) + K D s2 / (2 lam N) log(1 + lam N tr(H) / (K D))]`.

    L is the mean cross-entropy of multinomial logistic regression on the centred features, W its weights at the minimum
    of the first two terms (an intercept is free), H the Hessian of L with respect to W, and `s2 = prior_variance lam /
    D`. Both L and H are means over samples, as in the bound; the published code takes the Hessian of the sum there, N
    times as large inside the logarithm.

    Args:
      features: `(N, D)`, floating point, finite.
      labels: `(N,)` integers; samples with a label outside `0 .. num_classes - 1` are left out.
      num_classes: static; K counts the classes that have samples.
      prior_scale: lam, positive; the paper takes 0.1, 1 and 10.
      prior_variance: the paper takes 10 and 100.
      sample_weight: `(N,)`, non-negative; default 1. N is their sum.
      valid_dim: D, where the features are padded with zero columns; default their width.

    Returns:
      PACTranGaussian, in float32 at least. No samples: score 0.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.

    Invariant to translations and rotations of the features, not to their scale.
    Transformations: jit, vmap (over models: features batched, labels shared; over label sets), jvp, vjp, second order,
      by the implicit function theorem.
    References: Ding et al., PACTran, ECCV 2022 (arXiv:2203.05126), section 3.3.
    """
    require_floating("features", features)
    require_shape("features", features, (None, None))
    require_integer("labels", labels)
    require_shape("labels", labels, features.shape[:1])
    require_at_least("num_classes", num_classes, 1)
    dtype = accumulation_dtype(features)
    weight = jnp.ones(labels.shape, dtype)
    if sample_weight is not None:
        require_floating("sample_weight", sample_weight)
        require_shape("sample_weight", sample_weight, labels.shape)
        weight = sample_weight.astype(dtype)
    weight = jnp.where((labels >= 0) & (labels < num_classes), weight, 0.0)
    size = jnp.sum(weight)
    share = safe_divide(weight, jnp.broadcast_to(size, weight.shape))
    features = features.astype(dtype)
    features = features - contract("n,nd->d", share, features)[None, :]
    features = jnp.where(weight[:, None] > 0, features, 0.0)
    truth = jax.nn.one_hot(labels, num_classes, dtype=dtype, axis=0)
    present = contract("n,cn->c", weight, truth) > 0
    num_samples = jnp.where(size > 0, size, 1.0)
    lam = jnp.asarray(prior_scale, dtype) * num_samples

    problem = SoftmaxProblem(
        features=features,
        truth=truth,
        weight=share,
        ridge=1 / lam,
        offset=jnp.where(present, 0.0, -(float(jnp.finfo(dtype).max) ** 0.5)),
    )
    model, num_steps = softmax_regression(problem)
    probability = jax.nn.softmax(softmax_logits(model, problem), axis=0)
    curvature = jnp.sum(probability * (1 - probability), axis=0)
    trace = contract("n,n,n->", share, jnp.sum(features**2, axis=1), curvature)
    dim = jnp.asarray(features.shape[1] if valid_dim is None else valid_dim, dtype)
    number = jnp.sum(present).astype(dtype)
    fit = softmax_loss(model, problem)
    flatness = number * prior_variance / (2 * num_samples) * jnp.log1p(safe_divide(lam * trace, number * dim))
    return PACTranGaussian(
        score=-(fit + flatness),
        fit=fit,
        flatness=flatness,
        num_steps=num_steps.astype(jnp.int32),
        dropped_classes=jnp.sum(~present),
    )
