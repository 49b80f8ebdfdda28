"""OTCE: transferability between a source and a target task from optimal transport and conditional entropy."""

import functools
from typing import NamedTuple

import jax

from jaxinv.kernels.transferability.ensembles.osborn import osborn_terms


class OTCE(NamedTuple):
    """The score of one source model.

    Attributes:
      score: `()`, minus the weighted sum of both differences; higher is better.
      domain: `()`, W_D, the transport cost from source to target features, in squared units of the features.
      task: `()`, W_T = H(target label | source label) under the plan, in nats.
      marginal_error: `()`, of the transport plan.
    """

    score: jax.Array
    domain: jax.Array
    task: jax.Array
    marginal_error: jax.Array


@functools.partial(
    jax.jit, static_argnames=("num_source_classes", "num_classes", "tolerance", "max_iterations", "batch_size")
)
def otce(
    source_features: jax.Array,
    source_labels: jax.Array,
    target_features: jax.Array,
    target_labels: jax.Array,
    *,
    num_source_classes: int,
    num_classes: int,
    domain_weight: jax.Array | float = 0.0,
    task_weight: jax.Array | float = 1.0,
    epsilon: jax.Array | float = 0.05,
    source_weight: jax.Array | None = None,
    target_weight: jax.Array | None = None,
    tolerance: float = 1e-5,
    max_iterations: int = 2000,
    batch_size: int | None = None,
) -> OTCE:
    """`-(w_D W_D + w_T W_T)` with the entropic plan between source and target features.

    The paper fits its coefficients to the transfer accuracies of auxiliary tasks: pass minus the fitted ones as
    weights. The defaults need no auxiliary task and give the authors' OT-based NCE, `-H(Y_t | Y_s)`, in `[-log C, 0]`.
    The paper takes the unregularised plan, which small `epsilon` approaches. Both terms are those of `osborn_terms`
    with `given="source"`; arguments that are not named here are its arguments.

    Args:
      domain_weight: w_D, per squared unit of the features.
      task_weight: w_T.

    Returns:
      OTCE, in float32 at least. No samples on one side: score 0.

    Raises, invariances and transformations: as `osborn_terms`.
    References: Tan, Li, Huang, OTCE, CVPR 2021 (arXiv:2103.13843), section 3 and the appendix on the OT-based NCE.
    """
    terms = osborn_terms(
        source_features,
        source_labels,
        target_features,
        target_labels,
        num_source_classes=num_source_classes,
        num_classes=num_classes,
        given="source",
        epsilon=epsilon,
        source_weight=source_weight,
        target_weight=target_weight,
        tolerance=tolerance,
        max_iterations=max_iterations,
        batch_size=batch_size,
    )
    return OTCE(
        score=-(domain_weight * terms.domain + task_weight * terms.task),
        domain=terms.domain,
        task=terms.task,
        marginal_error=terms.marginal_error,
    )
