"""Points from their distances: classical multi-dimensional scaling."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.first_order import first_order_only
from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.safe import safe_divide
from jaxinv.kernels.numerics.small_matrices import square_argument
from jaxinv.kernels.numerics.validation import require_at_least
from jaxinv.kernels.symmetrization.clouds import mask_argument, point_shares


class ClassicalMds(NamedTuple):
    """Points whose distances are the given ones, as nearly as k coordinates allow.

    Attributes:
      points: `(..., n, k)`, about their mean; columns at right angles, longest first, each of arbitrary sign.
      values: `(..., k)`, descending: the eigenvalues of the centred Gram matrix, squared units of the distances; 0
        where it has no more above rounding.
      lost: `(...)`, the sum of the magnitudes of negative eigenvalues over that of all: 0 up to rounding for distances
        of points in any Euclidean space, not for those along a graph.
    """

    points: jax.Array
    values: jax.Array
    lost: jax.Array


@functools.partial(jax.jit, static_argnames=("k",))
def classical_mds(squared_distances: jax.Array, k: int, *, mask: jax.Array | None = None) -> ClassicalMds:
    """The k coordinates of each point whose inner products are nearest to those that the distances imply.

    `B = -J D J / 2` with the centring `J = I - 1 1' / n`; `points = Q_k sqrt(values_k)` of its largest eigenvalues. No
    other coordinates are nearer to B in the Frobenius norm. Of distances of points in d <= k dimensions they reproduce
    all. Where the points are known take `mds_from_points`, for a tiny part of the time and memory.

    Args:
      squared_distances: `(..., n, n)`, floating point, not negative, with a diagonal of 0; its symmetric part is taken.
      k: static, 1 to n.
      mask: `(..., n)` bool, which points there are; the others get zeros.

    Returns:
      ClassicalMds; the points in the dtype of the argument, the rest in float32 at least. Columns of eigenvalues below
      8 eps of the largest are 0. O(n^3) time, O(n^2) memory for each cloud.

    Raises:
      TypeError, ValueError: wrong dtype or shape, or k out of range, naming the argument.

    Transformations: jit, vmap; jvp and vjp once. The coordinates are told up to a turn, and their derivative is one
    that does not turn them: right for whatever depends on their distances and inner products, and finite at equal
    eigenvalues, where that of single eigenvectors is not. `lost` counts as a constant.
    References: Torgerson, Psychometrika 17 (1952) 401; Zhang et al., Revisiting transformation invariant geometric deep
    learning, arXiv:2112.12345.
    """
    squared_distances = square_argument("squared_distances", squared_distances)
    require_at_least("k", k, 1)
    n = squared_distances.shape[-1]
    if k > n:
        raise ValueError(f"k must be at most the number of points, {n}, got {k}")
    wide = squared_distances.astype(accumulation_dtype(squared_distances))
    if mask is not None:
        mask = mask_argument(mask, squared_distances)
        wide = jnp.where(mask[..., None, :] & mask[..., :, None], wide, 0)
    wide = 0.5 * (wide + jnp.swapaxes(wide, -1, -2))
    shares = point_shares(wide, mask, None)
    means = contract("...ij,...j->...i", wide, shares)
    overall = contract("...i,...i->...", means, shares)
    gram = -0.5 * (wide - means[..., :, None] - means[..., None, :] + overall[..., None, None])
    if mask is not None:
        gram = jnp.where(mask[..., None, :] & mask[..., :, None], gram, 0)
    points, values, lost = _embedded(k, gram)
    return ClassicalMds(points.astype(squared_distances.dtype), values, lost)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _embedded(k, gram):
    (points, values, lost), _ = _parts(k, gram)
    return points, values, lost


def _parts(k, gram):
    values, vectors = (found[..., ::-1] for found in jnp.linalg.eigh(gram))
    negative, total = jnp.sum(jnp.maximum(-values, 0), axis=-1), jnp.sum(jnp.abs(values), axis=-1)
    least = 8 * float(jnp.finfo(values.dtype).eps) * jnp.maximum(values[..., :1], 0)
    first = values[..., :k]
    roots = jnp.sqrt(jnp.where(first > least, first, 0))
    points = vectors[..., :k] * roots[..., None, :]
    return (points, roots * roots, safe_divide(negative, total)), (vectors, values, roots)


@_embedded.defjvp
def _embedded_jvp(k, primals, tangents):
    found, factors = _parts(k, *primals)
    vectors, values, roots = first_order_only("classical_mds", factors)
    live = roots > 0
    pushed = contract("...ji,...jl,...lc->...ic", vectors, tangents[0], vectors[..., :k])
    # Among the columns that are kept, the one change of them with the same inner products that does not turn them.
    kept = jnp.pad(live, [(0, 0)] * (live.ndim - 1) + [(0, values.shape[-1] - k)])
    among = kept[..., :, None] & live[..., None, :]
    apart = values[..., None, :k] - values[..., :, None]
    rates = jnp.where(
        among, 0.5 * safe_divide(jnp.ones_like(roots), roots)[..., None, :], safe_divide(roots[..., None, :], apart)
    )
    moved = contract("...ij,...jc->...ic", vectors, jnp.where(live[..., None, :], rates, 0) * pushed)
    changed = jnp.where(live, jnp.diagonal(pushed, axis1=-2, axis2=-1), 0)
    return found, (moved, changed, jnp.zeros_like(found[2]))
