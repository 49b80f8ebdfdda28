"""Convolutions over points with a grid of orientations at each, whose kernels are functions of invariants.

`out[i, o, c] = sum over j of k[i, j, o, c] x[j, o, c]` with `k = basis W`: the basis, which layers share, times the
weights of a layer. The kernels are made and used up block by block, in reverse mode too.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.edges import edges_present, sum_over_edges
from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.row_slices import power_of_two_within
from jaxinv.kernels.numerics.validation import require_floating, require_shape

# Numbers that the kernels of a block may take: they stay in a CPU's cache, or keep an accelerator busy.
_ON_CPU, _ELSEWHERE = 1 << 20, 1 << 27
# Up to so many terms a sum is written out, which a CPU runs faster than a reduction and compiles slower.
_WRITTEN_OUT = 32


@functools.partial(jax.jit, static_argnames=("antipodal",))
def dense_orientation_convolution(
    x: jax.Array, basis: jax.Array, weights: jax.Array, *, mask: jax.Array | None = None, antipodal: bool = False
) -> jax.Array:
    """Sums over all points of a cloud, each times a kernel of its invariants with the receiver.

    `out[i, o, c] = sum over j of (basis[i, j, o] . weights[:, c]) x[j, o, c]`.

    On a grid with opposite orientations the kernel from j to i at o is that from i to j at -o, because position and
    orientation change sign together. With `antipodal` the basis holds half of the orientations, and half of the work
    is done.

    Args:
      x: `(*batch, points, N, channels)`, floating point: functions of the orientation.
      basis: `(*batch, points, points, N, K)`: of receiver i, sender j and orientation, functions of
        `orientation_invariants(positions[j] - positions[i], orientations)`. With `antipodal` `(.., N / 2, K)`, of the
        grid's first half.
      weights: `(K, channels)`.
      mask: `(*batch, points)`, booleans: False for points that pad. They send nothing and get zeros.
      antipodal: static; promises that `orientations[o + N / 2] = -orientations[o]`, see `orientation_grid`.

    Returns:
      `(*batch, points, N, channels)` in the dtype of x and basis. bfloat16 is multiplied and summed in float32.

    Equivariant under permutations of the points, and as the grid is under rotations.
    Raises:
      TypeError: arguments that are not floating point, a mask that is not boolean.
      ValueError: shapes that do not go together, an odd number of orientations with `antipodal`.
    Memory: inputs, result, and one block of kernels; in reverse mode one block of their gradients.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Bekkers et al., PONITA, arXiv:2310.02970, eq. (12).

    Examples:
      >>> import jax
      >>> from jaxinv.kernels import group_convolutions as gc
      >>> grid = gc.orientation_grid(12, kind="polyhedron")
      >>> positions = jax.random.normal(jax.random.key(0), (5, 3))
      >>> invariants = gc.orientation_invariants(positions[None] - positions[:, None], grid)  # (receiver, sender, N, 2)
      >>> basis = gc.polynomial_features(invariants, 2)
      >>> x = jax.random.normal(jax.random.key(1), (5, 12, 8))
      >>> weights = jax.random.normal(jax.random.key(2), (basis.shape[-1], 8))
      >>> gc.dense_orientation_convolution(x, basis, weights).shape
      (5, 12, 8)
    """
    x, basis, weights = jnp.asarray(x), jnp.asarray(basis), jnp.asarray(weights)
    for name, array in (("x", x), ("basis", basis), ("weights", weights)):
        require_floating(name, array)
    if x.ndim < 3:
        raise ValueError(f"x must have shape (*batch, points, orientations, channels), got {x.shape}")
    *batch, points, num_orientations, channels = x.shape
    if antipodal and num_orientations % 2:
        raise ValueError(f"x must have an even number of orientations where antipodal, got {num_orientations}")
    num_kept = num_orientations // 2 if antipodal else num_orientations
    require_shape("basis", basis, (*batch, points, points, num_kept, None))
    num_basis = basis.shape[-1]
    require_shape("weights", weights, (num_basis, channels))
    dtype, sums = jnp.result_type(x, basis), accumulation_dtype(x, basis)
    if 0 in (*x.shape, num_basis):
        return jnp.zeros(x.shape, dtype)
    present = None if mask is None else _point_mask(mask, x.shape[:-2])
    if present is not None:
        x = jnp.where(present, x, 0)
    clouds = x.reshape(-1, points, num_orientations, channels).astype(sums)
    bases = basis.reshape(-1, points, points, num_kept, num_basis)

    def summed(numbers, reductions, clouds, bases, weights):
        return _over_clouds(clouds, bases, weights, numbers, reductions, antipodal)

    result = jax.lax.platform_dependent(
        clouds,
        bases,
        weights.astype(sums),
        cpu=functools.partial(summed, _ON_CPU, _WRITTEN_SUMS),
        default=functools.partial(summed, _ELSEWHERE, _REDUCTIONS),
    )
    result = result.reshape(x.shape)
    return (result if present is None else jnp.where(present, result, 0)).astype(dtype)


def _point_mask(mask, shape):
    mask = jnp.asarray(mask)
    require_shape("mask", mask, shape)
    if mask.dtype != jnp.bool:
        raise TypeError(f"mask must be boolean, got dtype {mask.dtype}")
    return mask[..., None, None]


def _over_clouds(clouds, bases, weights, numbers, reductions, antipodal):
    """A few clouds at a time, or a few receivers of one."""
    num_clouds, points, _, channels = clouds.shape
    a_receiver = points * bases.shape[-2] * channels
    together = max(1, numbers // (a_receiver * points))
    if together == 1:
        most = max(1, numbers // a_receiver)
        rows = max(rows for rows in range(1, points + 1) if points % rows == 0 and rows <= most)
        cloud = functools.partial(_by_receivers, weights=weights, rows=rows, reductions=reductions, antipodal=antipodal)
        if num_clouds == 1:
            return cloud(clouds[0], bases[0])[None]
        return jax.lax.map(lambda pair: cloud(*pair), (clouds, bases))
    block = jax.checkpoint(
        jax.vmap(functools.partial(_whole, reductions=reductions, antipodal=antipodal), (0, 0, None))
    )
    num_blocks = -(-num_clouds // together)
    if num_blocks == 1:
        return block(clouds, bases, weights)
    together = -(-num_clouds // num_blocks)

    def cut(array):
        padding = ((0, num_blocks * together - num_clouds), *((0, 0),) * (array.ndim - 1))
        return jnp.pad(array, padding).reshape(num_blocks, together, *array.shape[1:])

    result = jax.lax.map(lambda pair: block(*pair, weights), (cut(clouds), cut(bases)))
    return result.reshape(num_blocks * together, *result.shape[2:])[:num_clouds]


def _by_receivers(x, basis, *, weights, rows, reductions, antipodal):
    """One cloud, `rows` receivers at a time."""
    points = x.shape[0]
    if rows == points:
        return jax.checkpoint(functools.partial(_whole, reductions=reductions, antipodal=antipodal))(x, basis, weights)
    kept = basis.shape[-2]
    num_blocks = points // rows
    bases = basis.reshape(num_blocks, rows, *basis.shape[1:])
    opposite = x[:, kept:].reshape(num_blocks, rows, *x[:, kept:].shape[1:])

    @jax.checkpoint
    def block(basis, opposite):
        kernels = _kernels(basis, weights)
        received = reductions.over_senders(kernels, x[:, :kept])
        return received, reductions.over_receivers(kernels, opposite) if antipodal else None

    def step(total, operands):
        received, sent = block(*operands)
        return (total + sent if antipodal else total), received

    nothing = jnp.zeros((points, x.shape[1] - kept, x.shape[2]), x.dtype)
    sent, received = jax.lax.scan(step, nothing, (bases, opposite))
    return jnp.concatenate([received.reshape(points, kept, -1), sent], axis=1)


def _whole(x, basis, weights, *, reductions, antipodal):
    """One cloud: x `(points, N, channels)`, basis `(points, points, N or N / 2, K)`."""
    kernels, kept = _kernels(basis, weights), basis.shape[-2]
    received = reductions.over_senders(kernels, x[:, :kept])
    if not antipodal:
        return received
    return jnp.concatenate([received, reductions.over_receivers(kernels, x[:, kept:])], axis=1)


def _kernels(basis, weights):
    rows = basis.reshape(-1, basis.shape[-1]).astype(weights.dtype)
    product = jnp.matmul(rows, weights, precision=jax.lax.Precision.HIGHEST)
    return product.reshape(*basis.shape[:-1], weights.shape[-1])


class _Sums(NamedTuple):
    """`out[i] = sum over j of kernels[i, j] x[j]`, and `out[j] = sum over i of kernels[i, j] x[i]`."""

    over_senders: Callable[[jax.Array, jax.Array], jax.Array]
    over_receivers: Callable[[jax.Array, jax.Array], jax.Array]


# An accelerator fuses products into reductions; sums that are written out take it seconds to compile.
_REDUCTIONS = _Sums(
    lambda kernels, x: jnp.sum(kernels * x[None], axis=1), lambda kernels, x: jnp.sum(kernels * x[:, None], axis=0)
)


@jax.custom_jvp
def _sum_over_senders(kernels, x):
    if kernels.shape[1] > _WRITTEN_OUT:
        return _REDUCTIONS.over_senders(kernels, x)
    return functools.reduce(jnp.add, [kernels[:, j] * x[j][None] for j in range(kernels.shape[1])])


@jax.custom_jvp
def _sum_over_receivers(kernels, x):
    if kernels.shape[0] > _WRITTEN_OUT:
        return _REDUCTIONS.over_receivers(kernels, x)
    return functools.reduce(jnp.add, [kernels[i] * x[i][None] for i in range(kernels.shape[0])])


# The tangents are the same sums, written so that their transposes are fast: an outer product, and a sum written out.


@_sum_over_senders.defjvp
def _sum_over_senders_jvp(primals, tangents):
    (kernels, x), (kernels_dot, x_dot) = primals, tangents
    of_kernels = _REDUCTIONS.over_senders(kernels_dot, x)
    if kernels.shape[0] > _WRITTEN_OUT:
        of_x = _REDUCTIONS.over_senders(kernels, x_dot)
    else:
        of_x = jnp.stack([jnp.sum(kernels[i] * x_dot, axis=0) for i in range(kernels.shape[0])])
    return _sum_over_senders(kernels, x), of_kernels + of_x


@_sum_over_receivers.defjvp
def _sum_over_receivers_jvp(primals, tangents):
    (kernels, x), (kernels_dot, x_dot) = primals, tangents
    of_kernels = _REDUCTIONS.over_receivers(kernels_dot, x)
    if kernels.shape[1] > _WRITTEN_OUT:
        of_x = _REDUCTIONS.over_receivers(kernels, x_dot)
    else:
        of_x = jnp.stack([jnp.sum(kernels[:, j] * x_dot, axis=0) for j in range(kernels.shape[1])])
    return _sum_over_receivers(kernels, x), of_kernels + of_x


_WRITTEN_SUMS = _Sums(_sum_over_senders, _sum_over_receivers)


@functools.partial(jax.jit, static_argnames=("num_receivers", "sorted_receivers"))
def edge_orientation_convolution(
    x: jax.Array,
    basis: jax.Array,
    weights: jax.Array,
    senders: jax.Array,
    receivers: jax.Array,
    *,
    num_receivers: int | None = None,
    mask: jax.Array | None = None,
    sorted_receivers: bool = False,
) -> jax.Array:
    """Sums over the edges into a point, each the sender's function times a kernel of the edge's invariants.

    `out[r, o, c] = sum over edges e into r of (basis[e, o] . weights[:, c]) x[sender_e, o, c]`.

    Args:
      x: `(senders, N, channels)`, floating point.
      basis: `(edges, N, K)`, functions of `orientation_invariants(positions[senders] - positions[receivers], grid)`.
      weights: `(K, channels)`.
      senders: `(edges,)`, integers: where each edge starts, a row of x.
      receivers: `(edges,)`, integers: where it ends, a row of the result.
      num_receivers: static, rows of the result; by default the rows of x.
      mask: `(edges,)`, booleans: False for edges that pad.
      sorted_receivers: static; promises that `receivers` ascends, which lets an accelerator sum without atomics.

    Returns:
      `(num_receivers, N, channels)` in the dtype of x and basis. bfloat16 is multiplied and summed in float32. A point
      without edges gets zeros. Edges with an index out of range count as masked; `check_edges` tells.

    Raises:
      TypeError: arguments that are not floating point, indices that are not integers, a mask that is not boolean.
      ValueError: shapes that do not go together.
    Memory: inputs, result, and one block of edges. Transformations: jit, vmap, jvp, vjp, any order.
    References: Bekkers et al., PONITA, arXiv:2310.02970, eq. (12).
    """
    x, basis, weights = jnp.asarray(x), jnp.asarray(basis), jnp.asarray(weights)
    senders, receivers = jnp.asarray(senders), jnp.asarray(receivers)
    for name, array in (("x", x), ("basis", basis), ("weights", weights)):
        require_floating(name, array)
    require_shape("x", x, (None, None, None))
    num_senders, num_orientations, channels = x.shape
    require_shape("basis", basis, (None, num_orientations, None))
    num_edges, _, num_basis = basis.shape
    require_shape("weights", weights, (num_basis, channels))
    num_receivers = num_senders if num_receivers is None else num_receivers
    there = edges_present(senders, receivers, num_edges, num_senders, num_receivers, mask)
    dtype, sums = jnp.result_type(x, basis), accumulation_dtype(x, basis)
    zeros = jnp.zeros((num_receivers, num_orientations, channels), sums)
    if 0 in (*x.shape, *basis.shape):
        return zeros.astype(dtype)

    def message(x, senders, basis, there, weights):
        # What pads may hold anything: it must not reach a product, where 0 times NaN would be NaN.
        kernels = _kernels(jnp.where(there[:, None, None], basis, 0), weights)
        return kernels * x[senders]

    def summed(numbers, x, weights, *edges):
        most = power_of_two_within(numbers, num_orientations * channels)
        with_weights = functools.partial(message, weights=weights)
        return sum_over_edges(with_weights, zeros, x, edges, most, sorted_receivers)

    result = jax.lax.platform_dependent(
        x.astype(sums),
        weights.astype(sums),
        jnp.where(there, senders, 0),
        receivers,
        basis,
        there,
        cpu=functools.partial(summed, _ON_CPU),
        default=functools.partial(summed, _ELSEWHERE),
    )
    return result.astype(dtype)
