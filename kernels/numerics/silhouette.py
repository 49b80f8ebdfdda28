"""Silhouettes: how much nearer points are to their own cluster than to the next, and so how many clusters there are."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from jaxinv.kernels.numerics.kmeans import KMeans, kmeans
from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.safe import safe_divide, safe_norm
from jaxinv.kernels.numerics.validation import require_at_least, require_floating, require_integer, require_shape

# Rows whose distances from all points are taken at once.
_ROWS_AT_ONCE = 64


class Silhouette(NamedTuple):
    """Of a clustering, and of each point."""

    score: Float[Array, ""]
    """The mean of the widths, in [-1, 1]; 0 with fewer than two clusters."""
    width: Float[Array, "n"]
    """`(b - a) / max(a, b)`, of the mean distances a from the others of its cluster and b from the next cluster.

    0 for a point alone in its cluster.
    """


@functools.partial(jax.jit, static_argnames=("num_clusters",))
def silhouette(points: Float[Array, "n d"], assignment: Int[Array, "n"], *, num_clusters: int) -> Silhouette:
    """How well clusters are apart, by Euclidean distances of all pairs.

    Args:
      points: `(n, d)`, floating point, finite.
      assignment: `(n,)` integers; points outside `0 .. num_clusters - 1` count in no way.
      num_clusters: static, >= 1; empty clusters do not count.

    Returns:
      Silhouette, in float32 at least.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.

    Invariant to rotations, translations and scalings of the points, and to the numbers of the clusters. Memory: 64 n d.
    Transformations: jit, vmap, jvp, vjp, any order; at ties the derivative is shared.
    References: Rousseeuw, J. Comput. Appl. Math. 20 (1987).
    """
    require_floating("points", points)
    require_shape("points", points, (None, None))
    require_integer("assignment", assignment)
    require_shape("assignment", assignment, points.shape[:1])
    require_at_least("num_clusters", num_clusters, 1)
    points = points.astype(accumulation_dtype(points))
    members = jax.nn.one_hot(assignment, num_clusters, dtype=points.dtype)
    count = jnp.sum(members, axis=0)[None, :]

    def total_by_cluster(row):
        return contract("n,nk->k", safe_norm(points - row[None, :]), members)

    # The derivative takes the differences again: kept, they are n x n x d numbers.
    total = jax.lax.map(jax.checkpoint(total_by_cluster, prevent_cse=False), points, batch_size=_ROWS_AT_ONCE)
    own = safe_divide(jnp.sum(members * total, axis=1), jnp.sum(members * count, axis=1) - 1)
    others = (members == 0) & (count > 0)
    far = float(jnp.finfo(points.dtype).max)
    next_one = jnp.min(jnp.where(others, safe_divide(total, count), far), axis=1)
    alone = jnp.sum(members * count, axis=1) <= 1
    counts = jnp.any(others, axis=1) & ~alone
    # Where neither is 0 nor missing.
    own, next_one = jnp.where(counts, own, 0.0), jnp.where(counts, next_one, 0.0)
    width = safe_divide(next_one - own, jnp.maximum(own, next_one))
    return Silhouette(safe_divide(jnp.sum(width), jnp.sum(members)), width)


class ChosenClusters(NamedTuple):
    """Clusterings into several numbers of clusters, and the best of them."""

    num_clusters: Int[Array, ""]
    """Of the candidates the one with the largest silhouette, the first at ties."""
    assignment: Int[Array, "n"]
    """Of that clustering."""
    scores: Float[Array, "c"]
    """The silhouette of every candidate."""


@functools.partial(jax.jit, static_argnames=("candidates",))
def choose_num_clusters(key: PRNGKeyArray, points: Float[Array, "n d"], candidates: tuple[int, ...]) -> ChosenClusters:
    """K-means for every candidate, and the number of clusters whose silhouette is largest.

    A silhouette compares two clusters at least: it cannot say that there is only one.

    Args:
      key: of the starts, the same for every candidate.
      points: `(n, d)`, floating point, finite.
      candidates: static; numbers of clusters, each >= 2.

    Returns:
      ChosenClusters, in float32 at least.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.
    Transformations: jit, vmap. A search: the derivative is zero.
    References: Rousseeuw, J. Comput. Appl. Math. 20 (1987).
    """
    require_at_least("number of candidates", len(candidates), 1)
    require_at_least("least of candidates", min(candidates), 2)
    found: list[KMeans] = [kmeans(key, points, candidate) for candidate in candidates]
    points = jax.lax.stop_gradient(points)
    scores = jnp.stack(
        [
            silhouette(points, each.assignment, num_clusters=candidate).score
            for each, candidate in zip(found, candidates, strict=True)
        ]
    )
    best = jnp.argmax(scores)
    return ChosenClusters(
        jnp.asarray(candidates, jnp.int32)[best], jnp.stack([each.assignment for each in found])[best], scores
    )
