"""The linear probe: multinomial logistic regression on frozen features."""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxinv.kernels.numerics.precision import contract
from jaxinv.kernels.numerics.safe import safe_divide

RIDGE = 1e-3
_STEPS = 500


@functools.partial(jax.jit, static_argnames=("num_classes",))
def linear_probe(
    train_features: Float[Array, "m n d"],
    train_labels: Int[Array, " n"],
    test_features: Float[Array, "m k d"],
    test_labels: Int[Array, " k"],
    *,
    num_classes: int,
) -> Float[Array, " m"]:
    """Test accuracy of a linear classifier trained on the features of each of M networks.

    Features are centred and divided by their standard deviation on the training set (a constant feature becomes 0).
    The mean cross-entropy plus `RIDGE / 2` times the squared weights (not the intercept) is minimised by Newton steps
    with the fixed curvature bound of the softmax, (I - 11'/C)/2 <= I/2, on Nesterov's path, restarted when it turns
    back: no line search, and every network takes the same steps.

    Args:
      train_features: (M, N, D).
      train_labels: (N,), 0..C-1.
      test_features: (M, K, D).
      test_labels: (K,).
      num_classes: static, C.

    Returns:
      (M,) accuracies in [0, 1].

    References: Böhning and Lindsay (1988), Monotonicity of quadratic-approximation algorithms; O'Donoghue and Candes
      (2015), arXiv:1204.3982 (the restart).
    """

    def accuracy(train, test):
        mean = jnp.mean(train, axis=0, keepdims=True)
        deviation = jnp.std(train, axis=0, keepdims=True)
        # The spread of a constant feature is rounding.
        deviation = jnp.where(deviation > 1e-6 * jnp.abs(mean), deviation, 0.0)
        train, test = (safe_divide(x - mean, jnp.broadcast_to(deviation, x.shape)) for x in (train, test))
        weights, intercept = _fit(train, train_labels, num_classes)
        logits = contract("nd,dc->nc", test, weights) + intercept[None]
        return jnp.mean(jnp.argmax(logits, axis=1) == test_labels, dtype=logits.dtype)

    return jax.vmap(accuracy)(train_features, test_features)


def _fit(features, labels, num_classes):
    """Weights (D, C) and intercept (C,) of centred features (N, D)."""
    count, dim = features.shape
    wanted = jax.nn.one_hot(labels, num_classes, dtype=features.dtype)
    curvature = contract("nd,ne->de", features, features) / (2 * count) + RIDGE * jnp.eye(dim, dtype=features.dtype)
    # Inverted once: triangular solves in every step would cost more than all the rest. It only steers the steps.
    inverse = jax.scipy.linalg.cho_solve(jax.scipy.linalg.cho_factor(curvature), jnp.eye(dim, dtype=features.dtype))

    def step(state, _):
        (weights, intercept), (ahead_weights, ahead_intercept), momentum = state
        logits = contract("nd,dc->nc", features, ahead_weights) + ahead_intercept[None]
        error = (jax.nn.softmax(logits) - wanted) / count
        gradient = contract("nd,nc->dc", features, error) + RIDGE * ahead_weights
        new_weights = ahead_weights - contract("de,ec->dc", inverse, gradient)
        new_intercept = ahead_intercept - 2 * jnp.sum(error, axis=0)
        turned = jnp.sum(gradient * (new_weights - weights)) > 0
        new_momentum = jnp.where(turned, 1.0, (1 + jnp.sqrt(1 + 4 * momentum**2)) / 2)
        push = jnp.where(turned, 0.0, (momentum - 1) / new_momentum)
        ahead = (new_weights + push * (new_weights - weights), new_intercept + push * (new_intercept - intercept))
        return ((new_weights, new_intercept), ahead, new_momentum), None

    start = (jnp.zeros((dim, num_classes), features.dtype), jnp.zeros(num_classes, features.dtype))
    (solution, _, _), _ = jax.lax.scan(step, (start, start, jnp.ones((), features.dtype)), length=_STEPS)
    return solution
