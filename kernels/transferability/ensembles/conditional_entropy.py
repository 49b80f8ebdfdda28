"""Joint distributions of two labels, and the entropy of one given the other."""

import functools

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.safe import safe_divide, safe_log
from jaxinv.kernels.numerics.validation import (
    require_at_least,
    require_choice,
    require_floating,
    require_integer,
    require_shape,
)
from jaxinv.kernels.transferability.prediction_scores.leep import check_source_predictions

GIVEN = ("columns", "rows")


@functools.partial(jax.jit, static_argnames=("given",))
def conditional_entropy(joint: jax.Array, *, given: str = "columns") -> jax.Array:
    """`H(A | B) = -sum_ab P(a, b) log P(a | b)` of two labels.

    Args:
      joint: `(A, B)`, non-negative, of any positive sum, by which it is divided.
      given: static, "columns": H(A | B); "rows": H(B | A).

    Returns:
      `()`, in nats, in `[0, log A]` for "columns", in float32 at least. A joint of zeros: 0.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.

    Invariant to the order of rows and of columns, and to rows and columns of zeros.
    Transformations: jit, vmap, jvp, vjp, second order; the gradient is 0 in entries that are 0.
    """
    require_floating("joint", joint)
    require_shape("joint", joint, (None, None))
    require_choice("given", given, GIVEN)
    joint = joint.astype(accumulation_dtype(joint))
    known = jnp.sum(joint, axis=0 if given == "columns" else 1, keepdims=True)
    return safe_divide(jnp.sum(_surprise(joint, known)), jnp.sum(joint))


@functools.partial(jax.jit, static_argnames=("num_classes", "soft"))
def prediction_joint(
    source_probabilities: jax.Array,
    labels: jax.Array,
    *,
    num_classes: int,
    soft: bool = False,
    sample_weight: jax.Array | None = None,
) -> jax.Array:
    """How often a source class is predicted where the target label is y: `(Cs, C)`, of sum 1.

    Args:
      source_probabilities: `(N, Cs)`, of the source model on the target's samples; rows of zeros are left out.
      labels: `(N,)` integers; samples with a label outside `0 .. num_classes - 1` are left out.
      num_classes: C, static.
      soft: static; whether a row counts with its probabilities, divided by their sum, or for its first largest entry.
      sample_weight: `(N,)` non-negative; default 1.

    Returns:
      `(Cs, C)`, in float32 at least; zeros without samples.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.

    Transformations: jit, vmap, jvp, vjp, second order; unless `soft` the gradient in the probabilities is zero.
    """
    check_source_predictions(source_probabilities, labels, num_classes, sample_weight)
    dtype = accumulation_dtype(source_probabilities)
    theta = source_probabilities.astype(dtype)
    mass = jnp.sum(theta, axis=-1)
    if soft:
        theta = safe_divide(theta, jnp.broadcast_to(mass[:, None], theta.shape))
    elif theta.shape[1]:
        theta = jax.nn.one_hot(jnp.argmax(theta, axis=-1), theta.shape[1], dtype=dtype)
    weight = jnp.ones_like(mass) if sample_weight is None else sample_weight.astype(dtype)
    weight = jnp.where((labels >= 0) & (labels < num_classes) & (mass > 0), weight, 0.0)
    truth = jax.nn.one_hot(labels, num_classes, dtype=dtype)
    joint = contract("n,nz,nc->zc", weight, theta, truth)
    return safe_divide(joint, jnp.sum(weight))


@functools.partial(jax.jit, static_argnames=("num_classes",))
def disagreement_matrix(
    predictions: jax.Array, *, num_classes: int, sample_weight: jax.Array | None = None
) -> jax.Array:
    """`H(m_i | m_j)` of the labels that two models predict on the same samples, for all pairs in one contraction.

    Args:
      predictions: `(M, N)` integers; a label outside `0 .. num_classes - 1` of either model leaves a sample out of
        their pair.
      num_classes: static; the largest number of labels of any model.
      sample_weight: `(N,)` non-negative; default 1.

    Returns:
      `(M, M)`, row i given column j, in nats; the diagonal is 0. A model that always predicts the same label has a row
      of zeros: it agrees with everything, and other terms must punish it. dtype of `sample_weight`, float32 at least.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.

    Time `M^2 N C^2`, memory `M N C + M^2 C^2`. Invariant to renamed labels of any model.
    Transformations: jit, vmap, jvp, vjp, second order in `sample_weight`; the predictions are integers.
    """
    require_integer("predictions", predictions)
    require_shape("predictions", predictions, (None, None))
    require_at_least("num_classes", num_classes, 1)
    num_samples = predictions.shape[1]
    if sample_weight is None:
        weight = jnp.ones(num_samples)
    else:
        require_floating("sample_weight", sample_weight)
        require_shape("sample_weight", sample_weight, (num_samples,))
        weight = sample_weight.astype(accumulation_dtype(sample_weight))
    labels = jax.nn.one_hot(predictions, num_classes, dtype=weight.dtype)
    joint = contract("ina,n,jnb->ijab", labels, weight, labels)
    known = jnp.sum(joint, axis=2, keepdims=True)
    return safe_divide(jnp.sum(_surprise(joint, known), axis=(2, 3)), jnp.sum(joint, axis=(2, 3)))


def _surprise(joint, known):
    """`-P(a, b) log P(a | b)`; no entry is negative, for a sum is not below its parts."""
    return joint * (safe_log(jnp.broadcast_to(known, joint.shape)) - safe_log(joint))
