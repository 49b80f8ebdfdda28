"""Which samples serve as anchors: numbers of rows, to be encoded by every encoder in the same order."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from jaxinv.kernels.numerics.kmeans import kmeans
from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.validation import require_at_least, require_floating, require_integer, require_shape
from jaxinv.kernels.representations.pairwise import squared_distances


class StratifiedAnchors(NamedTuple):
    """Samples of every class, class by class."""

    rows: Int[Array, "a"]
    """Their numbers; 0 where `found` is false."""
    found: Bool[Array, "a"]
    """False where a class has fewer samples than were asked for."""


def anchors_uniform(key: PRNGKeyArray, num_samples: int, num_anchors: int) -> Int[Array, "a"]:
    """Different samples, all equally likely, in random order.

    Args:
      key: of the draw.
      num_samples: static, of which to draw.
      num_anchors: static, from 1 to `num_samples`.

    Returns:
      `(num_anchors,)` integers, row numbers.

    Raises:
      ValueError: too few samples, naming the argument.

    Transformations: jit, vmap over keys.
    """
    _check_number(num_samples, num_anchors)
    return jax.random.permutation(key, num_samples)[:num_anchors]


@functools.partial(jax.jit, static_argnames=("num_anchors", "start"))
def anchors_fps(x: Float[Array, "n d"], num_anchors: int, *, start: int = 0) -> Int[Array, "a"]:
    """Farthest points: from a first sample on, each is the one farthest from all before; the first of those at ties.

    Anchors are all different, even if samples coincide. Rotations, translations and rescalings change nothing.

    Args:
      x: `(n, d)`, floating point.
      num_anchors: static, from 1 to n.
      start: static, number of the first.

    Returns:
      `(num_anchors,)` integers, row numbers in the order of their choice.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.

    Transformations: jit, vmap. The choice has no derivative. O(A n d) time, O(n) memory.
    References: Gonzalez, Theor. Comput. Sci. 38 (1985) 293.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import representations
      >>> representations.anchors_fps(jnp.array([[0.0], [1.0], [9.0], [5.0]]), 3)
      Array([0, 2, 3], dtype=int32)
    """
    require_floating("x", x)
    require_shape("x", x, (None, None))
    _check_number(x.shape[0], num_anchors)
    if not 0 <= start < x.shape[0]:
        raise ValueError(f"start must be from 0 to {x.shape[0] - 1}, got {start}")
    x = x.astype(accumulation_dtype(x))

    def step(carry, _):
        apart, last = carry
        apart = jnp.minimum(apart, jnp.sum((x - x[last][None, :]) ** 2, axis=1)).at[last].set(-1.0)
        farthest = jnp.argmax(apart)
        return (apart, farthest), last

    unseen = jnp.full(x.shape[0], float(jnp.finfo(x.dtype).max), x.dtype)
    return jax.lax.scan(step, (unseen, jnp.argmin(unseen) + start), length=num_anchors)[1]


def anchors_kmeans(key: PRNGKeyArray, x: Float[Array, "n d"], num_anchors: int) -> Int[Array, "a"]:
    """The sample of each cluster that is nearest to its centroid.

    Different samples, unless there are fewer distinct points than anchors: an empty cluster has the sample nearest to
    where it is.

    Args:
      key: of the starts of `numerics.kmeans`.
      x: `(n, d)`, floating point.
      num_anchors: static, from 1 to n.

    Returns:
      `(num_anchors,)` integers, row numbers, one a cluster.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.

    Transformations: jit, vmap. The choice has no derivative.
    """
    require_floating("x", x)
    require_shape("x", x, (None, None))
    _check_number(x.shape[0], num_anchors)
    clusters = kmeans(key, x, num_anchors)
    apart = squared_distances(clusters.centroids, x.astype(clusters.centroids.dtype))
    mine = clusters.assignment[None, :] == jnp.arange(num_anchors)[:, None]
    empty = clusters.cluster_weight[:, None] == 0
    return jnp.argmin(jnp.where(mine | empty, apart, float(jnp.finfo(apart.dtype).max)), axis=1)


@functools.partial(jax.jit, static_argnames=("per_class", "num_classes"))
def anchors_stratified(
    key: PRNGKeyArray, labels: Int[Array, "n"], per_class: int, *, num_classes: int
) -> StratifiedAnchors:
    """So many different samples of every class, at random.

    Args:
      key: of the draw.
      labels: `(n,)` integers; samples outside `0 .. num_classes - 1` are padding.
      per_class: static, from 1 to n.
      num_classes: static, >= 1.

    Returns:
      StratifiedAnchors of `num_classes * per_class` rows, class by class.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.

    Transformations: jit, vmap.
    """
    require_shape("labels", labels, (None,))
    require_integer("labels", labels)
    require_at_least("num_classes", num_classes, 1)
    _check_number(labels.shape[0], per_class, "per_class")
    # In float32 always, so that a key draws the same in every precision.
    lot = jax.random.uniform(key, labels.shape, jnp.float32)
    member = labels[None, :] == jnp.arange(num_classes)[:, None]
    best, rows = jax.lax.top_k(jnp.where(member, lot[None, :], -1.0), per_class)
    found = best >= 0
    return StratifiedAnchors(jnp.where(found, rows, 0).ravel(), found.ravel())


def _check_number(num_samples, num_anchors, name="num_anchors"):
    if not 1 <= num_anchors <= num_samples:
        raise ValueError(f"{name} must be from 1 to {num_samples}, got {num_anchors}")
