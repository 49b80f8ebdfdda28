"""Gromov-Wasserstein distances: how far two graphons are apart when their nodes may be matched in any way."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jaxinv.kernels.graphs.adjacency import require_square
from jaxinv.kernels.graphs.couplings import degree_order, monotone_plan
from jaxinv.kernels.numerics.first_order import first_order_only
from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.safe import safe_divide
from jaxinv.kernels.numerics.shares import shares
from jaxinv.kernels.numerics.sinkhorn import sinkhorn
from jaxinv.kernels.numerics.validation import require_at_least, require_floating, require_shape

# Annealing begins here, in units of the mean cost.
_LARGEST_EPSILON = 0.5


class GromovWasserstein(NamedTuple):
    """The best coupling found."""

    value: Float[Array, ""]
    """`gw_cost` of the plan, an upper bound of the least one."""
    plan: Float[Array, "n m"]
    """Of sum 1, with the weights as its sums."""
    start: Int[Array, ""]
    """From which start: 0 nodes matched by degree, 1 by the reverse order, 2 every node with every other."""
    marginal_error: Float[Array, ""]
    """Of the entropic plan of that start before it was rounded to the weights."""


@jax.jit
def gw_cost(source: Float[Array, "n n"], target: Float[Array, "m m"], plan: Float[Array, "n m"]) -> Float[Array, ""]:
    """`sum_ijkl (A_ij - B_kl)^2 P_ik P_jl`: how badly a plan P matches pairs of nodes.

    Args:
      source: `(n, n)`, A, symmetric, floating point.
      target: `(m, m)`, B, likewise.
      plan: `(n, m)`, not negative, of sum 1; its sums may be anything.

    Returns:
      A scalar >= 0, in float32 at least, without the factor 1/2 of some authors.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.

    Work: `2 n m (n + m)`.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Peyre, Cuturi and Solomon, ICML 2016.
    """
    source, target = _checked(source, target)
    require_floating("plan", plan)
    require_shape("plan", plan, (source.shape[0], target.shape[0]))
    plan = plan.astype(source.dtype)
    return jax.nn.relu(jnp.sum(_pair_costs(source, target, plan) * plan))


@functools.partial(jax.jit, static_argnames=("num_outer", "num_inner"))
def entropic_gw(
    source: Float[Array, "n n"],
    target: Float[Array, "m m"],
    source_weight: Float[Array, "n"] | None = None,
    target_weight: Float[Array, "m"] | None = None,
    *,
    epsilon: Float[Array, ""] | float = 0.02,
    num_outer: int = 10,
    num_inner: int = 10,
) -> GromovWasserstein:
    """The least `gw_cost` found by entropic descent from three starts, or at one of them.

    In every outer step the plan becomes the entropic one for the costs that the plan before gives, and the entropy's
    weight falls from half the mean cost to `epsilon` of it. Plans are rounded so that their sums are the weights, and
    compared by their cost without the entropy. The problem is not convex: a local minimum.

    Args:
      source: `(n, n)`, symmetric, floating point, finite.
      target: `(m, m)`, likewise.
      source_weight: `(n,)`, non-negative, divided by their sum; default equal. Weight 0 is padding.
      target_weight: `(m,)`, likewise.
      epsilon: the last, in units of the cost of the plan that matches every node with every other: the mean cost.
      num_outer: static, >= 1.
      num_inner: static, >= 1, alternations of `sinkhorn` in each.

    Returns:
      GromovWasserstein, in float32 at least. 0 and the plan of the identity for two equal matrices. Where degrees are
      equal, nodes are matched in the order of their index.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.

    Invariant to a permutation of the nodes of either side whose degrees differ. Work: three times `num_outer` costs.
    Transformations: jit, vmap, jvp, vjp in `source` and `target`, first order, with the plan as a constant, which is
      exact where it is a vertex of the couplings. Weights and epsilon are constants.
    References: Peyre, Cuturi and Solomon, ICML 2016; Altschuler, Weed and Rigollet, NeurIPS 2017, for rounding.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import graphs
      >>> path = jnp.array([[0.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
      >>> order = jnp.array([1, 0, 2])
      >>> found = graphs.entropic_gw(path, path[order][:, order])  # the same graph, its nodes renamed
      >>> bool(found.value < 1e-6), found.plan.shape
      (True, (3, 3))
    """
    source, target = _checked(source, target)
    require_at_least("num_outer", num_outer, 1)
    require_at_least("num_inner", num_inner, 1)
    weights = (
        shares("source_weight", source_weight, source.shape[0], source.dtype),
        shares("target_weight", target_weight, target.shape[0], source.dtype),
    )
    epsilon = jax.lax.stop_gradient(jnp.asarray(epsilon, source.dtype))
    return _best(num_outer, num_inner, source, target, weights, epsilon)


@functools.partial(jax.jit, static_argnames=("num_outer", "num_inner"))
def gw_distance(
    source: Float[Array, "n n"],
    target: Float[Array, "m m"],
    source_weight: Float[Array, "n"] | None = None,
    target_weight: Float[Array, "m"] | None = None,
    *,
    epsilon: Float[Array, ""] | float = 0.02,
    num_outer: int = 10,
    num_inner: int = 10,
) -> Float[Array, ""]:
    """The root of `entropic_gw(...).value`: an upper bound of the Gromov-Wasserstein distance.

    Args, raises, invariances and references: as `entropic_gw`.

    Returns:
      A scalar >= 0, in float32 at least, in units of the matrices.

    Transformations: as `entropic_gw`; the derivative counts as 0 at distance 0.

    Examples:
      >>> from jaxinv.kernels import graphs
      >>> product, sigmoid = graphs.synthesize_graphon(0, 16), graphs.synthesize_graphon(4, 16)
      >>> float(graphs.gw_distance(product, product))
      0.0
      >>> bool(graphs.gw_distance(product, sigmoid) > 0.1)
      True
    """
    found = entropic_gw(
        source,
        target,
        source_weight,
        target_weight,
        epsilon=epsilon,
        num_outer=num_outer,
        num_inner=num_inner,
    )
    positive = found.value > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, found.value, 1.0)), 0.0)


def _checked(source, target):
    require_square("source", source)
    require_square("target", target)
    dtype = accumulation_dtype(source, target)
    return source.astype(dtype), target.astype(dtype)


def _pair_costs(source, target, plan):
    """`(n, m)`: `sum_jl (A_ij - B_kl)^2 P_jl`."""
    # About a common centre, which does not change differences: squares of what is left cancel with less rounding.
    a, b = jnp.sum(plan, axis=1), jnp.sum(plan, axis=0)
    centre = contract("i,ij,j->", a, source, a) / 2 + contract("i,ij,j->", b, target, b) / 2
    centre = jax.lax.stop_gradient(centre)
    source, target = source - centre, target - centre
    squares = contract("ij,j->i", source**2, a)[:, None] + contract("kl,l->k", target**2, b)[None, :]
    # One after the other: einsum would pick an order of its own.
    return squares - 2 * contract("il,kl->ik", contract("ij,jl->il", source, plan), target)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _best(num_outer, num_inner, source, target, weights, epsilon) -> GromovWasserstein:
    """Refines the three starts, and takes the best plan of all six."""
    starts = _starts(source, target, weights)
    refined, errors = jax.vmap(lambda plan: _descend(num_outer, num_inner, source, target, weights, epsilon, plan))(
        starts
    )
    plans = jnp.concatenate([starts, refined])
    values = jax.vmap(lambda plan: gw_cost(source, target, plan))(plans)
    best = jnp.argmin(values)
    start = best % len(starts)
    return GromovWasserstein(values[best], plans[best], start, errors[start])


@_best.defjvp
def _with_constant_plan(num_outer, num_inner, primals, tangents):
    source, target, _, _ = primals
    found = _best(num_outer, num_inner, *primals)
    plan = first_order_only("entropic_gw", found.plan)
    value, change = jax.jvp(lambda a, b: gw_cost(a, b, plan), (source, target), tangents[:2])
    del value
    zeros = jax.tree.map(jnp.zeros_like, found)
    no_start = np.zeros((), jax.dtypes.float0)
    return found, zeros._replace(value=change, start=no_start)


def _starts(source, target, weights):
    """`(3, n, m)`: couplings that are monotone in the degrees, antitone in them, and independent."""
    a, b = weights
    first, second = degree_order(source, a), degree_order(target, b)
    monotone, antitone = monotone_plan(a, b, first, second), monotone_plan(a, b, first, second[::-1])
    return jnp.stack([monotone, antitone, a[:, None] * b[None, :]])


def _descend(num_outer, num_inner, source, target, weights, epsilon, plan):
    """An entropic plan under falling epsilon, rounded, and its marginal error before."""
    mean_cost = gw_cost(source, target, weights[0][:, None] * weights[1][None, :])
    # In units of the gradient, which is twice the cost.
    unit = 2 * jnp.where(mean_cost > 0, mean_cost, 1.0)
    largest = jnp.maximum(epsilon, _LARGEST_EPSILON)
    fall = jnp.log(epsilon / largest) / max(num_outer - 1, 1)

    def once(state, step):
        plan, potential, _ = state
        found = sinkhorn(
            2 * _pair_costs(source, target, plan),
            epsilon=unit * largest * jnp.exp(fall * step),
            num_iterations=num_inner,
            source_weight=weights[0],
            target_weight=weights[1],
            target_potential=potential,
        )
        return (found.plan, found.target_potential, found.marginal_error), None

    start = (plan, jnp.zeros_like(weights[1]), jnp.zeros_like(mean_cost))
    (plan, _, error), _ = jax.lax.scan(once, start, jnp.arange(num_outer, dtype=plan.dtype))
    return _rounded(plan, *weights), error


def _rounded(plan, source_weight, target_weight):
    """The plan scaled down to where it exceeds neither weight, and what is missing added independently."""
    rows = jnp.sum(plan, axis=1)
    plan = plan * jnp.minimum(1.0, jnp.where(rows > 0, safe_divide(source_weight, rows), 1.0))[:, None]
    columns = jnp.sum(plan, axis=0)
    plan = plan * jnp.minimum(1.0, jnp.where(columns > 0, safe_divide(target_weight, columns), 1.0))[None, :]
    row_rest = jax.nn.relu(source_weight - jnp.sum(plan, axis=1))
    column_rest = jax.nn.relu(target_weight - jnp.sum(plan, axis=0))
    return plan + safe_divide(row_rest[:, None] * column_rest[None, :], jnp.sum(row_rest))
