"""K-means: Lloyd's iteration from k-means++ starts, several at once."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.safe import safe_divide
from jaxinv.kernels.numerics.validation import require_at_least, require_floating, require_shape


class KMeans(NamedTuple):
    """The best clustering of all restarts."""

    centroids: Float[Array, "k d"]
    assignment: Int[Array, "n"]
    """The nearest centroid of every point, the first at ties; also of points without weight."""
    cluster_weight: Float[Array, "k"]
    """Of the points assigned; 0 for an empty cluster."""
    inertia: Float[Array, ""]
    """Weighted sum of squared distances from the nearest centroid."""


@functools.partial(jax.jit, static_argnames=("num_clusters", "iterations", "restarts"))
def kmeans(
    key: PRNGKeyArray,
    points: Float[Array, "n d"],
    num_clusters: int,
    *,
    iterations: int = 100,
    restarts: int = 8,
    sample_weight: Float[Array, "n"] | None = None,
) -> KMeans:
    """Centroids such that points are near one of them: a local minimum of the inertia, the best of some.

    A cluster that loses all its points keeps its centroid, and may win points again. Where there are fewer distinct
    points than clusters, the first of the centroids that coincide has the points.

    Args:
      key: of the starts.
      points: `(n, d)`, floating point, finite.
      num_clusters: k, static, >= 1.
      iterations: static, at most so many; a restart ends as soon as its assignment stays.
      restarts: static, >= 1.
      sample_weight: `(n,)`, non-negative; default 1. Weight 0 is padding.

    Returns:
      KMeans; floats in float32 at least. Without points the centroids are 0.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.

    A rotation, translation or scaling of the points moves the centroids along.
    Transformations: jit, vmap. A search: the derivative is zero.
    References: Lloyd, IEEE Trans. Inf. Theory 28 (1982); Arthur and Vassilvitskii, k-means++, SODA 2007.
    """
    require_floating("points", points)
    require_shape("points", points, (None, None))
    for name, value in (("num_clusters", num_clusters), ("iterations", iterations), ("restarts", restarts)):
        require_at_least(name, value, 1)
    dtype = accumulation_dtype(points)
    points = jax.lax.stop_gradient(points.astype(dtype))
    num_points, dim = points.shape
    if sample_weight is None:
        weight = jnp.ones(num_points, dtype)
    else:
        require_floating("sample_weight", sample_weight)
        require_shape("sample_weight", sample_weight, (num_points,))
        weight = jax.lax.stop_gradient(sample_weight.astype(dtype))
    if num_points == 0:
        nothing = jnp.zeros(num_clusters, dtype)
        return KMeans(jnp.zeros((num_clusters, dim), dtype), jnp.zeros(0, jnp.int32), nothing, jnp.zeros((), dtype))
    # Squared distances by the expanded square are exact enough about the mean only.
    mean = safe_divide(contract("n,nd->d", weight, points), jnp.sum(weight))
    centred = points - mean[None, :]

    def once(state):
        centroids, assignment, _, count = state
        members = jax.nn.one_hot(assignment, num_clusters, dtype=dtype) * weight[:, None]
        mass = jnp.sum(members, axis=0)[:, None]
        moved = jnp.where(mass > 0, safe_divide(contract("nk,nd->kd", members, centred), mass), centroids)
        new = _nearest(centred, moved)
        return moved, new, jnp.any(new != assignment), count + 1

    def descend(key):
        start = _spread_out(key, centred, weight, num_clusters)
        state = (start, _nearest(centred, start), jnp.array(True), 0)
        centroids, assignment, _, _ = jax.lax.while_loop(lambda s: s[2] & (s[3] < iterations), once, state)
        return centroids, assignment, contract("n,nd->", weight, (centred - centroids[assignment]) ** 2)

    centroids, assignment, inertia = jax.vmap(descend)(jax.random.split(key, restarts))
    best = jnp.argmin(inertia)
    members = jax.nn.one_hot(assignment[best], num_clusters, dtype=dtype)
    return KMeans(
        centroids[best] + mean[None, :], assignment[best], contract("n,nk->k", weight, members), inertia[best]
    )


def _nearest(points, centroids):
    """`(n,)`, by the expanded square; that of the point is the same for all."""
    apart = contract("kd,kd->k", centroids, centroids)[None, :] - 2 * contract("nd,kd->nk", points, centroids)
    return jnp.argmin(apart, axis=1).astype(jnp.int32)


def _spread_out(key, points, weight, num_clusters):
    """Points drawn one by one, with a chance in proportion to the squared distance from those drawn before."""
    # In float32 always, so that a key draws the same in every precision.
    levels = jax.random.uniform(key, (num_clusters,), jnp.float32).astype(points.dtype)

    def draw(mass, level):
        steps = jnp.cumsum(mass)
        # The first point that takes the sum past the level; without mass, the last.
        return points[jnp.minimum(jnp.sum(steps <= level * steps[-1]), points.shape[0] - 1)]

    def add(i, state):
        centroids, apart = state
        # Where every point is a centroid already, any point will do.
        new = draw(weight * apart, levels[i])
        return centroids.at[i].set(new), jnp.minimum(apart, jnp.sum((points - new[None, :]) ** 2, axis=1))

    first = draw(weight, levels[0])
    start = jnp.broadcast_to(first[None, :], (num_clusters, points.shape[1]))
    return jax.lax.fori_loop(1, num_clusters, add, (start, jnp.sum((points - first[None, :]) ** 2, axis=1)))[0]
