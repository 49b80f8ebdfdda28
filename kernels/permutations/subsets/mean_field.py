"""Marginals of the elements of a set under p(S) ~ exp F(S), by mean-field steps that are sampled."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.validation import require_at_least, require_floating, require_shape
from jaxinv.kernels.permutations.masks import require_mask
from jaxinv.kernels.permutations.subsets.arguments import ABSENT, require_elements, require_vector
from jaxinv.kernels.permutations.subsets.sums import subset_sums
from jaxinv.kernels.permutations.subsets.utility import Utility


class MeanField(NamedTuple):
    """Marginals of n elements.

    Attributes:
      probabilities: `(n,)`, 0 where masked.
      logits: `(n,)`, of which they are the sigmoid; -1e4 where masked. Losses should read these.
    """

    probabilities: jax.Array
    logits: jax.Array


@functools.partial(jax.jit, static_argnames=("num_samples", "shared_draw"))
def sample_subsets(
    key: PRNGKeyArray, q: jax.Array, *, num_samples: int, mask: jax.Array | None = None, shared_draw: bool = False
) -> jax.Array:
    """Subsets whose elements are in independently, each with its probability.

    Args:
      key: of the draw.
      q: `(n,)`, floating point, probabilities.
      num_samples: static, M.
      mask: `(n,)` bool, which elements there are, by default all; the others are never drawn.
      shared_draw: static; see `marginal_logits`.

    Returns:
      0 and 1, in the dtype of sums over q: `(M, n)` of shared draws, else `(M, n, n)`, a subset for each element.

    Raises:
      TypeError, ValueError: wrong dtype or shape, no sample, naming the argument.
    Transformations: jit, vmap. Nothing to differentiate.
    """
    q = require_vector("q", q)
    require_at_least("num_samples", num_samples, 1)
    mask = require_mask(mask, q.shape)
    q = jnp.where(mask, q, 0).astype(accumulation_dtype(q))
    shape = (num_samples, q.size) if shared_draw else (num_samples, q.size, q.size)
    drawn = jax.random.uniform(key, shape, q.dtype) < q.reshape((1,) * (len(shape) - 1) + (-1,))
    return drawn.astype(q.dtype)


def marginal_logits(utility: Utility, h: jax.Array, samples: jax.Array, *, mask: jax.Array | None = None) -> jax.Array:
    """What each element adds to the utility: the mean over samples of F(S with i) - F(S without i).

    Args:
      utility: from sums over subsets `(..., D)` to `(...)`; F of the identity matrix as h is any function of subsets.
      h: `(n, D)`, floating point, features of the elements.
      samples: floating point, 0 or 1. `(M, n, n)`: row i of each is the subset that element i meets, as published.
        `(M, n)`: all elements meet one and the same, so that they differ from it in one element; of the same mean,
        with noise that elements share.
      mask: `(n,)` bool, which elements there are, by default all.

    Returns:
      `(n,)`, in float32 at least; -1e4 where masked.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.

    Work: `2 M n` calls of the utility and `M n^2 D` for the sums; of shared draws `M (n + 1)` calls, for one of the two
    subsets is the draw itself, and `M n D`. Memory: `M n` times D and the widths of the utility; not shared, twice
    that, and `M n^2`. Equivariant to permutations of the elements that samples follow.
    Transformations: jit, vmap (over sets), jvp, vjp, any order, in h and what the utility holds; samples are constants.
    References: Ou et al., EquiVSet, NeurIPS 2022, arXiv:2203.01693.
    """
    h, mask = require_elements(h, mask)
    samples = jax.lax.stop_gradient(jnp.asarray(samples))
    require_floating("samples", samples)
    n = h.shape[0]
    if samples.ndim == 2:
        require_shape("samples", samples, (None, n))
        drawn = subset_sums(h, samples, mask=mask)
        sign = 1 - 2 * samples
        changed = drawn[:, None] + sign[..., None] * h[None]
        added = sign * (utility(changed) - utility(drawn)[:, None])
    else:
        require_shape("samples", samples, (None, n, n))
        without = subset_sums(h, samples * (1 - jnp.eye(n, dtype=samples.dtype))[None], mask=mask)
        added = utility(without + h[None]) - utility(without)
    return jnp.where(mask, jnp.mean(added, axis=0), ABSENT)


def mean_field_step(
    utility: Utility,
    h: jax.Array,
    q: jax.Array,
    key: PRNGKeyArray,
    *,
    num_samples: int = 5,
    mask: jax.Array | None = None,
    shared_draw: bool = False,
) -> MeanField:
    """One step towards the fixed point `q_i = sigmoid(E[F(S with i) - F(S without i)])`, S drawn from q.

    Args:
      utility, h, mask: as for `marginal_logits`.
      q: `(n,)`, floating point, probabilities; constants under differentiation.
      key: of the draws.
      num_samples: static, M.
      shared_draw: static; whether all elements meet the same draws, which costs less by a factor of n.

    Returns:
      `MeanField`, in float32 at least.

    Raises:
      TypeError, ValueError: wrong dtype or shape, no sample, naming the argument.

    Equivariant to permutations in distribution. Transformations: as `marginal_logits`.
    References: as `marginal_logits`.
    """
    h, mask = require_elements(h, mask)
    q = require_vector("q", q, h.shape[0])
    samples = sample_subsets(key, q, num_samples=num_samples, mask=mask, shared_draw=shared_draw)
    logits = marginal_logits(utility, h, samples, mask=mask)
    return MeanField(jnp.where(mask, jax.nn.sigmoid(logits), 0), logits)


def mean_field(
    utility: Utility,
    h: jax.Array,
    key: PRNGKeyArray,
    *,
    q: jax.Array | None = None,
    num_steps: int = 1,
    num_samples: int = 5,
    mask: jax.Array | None = None,
    shared_draw: bool = False,
) -> MeanField:
    """Mean-field steps one after the other.

    Args:
      utility, h, mask, num_samples, shared_draw: as for `mean_field_step`.
      key: of all draws.
      q: `(n,)`, floating point, where to start; by default 1/2.
      num_steps: static, 1 as published.

    Returns:
      `MeanField`, of the last step.

    Raises:
      TypeError, ValueError: wrong dtype or shape, no step, no sample, naming the argument.
    Transformations: as `marginal_logits`; only the last step has a derivative, for draws are constants, and only it is
      kept for one.
    References: as `marginal_logits`.

    Examples:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import permutations
      >>> def additive(sums):  # F(S) is the sum of one feature: logits are the features
      ...     return sums[..., 0]
      >>> h = jnp.array([[2.0], [-1.0], [0.5]])
      >>> permutations.mean_field(additive, h, jax.random.key(0)).logits.round(3)
      Array([ 2. , -1. ,  0.5], dtype=float32)
    """
    require_at_least("num_steps", num_steps, 1)
    h, mask = require_elements(h, mask)
    q = jnp.full(h.shape[:1], 0.5, accumulation_dtype(h)) if q is None else require_vector("q", q, h.shape[0])
    step = functools.partial(mean_field_step, num_samples=num_samples, mask=mask, shared_draw=shared_draw)
    keys = jax.random.split(key, num_steps)
    if num_steps > 1:
        constant = jax.lax.stop_gradient(h)

        def move(q, key):
            return step(utility, constant, q, key).probabilities.astype(q.dtype), None

        q = jax.lax.stop_gradient(jax.lax.scan(move, q, keys[:-1])[0])
    return step(utility, h, q, keys[-1])
