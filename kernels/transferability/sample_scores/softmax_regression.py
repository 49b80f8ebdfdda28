"""Multinomial logistic regression with a ridge, solved to convergence by Newton's method."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.linalg import cho_solve

from jaxinv.kernels.numerics.conjugate_gradients import conjugate_gradients
from jaxinv.kernels.numerics.precision import contract
from jaxinv.kernels.numerics.safe import safe_divide
from jaxinv.kernels.numerics.stationary_point import stationary_point

_MOST_NEWTON_STEPS = 50
_MOST_CG_STEPS = 200
_MOST_HALVINGS = 20

Model = tuple[jax.Array, jax.Array]


class SoftmaxProblem(NamedTuple):
    """What is fitted: `sum_i weight_i xent_i + ridge / 2 |W|^2`.

    Attributes:
      features: `(N, D)`, about their mean.
      truth: `(N, C)`, one-hot rows.
      weight: `(N,)`, of sum 1, or all 0.
      ridge: `()`, positive; the intercept has none.
      offset: `(C,)`, added to the logits: 0, or far below for classes that do not take part.
    """

    features: jax.Array
    truth: jax.Array
    weight: jax.Array
    ridge: jax.Array
    offset: jax.Array


def softmax_logits(model: Model, problem: SoftmaxProblem) -> jax.Array:
    """`(N, C)` logits of weights `(D, C)` and an intercept `(C,)`."""
    return contract("nd,dc->nc", problem.features, model[0]) + (model[1] + problem.offset)[None, :]


def softmax_loss(model: Model, problem: SoftmaxProblem) -> jax.Array:
    """The objective, `()`."""
    logits = softmax_logits(model, problem)
    surprise = jax.nn.logsumexp(logits, axis=-1) - jnp.sum(problem.truth * logits, axis=-1)
    return contract("n,n->", problem.weight, surprise) + problem.ridge / 2 * jnp.sum(model[0] ** 2)


def softmax_regression(problem: SoftmaxProblem) -> tuple[Model, jax.Array]:
    """The minimiser, and the Newton steps taken.

    Newton steps by preconditioned conjugate gradients, halved until they descend. The intercept is defined up to a
    constant, and starts at 0.

    Transformations: jit, vmap, jvp, vjp, second order.
    """
    return stationary_point(_gradient, _newton, problem, preconditioner=_bound_inverse)


def _gradient(model: Model, problem: SoftmaxProblem) -> Model:
    error = problem.weight[:, None] * (jax.nn.softmax(softmax_logits(model, problem)) - problem.truth)
    return contract("nd,nc->dc", problem.features, error) + problem.ridge * model[0], _balanced(error, problem)


def _balanced(change: jax.Array, problem: SoftmaxProblem) -> jax.Array:
    """Sums over samples, whose own sum is 0 but for rounding, along which the Hessian is singular."""
    takes_part = (problem.offset == 0).astype(change.dtype)
    total = jnp.sum(change, axis=0) * takes_part
    return total - safe_divide(jnp.sum(total), jnp.sum(takes_part)) * takes_part


def _bound_inverse(problem: SoftmaxProblem):
    """The inverse of the Hessian's upper bound of Böhning and Lindsay, in which the softmax has curvature 1/2."""
    curvature = contract("n,nd,ne->de", problem.weight, problem.features, problem.features) / 2
    dim = curvature.shape[0]
    factor = jnp.linalg.cholesky(curvature + problem.ridge * jnp.eye(dim, dtype=curvature.dtype)), True
    return lambda model: (cho_solve(factor, model[0]), 2 * model[1])


def _newton(problem: SoftmaxProblem) -> tuple[Model, jax.Array]:
    dtype = problem.features.dtype
    rounding = 8 * float(jnp.finfo(dtype).eps)
    # The step after the last test squares what this leaves.
    enough = 1e-10
    precondition = _bound_inverse(problem)

    def step(state):
        model, value, _, count = state
        gradient = _gradient(model, problem)
        probability = jax.nn.softmax(softmax_logits(model, problem))

        def hessian(direction):
            moved = contract("nd,dc->nc", problem.features, direction[0]) + direction[1][None, :]
            moved = probability * (moved - jnp.sum(probability * moved, axis=-1, keepdims=True))
            moved = problem.weight[:, None] * moved
            return contract("nd,nc->dc", problem.features, moved) + problem.ridge * direction[0], _balanced(
                moved, problem
            )

        direction = conjugate_gradients(
            hessian,
            gradient,
            preconditioner=precondition,
            tolerance=1e-4 if jnp.finfo(dtype).bits == 32 else 1e-7,
            max_steps=_MOST_CG_STEPS,
        )
        decrement = sum(jnp.sum(g * d) for g, d in zip(gradient, direction, strict=True))

        def moved(length):
            return tuple(m - length * d for m, d in zip(model, direction, strict=True))

        def too_long(search):
            length, halvings = search
            descends = softmax_loss(moved(length), problem) <= value * (1 + rounding) - 0.1 * length * decrement
            return ~descends & (halvings < _MOST_HALVINGS)

        length, _ = jax.lax.while_loop(too_long, lambda s: (s[0] / 2, s[1] + 1), (jnp.ones((), dtype), 0))
        model = moved(length)
        return model, softmax_loss(model, problem), decrement, count + 1

    dim, num_classes = problem.features.shape[1], problem.truth.shape[1]
    start = jnp.zeros((dim, num_classes), dtype), jnp.zeros(num_classes, dtype)
    state = start, softmax_loss(start, problem), jnp.ones((), dtype), jnp.zeros((), dtype)

    def unsettled(state):
        return (state[2] > enough) & (state[3] < _MOST_NEWTON_STEPS)

    model, _, _, count = jax.lax.while_loop(unsettled, step, state)
    return model, count
