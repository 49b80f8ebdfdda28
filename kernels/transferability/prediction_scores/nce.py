"""NCE: minus the entropy of the target labels given the source model's predicted class."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.safe import safe_divide, safe_log
from jaxinv.kernels.transferability.prediction_scores.leep import check_source_predictions


class NCE(NamedTuple):
    """The negative conditional entropy of one model.

    Attributes:
      score: `()`, in nats, in `[-log C, 0]`; higher is better.
      num_samples: `()`, total weight of the samples that counted.
      dropped_classes: `()`, target classes without a sample.
      source_classes: `()`, source classes that were predicted for any sample.
    """

    score: jax.Array
    num_samples: jax.Array
    dropped_classes: jax.Array
    source_classes: jax.Array


@functools.partial(jax.jit, static_argnames=("num_classes",))
def nce(
    source_probabilities: jax.Array,
    labels: jax.Array,
    *,
    num_classes: int,
    sample_weight: jax.Array | None = None,
) -> NCE:
    """`-H(Y | Z) = sum_yz P(y, z) log P(y | z)`, where z is the source class with the highest probability.

    Args:
      source_probabilities: `(N, Cs)`; only the first largest entry of each row counts, so logits serve as well.
      labels: `(N,)` integers; samples with a label outside `0 .. num_classes - 1` are left out.
      num_classes: C, static.
      sample_weight: `(N,)` non-negative; default 1.

    Returns:
      NCE, in float32 at least. No samples, or no source classes: score 0.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.

    Transformations: jit, vmap, jvp, vjp; piecewise constant in the probabilities, so that gradient is zero;
      differentiable in `sample_weight`.
    References: Tran, Nguyen, Hassner, Transferability and hardness of supervised classification tasks, ICCV 2019
      (arXiv:1908.08142), eq. (4).
    """
    check_source_predictions(source_probabilities, labels, num_classes, sample_weight)
    dtype = accumulation_dtype(source_probabilities)
    num_samples, num_sources = source_probabilities.shape
    weight = jnp.ones(num_samples, dtype) if sample_weight is None else sample_weight.astype(dtype)
    counted = (labels >= 0) & (labels < num_classes)
    predicted = jnp.argmax(source_probabilities, axis=-1) if num_sources else jnp.zeros(num_samples, jnp.int32)
    target = jnp.where(counted, labels, num_classes)
    joint = jnp.zeros((num_classes, num_sources), dtype).at[target, predicted].add(weight, mode="drop")
    marginal = jnp.sum(joint, axis=0)
    conditional = safe_divide(joint, jnp.broadcast_to(marginal[None, :], joint.shape))
    size = jnp.sum(joint)
    return NCE(
        score=safe_divide(jnp.sum(joint * safe_log(conditional)), size),
        num_samples=size,
        dropped_classes=jnp.sum(jnp.sum(joint, axis=1) == 0),
        source_classes=jnp.sum(marginal > 0),
    )
