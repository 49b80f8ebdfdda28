"""The dual problem of regularised transport: its density, its alternation, its gradient, row by row or in batches."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import contract
from jaxinv.kernels.numerics.safe import safe_divide, safe_log

# Newton steps for the root of a convex function with as many kinks as points: few are ever needed.
_MOST_ROOT_STEPS = 64
# Beyond this, exp((f + g - C) / eps) only says that the potentials are far off.
_LARGEST_EXPONENT = 30.0

Potentials = tuple[jax.Array, jax.Array]


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True, kw_only=True)
class TransportProblem:
    """Two centred clouds `(n, d)` and `(m, d)` with weights of sum 1, and eps; `costs` `(n, m)` unless in batches."""

    source: jax.Array
    target: jax.Array
    costs: jax.Array | None
    source_weight: jax.Array
    target_weight: jax.Array
    eps: jax.Array
    regularizer: str = dataclasses.field(metadata={"static": True})
    batch_size: int | None = dataclasses.field(metadata={"static": True})

    def rows(self, function: Callable[..., Any], *arrays: jax.Array) -> Any:
        """`function(costs of a source point (m,), its entry of each array)`, stacked over the source points."""
        if self.costs is not None:
            return jax.vmap(function)(self.costs, *arrays)
        return _in_batches(function, self.source, self.target, arrays, self.batch_size)

    def columns(self, function: Callable[..., Any], *arrays: jax.Array) -> Any:
        """The same over the target points."""
        if self.costs is not None:
            return jax.vmap(function)(self.costs.T, *arrays)
        return _in_batches(function, self.target, self.source, arrays, self.batch_size)

    def potentials(self, scaled: Potentials) -> Potentials:
        """The potentials from those times the roots of the weights; 0 for points without weight."""
        root_a, root_b = self.roots()
        return safe_divide(scaled[0], root_a), safe_divide(scaled[1], root_b)

    def roots(self) -> Potentials:
        """Of the weights, which are constants."""
        return jnp.sqrt(jax.lax.stop_gradient(self.source_weight)), jnp.sqrt(jax.lax.stop_gradient(self.target_weight))

    def density(
        self, cost: jax.Array, potential: jax.Array, other_potential: jax.Array, other_weight: jax.Array
    ) -> jax.Array:
        """`phi((f + g - C) / eps)` of one point against all others; 0 against those without weight."""
        height = jnp.where(other_weight > 0, (potential + other_potential - cost) / self.eps, -_LARGEST_EXPONENT)
        # Points without weight have a potential of 0, which may be far off.
        value = jnp.exp(_capped(height)) if self.regularizer == "entropic" else jax.nn.relu(height)
        return jnp.where(other_weight > 0, value, 0.0)

    def best(
        self, cost: jax.Array, potential: jax.Array, other_potential: jax.Array, other_weight: jax.Array
    ) -> Potentials:
        """The potential of one point that meets its marginal, and the sum that the old one had in place of 1."""
        find = self._best_entropic if self.regularizer == "entropic" else self._best_quadratic
        return find(cost, potential, other_potential, other_weight)

    def _best_entropic(self, cost, potential, other_potential, other_weight):
        far = float(jnp.finfo(cost.dtype).max) / 4
        height = jnp.where(other_weight > 0, (other_potential - cost) / self.eps, -far)
        top = jnp.max(height, initial=-far)
        total = jnp.sum(other_weight * jnp.exp(height - top))
        new = jnp.where(total > 0, -self.eps * (jnp.where(total > 0, top, 0.0) + safe_log(total)), 0.0)
        return new, jnp.exp(_capped((potential - new) / self.eps))

    def _best_quadratic(self, cost, potential, other_potential, other_weight):
        far = float(jnp.finfo(cost.dtype).max) / 4
        gap = jnp.where(other_weight > 0, cost - other_potential, far)
        old = jnp.sum(other_weight * jax.nn.relu(potential - gap)) / self.eps

        def newton(state):
            value, _, step = state
            above = jnp.where(value > gap, other_weight, 0.0)
            excess = jnp.sum(jnp.where(value > gap, other_weight * (value - gap), 0.0)) - self.eps
            new = value - safe_divide(excess, jnp.sum(above))
            # Convex and growing: from the second step on the values come down to the root.
            return new, (step < 2) | (new < value), step + 1

        # With weights of sum 1 the sum at this start is at most eps, and its slope is positive.
        least = jnp.min(gap, initial=far)
        start = jnp.maximum(potential, least + self.eps)
        new = jax.lax.while_loop(lambda s: s[1] & (s[2] < _MOST_ROOT_STEPS), newton, (start, jnp.array(True), 0))[0]
        return jnp.where(least < far, new, 0.0), old


def transport_problem(
    source: jax.Array,
    target: jax.Array,
    source_weight: jax.Array,
    target_weight: jax.Array,
    eps: jax.Array,
    *,
    regularizer: str,
    batch_size: int | None,
) -> TransportProblem:
    """The problem, with its costs where they are kept."""
    return TransportProblem(
        source=source,
        target=target,
        costs=_squared_distances(source, target) if batch_size is None else None,
        source_weight=source_weight,
        target_weight=target_weight,
        eps=eps,
        regularizer=regularizer,
        batch_size=batch_size,
    )


def defect(scaled: Potentials, problem: TransportProblem) -> Potentials:
    """The gradient of the dual in the potentials times the roots of the weights.

    In these unknowns the Hessian has a diagonal of order 1. It is singular along one direction, f + c and g - c being
    as good; what rounding puts there is taken out, for conjugate gradients would make it grow.
    """
    f, g = problem.potentials(scaled)
    a, b = problem.source_weight, problem.target_weight

    def row(cost, potential):
        return jnp.sum(b * problem.density(cost, potential, g, b))

    def column(cost, potential):
        return jnp.sum(a * problem.density(cost, potential, f, a))

    root_a, root_b = problem.roots()
    rows = problem.eps * root_a * (problem.rows(row, f) - 1)
    columns = problem.eps * root_b * (problem.columns(column, g) - 1)
    rounding = (jnp.sum(root_a * rows) - jnp.sum(root_b * columns)) / 2
    return rows - rounding * root_a, columns + rounding * root_b


def alternate(problem: TransportProblem, tolerance: float, max_iterations: int) -> tuple[Potentials, jax.Array]:
    """Scaled potentials by alternation until the marginals are met, and the alternations taken."""
    a, b = problem.source_weight, problem.target_weight
    mean_cost = contract("n,nd,nd->", a, problem.source, problem.source)
    mean_cost = mean_cost + contract("n,nd,nd->", b, problem.target, problem.target)
    # Below this the marginals only show how (f + g - C) / eps was rounded.
    rounding = 4 * float(jnp.finfo(a.dtype).eps) * mean_cost / problem.eps
    threshold = jnp.where(rounding > tolerance, rounding, tolerance)

    def once(state):
        f, g, _, count = state
        f, mass = problem.rows(lambda cost, potential: problem.best(cost, potential, g, b), f)
        g, _ = problem.columns(lambda cost, potential: problem.best(cost, potential, f, a), g)
        return f, g, jnp.sum(a * jnp.abs(mass - 1)), count + 1

    start = (jnp.zeros_like(a), jnp.zeros_like(b), jnp.full((), 2.0, a.dtype), jnp.zeros((), a.dtype))
    f, g, _, count = jax.lax.while_loop(lambda s: (s[2] > threshold) & (s[3] < max_iterations), once, start)
    root_a, root_b = problem.roots()
    return (f * root_a, g * root_b), count


def _capped(height):
    return jnp.where(height < _LARGEST_EXPONENT, height, _LARGEST_EXPONENT)


def _squared_distances(points, others):
    lengths, other_lengths = (contract("nd,nd->n", x, x) for x in (points, others))
    product = contract("nd,md->nm", points, others)
    return jax.nn.relu(lengths[:, None] + other_lengths[None, :] - 2 * product)


def _in_batches(function, points, others, arrays, batch_size):
    """A loop over points; reverse mode computes the distances again rather than keep them."""

    def one(inputs):
        return function(_squared_distances(inputs[0][None, :], others)[0], *inputs[1:])

    return jax.lax.map(jax.checkpoint(one), (points, *arrays), batch_size=batch_size)
