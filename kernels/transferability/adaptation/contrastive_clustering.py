"""Modes of behaviour from trajectories: two windows of one trajectory are alike, those of different ones are not."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.safe import safe_divide, safe_norm
from jaxinv.kernels.numerics.validation import require_at_least, require_floating, require_integer, require_shape


class SubtrajectoryPairs(NamedTuple):
    """Two windows of each trajectory."""

    first: Float[Array, "m w d"]
    second: Float[Array, "m w d"]


@functools.partial(jax.jit, static_argnames=("length",))
def subtrajectory_pairs(key: PRNGKeyArray, trajectories: Float[Array, "m t d"], *, length: int) -> SubtrajectoryPairs:
    """Cuts two windows out of every trajectory, each from a place of its own, which may be the same.

    Windows too short look alike in every mode; windows too long leave nothing that differs within a pair.

    Args:
      key: of the places.
      trajectories: `(m, T, d)`, floating point.
      length: static; 1 to T.

    Returns:
      SubtrajectoryPairs, `(m, length, d)` twice, in the dtype of the trajectories.

    Raises:
      TypeError, ValueError: wrong dtype or shape, or a length out of range, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Qiu and Wu (2022), arXiv:2211.06839.
    """
    require_floating("trajectories", trajectories)
    require_shape("trajectories", trajectories, (None, None, None))
    num_trajectories, num_steps, _ = trajectories.shape
    if not 1 <= length <= num_steps:
        raise ValueError(f"length must be between 1 and the {num_steps} steps of trajectories, got {length}")
    starts = jax.random.randint(key, (2, num_trajectories), 0, num_steps - length + 1)

    def windows(starts):
        return jax.vmap(lambda one, start: jax.lax.dynamic_slice_in_dim(one, start, length))(trajectories, starts)

    return SubtrajectoryPairs(windows(starts[0]), windows(starts[1]))


@jax.jit
def sequence_contrastive_loss(
    embeddings: Float[Array, "n2 e"], *, temperature: Float[Array, ""] | float = 1.0
) -> Float[Array, ""]:
    """How far the two windows of a trajectory are from being each other's nearest, among all windows.

    `-mean_i log(exp s(2i, 2i+1) / sum_{j != 2i} exp s(2i, j))` with s the cosine over the temperature. Identical pairs
    that are orthogonal to all others give `log(1 + (2n - 2) / e)` at temperature 1.

    Args:
      embeddings: `(2n, e)`, floating point; rows 2i and 2i + 1 are windows of trajectory i.
      temperature: positive; 1 as in the paper, where the contrast is weak.

    Returns:
      A scalar >= 0, in float32 at least; 0 for less than two trajectories. A zero vector has the cosine 0 with all.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.

    Invariant to the length of every embedding, to the order of trajectories and to a common rotation.
    Transformations: jit, vmap, jvp, vjp, any order; at a zero vector the derivative counts as 0.
    References: Qiu and Wu (2022), arXiv:2211.06839.
    """
    require_floating("embeddings", embeddings)
    require_shape("embeddings", embeddings, (None, None))
    size = embeddings.shape[0]
    if size % 2:
        raise ValueError(f"embeddings must have an even number of rows, two a trajectory, got shape {embeddings.shape}")
    if size == 0:
        return jnp.zeros((), accumulation_dtype(embeddings))
    wide = embeddings.astype(accumulation_dtype(embeddings))
    unit = safe_divide(wide, jnp.broadcast_to(safe_norm(wide)[:, None], wide.shape))
    similarity = contract("ie,je->ij", unit[::2], unit) / temperature
    rows = jnp.arange(size // 2)
    itself = jnp.arange(size)[None] == 2 * rows[:, None]
    # Itself counts for nothing: exp(lowest) is 0, where exp(-inf) would meet debug_infs.
    others = jnp.where(itself, jnp.finfo(similarity.dtype).min, similarity)
    return jnp.mean(jax.nn.logsumexp(others, axis=1) - similarity[rows, 2 * rows + 1])


@jax.jit
def cluster_loss(
    embeddings: Float[Array, "n e"], centroids: Float[Array, "k e"], assignment: Int[Array, "n"]
) -> Float[Array, ""]:
    """Half the mean squared distance from the centroid of one's cluster, to be added to the contrastive loss.

    Args:
      embeddings: `(n, e)`, floating point.
      centroids: `(K, e)`, floating point.
      assignment: `(n,)` integers 0 .. K - 1; others belong to no cluster and do not count.

    Returns:
      A scalar, in float32 at least; 0 if none counts.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.

    Invariant to the order of embeddings and of clusters, and to a common rotation and translation.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Qiu and Wu (2022), arXiv:2211.06839.
    """
    require_floating("embeddings", embeddings)
    require_floating("centroids", centroids)
    require_integer("assignment", assignment)
    require_shape("embeddings", embeddings, (None, None))
    require_shape("centroids", centroids, (None, embeddings.shape[1]))
    require_at_least("number of centroids", centroids.shape[0], 1)
    require_shape("assignment", assignment, embeddings.shape[:1])
    dtype = accumulation_dtype(embeddings, centroids)
    counted = (assignment >= 0) & (assignment < centroids.shape[0])
    own = centroids.astype(dtype)[jnp.where(counted, assignment, 0)]
    square = jnp.sum((embeddings.astype(dtype) - own) ** 2, axis=1)
    return safe_divide(jnp.sum(jnp.where(counted, square, 0.0)), 2 * jnp.sum(counted, dtype=dtype))
