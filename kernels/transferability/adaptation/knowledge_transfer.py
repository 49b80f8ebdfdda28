"""The knowledge transfer framework (KTF): semi-supervised adaptation between feature spaces of different widths.

The target is projected into the space of the source, where one linear classifier serves both. The source is data, not
trained. What the source gives is measured by two numbers: how well its classes can be told apart (`discriminability`)
and how far the target's means stay from its own (`transferability_gap`).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.safe import safe_divide
from jaxinv.kernels.numerics.validation import require_at_least, require_floating, require_shape
from jaxinv.kernels.transferability.adaptation.conditional_mmd import (
    ClassSums,
    ConditionalMMD,
    class_sums,
    mean_discrepancy,
    one_hot_labels,
)

# Of the leaky ReLU below 0.
_SLOPE = 0.2
# The least squared length that a row is divided by.
_LEAST_SQUARE = 1e-12


class KtfParams(NamedTuple):
    """Parameters of the projector and of the classifier."""

    projection: Float[Array, "t d"]
    projection_bias: Float[Array, "d"]
    classifier: Float[Array, "d c"]
    classifier_bias: Float[Array, "c"]


class KtfBatch(NamedTuple):
    """What the framework is trained on, from `ktf_batch`."""

    source: Float[Array, "s d"]
    source_members: Float[Array, "s c"]
    source_sums: ClassSums
    labelled: Float[Array, "l t"]
    members: Float[Array, "l c"]
    unlabelled: Float[Array, "u t"]


class KtfLoss(NamedTuple):
    """The loss and its parts, before their weights."""

    total: Float[Array, ""]
    target: Float[Array, ""]
    """Mean cross-entropy of the target's labelled samples."""
    source: Float[Array, ""]
    """Mean cross-entropy of the source: minus its discriminability."""
    gap: Float[Array, ""]
    """The combined MMD."""
    penalty: Float[Array, ""]
    """Half the squared weights, biases left out."""


def ktf_batch(
    source: Float[Array, "s d"],
    source_labels: Int[Array, "s"],
    labelled: Float[Array, "l t"],
    labels: Int[Array, "l"],
    unlabelled: Float[Array, "u t"],
    *,
    num_classes: int,
) -> KtfBatch:
    """Brings the rows of all samples to length 1 and takes the sums of the source, which stay the same in training.

    Args:
      source: `(s, d)`, in the common space, floating point.
      source_labels: `(s,)` integers; samples with labels outside `0 .. C - 1` are left out.
      labelled: `(l, t)`, the target's samples with a label.
      labels: `(l,)`, likewise.
      unlabelled: `(u, t)`, the target's other samples. Training sees them all: accuracy on them is transductive.
      num_classes: static; C.

    Returns:
      KtfBatch, in float32 at least; a zero row stays zero.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.
    Transformations: jit, vmap (over sources or targets alone, too), jvp, vjp, any order.
    """
    require_at_least("num_classes", num_classes, 1)
    for name, features in (("source", source), ("labelled", labelled), ("unlabelled", unlabelled)):
        require_floating(name, features)
        require_shape(name, features, (None, None))
    require_shape("unlabelled", unlabelled, (None, labelled.shape[1]))
    dtype = accumulation_dtype(source, labelled, unlabelled)
    source, labelled, unlabelled = (_unit_rows(x.astype(dtype)) for x in (source, labelled, unlabelled))
    source_members = one_hot_labels("source", source, source_labels, num_classes, dtype)
    return KtfBatch(
        source=source,
        source_members=source_members,
        source_sums=class_sums(source, source_members),
        labelled=labelled,
        members=one_hot_labels("labelled", labelled, labels, num_classes, dtype),
        unlabelled=unlabelled,
    )


def ktf_project(params: KtfParams, target: Float[Array, "n t"]) -> Float[Array, "n d"]:
    """Target samples in the space of the source: a dense layer, a leaky ReLU (slope 0.2), and rows of length 1.

    Args:
      params: trained or not.
      target: `(n, t)`, rows of length 1 as in `ktf_batch`.

    Returns:
      `(n, d)`, rows of length 1.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order.
    """
    require_floating("target", target)
    require_shape("target", target, (None, params.projection.shape[0]))
    return _unit_rows(
        jax.nn.leaky_relu(contract("nt,td->nd", target, params.projection) + params.projection_bias[None], _SLOPE)
    )


def ktf_logits(params: KtfParams, features: Float[Array, "n d"]) -> Float[Array, "n c"]:
    """The classifier's logits of samples in the common space.

    Args:
      params: trained or not.
      features: `(n, d)`: a source's rows, or projected ones.

    Returns:
      `(n, C)`.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order.
    """
    require_floating("features", features)
    require_shape("features", features, (None, params.classifier.shape[0]))
    return contract("nd,dc->nc", features, params.classifier) + params.classifier_bias[None]


def discriminability(params: KtfParams, batch: KtfBatch) -> Float[Array, ""]:
    """How well the shared classifier tells the source's classes apart: minus its mean cross-entropy.

    The paper's L_s is the negative of it. The penalty on weights keeps the logits of rows of length 1 small, so that
    it stays below -1 where the accuracy is 1: compare it between sources, and do not read it as an error.

    Args:
      params: trained.
      batch: what they were trained on.

    Returns:
      At most 0; 0 for a source without samples.

    Transformations: jit, vmap, jvp, vjp, any order.
    """
    return -_cross_entropy(ktf_logits(params, batch.source), batch.source_members)


def transferability_gap(params: KtfParams, batch: KtfBatch) -> ConditionalMMD:
    """How far the projected target stays from the source.

    Args:
      params: trained.
      batch: what they were trained on.

    Returns:
      ConditionalMMD; lower is better. `combined` is the paper's L_st.

    Transformations: jit, vmap, jvp, vjp, any order.
    """
    return _gap(params, batch, ktf_project(params, batch.labelled))


def ktf_loss(
    params: KtfParams,
    batch: KtfBatch,
    *,
    beta: Float[Array, ""] | float,
    mu: Float[Array, ""] | float,
    tau: Float[Array, ""] | float,
) -> KtfLoss:
    """`CE(labelled) + beta CE(source) + mu MMD + tau / 2 (|W_projection|^2 + |W_classifier|^2)`.

    With `beta = mu = 0` the source has no effect on the total nor on its gradient: the target-only baseline, of the
    same network.

    Args:
      params: of the projector and the classifier.
      batch: from `ktf_batch`.
      beta: weight of the source's cross-entropy.
      mu: weight of the combined MMD.
      tau: of the penalty.

    Returns:
      KtfLoss, each part before its weight.

    Raises:
      TypeError, ValueError: wrong shapes, naming the argument.
    Transformations: jit, vmap (over parameters, batches and weights), jvp, vjp, any order. The gradient is finite; that
      of a sample whose projection is the zero vector is that of the projection times 1e6.
    References: Yao et al. (2025), arXiv:2502.13573.
    """
    projected = ktf_project(params, batch.labelled)
    target = _cross_entropy(ktf_logits(params, projected), batch.members)
    source = -discriminability(params, batch)
    gap = _gap(params, batch, projected).combined
    squares = [jnp.sum(w.astype(gap.dtype) ** 2) for w in (params.projection, params.classifier)]
    penalty = (squares[0] + squares[1]) / 2
    return KtfLoss(target + beta * source + mu * gap + tau * penalty, target, source, gap, penalty)


def _gap(params, batch, projected) -> ConditionalMMD:
    unlabelled = ktf_project(params, batch.unlabelled)
    probabilities = jax.nn.softmax(ktf_logits(params, unlabelled))
    target = jax.tree.map(jnp.add, class_sums(projected, batch.members), class_sums(unlabelled, probabilities))
    return mean_discrepancy(batch.source_sums, target)


def _cross_entropy(logits, members):
    """The mean over samples that have a class."""
    return safe_divide(-jnp.sum(members * jax.nn.log_softmax(logits)), jnp.sum(members))


def _unit_rows(x):
    return x * jax.lax.rsqrt(jnp.maximum(jnp.sum(x * x, axis=1, keepdims=True), _LEAST_SQUARE))
