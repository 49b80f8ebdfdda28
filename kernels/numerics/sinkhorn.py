"""Entropic optimal transport of a given cost, for any epsilon: scaling factors about potentials."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxinv.kernels.numerics.alternating_potentials import alternation, alternations
from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.safe import safe_log
from jaxinv.kernels.numerics.shares import shares
from jaxinv.kernels.numerics.validation import require_at_least, require_floating, require_shape


class Sinkhorn(NamedTuple):
    """A coupling P and what it is made of: `P_ij = a_i b_j exp((f_i + g_j - C_ij) / epsilon)`."""

    plan: Float[Array, "n m"]
    """Of sum 1; its sums along columns are the target's weights."""
    source_potential: Float[Array, "n"]
    target_potential: Float[Array, "m"]
    marginal_error: Float[Array, ""]
    """`sum_i |sum_j P_ij - a_i|`, near 0 where the iteration has converged."""


@functools.partial(jax.jit, static_argnames=("num_iterations",))
def sinkhorn(
    cost: Float[Array, "n m"],
    *,
    epsilon: Float[Array, ""] | float,
    num_iterations: int,
    source_weight: Float[Array, "n"] | None = None,
    target_weight: Float[Array, "m"] | None = None,
    target_potential: Float[Array, "m"] | None = None,
) -> Sinkhorn:
    """Alternates between the two potentials, each set so that its own marginal is met, a fixed number of times.

    The potentials are determined up to a constant that moves from one to the other. `transferability.transport` is for
    clouds of points: it iterates until it has converged, and does not hold the plan.

    Args:
      cost: `(n, m)`, floating point, finite.
      epsilon: positive, in units of the cost.
      num_iterations: static, >= 1; about `max cost / epsilon` are needed.
      source_weight: `(n,)`, non-negative, divided by their sum; default equal. Weight 0 is padding: its row of the plan
        is 0.
      target_weight: `(m,)`, likewise.
      target_potential: `(m,)`, from where to start, such as those of a similar cost; default 0.

    Returns:
      Sinkhorn, in float32 at least. Without points, or where all weights are zero, the plan is 0.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.

    Work: two products with an n x m matrix in an alternation, and two exponentials of every entry where potentials have
      moved by more than about 30 epsilon (float32) since the last.
    Memory: a few arrays of n x m, and in reverse mode `num_iterations` of n + m.
    Transformations: jit, vmap, jvp, vjp, any order, exact for the number of iterations, in `cost`, `epsilon` and
      `target_potential`. Weights are constants.
    References: Cuturi, NeurIPS 2013, arXiv:1306.0895; Peyre and Cuturi, Computational Optimal Transport (2019),
      arXiv:1803.00567, section 4.4.
    """
    require_floating("cost", cost)
    require_shape("cost", cost, (None, None))
    require_at_least("num_iterations", num_iterations, 1)
    dtype = accumulation_dtype(cost)
    cost = cost.astype(dtype)
    num_source, num_target = cost.shape
    a = shares("source_weight", source_weight, num_source, dtype)
    b = shares("target_weight", target_weight, num_target, dtype)
    if target_potential is None:
        g = jnp.zeros(num_target, dtype)
    else:
        require_floating("target_potential", target_potential)
        require_shape("target_potential", target_potential, (num_target,))
        g = target_potential.astype(dtype)
    epsilon = jnp.asarray(epsilon, dtype)
    cost = cost / epsilon
    _, targets = alternations(num_iterations - 1, cost, a, b, g / epsilon)
    f, g = alternation(cost, a, b, targets[-1])
    kept = (a[:, None] > 0) & (b[None, :] > 0)
    exponent = f[:, None] + g[None, :] - cost + safe_log(a)[:, None] + safe_log(b)[None, :]
    # What is kept is at most 1; a row without weight may be far above.
    plan = jnp.where(kept, jnp.exp(jnp.where(kept, exponent, 0.0)), 0.0)
    return Sinkhorn(plan, epsilon * f, epsilon * g, jnp.sum(jnp.abs(jnp.sum(plan, axis=1) - a)))
