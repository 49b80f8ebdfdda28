"""Optimal transport between the features of two data sets: entropic, or with a quadratic regulariser.

A coupling P of points x_i of weight a_i and y_j of weight b_j is `P_ij = a_i b_j phi((f_i + g_j - C_ij) / eps)` with
the squared distances C, and the potentials f and g for which its sums along rows and columns are a and b. Entropic
transport (Sinkhorn) has `phi = exp`; quadratically regularised transport, whose cost has the term `eps / 2 sum_ij
P_ij^2 / (a_i b_j)`, has `phi = max(0, .)`, and most of its entries are zero. Both are solved by alternation: each
potential in its turn is set so that its own marginal is met.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.shares import shares
from jaxinv.kernels.numerics.stationary_point import stationary_point
from jaxinv.kernels.numerics.validation import require_at_least, require_choice, require_floating, require_shape
from jaxinv.kernels.transferability.ensembles.transport_problem import (
    TransportProblem,
    alternate,
    defect,
    transport_problem,
)

REGULARIZERS = ("entropic", "quadratic")


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True, kw_only=True)
class Coupling:
    """A transport plan, held by its potentials: no `n x m` array. See `transport_plan` and `coupled_sum`.

    Attributes:
      cost: `()`, `sum_ij P_ij |x_i - y_j|^2` without the regulariser, in squared units of the features.
      marginal_error: `()`, `sum_i |sum_j P_ij - a_i|`; the sums along columns are met exactly.
      num_iterations: `()`, alternations taken. At `max_iterations` the plan has not converged.
      regularization: `()`, eps in squared units of the features.
      source: `(n, d)`, about their mean, in the dtype of sums.
      target: `(m, d)`, likewise about theirs: a translation does not change the plan.
      source_weight: `(n,)`, of sum 1.
      target_weight: `(m,)`, of sum 1.
      source_potential: `(n,)`, f; 0 for points without weight.
      target_potential: `(m,)`, g; likewise.
      regularizer: static.
      batch_size: static.
    """

    cost: jax.Array
    marginal_error: jax.Array
    num_iterations: jax.Array
    regularization: jax.Array
    source: jax.Array
    target: jax.Array
    source_weight: jax.Array
    target_weight: jax.Array
    source_potential: jax.Array
    target_potential: jax.Array
    regularizer: str = dataclasses.field(metadata={"static": True})
    batch_size: int | None = dataclasses.field(metadata={"static": True})


@functools.partial(jax.jit, static_argnames=("regularizer", "tolerance", "max_iterations", "batch_size"))
def transport(
    source: jax.Array,
    target: jax.Array,
    *,
    regularizer: str = "entropic",
    epsilon: jax.Array | float = 0.05,
    source_weight: jax.Array | None = None,
    target_weight: jax.Array | None = None,
    tolerance: float = 1e-5,
    max_iterations: int = 2000,
    batch_size: int | None = None,
) -> Coupling:
    """The regularised optimal coupling of two clouds of points under the squared Euclidean distance.

    Args:
      source: `(n, d)`, floating point, finite.
      target: `(m, d)`.
      regularizer: static, "entropic" or "quadratic" (sparse plans).
      epsilon: positive, in units of the mean squared distance of the two clouds, each about its mean. The mean, unlike
        the median, is the same in blocks, under weights and in any order, and smooth.
      source_weight: `(n,)`, non-negative, divided by their sum; default equal. A point without weight is padding.
      target_weight: `(m,)`, likewise.
      tolerance: static; alternation ends at this `marginal_error`, or at what rounding allows.
      max_iterations: static.
      batch_size: static. None keeps the `n x m` distances; a number of rows computes as many at a time, again in every
        alternation: memory `(n + m) d + batch_size max(n, m)`, time larger by a factor of about d.

    Returns:
      Coupling, in float32 at least. Without points, or where all weights are zero: cost 0.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.

    The plan is invariant to translations of either cloud, and to rotations and scaling of both.
    Transformations: jit, vmap, jvp, vjp, second order in `source`, `target` and `epsilon`, by the implicit function
      theorem (conjugate gradients): exact where the alternation has converged. Weights are constants.
    References: Cuturi, NeurIPS 2013 (arXiv:1306.0895); Blondel, Seguy, Rolet, AISTATS 2018 (arXiv:1710.06276); Lorenz,
      Manns, Meyer, Quadratically regularized optimal transport (2019), arXiv:1903.01112.
    """
    require_floating("source", source)
    require_floating("target", target)
    require_shape("source", source, (None, None))
    require_shape("target", target, (None, source.shape[1]))
    require_choice("regularizer", regularizer, REGULARIZERS)
    require_at_least("max_iterations", max_iterations, 1)
    if batch_size is not None:
        require_at_least("batch_size", batch_size, 1)
    dtype = accumulation_dtype(source, target)
    source, target = source.astype(dtype), target.astype(dtype)
    source_weight = shares("source_weight", source_weight, source.shape[0], dtype)
    target_weight = shares("target_weight", target_weight, target.shape[0], dtype)
    source_mean, target_mean = (
        contract("n,nd->d", weight, points) for weight, points in ((source_weight, source), (target_weight, target))
    )
    source, target = source - source_mean[None, :], target - target_mean[None, :]
    mean_cost = contract("n,nd,nd->", source_weight, source, source) + contract(
        "n,nd,nd->", target_weight, target, target
    )
    eps = jnp.asarray(epsilon, dtype) * jnp.where(mean_cost > 0, mean_cost, 1.0)

    problem = transport_problem(
        source, target, source_weight, target_weight, eps, regularizer=regularizer, batch_size=batch_size
    )
    scaled, num_iterations = stationary_point(
        defect, functools.partial(alternate, tolerance=tolerance, max_iterations=max_iterations), problem
    )
    source_potential, target_potential = problem.potentials(scaled)

    def row(cost, potential):
        share = target_weight * problem.density(cost, potential, target_potential, target_weight)
        return jnp.stack([jnp.sum(share), jnp.sum(share * cost)])

    sums = source_weight[:, None] * problem.rows(row, source_potential)
    both = (jnp.sum(source_weight) > 0) & (jnp.sum(target_weight) > 0)
    apart = jnp.where(both, source_mean - target_mean, 0.0)
    return Coupling(
        cost=jnp.sum(sums[:, 1]) + jnp.sum(apart * apart),
        marginal_error=jnp.sum(jnp.abs(jax.lax.stop_gradient(sums[:, 0]) - source_weight)),
        num_iterations=num_iterations.astype(jnp.int32),
        regularization=eps,
        source=source,
        target=target,
        source_weight=source_weight,
        target_weight=target_weight,
        source_potential=source_potential,
        target_potential=target_potential,
        regularizer=regularizer,
        batch_size=batch_size,
    )


@jax.jit
def transport_plan(coupling: Coupling) -> jax.Array:
    """The whole plan of a coupling.

    Args:
      coupling: from `transport`.

    Returns:
      `(n, m)`, of sum 1, in float32 at least; rows and columns of points without weight are zero.

    Transformations: jit, vmap, jvp, vjp, second order.
    """
    return coupling.source_weight[:, None] * _problem(coupling).rows(
        functools.partial(_plan_row, coupling), coupling.source_potential
    )


@jax.jit
def coupled_sum(coupling: Coupling, source_values: jax.Array, target_values: jax.Array) -> jax.Array:
    """`sum_ij P_ij u_i v_j'`, without the plan where the coupling has a `batch_size`.

    Args:
      coupling: from `transport`.
      source_values: `(n, p)`, u.
      target_values: `(m, q)`, v.

    Returns:
      `(p, q)`, in float32 at least.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.

    Transformations: jit, vmap, jvp, vjp, second order.
    """
    require_floating("source_values", source_values)
    require_floating("target_values", target_values)
    require_shape("source_values", source_values, (coupling.source.shape[0], None))
    require_shape("target_values", target_values, (coupling.target.shape[0], None))

    def row(cost, potential):
        return contract("m,mq->q", _plan_row(coupling, cost, potential), target_values)

    received = _problem(coupling).rows(row, coupling.source_potential)
    return contract("n,np,nq->pq", coupling.source_weight, source_values, received)


def _plan_row(coupling: Coupling, cost: jax.Array, potential: jax.Array) -> jax.Array:
    """One row of the plan, divided by the weight of its point."""
    weight = coupling.target_weight
    return weight * _problem(coupling).density(cost, potential, coupling.target_potential, weight)


def _problem(coupling: Coupling) -> TransportProblem:
    return transport_problem(
        coupling.source,
        coupling.target,
        coupling.source_weight,
        coupling.target_weight,
        coupling.regularization,
        regularizer=coupling.regularizer,
        batch_size=coupling.batch_size,
    )
