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
# Of the mean curvature, before the preconditioner is made anew.
_LARGEST_FALL = 5.0

Model = tuple[jax.Array, jax.Array]


class SoftmaxProblem(NamedTuple):
    """What is fitted: `sum_i weight_i xent_i + ridge / 2 |W|^2`.

    Samples are the last axis of all that has classes: sums over few classes are then sums of long rows.

    Attributes:
      features: `(N, D)`, about their mean.
      truth: `(C, N)`, one-hot columns.
      weight: `(N,)`, of sum 1, or all 0.
      ridge: `()`, positive; the intercept has none.
      offset: `(C,)`, added to the logits: 0, or far below for classes that do not take part.
    """

    features: jax.Array
    truth: jax.Array
    weight: jax.Array
    ridge: jax.Array
    offset: jax.Array


class _Fit(NamedTuple):
    model: Model
    probability: jax.Array
    value: jax.Array
    decrement: jax.Array
    num_steps: jax.Array


def softmax_logits(model: Model, problem: SoftmaxProblem) -> jax.Array:
    """`(C, N)` logits of weights `(C, D)` and an intercept `(C,)`."""
    return contract("cd,nd->cn", model[0], problem.features) + (model[1] + problem.offset)[:, None]


def softmax_loss(model: Model, problem: SoftmaxProblem) -> jax.Array:
    """The objective, `()`."""
    return _loss_of_logits(softmax_logits(model, problem), model, problem)


def softmax_regression(problem: SoftmaxProblem) -> tuple[Model, jax.Array]:
    """The minimiser, and the Newton steps taken.

    Newton steps by preconditioned conjugate gradients, as exact as the decrease they promise is worth, and halved until
    they descend. The intercept is defined up to a constant, and starts at 0.

    Transformations: jit, vmap, jvp, vjp, second order.
    """
    return stationary_point(_gradient, _newton, problem, preconditioner=_inverse_at)


def _loss_of_logits(logits: jax.Array, model: Model, problem: SoftmaxProblem) -> jax.Array:
    surprise = jax.nn.logsumexp(logits, axis=0) - jnp.sum(problem.truth * logits, axis=0)
    return contract("n,n->", problem.weight, surprise) + problem.ridge / 2 * jnp.sum(model[0] ** 2)


def _gradient(model: Model, problem: SoftmaxProblem) -> Model:
    return _slope(model, jax.nn.softmax(softmax_logits(model, problem), axis=0), problem)


def _slope(model: Model, probability: jax.Array, problem: SoftmaxProblem) -> Model:
    return _pulled_back(problem.weight[None, :] * (probability - problem.truth), model, problem)


def _pulled_back(change: jax.Array, model: Model, problem: SoftmaxProblem) -> Model:
    """From the logits `(C, N)` to the model, and the ridge's part."""
    return contract("cn,nd->cd", change, problem.features) + problem.ridge * model[0], _balanced(change, problem)


def _balanced(change: jax.Array, problem: SoftmaxProblem) -> jax.Array:
    """Sums over samples, whose own sum is 0 but for rounding, along which the Hessian is singular."""
    takes_part = _takes_part(problem)
    total = jnp.sum(change, axis=1) * takes_part
    return total - safe_divide(jnp.sum(total), jnp.sum(takes_part)) * takes_part


def _takes_part(problem: SoftmaxProblem) -> jax.Array:
    return (problem.offset == 0).astype(problem.features.dtype)


def _curvature(probability: jax.Array, problem: SoftmaxProblem) -> jax.Array:
    """The mean of p (1 - p), and no less than a number that can be divided by."""
    total = contract("n,cn->", problem.weight, probability * (1 - probability))
    return jnp.maximum(safe_divide(total, jnp.sum(_takes_part(problem))), 1e-6)


def _inverse(curvature: jax.Array, problem: SoftmaxProblem):
    """Of a Hessian in which every class and sample has the same curvature, for `_preconditioned`."""
    gram = contract("n,nd,ne->de", problem.weight, problem.features, problem.features)
    eye = jnp.eye(gram.shape[0], dtype=gram.dtype)
    factor = jnp.linalg.cholesky(curvature * gram + problem.ridge * eye), True
    # As a matrix, because it is applied often, and products are faster than substitutions.
    return cho_solve(factor, eye), 1 / curvature


def _preconditioned(inverse):
    return lambda model: (contract("cd,de->ce", model[0], inverse[0]), inverse[1] * model[1])


def _inverse_at(model: Model, problem: SoftmaxProblem):
    probability = jax.nn.softmax(softmax_logits(model, problem), axis=0)
    return _preconditioned(_inverse(_curvature(probability, problem), problem))


def _newton(problem: SoftmaxProblem) -> tuple[Model, jax.Array]:
    dtype = problem.features.dtype
    rounding = 8 * float(jnp.finfo(dtype).eps)
    # The step after the last test leaves less than the root of this as a part of it.
    enough = 1e-10 if jnp.finfo(dtype).bits == 32 else 1e-13

    def unsettled(fit):
        return (fit.decrement > enough) & (fit.num_steps < _MOST_NEWTON_STEPS)

    def step(fit, precondition):
        gradient = _slope(fit.model, fit.probability, problem)

        def hessian(direction):
            moved = contract("cd,nd->cn", direction[0], problem.features) + direction[1][:, None]
            moved = moved - jnp.sum(fit.probability * moved, axis=0, keepdims=True)
            return _pulled_back(problem.weight[None, :] * fit.probability * moved, direction, problem)

        # About twice the decrease that is left, in nats.
        promise = _dot(gradient, precondition(gradient))
        direction = conjugate_gradients(
            hessian,
            gradient,
            preconditioner=precondition,
            tolerance=jnp.minimum(0.3, jnp.sqrt(jnp.sqrt(promise))),
            max_steps=_MOST_CG_STEPS,
        )
        decrement = _dot(gradient, direction)

        def attempt(length):
            model = tuple(m - length * d for m, d in zip(fit.model, direction, strict=True))
            logits = softmax_logits(model, problem)
            return model, logits, _loss_of_logits(logits, model, problem)

        def too_long(search):
            length, halvings, (_, _, value) = search
            descends = value <= fit.value * (1 + rounding) - 0.1 * length * decrement
            return ~descends & (halvings < _MOST_HALVINGS)

        def halved(search):
            return search[0] / 2, search[1] + 1, attempt(search[0] / 2)

        whole = jnp.ones((), dtype)
        _, _, (model, logits, value) = jax.lax.while_loop(too_long, halved, (whole, 0, attempt(whole)))
        return _Fit(model, jax.nn.softmax(logits, axis=0), value, decrement, fit.num_steps + 1)

    def steps(fit):
        """With one preconditioner, for as long as it fits."""
        curvature = _curvature(fit.probability, problem)
        precondition = _preconditioned(_inverse(curvature, problem))

        def fits(fit):
            return unsettled(fit) & (_LARGEST_FALL * _curvature(fit.probability, problem) >= curvature)

        return jax.lax.while_loop(fits, lambda fit: step(fit, precondition), fit)

    dim, num_classes = problem.features.shape[1], problem.truth.shape[0]
    start = jnp.zeros((num_classes, dim), dtype), jnp.zeros(num_classes, dtype)
    logits = softmax_logits(start, problem)
    first = _Fit(
        start,
        jax.nn.softmax(logits, axis=0),
        _loss_of_logits(logits, start, problem),
        jnp.ones((), dtype),
        jnp.zeros((), dtype),
    )
    fit = jax.lax.while_loop(unsettled, steps, first)
    return fit.model, fit.num_steps


def _dot(first: Model, second: Model) -> jax.Array:
    return jnp.sum(first[0] * second[0]) + jnp.sum(first[1] * second[1])
