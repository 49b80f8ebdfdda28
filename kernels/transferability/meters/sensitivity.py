"""How invariant a representation is to a family of transformations, measured on twin pairs.

A twin pair shows the same object before the same background under two independent transformations. `sens` compares the
distance between twins with the distance between unrelated inputs: 0 for a representation that is invariant, about 1 for
one that a transformation moves as far as another input does. Every metric is a distance here, so that 0 always means
invariant:

| metric | distance between a and b |
| --- | --- |
| "l2" | ||a - b|| |
| "cosine" | 1 - cos(a, b), taken as half the squared distance of the unit vectors (two zero vectors: 0) |
| "dot" | (||a||^2 + ||b||^2) / 2 - <a, b> |
| "cka" | 1 - linear CKA of the two batches, normalised by itself |

It is a meter, not a transfer score: a network that has learned little can be insensitive and useless.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.safe import safe_divide, safe_norm
from jaxinv.kernels.numerics.validation import require_choice, require_floating, require_shape
from jaxinv.kernels.representations.linear_cka import linear_cka
from jaxinv.kernels.representations.rows import ROUNDING_UNITS

DISTANCES = ("l2", "cosine", "dot")
METRICS = (*DISTANCES, "cka")


class Sens(NamedTuple):
    """The sensitivity of a representation, with what it is made of."""

    score: Float[Array, ""]
    """`paired / shuffled` ("cka": `paired`); 0 if collapsed. Lower is more invariant."""
    paired: Float[Array, ""]
    """Mean distance between twins."""
    shuffled: Float[Array, ""]
    """Mean distance between unrelated inputs of the first batch."""
    collapsed: Bool[Array, ""]
    """Whether all inputs have the same representation, up to rounding: the score then says nothing."""


class SensState(NamedTuple):
    """Sums over the twin pairs seen so far; two states add field by field."""

    num_pairs: Float[Array, ""]
    paired: Float[Array, ""]
    shuffled: Float[Array, ""]
    rounding: Float[Array, ""]


@functools.partial(jax.jit, static_argnames=("metric",))
def sens(
    representation1: Float[Array, "n d"],
    representation2: Float[Array, "n d"],
    key: PRNGKeyArray,
    *,
    metric: str = "l2",
) -> Sens:
    """Sensitivity of a representation to the transformations that make twins.

    Unrelated inputs are the first batch against itself, rolled by a random non-zero number of rows, so that no row
    meets itself. The score can exceed 1. Zero columns (padding) change nothing.

    Args:
      representation1: `(n, d)`, representation of the first twins.
      representation2: `(n, d)`, representation of the second twins, in the same order.
      key: chooses the roll.
      metric: static; "l2", "cosine", "dot" or "cka", see the module's table.

    Returns:
      A `Sens`, in float32 at least. If the representation is collapsed, or n < 2, the score is 0 with `collapsed` set.

    Raises:
      TypeError: if a representation is not floating point.
      ValueError: if the shapes are not `(n, d)` twice, or the metric is unknown.

    Transformations: jit, vmap (over models, layers or transformations), grad (0 at coinciding twins and if collapsed).

    References: Speicher, Nanda et al. (2024), arXiv:2407.04325, section 5. The paper's ratios for cosine and dot
      product divide mean similarities, where a larger value is more invariant and zero-mean features divide by zero;
      here they divide mean distances.

    Examples:
      >>> import jax
      >>> from jaxinv.kernels import transferability as tf
      >>> key = jax.random.key(0)
      >>> twins = jax.random.normal(key, (2, 100, 6)).at[1, :, :5].set(jax.random.normal(key, (2, 100, 6))[0, :, :5])
      >>> float(tf.sens(twins[0, :, :5], twins[1, :, :5], key).score)  # what the twins share
      0.0
      >>> bool(tf.sens(twins[0, :, 5:], twins[1, :, 5:], key).score > 0.5)  # what they do not
      True
    """
    require_choice("metric", metric, METRICS)
    _check_twins(representation1, representation2)
    if metric != "cka":
        start = sens_init(accumulation_dtype(representation1, representation2))
        return sens_finalise(sens_update(start, representation1, representation2, key, metric=metric))
    paired = linear_cka(representation1, representation2)
    shuffled = linear_cka(representation1, _unrelated(representation1, key))
    score = jnp.where(paired.collapsed, 0.0, 1.0 - paired.score)
    return Sens(score, score, jnp.where(paired.collapsed, 0.0, 1.0 - shuffled.score), paired.collapsed)


def sens_init(dtype: DTypeLike = jnp.float32) -> SensState:
    """The state before any twin pair.

    Args:
      dtype: of the sums: float32, or float64 under x64.

    Returns:
      A `SensState` of zeros, for `sens_update`.

    Transformations: jit.
    """
    return SensState(*(jnp.zeros((), dtype) for _ in SensState._fields))


@functools.partial(jax.jit, static_argnames=("metric",))
def sens_update(
    state: SensState,
    representation1: Float[Array, "n d"],
    representation2: Float[Array, "n d"],
    key: PRNGKeyArray,
    *,
    metric: str = "l2",
) -> SensState:
    """Adds a batch of twin pairs; unrelated inputs are paired within the batch.

    Args:
      state: from `sens_init`, an earlier `sens_update` with the same metric, or a sum of such states.
      representation1: `(n, d)`, representation of the first twins.
      representation2: `(n, d)`, representation of the second twins, in the same order.
      key: chooses the roll; a fresh one for each batch.
      metric: static; "l2", "cosine" or "dot". CKA is a property of the whole batch: use `sens`.

    Returns:
      The new state. Means weigh every pair equally, whatever the batch sizes.

    Raises:
      TypeError: if a representation is not floating point.
      ValueError: if the shapes are not `(n, d)` twice, or the metric is unknown.

    Transformations: jit, vmap, grad.
    """
    require_choice("metric", metric, DISTANCES)
    _check_twins(representation1, representation2)
    dtype = accumulation_dtype(representation1, representation2)
    rounding = ROUNDING_UNITS * float(jnp.finfo(representation1.dtype).eps)
    first, second = representation1.astype(dtype), representation2.astype(dtype)
    if metric == "cosine":
        first, second = (safe_divide(x, jnp.broadcast_to(safe_norm(x)[:, None], x.shape)) for x in (first, second))
    other = _unrelated(first, key)

    def total(difference):
        return jnp.sum(safe_norm(difference)) if metric == "l2" else jnp.sum(difference * difference) / 2

    return SensState(
        state.num_pairs + first.shape[0],
        state.paired + total(first - second),
        state.shuffled + total(first - other),
        state.rounding + jax.lax.stop_gradient(total(rounding * first)),
    )


@jax.jit
def sens_finalise(state: SensState) -> Sens:
    """The sensitivity over all twin pairs of a stream.

    Args:
      state: from `sens_update`, or a sum of such states field by field.

    Returns:
      A `Sens`; collapsed, with score 0, if there are no pairs.

    Transformations: jit, vmap, grad (0 if collapsed).
    References: as `sens`.
    """
    collapsed = state.shuffled <= state.rounding
    score = jnp.where(collapsed, 0.0, safe_divide(state.paired, jnp.where(collapsed, 1.0, state.shuffled)))
    return Sens(
        score, safe_divide(state.paired, state.num_pairs), safe_divide(state.shuffled, state.num_pairs), collapsed
    )


def _check_twins(representation1, representation2):
    require_floating("representation1", representation1)
    require_floating("representation2", representation2)
    require_shape("representation1", representation1, (None, None))
    require_shape("representation2", representation2, representation1.shape)


def _unrelated(rows, key):
    """The rows rolled by a random non-zero number, so that no row stays in its place."""
    return jnp.roll(rows, jax.random.randint(key, (), 1, max(rows.shape[0], 2)), axis=0)
