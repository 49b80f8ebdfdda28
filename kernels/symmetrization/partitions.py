"""Partitions of points into parts: labels, their order by refinement, and the chance that a drawn one is bad.

A map that is equivariant to motions of each part by itself is so for every coarser partition too: what fails is a part
that straddles two true ones. If a layer uses `Z* = argmax_j Q_ij` of assignments Q, and Z is drawn from Q, then
`[Z* bad] <= P(Z bad) + delta(Q)`, so its expected error is at most `(lambda + delta) M`, M a bound on the error of one
call (twice one on its size), lambda the `bad_partition_rate`, delta the `assignment_uncertainty`.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.ranks import with_equal_ranks
from jaxinv.kernels.numerics.safe import safe_log
from jaxinv.kernels.numerics.small_matrices import total
from jaxinv.kernels.numerics.validation import require_at_least, require_integer
from jaxinv.kernels.symmetrization.clouds import mask_argument, points_argument


@functools.partial(jax.jit, static_argnames=("num_parts",))
def voronoi_parts(key: jax.Array, points: jax.Array, num_parts: int, *, mask: jax.Array | None = None) -> jax.Array:
    """A fine partition to start with: each point goes to the nearest of some points drawn at random.

    Args:
      key: of `jax.random`.
      points: `(n, d)`, floating point; for more clouds `jax.vmap`, keys too.
      num_parts: static, 1 to n; of fewer points that there are, all are taken.
      mask: `(n,)` bool, which points there are.

    Returns:
      `(n,)` int32 labels below `num_parts`, of the first of centres equally near. With as many parts as points, each
      point (of distinct ones) is its own part, so no partition is finer.

    Raises:
      TypeError, ValueError: wrong dtype, shape or number of parts, naming the argument.
    Transformations: jit, vmap.
    References: Atzmon et al., Approximately piecewise E(3) equivariant point networks, arXiv:2402.08529 (Q_simple).
    """
    points = points_argument("points", points)
    if points.ndim != 2:
        raise ValueError(f"points must have shape (n, d), got {points.shape}")
    n = points.shape[0]
    if not 1 <= num_parts <= n:
        raise ValueError(f"num_parts must be 1 to {n}, the number of points, got {num_parts}")
    present = jnp.ones(n, bool) if mask is None else mask_argument(mask, points)
    rank = jnp.where(present, jax.random.uniform(key, (n,)), 2.0)
    chosen = jnp.argsort(rank)[:num_parts].astype(jnp.int32)
    wide = points.astype(accumulation_dtype(points))
    wide = jnp.where(present[:, None], wide, 0)
    centres = wide[chosen]
    apart = total((wide[:, None, i] - centres[None, :, i]) ** 2 for i in range(points.shape[1]))
    apart = jnp.where(present[chosen][None, :], apart, jnp.finfo(apart.dtype).max)
    return jax.lax.argmin(apart, 1, jnp.int32)


@jax.jit
def is_subpartition(fine: jax.Array, coarse: jax.Array, *, mask: jax.Array | None = None) -> jax.Array:
    """Whether each part of `fine` lies in one part of `coarse`.

    Args:
      fine: `(..., n)` integer labels.
      coarse: `(..., n)` integer labels; leading axes broadcast.
      mask: `(..., n)` bool, which points count.

    Returns:
      `(...)` bool.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap.
    """
    fine, coarse = labels_argument("fine", fine), labels_argument("coarse", coarse)
    if fine.shape[-1] != coarse.shape[-1]:
        raise ValueError(f"coarse must have as many points as fine, {fine.shape[-1]}, got {coarse.shape}")
    counted = jnp.ones(fine.shape[-1], bool) if mask is None else jnp.asarray(mask)
    fine, coarse, counted = with_equal_ranks(fine, coarse, counted)
    together, fit = (x[..., :, None] == x[..., None, :] for x in (fine, coarse))
    both = counted[..., :, None] & counted[..., None, :]
    return ~jnp.any(together & ~fit & both, axis=(-1, -2))


def common_refinement(first: jax.Array, second: jax.Array, *, num_second: int) -> jax.Array:
    """The coarsest partition that is finer than both.

    Args:
      first: `(..., n)` integer labels.
      second: `(..., n)` integer labels, of the same shape, below `num_second`.
      num_second: static, 1 at least.

    Returns:
      `(..., n)` labels `first num_second + second`, below the product of both numbers of labels.

    Raises:
      TypeError, ValueError: wrong dtype, shape or number, naming the argument.
    Transformations: jit, vmap.
    """
    first, second = labels_argument("first", first), labels_argument("second", second)
    require_at_least("num_second", num_second, 1)
    if first.shape != second.shape:
        raise ValueError(f"second must have the shape of first, {first.shape}, got {second.shape}")
    return first * num_second + second


@jax.jit
def move_parts(rotations: jax.Array, translations: jax.Array, points: jax.Array, labels: jax.Array) -> jax.Array:
    """Each part moved by a motion of its own.

    Args:
      rotations: `(..., k, d, d)`, floating point.
      translations: `(..., k, d)`.
      points: `(..., n, d)`.
      labels: `(..., n)` integers below k; points of other labels go to 0.

    Returns:
      `(..., n, d)` in the dtype of the points: `R_label x + t_label`.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order.
    """
    points = points_argument("points", points)
    rotations, translations = jnp.asarray(rotations), jnp.asarray(translations)
    d, num_parts = points.shape[-1], rotations.shape[-3] if rotations.ndim >= 3 else 0
    if num_parts == 0 or rotations.shape[-2:] != (d, d):
        raise ValueError(f"rotations must have shape (..., k, {d}, {d}), got {rotations.shape}")
    if translations.shape[-2:] != (num_parts, d):
        raise ValueError(f"translations must have shape (..., {num_parts}, {d}), got {translations.shape}")
    dtype = accumulation_dtype(points, rotations, translations)
    belongs = membership(labels, num_parts, points, dtype)
    turned = contract("...pk,...kij,...pj->...pi", belongs, rotations, points, dtype=dtype)
    return (turned + contract("...pk,...ki->...pi", belongs, translations, dtype=dtype)).astype(points.dtype)


def bad_partition_rate(
    key: jax.Array, sampler: Callable[[jax.Array], jax.Array], labels: jax.Array, *, num_draws: int
) -> jax.Array:
    """How often a drawn partition is no subpartition of the true one: lambda in the bound, by Monte Carlo.

    Args:
      key: of `jax.random`.
      sampler: static; draws `(n,)` labels from a key.
      labels: `(n,)`, the true parts.
      num_draws: static, 1 at least; the standard error is `sqrt(rate (1 - rate) / num_draws)`.

    Returns:
      A scalar, in the default floating dtype.

    Raises:
      TypeError, ValueError: wrong dtype, shape or number, naming the argument.
    Transformations: jit, vmap.
    """
    require_at_least("num_draws", num_draws, 1)
    drawn = jax.vmap(sampler)(jax.random.split(key, num_draws))
    return 1 - jnp.mean(is_subpartition(drawn, labels), dtype=float)


@jax.jit
def assignment_uncertainty(assignments: jax.Array, *, mask: jax.Array | None = None) -> jax.Array:
    """The chance that labels drawn from assignments are not the likeliest: delta in the bound.

    Args:
      assignments: `(..., n, k)`, floating point: of each point the probabilities of k parts, drawn independently.
      mask: `(..., n)` bool, which points count.

    Returns:
      `(...)`: `1 - product of max_j Q_ij`, in the dtype of the assignments; 0 only where all rows are one-hot, largest
      where all are uniform.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp.
    """
    assignments = points_argument("assignments", assignments)
    likeliest = jnp.max(assignments.astype(accumulation_dtype(assignments)), axis=-1)
    if mask is not None:
        likeliest = jnp.where(mask_argument(mask, assignments), likeliest, 1)
    return -jnp.expm1(jnp.sum(safe_log(likeliest), axis=-1)).astype(assignments.dtype)


def labels_argument(name: str, labels: jax.Array) -> jax.Array:
    """`labels` as an array. Raises TypeError or ValueError unless it holds integers `(..., n)`."""
    labels = jnp.asarray(labels)
    require_integer(name, labels)
    if labels.ndim == 0:
        raise ValueError(f"{name} must have shape (..., n), got {labels.shape}")
    return labels


def membership(labels: jax.Array, num_parts: int, points: jax.Array, dtype: jnp.dtype) -> jax.Array:
    """`(..., n, num_parts)`: 1 where a point has a label, else 0. Raises if labels do not belong to the points."""
    labels = labels_argument("labels", labels)
    if labels.shape != points.shape[:-1]:
        raise ValueError(f"labels must have one label a point, shape {points.shape[:-1]}, got {labels.shape}")
    return jax.nn.one_hot(labels, num_parts, dtype=dtype)
