"""LEEP: log likelihood of the target labels through the source model's own class probabilities."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.safe import safe_divide, safe_log
from jaxinv.kernels.numerics.validation import require_at_least, require_floating, require_integer, require_shape


class LEEP(NamedTuple):
    """The log expected empirical prediction of one model.

    Attributes:
      score: `()`, in nats per sample, <= 0; higher is better. 0: the source classes determine the target class;
        -H(Y): they say nothing.
      num_samples: `()`, total weight of the samples that counted.
      dropped_classes: `()`, target classes without a sample.
      source_classes: `()`, source classes with any probability.
    """

    score: jax.Array
    num_samples: jax.Array
    dropped_classes: jax.Array
    source_classes: jax.Array


@functools.partial(jax.jit, static_argnames=("num_classes",))
def leep(
    source_probabilities: jax.Array,
    labels: jax.Array,
    *,
    num_classes: int,
    sample_weight: jax.Array | None = None,
) -> LEEP:
    """Mean log likelihood of the labels under `p(y | x) = sum_z P(y | z) theta_z(x)`.

    `P(y | z)` is the empirical conditional distribution of the target class given the source class.

    Args:
      source_probabilities: `(N, Cs)`, theta, non-negative; rows are divided by their sum. A row of zeros is left out.
      labels: `(N,)` integers; samples with a label outside `0 .. num_classes - 1` are left out.
      num_classes: C, static.
      sample_weight: `(N,)` non-negative; default 1.

    Returns:
      LEEP, in float32 at least. No samples: score 0.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.

    Invariant to the order of source and of target classes, and to zero columns.
    Transformations: jit, vmap (over models: probabilities batched, labels shared), jvp, vjp, second order; the gradient
      is zero in source classes that have no probability anywhere.
    References: Nguyen, Hassner, Seeger, Archambeau, LEEP, ICML 2020 (arXiv:2002.12462), eq. (2).

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import transferability as tf
      >>> labels = jnp.array([0, 0, 1, 1])
      >>> knows = jnp.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
      >>> float(tf.leep(knows, labels, num_classes=2).score)
      0.0
      >>> tf.leep(jnp.full((4, 2), 0.5), labels, num_classes=2).score.round(3)  # log(1 / 2)
      Array(-0.693, dtype=float32)
    """
    check_source_predictions(source_probabilities, labels, num_classes, sample_weight)
    dtype = accumulation_dtype(source_probabilities)
    theta = source_probabilities.astype(dtype)
    mass = jnp.sum(theta, axis=-1)
    theta = safe_divide(theta, jnp.broadcast_to(mass[:, None], theta.shape))
    weight = jnp.ones_like(mass) if sample_weight is None else sample_weight.astype(dtype)
    counted = (labels >= 0) & (labels < num_classes) & (mass > 0)
    weight = jnp.where(counted, weight, 0.0)
    target = jnp.where(counted, labels, 0)

    weighted_truth = jax.nn.one_hot(target, num_classes, dtype=dtype) * weight[:, None]
    joint = contract("nc,nz->cz", weighted_truth, theta)
    marginal = jnp.sum(joint, axis=0)
    conditional = safe_divide(joint, jnp.broadcast_to(marginal[None, :], joint.shape))
    likelihood = jnp.sum(conditional[target] * theta, axis=-1)
    size = jnp.sum(weight)
    return LEEP(
        score=safe_divide(jnp.sum(weight * safe_log(likelihood)), size),
        num_samples=size,
        dropped_classes=jnp.sum(jnp.sum(weighted_truth, axis=0) == 0),
        source_classes=jnp.sum(marginal > 0),
    )


def check_source_predictions(
    source_probabilities: jax.Array, labels: jax.Array, num_classes: int, sample_weight: jax.Array | None
) -> None:
    """Checks that the arguments of `leep` and `nce` fit together.

    Args:
      source_probabilities: `(N, Cs)`, floating point.
      labels: `(N,)` integers.
      num_classes: >= 1.
      sample_weight: `(N,)`, floating point, or None.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.
    """
    require_floating("source_probabilities", source_probabilities)
    require_shape("source_probabilities", source_probabilities, (None, None))
    require_integer("labels", labels)
    require_shape("labels", labels, source_probabilities.shape[:1])
    require_at_least("num_classes", num_classes, 1)
    if sample_weight is not None:
        require_floating("sample_weight", sample_weight)
        require_shape("sample_weight", sample_weight, source_probabilities.shape[:1])
