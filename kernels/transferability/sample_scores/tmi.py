"""TMI: entropy of the features within the classes, estimated from nearest neighbours."""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.special import digamma, gammaln

from jaxinv.kernels.numerics.distances import distance, k_nearest
from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.safe import safe_divide
from jaxinv.kernels.numerics.validation import (
    require_at_least,
    require_choice,
    require_floating,
    require_integer,
    require_shape,
)

_METRIC = {"max": "chebyshev", "euclidean": "euclidean"}


class KNNEntropy(NamedTuple):
    """Differential entropy of a sample.

    Attributes:
      score: `()`, in nats; 0 if there are not more than k samples.
      clamped_fraction: `()`, share of the samples whose neighbour is nearer than `min_dist`. Near 1 the score knows the
        number of samples and the dimension only.
      num_samples: `()`, samples that counted.
      valid: `()` bool, whether there are more than k samples.
    """

    score: jax.Array
    clamped_fraction: jax.Array
    num_samples: jax.Array
    valid: jax.Array


class TMIPerClass(NamedTuple):
    """Entropy within each class.

    Attributes:
      entropy: `(C,)`, in nats; 0 for classes with at most k samples.
      prior: `(C,)`, share of the samples.
      valid: `(C,)` bool, classes with more than k samples, whose entropy is an estimate.
      num_samples: `(C,)`, samples of each class.
      clamped: `(C,)`, samples whose neighbour is nearer than `min_dist`; 0 for classes that are not valid.
    """

    entropy: jax.Array
    prior: jax.Array
    valid: jax.Array
    num_samples: jax.Array
    clamped: jax.Array


class TMI(NamedTuple):
    """The intra-class feature variance of one model, as an entropy.

    Attributes:
      score: `()`, in nats; higher is better.
      clamped_fraction: `()`, share of the samples in classes with an estimate whose neighbour is nearer than
        `min_dist`. Above a half the features are small against `min_dist`: scale them up.
      kept: `()`, classes that count in the mean: those with more than k samples, and those with one, whose entropy
        is set to 0.
      dropped_classes: `()`, the others: classes without a sample, and those with 2 .. k.
    """

    score: jax.Array
    clamped_fraction: jax.Array
    kept: jax.Array
    dropped_classes: jax.Array


@functools.partial(jax.jit, static_argnames=("k", "norm"))
def knn_entropy(
    features: jax.Array,
    *,
    k: int = 3,
    norm: str = "max",
    min_dist: jax.Array | float = 1.0,
    mask: jax.Array | None = None,
    valid_dim: jax.Array | int | None = None,
) -> KNNEntropy:
    """Kozachenko-Leonenko estimate of differential entropy.

    `h = psi(n) - psi(k) + log V_d + (d / n) sum_i log max(e_i, min_dist)`, with e_i the distance of sample i from its
    k-th nearest other sample and V_d the volume of the unit ball: `2^d` ("max"), `pi^(d/2) / Gamma(d/2 + 1)`
    ("euclidean"). Biased where d is large against log n.

    Args:
      features: `(n, d)`, floating point, finite.
      k: static, >= 1.
      norm: static, "max" or "euclidean".
      min_dist: distances below it count as `min_dist`, in units of the features; 0 leaves the smallest normal number.
      mask: `(n,)` bool, the samples that count; default all.
      valid_dim: d, where the features are padded with zero columns; default their width.

    Returns:
      KNNEntropy, in float32 at least.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.

    Translation invariant; `x -> s x` adds `d log s` where nothing is clamped; "euclidean" is rotation invariant.
    Memory: as `numerics.distances.k_nearest`. Transformations: jit, vmap, jvp, vjp, second order; the gradient goes
      through each sample and its k-th neighbour, and is zero where clamped.
    References: Kozachenko and Leonenko (1987); Kraskov, Stögbauer, Grassberger, Phys. Rev. E 69 (2004) 066138,
      eq. (20).
    """
    require_choice("norm", norm, tuple(_METRIC))
    require_shape("features", features, (None, None))
    labels = jnp.zeros(features.shape[0], jnp.int32)
    classes = _entropy_per_class(features, labels, 1, k, norm, min_dist, mask, valid_dim)
    return KNNEntropy(
        score=classes.entropy[0],
        clamped_fraction=safe_divide(classes.clamped, classes.num_samples)[0],
        num_samples=classes.num_samples[0],
        valid=classes.valid[0],
    )


@functools.partial(jax.jit, static_argnames=("num_classes", "k"))
def tmi_per_class(
    features: jax.Array,
    labels: jax.Array,
    *,
    num_classes: int,
    k: int = 3,
    min_dist: jax.Array | float = 1.0,
    valid_dim: jax.Array | int | None = None,
    mask: jax.Array | None = None,
) -> TMIPerClass:
    """Entropy of the features within each class, in the maximum norm.

    Arguments, errors and transformations are those of `tmi`.

    Returns:
      TMIPerClass, in float32 at least.
    """
    return _entropy_per_class(features, labels, num_classes, k, "max", min_dist, mask, valid_dim)


@functools.partial(jax.jit, static_argnames=("num_classes", "k", "normalise"))
def tmi(
    features: jax.Array,
    labels: jax.Array,
    *,
    num_classes: int,
    k: int = 3,
    min_dist: jax.Array | float = 1.0,
    normalise: str = "official",
    valid_dim: jax.Array | int | None = None,
    mask: jax.Array | None = None,
) -> TMI:
    """Conditional entropy of the features given the class: models that keep more spread within classes score higher.

    `sum_c p_c h_c` over the kept classes, with h_c the `knn_entropy` of class c in the maximum norm and p_c its share
    of the samples. Compare models of one width on one data set only: the score grows with the width and with the
    scale of the features, and it depends on the basis.

    Args:
      features: `(N, D)`, floating point, finite.
      labels: `(N,)` integers; samples with a label outside `0 .. num_classes - 1` are left out.
      num_classes: C, static.
      k: static, >= 1; which neighbour measures the spread.
      min_dist: smaller distances count as this, in units of the features; watch `clamped_fraction`.
      normalise: static; "official" divides by the number of kept classes, as the authors' code does; "entropy" does
        not, and gives H(Z | Y).
      valid_dim: the true width where the features are padded with zero columns; default D.
      mask: `(N,)` bool, the samples that count; default all.

    Returns:
      TMI, in float32 at least. No class is kept: score 0.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.

    Translation invariant, and in the order of samples and columns; not rotation invariant. Only samples of one class
    are compared, which takes `sum_c n_c^2 D` steps. Memory: as `numerics.distances.k_nearest`.
    Transformations: jit, vmap (over models: features and valid_dim batched, labels shared), jvp, vjp, second order;
      the gradient goes through each sample and its k-th neighbour, and is zero where clamped.
    References: Xu and Kang, Fast and accurate transferability measurement by evaluating intra-class feature variance,
      ICCV 2023 (arXiv:2308.05986).
    """
    require_choice("normalise", normalise, ("official", "entropy"))
    classes = _entropy_per_class(features, labels, num_classes, k, "max", min_dist, mask, valid_dim)
    kept = jnp.sum(classes.valid | (classes.num_samples == 1))
    total = jnp.sum(classes.prior * classes.entropy)
    estimated = jnp.sum(jnp.where(classes.valid, classes.num_samples, 0.0))
    return TMI(
        score=safe_divide(total, kept.astype(total.dtype)) if normalise == "official" else total,
        clamped_fraction=safe_divide(jnp.sum(classes.clamped), estimated),
        kept=kept,
        dropped_classes=num_classes - kept,
    )


def _entropy_per_class(features, labels, num_classes, k, norm, min_dist, mask, valid_dim) -> TMIPerClass:
    require_floating("features", features)
    require_shape("features", features, (None, None))
    require_integer("labels", labels)
    require_shape("labels", labels, features.shape[:1])
    require_at_least("num_classes", num_classes, 1)
    require_at_least("k", k, 1)
    if mask is not None:
        require_shape("mask", mask, features.shape[:1])
    dtype = accumulation_dtype(features)
    counted = (labels >= 0) & (labels < num_classes)
    group = jnp.where(counted if mask is None else counted & mask.astype(bool), labels, num_classes)

    features = features.astype(dtype)
    near = k_nearest(features, k, metric=_METRIC[norm], group=group, num_groups=num_classes)
    apart = distance(features, features[near.rows[:, -1]], metric=_METRIC[norm])
    floor = jnp.maximum(jnp.asarray(min_dist, dtype), float(jnp.finfo(dtype).tiny))
    # A sample has a k-th neighbour exactly if its class has more than k samples.
    exists = near.found[:, -1]
    log_distance = jnp.where(exists, jnp.log(jnp.maximum(apart, floor)), 0.0)
    clamped = (exists & (apart < floor)).astype(dtype)

    def sum_by_class(values):
        return jnp.zeros(num_classes, dtype).at[group].add(values, mode="drop")

    count = sum_by_class(jnp.ones_like(apart))
    valid = count > k
    dim = jnp.asarray(features.shape[1] if valid_dim is None else valid_dim, dtype)
    constant = digamma(jnp.where(valid, count, 1.0)) - digamma(jnp.asarray(k, dtype)) + _log_unit_ball(dim, norm)
    entropy = constant + dim * safe_divide(sum_by_class(log_distance), count)
    return TMIPerClass(
        entropy=jnp.where(valid, entropy, 0.0),
        prior=safe_divide(count, jnp.sum(count)),
        valid=valid,
        num_samples=count,
        clamped=sum_by_class(clamped),
    )


def _log_unit_ball(dim: jax.Array, norm: str) -> jax.Array:
    """Log volume of the ball of radius 1 in `dim` dimensions."""
    return dim * math.log(2.0) if norm == "max" else dim / 2 * math.log(math.pi) - gammaln(dim / 2 + 1)
