"""How many samples a model needs: learning curves in one program, where they cross a target, and how that grows.

Any model takes part that trains by a pure function `train(draw, sample_weight) -> accuracy`. A draw holds as many
samples as there are weights, and those of weight 0 must count for nothing: so one shape serves every number of samples.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

Train = Callable[[Any, Float[Array, "n"]], Float[Array, ""]]


def padded_size(sizes: Sequence[int]) -> int:
    """How many samples a draw must hold: the least power of two that is no less than any of `sizes`.

    Raises:
      ValueError: if `sizes` is empty, does not increase, or starts below 1.
    """
    if len(sizes) == 0 or sizes[0] < 1 or np.any(np.diff(sizes) <= 0):
        raise ValueError(f"sizes must increase from 1 or more, got {sizes}")
    return 1 << (int(sizes[-1]) - 1).bit_length()


def learning_curves(train: Train, draws: Any, sizes: Sequence[int]) -> np.ndarray:
    """The accuracy of every seed after training on the first n samples of its draw, for every size n.

    Args:
      train: `train(draw, sample_weight (N,))`, a pure function, vmapped, with N = `padded_size(sizes)`. Pass the same
        function object again, rather than a new lambda, to compile once.
      draws: a pytree of arrays whose leading axis are the seeds: samples, or keys to draw N samples with.
      sizes: numbers of samples, increasing.

    Returns:
      (seeds, sizes), float64.

    Raises:
      ValueError: as `padded_size`.
    """
    weights = jnp.asarray(np.arange(padded_size(sizes)) < np.asarray(sizes)[:, None], float)
    return np.asarray(_curves(draws, weights, train), float)


@functools.partial(jax.jit, static_argnames="train")
def _curves(draws, weights, train):
    # All sizes share the samples of a seed.
    return jax.vmap(lambda draw: jax.vmap(lambda weight: train(draw, weight))(weights))(draws)


def sample_complexity(sizes: Sequence[float] | np.ndarray, accuracy: np.ndarray, target: float) -> np.ndarray:
    """The number of samples at which a curve first reaches a target, between sizes linear in the logarithm of size.

    Args:
      sizes: (S,), increasing.
      accuracy: (..., S), such as `learning_curves`.
      target: accuracy to reach.

    Returns:
      (...,) float64: infinity where no size reaches it, and the least size where that one does already.
    """
    accuracy, logs = np.asarray(accuracy, float), np.log(np.asarray(sizes, float))

    def crossing(curve):
        reached = np.flatnonzero(curve >= target)
        if len(reached) == 0:
            return np.inf
        i = reached[0]
        if i == 0:
            return float(sizes[0])
        share = (target - curve[i - 1]) / (curve[i] - curve[i - 1])
        return np.exp(logs[i - 1] + share * (logs[i] - logs[i - 1]))

    return np.apply_along_axis(crossing, -1, accuracy)


class LogLogSlope(NamedTuple):
    """The power that a quantity grows by, and its standard error (0 for two points, which leave none)."""

    slope: float
    standard_error: float


def log_log_slope(x: Sequence[float] | np.ndarray, y: Sequence[float] | np.ndarray) -> LogLogSlope:
    """The least-squares slope of log y over log x.

    Raises:
      ValueError: fewer than two points, or values that are not positive and finite, such as a complexity that was not
        reached.
    """
    log_x, log_y = (_logarithms(name, values) for name, values in (("x", x), ("y", y)))
    if len(log_x) < 2 or len(log_x) != len(log_y):
        raise ValueError(f"x and y must hold as many values, 2 at least, got {len(log_x)} and {len(log_y)}")
    centred = log_x - log_x.mean()
    spread = np.sum(centred**2)
    slope = np.sum(centred * log_y) / spread
    residual = log_y - log_y.mean() - slope * centred
    free = max(len(log_x) - 2, 1)
    return LogLogSlope(float(slope), float(np.sqrt(np.sum(residual**2) / free / spread)))


def _logarithms(name, values):
    values = np.asarray(values, float)
    if not np.all(np.isfinite(values) & (values > 0)):
        raise ValueError(f"{name} must be positive and finite, got {values}")
    return np.log(values)
