"""OSBORN: what an ensemble of source models costs in domain difference, task difference and disagreement.

`OSBORN(E) = sum_{s in E} W_D(s) + sum_{s in E} W_T(s) + W_C(E)`: an ensemble with a low sum is a good one, and its
score is minus that sum. The terms of a pool are brought to one scale by `ensemble_costs`, and subsets are chosen by
`exhaustive_selection` and `greedy_selection`.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.safe import safe_divide
from jaxinv.kernels.numerics.validation import (
    require_at_least,
    require_choice,
    require_floating,
    require_integer,
    require_shape,
)
from jaxinv.kernels.transferability.ensembles.conditional_entropy import conditional_entropy, prediction_joint
from jaxinv.kernels.transferability.ensembles.transport import coupled_sum, transport

GIVEN = ("target", "source")
PAIRS = ("ordered", "upper")


class OsbornTerms(NamedTuple):
    """What one source model costs.

    Attributes:
      score: `()`, minus the sum of both terms as they are; higher is better. In a pool the terms are scaled first.
      domain: `()`, W_D, the transport cost from source to target features, in squared units of the features.
      task: `()`, W_T, a conditional entropy of labels, in nats.
      marginal_error: `()`, of the transport plan.
      num_iterations: `()`, of the transport solver.
    """

    score: jax.Array
    domain: jax.Array
    task: jax.Array
    marginal_error: jax.Array
    num_iterations: jax.Array


class EnsembleCosts(NamedTuple):
    """Costs of a pool of M models, from which those of every subset follow.

    Attributes:
      unary: `(M,)`, of each model by itself.
      pairwise: `(M, M)`, of model i given model j; the diagonal is 0.
    """

    unary: jax.Array
    pairwise: jax.Array


@functools.partial(
    jax.jit,
    static_argnames=(
        "num_source_classes",
        "num_classes",
        "given",
        "regularizer",
        "tolerance",
        "max_iterations",
        "batch_size",
    ),
)
def osborn_terms(
    source_features: jax.Array,
    source_labels: jax.Array,
    target_features: jax.Array,
    target_labels: jax.Array,
    *,
    num_source_classes: int,
    num_classes: int,
    source_probabilities: jax.Array | None = None,
    given: str = "target",
    regularizer: str = "entropic",
    epsilon: jax.Array | float = 0.05,
    source_weight: jax.Array | None = None,
    target_weight: jax.Array | None = None,
    tolerance: float = 1e-5,
    max_iterations: int = 2000,
    batch_size: int | None = None,
) -> OsbornTerms:
    """Domain difference W_D and task difference W_T between a model's source task and a target task.

    Both data sets go through the source model. W_D is the cost of transport between their features; W_T is the
    conditional entropy of the labels that the plan, or the model's own predictions, bring together.

    Args:
      source_features: `(n, d)`, floating point, finite.
      source_labels: `(n,)` integers; samples with a label outside `0 .. num_source_classes - 1` are left out.
      target_features: `(m, d)`, of the same model.
      target_labels: `(m,)` integers; likewise with `num_classes`.
      num_source_classes: static.
      num_classes: C, static.
      source_probabilities: `(m, num_source_classes)`, of the source model on the target samples; then W_T is that of
        its predicted classes, by `prediction_joint`, else that of the source labels under the plan.
      given: static, "target": H(source label | target label); "source": H(target label | source label), as OTCE has it.
      regularizer: static, see `transport`.
      epsilon: see `transport`, as for the last three.
      source_weight: `(n,)`, non-negative; default equal.
      target_weight: `(m,)`, likewise.
      tolerance: static.
      max_iterations: static.
      batch_size: static.

    Returns:
      OsbornTerms, in float32 at least. No samples on one side: all 0.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.

    Invariant to the order of samples and of labels, to zero columns, and to rotations of the features.
    Transformations: jit, vmap (over models, and over label sets), jvp, vjp, second order in the features.
    References: Vimal K B et al., Building a winning team, ICCV 2023 (arXiv:2309.02429), section 4.
    """
    require_choice("given", given, GIVEN)
    source_weight = _labelled("source", source_features, source_labels, num_source_classes, source_weight)
    target_weight = _labelled("target", target_features, target_labels, num_classes, target_weight)
    coupling = transport(
        source_features,
        target_features,
        regularizer=regularizer,
        epsilon=epsilon,
        source_weight=source_weight,
        target_weight=target_weight,
        tolerance=tolerance,
        max_iterations=max_iterations,
        batch_size=batch_size,
    )
    if source_probabilities is None:
        dtype = coupling.cost.dtype
        source_truth = jax.nn.one_hot(source_labels, num_source_classes, dtype=dtype)
        target_truth = jax.nn.one_hot(target_labels, num_classes, dtype=dtype)
        joint = coupled_sum(coupling, source_truth, target_truth)
    else:
        require_shape("source_probabilities", source_probabilities, (target_labels.shape[0], num_source_classes))
        joint = prediction_joint(
            source_probabilities, target_labels, num_classes=num_classes, sample_weight=target_weight
        )
    task = conditional_entropy(joint, given="columns" if given == "target" else "rows")
    return OsbornTerms(
        score=-(coupling.cost + task),
        domain=coupling.cost,
        task=task,
        marginal_error=coupling.marginal_error,
        num_iterations=coupling.num_iterations,
    )


def _labelled(name, features, labels, num_classes, weight):
    """Weights `(N,)` of one side's samples, 0 where the label is none."""
    require_floating(f"{name}_features", features)
    require_shape(f"{name}_features", features, (None, None))
    require_integer(f"{name}_labels", labels)
    require_shape(f"{name}_labels", labels, features.shape[:1])
    require_at_least("num_source_classes" if name == "source" else "num_classes", num_classes, 1)
    if weight is None:
        weight = jnp.ones(labels.shape, accumulation_dtype(features))
    require_floating(f"{name}_weight", weight)
    require_shape(f"{name}_weight", weight, labels.shape)
    return jnp.where((labels >= 0) & (labels < num_classes), weight, 0.0)


@functools.partial(jax.jit, static_argnames=("weights", "pairs", "standardize"))
def ensemble_costs(
    domain: jax.Array,
    task: jax.Array,
    disagreement: jax.Array,
    *,
    weights: tuple[float, float, float] = (1.0, 1.0, 1.0),
    pairs: str = "ordered",
    standardize: bool = True,
) -> EnsembleCosts:
    """The three terms of a pool on one scale.

    Each term is divided by its standard deviation over the pool, that of the disagreement over the pairs of different
    models; a term without spread is left as it is. Nothing is subtracted: costs of pairs stay non-negative, on which
    submodularity rests.

    Args:
      domain: `(M,)`, W_D of each model.
      task: `(M,)`, W_T.
      disagreement: `(M, M)`, `disagreement_matrix`.
      weights: static, of the three terms after scaling, non-negative.
      pairs: static, "ordered": H(i | j) and H(j | i) count; "upper": H(i | j) with i < j only, which depends on the
        order of the pool.
      standardize: static; False leaves the terms in their own units.

    Returns:
      EnsembleCosts, in float32 at least.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.

    Transformations: jit, vmap (over targets), jvp, vjp, second order.
    References: arXiv:2309.02429, section 4 and appendix G.
    """
    require_floating("domain", domain)
    require_floating("task", task)
    require_floating("disagreement", disagreement)
    require_shape("domain", domain, (None,))
    num_models = domain.shape[0]
    require_shape("task", task, (num_models,))
    require_shape("disagreement", disagreement, (num_models, num_models))
    require_choice("pairs", pairs, PAIRS)
    for name, weight in zip(("domain", "task", "disagreement"), weights, strict=True):
        require_at_least(f"weights: that of {name}", weight, 0.0)
    dtype = accumulation_dtype(domain, task, disagreement)
    domain, task, disagreement = (x.astype(dtype) for x in (domain, task, disagreement))
    different = ~jnp.eye(num_models, dtype=bool)
    if standardize:
        every = jnp.ones(num_models, bool)
        domain, task = _over_deviation(domain, every), _over_deviation(task, every)
        disagreement = _over_deviation(disagreement, different)
    counted = jnp.triu(different) if pairs == "upper" else different
    return EnsembleCosts(
        unary=weights[0] * domain + weights[1] * task,
        pairwise=weights[2] * jnp.where(counted, disagreement, 0.0),
    )


def _over_deviation(values, counted):
    """Divided by the standard deviation of those that count, unless that is rounding."""
    number = jnp.maximum(jnp.sum(counted), 1).astype(values.dtype)
    mean = jnp.sum(jnp.where(counted, values, 0.0)) / number
    variance = jnp.sum(jnp.where(counted, (values - mean) ** 2, 0.0)) / number
    rounding = 8 * float(jnp.finfo(values.dtype).eps) * mean
    spread = variance > rounding**2
    deviation = jnp.where(spread, jnp.sqrt(jnp.where(spread, variance, 1.0)), 1.0)
    return safe_divide(values, jnp.broadcast_to(deviation, values.shape))
