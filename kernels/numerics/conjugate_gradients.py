"""Conjugate gradients for symmetric positive semi-definite operators on pytrees."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.safe import safe_divide

Vector = TypeVar("Vector")


def conjugate_gradients(
    operator: Callable[[Vector], Vector],
    target: Vector,
    *,
    preconditioner: Callable[[Vector], Vector] = lambda vector: vector,
    tolerance: jax.Array | float,
    max_steps: int,
) -> Vector:
    """`operator^+ target`, for a target in the range of the operator.

    Args:
      operator: linear, symmetric, positive semi-definite.
      target: any pytree of floating-point arrays.
      preconditioner: linear, symmetric, positive definite on the range.
      tolerance: of the residual, relative to the target, in the norm of the preconditioner.
      max_steps: bound on the steps.

    Transformations: jit, vmap, jvp, vjp, any order, through another solve, and not through the steps.
    """

    def solve(operator: Any, target: Any) -> Any:
        steered = preconditioner(target)
        first = _dot(target, steered)
        start = (jax.tree.map(jnp.zeros_like, target), target, steered, first, 0)

        def unsettled(state):
            return (state[3] > tolerance**2 * first) & (state[4] < max_steps)

        def step(state):
            solution, residual, direction, size, count = state
            along = operator(direction)
            length = safe_divide(size, _dot(direction, along))
            solution = _add(solution, length, direction)
            residual = _add(residual, -length, along)
            steered = preconditioner(residual)
            # Where the direction lies in the null space there is nowhere to go.
            new_size = jnp.where(length == 0, 0.0, _dot(residual, steered))
            return solution, residual, _add(steered, safe_divide(new_size, size), direction), new_size, count + 1

        return jax.lax.while_loop(unsettled, step, start)[0]

    return jax.lax.custom_linear_solve(operator, target, solve, symmetric=True)


def _dot(first: Any, second: Any) -> jax.Array:
    products = jax.tree.leaves(jax.tree.map(lambda a, b: jnp.sum(a * b), first, second))
    return functools.reduce(jnp.add, products)


def _add(vector: Any, factor: jax.Array, other: Any) -> Any:
    return jax.tree.map(lambda v, o: v + factor * o, vector, other)
