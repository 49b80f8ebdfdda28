"""How well scores order models whose true accuracies are known. All take M models and `O(M^2)` time at most."""

import functools

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.safe import safe_divide, safe_norm
from jaxinv.kernels.numerics.validation import require_at_least, require_floating, require_shape


@jax.jit
def weighted_kendall_tau(scores: jax.Array, accuracies: jax.Array) -> jax.Array:
    """Weighted Kendall rank correlation: pairs with a top model weigh more.

    `tau = <s, a> / sqrt(<s, s> <a, a>)`, `<s, a> = sum_{i<j} w_ij sign(s_i - s_j) sign(a_i - a_j)`,
    `w_ij = 1 / (r_i + 1) + 1 / (r_j + 1)`, averaged over two rankings r, which count from 0 at the top: by scores and
    then accuracies, and by accuracies and then scores. Equal to `scipy.stats.weightedtau` with its defaults.

    Args:
      scores: `(M,)`, floating point, higher is better.
      accuracies: `(M,)`, the truth.

    Returns:
      `()`, in `[-1, 1]`, in float32 at least. M <= 1, or one side constant: 0.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.

    Transformations: jit, vmap (over score vectors or truths). Piecewise constant: the gradient is zero.
    References: Vigna, A weighted correlation index for rankings with ties, WWW 2015 (arXiv:1404.3325), sec. 4.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import transferability as tf
      >>> accuracies = jnp.array([0.9, 0.8, 0.7, 0.6])
      >>> top_swapped, bottom_swapped = jnp.array([3.0, 4.0, 2.0, 1.0]), jnp.array([4.0, 3.0, 1.0, 2.0])
      >>> [round(float(tf.weighted_kendall_tau(x, accuracies)), 2) for x in (accuracies, top_swapped, bottom_swapped)]
      [1.0, 0.52, 0.81]
    """
    scores, accuracies = _pair(scores, accuracies)
    pairs = _pair_sums(scores, accuracies)

    def tau(first, second):
        position = jnp.arange(scores.shape[0], 0, -1).astype(scores.dtype)
        # lexsort takes its last key first, and sorts upwards: the top model comes last, at position 1.
        weight = jnp.zeros_like(scores).at[jnp.lexsort((second, first))].set(1 / position)
        return _correlation(pairs, weight)

    return (tau(scores, accuracies) + tau(accuracies, scores)) / 2


@jax.jit
def kendall_tau(scores: jax.Array, accuracies: jax.Array) -> jax.Array:
    """Kendall's tau-b: concordant minus discordant pairs, corrected for ties.

    Args:
      scores: `(M,)`, floating point, higher is better.
      accuracies: `(M,)`, the truth.

    Returns:
      `()`, in `[-1, 1]`, in float32 at least. M <= 1, or one side constant: 0.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.

    Transformations: jit, vmap. Piecewise constant: the gradient is zero.
    References: Kendall, The treatment of ties in ranking problems, Biometrika 33 (1945).
    """
    scores, accuracies = _pair(scores, accuracies)
    return _correlation(_pair_sums(scores, accuracies), jnp.ones_like(scores))


@jax.jit
def pearson(scores: jax.Array, accuracies: jax.Array) -> jax.Array:
    """Pearson's linear correlation.

    Args:
      scores: `(M,)`, floating point, higher is better.
      accuracies: `(M,)`, the truth.

    Returns:
      `()`, in `[-1, 1]` up to rounding, in float32 at least. M <= 1, or one side constant: 0.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.

    Transformations: jit, vmap, jvp, vjp, second order; the gradient is 0 where one side is constant.
    References: Pearson, Proc. R. Soc. London 58 (1895).
    """
    first, second = (_centred_unit(values) for values in _pair(scores, accuracies))
    return jnp.sum(first * second)


@functools.partial(jax.jit, static_argnames=("k",))
def relative_at_k(scores: jax.Array, accuracies: jax.Array, *, k: int) -> jax.Array:
    """Rel@k: best accuracy among the k models with the highest scores, relative to the best of all.

    Args:
      scores: `(M,)`, floating point, higher is better; of equal scores the earlier model comes first.
      accuracies: `(M,)`, the truth, non-negative.
      k: static, `1 <= k <= M`.

    Returns:
      `()`, in `[0, 1]`, in float32 at least; 0 if every accuracy is 0.

    Raises:
      TypeError, ValueError: wrong dtype, shape or k, naming the argument.

    Transformations: jit, vmap, jvp, vjp (in the accuracies; zero in the scores).
    References: Li et al., Ranking neural checkpoints, CVPR 2021 (arXiv:2011.11200), sec. 3.
    """
    scores, accuracies = _pair(scores, accuracies)
    chosen = accuracies[_top_k(scores, k)]
    return safe_divide(jnp.max(chosen), jnp.max(accuracies))


@functools.partial(jax.jit, static_argnames=("k",))
def top_k_recall(scores: jax.Array, accuracies: jax.Array, *, k: int) -> jax.Array:
    """Share of the k truly best models that are among the k with the highest scores.

    Args:
      scores: `(M,)`, floating point, higher is better; of equal values the earlier model comes first.
      accuracies: `(M,)`, the truth.
      k: static, `1 <= k <= M`.

    Returns:
      `()`, in `[0, 1]`, in float32 at least.

    Raises:
      TypeError, ValueError: wrong dtype, shape or k, naming the argument.

    Transformations: jit, vmap. Piecewise constant: the gradient is zero.
    References: Manning, Raghavan, Schütze, Introduction to Information Retrieval (2008), sec. 8.4.
    """
    scores, accuracies = _pair(scores, accuracies)
    by_score, by_accuracy = _top_k(scores, k), _top_k(accuracies, k)
    return jnp.sum(by_score[:, None] == by_accuracy[None, :]).astype(scores.dtype) / k


@jax.jit
def regret(scores: jax.Array, accuracies: jax.Array) -> jax.Array:
    """Accuracy lost by taking the model with the highest score. Lower is better, 0 is best.

    Args:
      scores: `(M,)`, floating point, M >= 1; of equal scores the earlier model is taken.
      accuracies: `(M,)`, the truth.

    Returns:
      `()`, in units of the accuracies, in float32 at least.

    Raises:
      TypeError, ValueError: wrong dtype or shape, or M = 0, naming the argument.

    Transformations: jit, vmap, jvp, vjp (in the accuracies; zero in the scores).
    References: Savage, The theory of statistical decision, J. Am. Stat. Assoc. 46 (1951).
    """
    scores, accuracies = _pair(scores, accuracies)
    chosen = _top_k(scores, 1)[0]
    return jnp.max(accuracies) - accuracies[chosen]


def _pair(scores, accuracies):
    require_floating("scores", scores)
    require_floating("accuracies", accuracies)
    require_shape("scores", scores, (None,))
    require_shape("accuracies", accuracies, scores.shape)
    dtype = accumulation_dtype(scores, accuracies)
    return scores.astype(dtype), accuracies.astype(dtype)


def _pair_sums(first, second):
    """For each model, over all others: sums of the sign products of `first second`, `first^2`, `second^2`; `(3, M)`.

    Comparisons, so that nothing overflows and nothing is differentiated. One model meets all others at a time: sums
    over an `(M, M)` array of signs take XLA ten times as long on a CPU.
    """

    def signs(values, value):
        return jnp.where(values > value, 1.0, 0.0) - jnp.where(values < value, 1.0, 0.0)

    def meet(sums, model):
        one, other = signs(first, model[0]), signs(second, model[1])
        return (sums[0] + one * other, sums[1] + one * one, sums[2] + other * other), None

    nothing = jnp.zeros_like(first)
    return jnp.stack(jax.lax.scan(meet, (nothing, nothing, nothing), (first, second), unroll=32)[0])


def _correlation(pair_sums, weight):
    """`<first, second> / sqrt(<first, first> <second, second>)` where a pair weighs as much as its two models together.

    Both signs of a pair change when its models swap, so that `sum_ij (w_i + w_j) s_ij a_ij` is twice the sum over i of
    `w_i sum_j s_ij a_ij`.
    """
    product, first, second = pair_sums @ weight
    return safe_divide(product, jnp.sqrt(first) * jnp.sqrt(second))


def _centred_unit(values):
    """Values minus their mean, of unit length; zero if they are constant."""
    if not values.size:
        return values
    # Taking off the first value makes constants exactly zero, and a power of the size keeps squares in range.
    values = values - values[0]
    size = jax.lax.stop_gradient(jnp.max(jnp.abs(values)))
    values = safe_divide(values, size)
    values = values - jnp.mean(values)
    return safe_divide(values, safe_norm(values))


def _top_k(values, k):
    require_at_least("k", k, 1)
    if k > values.shape[0]:
        raise ValueError(f"scores must hold >= {k} models, got {values.shape[0]}")
    return jax.lax.top_k(jax.lax.stop_gradient(values), k)[1]
