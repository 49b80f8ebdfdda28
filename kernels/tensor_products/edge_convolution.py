"""Products with a filter on the direction of an edge."""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.lax import PrecisionLike

from jaxinv.kernels.harmonics.degrees import num_components
from jaxinv.kernels.harmonics.spherical_harmonics import spherical_harmonics
from jaxinv.kernels.harmonics.wigner import apply_blocks, wigner_d
from jaxinv.kernels.numerics.directions import unit_vector
from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.ranks import with_equal_ranks
from jaxinv.kernels.numerics.validation import require_at_least, require_floating
from jaxinv.kernels.tensor_products.arguments import checked, weighted, within
from jaxinv.kernels.tensor_products.coupling import real_wigner_3j, tensor_product_paths
from jaxinv.kernels.tensor_products.gaunt import gaunt_tensor_product
from jaxinv.kernels.tensor_products.sphere_functions import matmul


@functools.partial(jax.jit, static_argnames=("lmax_out", "precision"))
def edge_convolution(
    x: jax.Array,
    vectors: jax.Array,
    filters: jax.Array,
    *,
    lmax_out: int | None = None,
    precision: PrecisionLike = None,
) -> jax.Array:
    """The Gaunt product of features with a filter `sum_l filters_l Y_l(vector / |vector|)` along each edge.

    Args:
      x: `(..., (lmax + 1)^2)`, floating point, in "component" normalisation.
      vectors: `(..., 3)`, the edges, in any unit; leading axes broadcast against those of x (put a channel axis of
        size 1 where x has one: the harmonics are then taken once an edge).
      filters: `(..., lmax_filter + 1)`, of the degrees of the filter, such as radial functions.
      lmax_out: static, at most `lmax + lmax_filter`, which is the default.
      precision: static, of matrix products; default the highest.

    Returns:
      `(..., (lmax_out + 1)^2)` in the dtype of x and filters. An edge of length 0 has no direction: it keeps
      `filters_0 x`, with finite gradients.

    Raises:
      TypeError: an argument that is not floating point.
      ValueError: a trailing size of x that is no square, of vectors that is not 3, lmax_out beyond the sum.

    Only even paths, tied: for free weights of all paths see `so2_convolution`. Equivariant under rotations of x and
    vectors together, and under inversion with the parity of x.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Luo, Chen, Krishnapriyan, ICLR 2024 (arXiv:2401.10216), sec. 3.3.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import tensor_products as tp
      >>> x = jnp.ones((10, 8, 9))  # 10 edges, 8 channels, degrees 0 to 2
      >>> vectors = jnp.ones((10, 1, 3))
      >>> filters = jnp.ones((10, 8, 3))  # of degrees 0 to 2, such as functions of the lengths
      >>> tp.edge_convolution(x, vectors, filters, lmax_out=2).shape
      (10, 8, 9)
    """
    x, _ = checked("x", x)
    filters = jnp.asarray(filters)
    require_floating("filters", filters)
    if filters.ndim == 0 or not filters.shape[-1]:
        raise ValueError(f"filters must have shape (..., lmax_filter + 1), got {filters.shape}")
    sums = accumulation_dtype(x, filters)
    harmonics = spherical_harmonics(jnp.asarray(vectors).astype(sums), filters.shape[-1] - 1)
    signal = weighted(harmonics, "filters", filters.astype(sums), filters.shape[-1] - 1)
    found = gaunt_tensor_product(x.astype(sums), signal, lmax_out=lmax_out, precision=precision)
    return found.astype(jnp.result_type(x, filters))


@functools.partial(jax.jit, static_argnames=("lmax_filter", "lmax_out", "precision"))
def so2_convolution(
    x: jax.Array,
    vectors: jax.Array,
    path_weights: jax.Array,
    *,
    lmax_filter: int,
    lmax_out: int | None = None,
    precision: PrecisionLike = None,
) -> jax.Array:
    """Every Clebsch-Gordan path of features with the harmonics of an edge, in the frame where the edge is the pole.

    Equals `clebsch_gordan_tensor_product(x, spherical_harmonics(vectors, lmax_filter), path_weights)`. At
    the pole only harmonics of order 0 do not vanish, so that in that frame the product couples order m of x with m
    (paths of an even sum of degrees) or with -m (odd): L^3 steps for the L^5 of the selection rules.

    Args:
      x: `(..., (lmax + 1)^2)`, floating point, in "component" normalisation.
      vectors: `(..., 3)`; leading axes broadcast against those of x (give them an axis of size 1 for channels: the
        frame is then taken once an edge).
      path_weights: `(num_paths,)`, shared, or `(..., num_paths)` with leading axes that broadcast, such as radial
        weights of each edge and channel; in the order of `tensor_product_paths(lmax, lmax_filter, lmax_out)`.
      lmax_filter: static, highest degree of the filter.
      lmax_out: static, at most `lmax + lmax_filter`, which is the default.
      precision: static, of matrix products; default the highest.

    Returns:
      `(..., (lmax_out + 1)^2)` in the dtype of x and path_weights. An edge of length 0 keeps the paths of filter degree
      0, with finite gradients.

    Raises:
      TypeError: an argument that is not floating point.
      ValueError: a trailing size of x that is no square, of vectors that is not 3, lmax_out beyond the sum, a number of
        weights other than that of the paths.

    The roll of the frame about the edge, which must jump somewhere, does not show in the result or its derivatives.
    Equivariant under rotations of x and vectors together.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Passaro and Zitnick, Reducing SO(3) convolutions to SO(2), ICML 2023 (arXiv:2302.03655).

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import harmonics, tensor_products as tp
      >>> x = jnp.ones((10, 8, 9))  # 10 edges, 8 channels, degrees 0 to 2
      >>> vectors = jnp.ones((10, 1, 3))
      >>> weights = jnp.ones((8, len(tp.tensor_product_paths(2, 2, 2))))
      >>> found = tp.so2_convolution(x, vectors, weights, lmax_filter=2, lmax_out=2)
      >>> filters = harmonics.spherical_harmonics(vectors, 2)
      >>> same = tp.clebsch_gordan_tensor_product(x, filters, weights, lmax_out=2)
      >>> bool(jnp.allclose(found, same, atol=1e-4))
      True
    """
    x, lmax = checked("x", x)
    require_at_least("lmax_filter", lmax_filter, 0)
    lmax_out = within(lmax_out, lmax + lmax_filter)
    path_weights, vectors = jnp.asarray(path_weights), jnp.asarray(vectors)
    require_floating("path_weights", path_weights)
    paths = tensor_product_paths(lmax, lmax_filter, lmax_out)
    if path_weights.ndim == 0 or path_weights.shape[-1] != len(paths):
        raise ValueError(f"path_weights must have {len(paths)} paths on its last axis, got shape {path_weights.shape}")
    require_floating("vectors", vectors)
    if vectors.ndim == 0 or vectors.shape[-1] != 3:
        raise ValueError(f"vectors must have 3 components on its last axis, got shape {vectors.shape}")
    dtype, sums = jnp.result_type(x, path_weights), accumulation_dtype(x, path_weights, vectors)
    x, weights, vectors = x.astype(sums), path_weights.astype(sums), vectors.astype(sums)

    # Filters of degree 0 have no direction, and need no frame.
    found = _couple(x, weights, lmax_filter, lmax_out, precision, scalar=True)
    if lmax_filter:
        frame = wigner_d(_to_pole(vectors), max(lmax, lmax_out))
        aligned = _couple(apply_blocks(frame, x), weights, lmax_filter, lmax_out, precision, scalar=False)
        is_edge = jnp.any(jnp.abs(vectors) >= float(jnp.finfo(sums).tiny), axis=-1, keepdims=True)
        turned, is_edge = with_equal_ranks(apply_blocks(frame, aligned, transposed=True), is_edge)
        found, turned = with_equal_ranks(found, jnp.where(is_edge, turned, 0.0))
        found = found + turned
    return found.astype(dtype)


class _Couplings(NamedTuple):
    """The numbers that are not 0 in the product with harmonics at the pole, one entry each."""

    source: np.ndarray
    target: np.ndarray
    path: np.ndarray
    value: np.ndarray


@functools.lru_cache(maxsize=64)
def _couplings(lmax, lmax_filter, lmax_out, scalar) -> _Couplings:
    """Those of filter degree 0, or of all others."""
    entries = []
    for path, (l1, l2, l3) in enumerate(tensor_product_paths(lmax, lmax_filter, lmax_out)):
        if (l2 == 0) == scalar:
            # At the pole the harmonic of degree l and order 0 is sqrt(2 l + 1) in "component".
            block = math.sqrt((2 * l2 + 1) * (2 * l3 + 1)) * real_wigner_3j(l1, l2, l3)[:, l2, :]
            for m1, m3 in zip(*np.nonzero(block), strict=True):
                entries.append((l1**2 + m1, l3**2 + m3, path, block[m1, m3]))
    *indices, value = zip(*entries, strict=True)
    # 32 bits: with 64 a program that is cached in float32 does not run in x64.
    source, target, path = np.array(indices, np.int32)
    return _Couplings(source, target, path, np.array(value))


def _couple(x, weights, lmax_filter, lmax_out, precision, *, scalar):
    """The product with harmonics at the pole."""
    lmax = math.isqrt(x.shape[-1]) - 1
    source, target, path, value = _couplings(lmax, lmax_filter, lmax_out, scalar)
    value = jnp.asarray(value, x.dtype)
    if weights.ndim == 1:
        matrix = jnp.zeros((x.shape[-1], num_components(lmax_out)), x.dtype)
        return matmul(x, matrix.at[source, target].add(value * weights[path]), precision)
    arrived = np.zeros((len(target), num_components(lmax_out)))
    arrived[np.arange(len(target)), target] = 1.0
    x, weights, value = with_equal_ranks(x[..., source], weights[..., path], value)
    return matmul(x * (weights * value), arrived, precision)


def _to_pole(vectors):
    """`(..., 3, 3)` rotations that take the direction of each vector to the pole y; the identity for zero vectors.

    The shortest rotation to the nearer pole, then half a turn about x if that is -y: nothing is divided by less than 1.
    """
    x, y, z, _ = unit_vector(vectors[..., 0], vectors[..., 1], vectors[..., 2])
    y = jnp.where((x == 0) & (y == 0) & (z == 0), 1.0, y)
    # Towards the nearer pole (0, s, 0): I + [v] + [v]^2 / (1 + s y) with v = s (-z, 0, x).
    sign = jnp.where(y >= 0, 1.0, -1.0)
    height = sign * y
    scale = 1 / (1 + height)
    to_nearer = [
        [1 - scale * x * x, -sign * x, -scale * x * z],
        [sign * x, height, sign * z],
        [-scale * x * z, -sign * z, 1 - scale * z * z],
    ]
    # Half a turn about x takes -y to y, and z to -z.
    rows = [to_nearer[0], [sign * entry for entry in to_nearer[1]], [sign * entry for entry in to_nearer[2]]]
    return jnp.stack([jnp.stack(row, axis=-1) for row in rows], axis=-2)
