"""The distance between the means of two domains, over all samples and within each class.

With a linear kernel the maximum mean discrepancy (MMD) of two samples is the distance of their means. Membership of
classes may be soft, so that samples without a label take part by the probabilities of a classifier. Everything follows
from sums over samples, which add over batches and devices.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.safe import safe_divide
from jaxinv.kernels.numerics.validation import require_floating, require_integer, require_shape


class ClassSums(NamedTuple):
    """Sums over the samples of a domain; two of them add field by field."""

    mass: Float[Array, "c"]
    """How many samples each class has, shares of samples included."""
    total: Float[Array, "c d"]
    """Their sum, each times its share."""


class ConditionalMMD(NamedTuple):
    """Squared distances of the means of two domains; lower is nearer."""

    marginal: Float[Array, ""]
    """Of all samples."""
    conditional: Float[Array, ""]
    """The sum over classes of the distance within each."""
    combined: Float[Array, ""]
    """The mean of the marginal and of the classes' terms, of the compared classes."""
    dropped_classes: Int[Array, ""]
    """Classes that one of the domains does not have; they have no term."""


@jax.jit
def class_sums(features: Float[Array, "n d"], membership: Float[Array, "n c"]) -> ClassSums:
    """Sums of a domain's samples by class.

    Args:
      features: `(n, d)`, floating point.
      membership: `(n, C)`, how much each sample belongs to each class: one-hot labels or probabilities. A row of zeros
        is padding.

    Returns:
      ClassSums, in float32 at least.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order.
    """
    require_floating("features", features)
    require_floating("membership", membership)
    require_shape("features", features, (None, None))
    require_shape("membership", membership, (features.shape[0], None))
    dtype = accumulation_dtype(features, membership)
    return ClassSums(jnp.sum(membership.astype(dtype), axis=0), contract("nc,nd->cd", membership, features))


@jax.jit
def mean_discrepancy(source: ClassSums, target: ClassSums) -> ConditionalMMD:
    """The distances of the means of two domains, from their sums.

    Args:
      source, target: of C classes and d features each.

    Returns:
      ConditionalMMD. A domain without samples has the mean 0, and drops every class.

    Raises:
      ValueError: if the two have not the same classes and features.
    Transformations: jit, vmap, jvp, vjp, any order.
    """
    require_shape("target.total", target.total, source.total.shape)
    shift = _mean(jnp.sum(source.mass), jnp.sum(source.total, axis=0)) - _mean(
        jnp.sum(target.mass), jnp.sum(target.total, axis=0)
    )
    class_shift = _mean(source.mass, source.total) - _mean(target.mass, target.total)
    compared = (source.mass > 0) & (target.mass > 0)
    marginal = jnp.sum(shift**2)
    conditional = jnp.sum(jnp.where(compared, jnp.sum(class_shift**2, axis=-1), 0.0))
    return ConditionalMMD(
        marginal=marginal,
        conditional=conditional,
        combined=(marginal + conditional) / (1 + jnp.sum(compared, dtype=marginal.dtype)),
        dropped_classes=jnp.sum(~compared),
    )


@jax.jit
def class_conditional_mmd(
    source: Float[Array, "s d"],
    source_labels: Int[Array, "s"],
    labelled: Float[Array, "l d"],
    labels: Int[Array, "l"],
    unlabelled: Float[Array, "u d"],
    probabilities: Float[Array, "u c"],
) -> ConditionalMMD:
    """The marginal and the class-conditional MMD between a labelled source and a target of which few have labels.

    The target's mean of class c is `(sum of its labelled samples + sum_u prob_uc x_u) / (n_c + sum_u prob_uc)`.

    Args:
      source: `(s, d)`, floating point.
      source_labels: `(s,)` integers; samples with labels outside `0 .. C - 1` are left out.
      labelled: `(l, d)`, the target's samples with a label.
      labels: `(l,)`, likewise.
      unlabelled: `(u, d)`, the target's other samples.
      probabilities: `(u, C)`, a classifier's opinion of them; a row of zeros leaves its sample out.

    Returns:
      ConditionalMMD, in float32 at least.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.

    Invariant to the order of samples within each set, to the order of classes, and to a common translation.
    Transformations: jit, vmap, jvp, vjp, any order; the gradient goes through the probabilities.
    References: Yao et al. (2025), arXiv:2502.13573, the knowledge transfer framework. A class without samples is
      dropped, where the official code divides by zero.
    """
    require_floating("probabilities", probabilities)
    require_shape("probabilities", probabilities, (None, None))
    num_classes, dtype = probabilities.shape[1], probabilities.dtype
    sets = (("source", source, source_labels), ("labelled", labelled, labels))
    sums = [class_sums(x, one_hot_labels(name, x, y, num_classes, dtype)) for name, x, y in sets]
    target = jax.tree.map(jnp.add, sums[1], class_sums(unlabelled, probabilities))
    return mean_discrepancy(sums[0], target)


def one_hot_labels(name: str, features: jax.Array, labels: jax.Array, num_classes: int, dtype) -> jax.Array:
    """`(n, C)` memberships, rows of zeros for labels out of range; raises unless labels fit the features `name`."""
    require_integer(f"labels of {name}", labels)
    require_shape(f"labels of {name}", labels, features.shape[:1])
    return jax.nn.one_hot(labels, num_classes, dtype=dtype)


def _mean(mass: jax.Array, total: jax.Array) -> jax.Array:
    return safe_divide(total, jnp.broadcast_to(mass[..., None], total.shape))
