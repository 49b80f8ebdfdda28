"""Leave-one-out accuracy of the k-nearest-neighbour classifier: a plain baseline for every other score."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.distances import k_nearest
from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.safe import safe_divide
from jaxinv.kernels.numerics.validation import (
    require_at_least,
    require_choice,
    require_floating,
    require_integer,
    require_shape,
)


class KNN(NamedTuple):
    """How often neighbours tell the class.

    Attributes:
      score: `()`, share of the samples whose neighbours vote for the right class, in `[0, 1]`; higher is better.
      balanced: `()`, the same for each class, averaged over the classes that are present.
      num_samples: `()`, samples that counted.
      dropped_classes: `()`, classes without a sample.
    """

    score: jax.Array
    balanced: jax.Array
    num_samples: jax.Array
    dropped_classes: jax.Array


@functools.partial(jax.jit, static_argnames=("num_classes", "k", "metric"))
def knn(
    features: jax.Array,
    labels: jax.Array,
    *,
    num_classes: int,
    k: int = 1,
    metric: str = "euclidean",
    mask: jax.Array | None = None,
) -> KNN:
    """Leave-one-out accuracy of the k-nearest-neighbour classifier.

    The k nearest other samples vote; at a tie the smallest class number wins. Samples at equal distance come in the
    order of their index. Where there are fewer than k other samples, those vote.

    Args:
      features: `(N, D)`, floating point, finite.
      labels: `(N,)` integers; samples with a label outside `0 .. num_classes - 1` are left out, and do not vote.
      num_classes: C, static.
      k: static, >= 1.
      metric: static, "euclidean" or "cosine" (where the zero vector is at right angles to everything).
      mask: `(N,)` bool, the samples that count; default all.

    Returns:
      KNN, in float32 at least. A sample without any other counts as wrong; no samples: 0.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.

    Invariant to rotations, scaling and zero columns; "euclidean" also to translations.
    Memory: as `numerics.distances.k_nearest`.
    Transformations: jit, vmap (over models: features batched, labels shared). Piecewise constant: the gradient is zero.
    References: Cover and Hart, Nearest neighbor pattern classification, IEEE Trans. Inf. Theory 13 (1967).

    Examples:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import transferability as tf
      >>> labels = jnp.arange(90) % 3
      >>> noise = jax.random.normal(jax.random.key(0), (90, 8))
      >>> poor, good = (noise + gap * jax.nn.one_hot(labels, 8) for gap in (0.5, 3.0))
      >>> [round(float(tf.knn(x, labels, num_classes=3).score), 2) for x in (poor, good)]
      [0.37, 0.93]
    """
    require_floating("features", features)
    require_shape("features", features, (None, None))
    require_integer("labels", labels)
    require_shape("labels", labels, features.shape[:1])
    require_at_least("num_classes", num_classes, 1)
    require_at_least("k", k, 1)
    require_choice("metric", metric, ("euclidean", "cosine"))
    if mask is not None:
        require_shape("mask", mask, features.shape[:1])
    counted = (labels >= 0) & (labels < num_classes)
    counted = counted if mask is None else counted & mask.astype(bool)

    near = k_nearest(features, k, metric=metric, group=jnp.where(counted, 0, 1))
    voters = jnp.where(near.found, labels[near.rows], num_classes)
    rows = jnp.broadcast_to(jnp.arange(labels.shape[0])[:, None], voters.shape)
    votes = jnp.zeros((labels.shape[0], num_classes), jnp.int32).at[rows, voters].add(1, mode="drop")
    right = near.found[:, 0] & (jnp.argmax(votes, axis=-1) == labels)

    dtype = accumulation_dtype(features)
    truth = jnp.where(counted, labels, num_classes)
    count = jnp.zeros(num_classes, dtype).at[truth].add(1.0, mode="drop")
    right_count = jnp.zeros(num_classes, dtype).at[truth].add(right.astype(dtype), mode="drop")
    present = jnp.sum(count > 0)
    return KNN(
        score=safe_divide(jnp.sum(right_count), jnp.sum(count)),
        balanced=safe_divide(jnp.sum(safe_divide(right_count, count)), present.astype(dtype)),
        num_samples=jnp.sum(count),
        dropped_classes=num_classes - present,
    )
