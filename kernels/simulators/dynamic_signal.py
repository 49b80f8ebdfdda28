"""A signal in one patch of a noisy picture: the task in which locality and weight sharing each save samples.

An input is k patches of d numbers of noise; one of them also holds the signal, times the label +1 or -1. In the dynamic
distribution its place is random, in the static one it is always the same.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.validation import require_at_least, require_floating, require_shape

# Below it the log-odds of a signal of length 1 come near the end of float32's range.
_LEAST_NOISE = 1e-6


class SignalBatch(NamedTuple):
    """Labelled inputs."""

    patches: Float[Array, "n k d"]
    labels: Float[Array, "n"]
    """-1 or 1."""
    positions: Int[Array, "n"]
    """The patch that holds the signal."""


def dynamic_signal(
    key: PRNGKeyArray, signal: Float[Array, "d"], *, num_samples: int, num_patches: int, noise: float
) -> SignalBatch:
    """Draws inputs whose signal is in a patch drawn uniformly.

    Args:
      key: of labels, positions and noise.
      signal: `(d,)`, the w* of the paper, which has length 1 there.
      num_samples: static; n.
      num_patches: static; k.
      noise: static; standard deviation of each number.

    Returns:
      `patches` `(n, k, d)` and `labels` `(n,)` in the dtype of the signal, `positions` `(n,)`; noise is drawn in
      float32 at least.

    Raises:
      TypeError, ValueError: wrong dtype or shape, an option out of range, naming the argument.
    Transformations: jit, vmap, jvp, vjp (in `signal`), any order.
    References: Lahoti, Karp, Winston, Singh, Li (2024), arXiv:2403.15707, the dynamic signal distribution.

    Examples:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import simulators
      >>> signal = jnp.array([0.6, 0.8])
      >>> batch = simulators.dynamic_signal(jax.random.key(0), signal, num_samples=200, num_patches=4, noise=0.2)
      >>> batch.patches.shape
      (200, 4, 2)
      >>> odds = simulators.signal_log_odds(batch.patches, signal, noise=0.2)
      >>> bool((jnp.sign(odds) == batch.labels).mean() > 0.95)
      True
    """
    position_key, key = jax.random.split(key)
    require_at_least("num_samples", num_samples, 0)
    require_at_least("num_patches", num_patches, 1)
    positions = jax.random.randint(position_key, (num_samples,), 0, num_patches, dtype=jnp.int32)
    return _signal_at(key, signal, positions, num_patches, noise)


def static_signal(
    key: PRNGKeyArray,
    signal: Float[Array, "d"],
    *,
    num_samples: int,
    num_patches: int,
    noise: float,
    position: int = 0,
) -> SignalBatch:
    """Draws inputs whose signal is always in patch `position`.

    Args:
      key: of labels and noise.
      signal, num_samples, num_patches, noise: as in `dynamic_signal`.
      position: static; 0 to `num_patches - 1`.

    Returns, Raises, Transformations, References: as `dynamic_signal`.
    """
    require_at_least("num_samples", num_samples, 0)
    require_at_least("num_patches", num_patches, 1)
    if not 0 <= position < num_patches:
        raise ValueError(f"position must be one of {num_patches} patches, got {position}")
    return _signal_at(key, signal, jnp.full(num_samples, position, jnp.int32), num_patches, noise)


def _signal_at(key, signal, positions, num_patches, noise) -> SignalBatch:
    require_floating("signal", signal)
    require_shape("signal", signal, (None,))
    require_at_least("noise", noise, 0)
    label_key, noise_key = jax.random.split(key)
    dtype = accumulation_dtype(signal)
    labels = jax.random.rademacher(label_key, positions.shape, dtype)
    here = jax.nn.one_hot(positions, num_patches, dtype=dtype)
    patches = (here * labels[:, None])[..., None] * signal.astype(dtype)[None, None]
    patches += noise * jax.random.normal(noise_key, patches.shape, dtype)
    return SignalBatch(patches.astype(signal.dtype), labels.astype(signal.dtype), positions)


def odd_threshold(x: Float[Array, "*batch"], threshold: Float[Array, ""]) -> Float[Array, "*batch"]:
    """`relu(x - b) - relu(-x - b)`: an odd function that is 0 on noise within the threshold and keeps the sign beyond.

    Args:
      x: floating point, of any shape.
      threshold: a scalar b, not negative. (Below 0 the formula still holds: the slope is 2 between the thresholds.)

    Returns:
      As `x`, in the common dtype.

    Raises:
      TypeError, ValueError: wrong dtype, or a threshold that is no scalar, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order; at a threshold the slope counts as 0.
    References: as `dynamic_signal`; Karp, Winston, Li, Singh (2021), local signal adaptivity.
    """
    x, threshold = jnp.asarray(x), jnp.asarray(threshold)
    require_floating("x", x)
    require_floating("threshold", threshold)
    require_shape("threshold", threshold, ())
    return jax.nn.relu(x - threshold) - jax.nn.relu(-x - threshold)


def signal_log_odds(
    patches: Float[Array, "*batch k d"], signal: Float[Array, "d"], *, noise: float
) -> Float[Array, "*batch"]:
    """Bayes' score of the dynamic signal: the logarithm of the odds of label 1 against label -1.

    With `z_i = <signal, patch i> / noise^2` it is `log sum_i exp(z_i) - log sum_i exp(-z_i)`; no classifier beats its
    sign.

    Args:
      patches: `(..., k, d)`, floating point.
      signal: `(d,)`.
      noise: static; standard deviation of each number, 1e-6 at least.

    Returns:
      `(...,)` in the common dtype, summed in float32 at least.

    Raises:
      TypeError, ValueError: wrong dtype or shape, no patches, noise out of range, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order.
    """
    patches, signal = jnp.asarray(patches), jnp.asarray(signal)
    require_floating("patches", patches)
    require_floating("signal", signal)
    require_at_least("noise", noise, _LEAST_NOISE)
    if patches.ndim < 2 or patches.shape[-2] == 0 or signal.shape != patches.shape[-1:]:
        raise ValueError(f"patches must have shape (..., k, d) for signal (d,), got {patches.shape}, {signal.shape}")
    evidence = contract("...kd,d->...k", patches, signal) / noise**2
    odds = jax.nn.logsumexp(evidence, axis=-1) - jax.nn.logsumexp(-evidence, axis=-1)
    return odds.astype(jnp.result_type(patches, signal))
