"""How well predicted embeddings retrieve the view that they predict."""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxinv.kernels.lie_groups.quaternions import squared_sine
from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.row_slices import over_rows, power_of_two_within
from jaxinv.kernels.numerics.validation import require_at_least, require_floating, require_integer, require_shape
from jaxinv.kernels.representations.rows import unit_rows

# Numbers held at once.
_TILE = 1 << 22


@functools.partial(jax.jit, static_argnames="normalize")
def retrieval_ranks(
    predicted: Float[Array, "q d"],
    gallery: Float[Array, "g v d"],
    group: Int[Array, "q"],
    target: Int[Array, "q"],
    *,
    normalize: bool = True,
) -> Int[Array, "q"]:
    """The rank of the right view among all views of the same object, by the product with what was predicted.

    Args:
      predicted: `(q, d)`, finite.
      gallery: `(g, v, d)`, v views of each of g objects.
      group: `(q,)`, which object, from 0 to g - 1; numbers beyond count as the nearest of these.
      target: `(q,)`, which of its views is right, from 0 to v - 1, likewise.
      normalize: static, whether all embeddings are brought to length 1.

    Returns:
      `(q,)`, int32, 1 is best. Of views at equal products those of lower index come first, so that where all
      embeddings are the same the rank is the index plus 1.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.

    Transformations: jit, vmap; no derivative. O(q v d) time; about 2^22 numbers are held at once.
    References: Garrido, Najman and LeCun, ICML 2023, arXiv:2302.10283, section 5.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import representations
      >>> gallery = jnp.array([[[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]])  # three views of one object
      >>> predicted = jnp.array([[0.1, 0.9], [1.0, 0.2]])
      >>> ranks = representations.retrieval_ranks(predicted, gallery, jnp.array([0, 0]), jnp.array([1, 2]))
      >>> ranks, representations.mean_reciprocal_rank(ranks)
      (Array([1, 2], dtype=int32), Array(0.75, dtype=float32))
    """
    require_floating("predicted", predicted)
    require_floating("gallery", gallery)
    require_shape("predicted", predicted, (None, None))
    num_queries, dim = predicted.shape
    require_shape("gallery", gallery, (None, None, dim))
    for name, numbers in (("group", group), ("target", target)):
        require_integer(name, numbers)
        require_shape(name, numbers, (num_queries,))
    dtype = accumulation_dtype(predicted, gallery)
    predicted, gallery = (_prepared(one, dtype, normalize) for one in (predicted, gallery))
    views = jnp.arange(gallery.shape[1])

    def of_query(query):
        embedding, number, right = query
        products = contract("vd,d->v", gallery.at[number].get(mode="clip"), embedding)
        right = jnp.clip(right, 0, views.shape[0] - 1)
        first = (products > products[right]) | ((products == products[right]) & (views < right))
        return 1 + jnp.sum(first, dtype=jnp.int32)

    at_once = min(power_of_two_within(_TILE, max(gallery.shape[1] * dim, 1)), max(num_queries, 1))
    return jax.lax.map(of_query, (predicted, group, target), batch_size=at_once)


@jax.jit
def mean_reciprocal_rank(ranks: Int[Array, "q"]) -> Float[Array, ""]:
    """The mean of 1 / rank.

    Args:
      ranks: `(q,)` integers, 1 is best, as from `retrieval_ranks`.

    Returns:
      Scalar in [0, 1], in the default float; no ranks give 0. Of v equally likely ranks it is about
      `(1 + 1/2 + .. + 1/v) / v`.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.

    Transformations: jit, vmap; no derivative.
    """
    _check_ranks(ranks)
    return jnp.sum(1 / ranks.astype(jnp.result_type(float))) / max(ranks.shape[0], 1)


@functools.partial(jax.jit, static_argnames="k")
def hit_at(ranks: Int[Array, "q"], *, k: int = 1) -> Float[Array, ""]:
    """The share of ranks up to k.

    Args:
      ranks: `(q,)` integers, 1 is best, as from `retrieval_ranks`.
      k: static, at least 1.

    Returns:
      Scalar in [0, 1], in the default float; no ranks give 0.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.

    Transformations: jit, vmap; no derivative.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import representations
      >>> representations.hit_at(jnp.array([1, 4, 2, 9]), k=2)
      Array(0.5, dtype=float32)
    """
    _check_ranks(ranks)
    require_at_least("k", k, 1)
    return jnp.sum(ranks <= k) / max(ranks.shape[0], 1)


@functools.partial(jax.jit, static_argnames="normalize")
def pre_error(
    predicted: Float[Array, "q d"],
    target_poses: Float[Array, "q 4"],
    gallery: Float[Array, "n d"],
    gallery_poses: Float[Array, "n 4"],
    *,
    normalize: bool = True,
) -> Float[Array, "q"]:
    """Prediction retrieval error: how far the pose of the view nearest to the prediction is from the right one.

    Args:
      predicted: `(q, d)`, finite.
      target_poses: `(q, 4)`, unit quaternions (x, y, z, w).
      gallery: `(n, d)`, views of any objects, at least one.
      gallery_poses: `(n, 4)`, their poses.
      normalize: static, whether all embeddings are brought to length 1.

    Returns:
      `(q,)`, `1 - <q', q>^2` in [0, 1] of the pose q' whose view has the largest product (the first of equal ones), see
      `lie_groups.quaternions.squared_sine`; in the dtype of the poses.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.

    Transformations: jit, vmap; derivative by the poses alone. O(q n d) time; about 2^22 products are held at once.
    References: Garrido, Najman and LeCun, ICML 2023, arXiv:2302.10283, section 5.
    """
    require_floating("predicted", predicted)
    require_floating("gallery", gallery)
    require_shape("predicted", predicted, (None, None))
    num_queries, dim = predicted.shape
    require_shape("gallery", gallery, (None, dim))
    require_at_least("the rows of gallery", gallery.shape[0], 1)
    require_shape("target_poses", target_poses, (num_queries, 4))
    require_shape("gallery_poses", gallery_poses, (gallery.shape[0], 4))
    dtype = accumulation_dtype(predicted, gallery)
    predicted, gallery = (_prepared(one, dtype, normalize) for one in (predicted, gallery))

    def nearest(rows):
        return jnp.argmax(contract("rd,nd->rn", rows, gallery), axis=1)[:, None]

    found = over_rows(nearest, (predicted,), power_of_two_within(_TILE, gallery.shape[0]))[:, 0]
    return squared_sine(gallery_poses[found], target_poses)


def _prepared(embeddings, dtype, normalize):
    embeddings = jax.lax.stop_gradient(embeddings.astype(dtype))
    return unit_rows(embeddings) if normalize else embeddings


def _check_ranks(ranks):
    require_integer("ranks", ranks)
    require_shape("ranks", ranks, (None,))
