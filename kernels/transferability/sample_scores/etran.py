"""ETran: how likely the features of the target set look to the model, and how well LDA tells its classes apart."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.safe import safe_divide
from jaxinv.kernels.numerics.validation import require_choice, require_floating, require_shape
from jaxinv.kernels.transferability.sample_scores.counted_samples import counted_samples
from jaxinv.kernels.transferability.sample_scores.pool_minmax import pool_minmax
from jaxinv.kernels.transferability.statistics.adaptive_shrinkage import adaptive_shrinkage
from jaxinv.kernels.transferability.statistics.class_statistics import class_statistics, finalise
from jaxinv.kernels.transferability.statistics_scores.discriminants import class_logits, discriminant_of, lda

_ENERGY_SHARE = 0.15


class Energy(NamedTuple):
    """Energy of the samples under one model.

    Attributes:
      score: `()`, mean of `logsumexp` over the tail, in units of the features (nats for logits); higher is better.
      num_samples: `()`, samples in the tail.
    """

    score: jax.Array
    num_samples: jax.Array


class ETran(NamedTuple):
    """The two terms of ETran of one model; `etran_pool` makes the published score of a pool of them.

    Attributes:
      score: `()`, mean probability of the true class under LDA, in `[0, 1]`, the term that can be compared by itself;
        higher is better.
      energy: `()`, mean energy of the tail; higher is better.
      num_samples: `()`, samples that counted.
      dropped_classes: `()`, classes without a sample.
    """

    score: jax.Array
    energy: jax.Array
    num_samples: jax.Array
    dropped_classes: jax.Array


@functools.partial(jax.jit, static_argnames=("tail",))
def energy(
    features: jax.Array,
    *,
    share: jax.Array | float = 0.005,
    tail: str = "bottom",
    mask: jax.Array | None = None,
    valid_dim: jax.Array | int | None = None,
) -> Energy:
    """Mean `logsumexp` of the features, or logits, over the samples where it is lowest, or highest.

    Args:
      features: `(N, D)`, floating point, finite. The public code takes features where the paper has logits.
      share: of the samples that are in the tail, in `[0, 1]`; rounded down, but one sample at least.
      tail: static, "bottom" or "top".
      mask: `(N,)` bool, the samples that count; default all.
      valid_dim: the true width where the features are padded with zero columns; default D.

    Returns:
      Energy, in float32 at least. No samples: 0.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.

    Invariant to the order of samples and columns; `x -> x + c` adds c.
    Transformations: jit, vmap (over models: features and valid_dim batched), jvp, vjp, second order; the gradient goes
      through the samples of the tail.
    References: Gholami et al., ETran: energy-based transferability estimation, ICCV 2023 (arXiv:2308.02027), sec. 3.1.
    """
    require_choice("tail", tail, ("bottom", "top"))
    require_floating("features", features)
    require_shape("features", features, (None, None))
    counted = jnp.ones(features.shape[0], bool) if mask is None else mask.astype(bool)
    require_shape("mask", counted, features.shape[:1])
    features = features.astype(accumulation_dtype(features))
    valid = jnp.arange(features.shape[1]) < (features.shape[1] if valid_dim is None else valid_dim)
    lowest = float(jnp.finfo(features.dtype).min)
    energies = jax.nn.logsumexp(jnp.where(valid[None, :], features, lowest), axis=-1)
    key = jnp.where(counted, energies if tail == "bottom" else -energies, -lowest)
    size = jnp.sum(counted)
    # Shares are not exact in binary: .005 of 1000 is 5.
    number = jnp.floor(share * size.astype(features.dtype) * (1 + 16 * float(jnp.finfo(features.dtype).eps)))
    number = jnp.minimum(jnp.maximum(number, 1), size)
    chosen = jnp.arange(key.shape[0]) < number
    return Energy(safe_divide(jnp.sum(jnp.where(chosen, energies[jnp.argsort(key)], 0.0)), number), jnp.sum(chosen))


@functools.partial(jax.jit, static_argnames=("num_classes", "compat"))
def etran(
    features: jax.Array,
    labels: jax.Array,
    *,
    num_classes: int,
    share: jax.Array | float = 0.005,
    compat: str | None = None,
    mask: jax.Array | None = None,
    valid_dim: jax.Array | int | None = None,
) -> ETran:
    """LDA probability of the true class, and energy of the samples that look least likely.

    The discriminant is `lda` with `adaptive_shrinkage`: the first stage of `sfda`.

    Args:
      features: `(N, D)`, floating point, finite.
      labels: `(N,)` integers; samples with a label outside `0 .. num_classes - 1` are left out.
      num_classes: C, static.
      share: of the samples that count in the energy, as in `energy`.
      compat: None, or "official": the public code takes eigenvectors of a matrix that is not symmetric by a routine for
        symmetric ones, which reduces its LDA to the nearest class mean with log priors (on digits .43 for .96).
      mask: `(N,)` bool, the samples that count; default all.
      valid_dim: the true width where the features are padded with zero columns; default D.

    Returns:
      ETran, in float32 at least. No samples: zeros.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.

    The score is invariant to rotations and translations, neither term to scaling.
    Transformations: jit, vmap (over models: features and valid_dim batched; over label sets: labels batched), jvp, vjp,
      second order. Cost `O(N D^2 + D^3)`.
    References: Gholami et al., ETran: energy-based transferability estimation, ICCV 2023 (arXiv:2308.02027).
    """
    require_choice("compat", str(compat), ("None", "official"))
    weight = counted_samples(features, labels, num_classes, mask, name="mask")
    statistics = class_statistics(features, labels, num_classes, sample_weight=weight, valid_dim=valid_dim)
    moments = finalise(statistics)
    if compat == "official":
        discriminant = discriminant_of(moments, moments.deviation)
    else:
        discriminant = lda(statistics, shrinkage=adaptive_shrinkage(statistics).shrinkage)
    probability = jax.nn.softmax(class_logits(features, discriminant), axis=-1)
    truth = jax.nn.one_hot(labels, num_classes, dtype=weight.dtype) * weight[:, None]
    return ETran(
        score=safe_divide(jnp.sum(truth * probability), moments.num_samples),
        energy=energy(features, share=share, mask=weight > 0, valid_dim=valid_dim).score,
        num_samples=moments.num_samples,
        dropped_classes=moments.dropped_classes,
    )


@jax.jit
def etran_pool(energies: jax.Array, probabilities: jax.Array) -> jax.Array:
    """ETran of the models of a pool: .15 of the scaled energy and .85 of the scaled LDA probability.

    Args:
      energies: `(M,)`, `ETran.energy` of each model.
      probabilities: `(M,)`, `ETran.score` of each.

    Returns:
      `(M,)` in `[0, 1]`; higher is better. A term that all models share counts 0.

    Raises:
      TypeError, ValueError: wrong dtype or shape, or no models, naming the argument.

    A score says nothing outside its pool. Transformations: jit, vmap, jvp, vjp.
    References: Gholami et al., ETran, ICCV 2023 (arXiv:2308.02027); weights and scaling from the authors' code.
    """
    require_shape("probabilities", probabilities, energies.shape)
    low = pool_minmax("energies", energies)
    return _ENERGY_SHARE * low + (1 - _ENERGY_SHARE) * pool_minmax("probabilities", probabilities)
