"""The convolution of an interatomic potential: neighbours times harmonics of the edge, summed at each receiver."""

import functools
import itertools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.harmonics.degrees import degree_slice, num_components
from jaxinv.kernels.numerics.edges import edges_present, sum_over_edges
from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.row_slices import power_of_two_within
from jaxinv.kernels.numerics.validation import (
    require_choice,
    require_floating,
    require_shape,
)
from jaxinv.kernels.tensor_products.arguments import checked, within
from jaxinv.kernels.tensor_products.clebsch_gordan import NORMALIZATIONS
from jaxinv.kernels.tensor_products.coupling import path_tensor, tensor_product_paths

# Numbers that the messages of a block of edges may take: they stay in a CPU's cache, or keep an accelerator busy.
_ON_CPU, _ELSEWHERE = 1 << 19, 1 << 27


@functools.partial(
    jax.jit, static_argnames=("num_receivers", "lmax_out", "paths", "sum_paths", "sorted_receivers", "normalization")
)
def channelwise_convolution(
    x: jax.Array,
    harmonics: jax.Array,
    path_weights: jax.Array,
    senders: jax.Array,
    receivers: jax.Array,
    *,
    num_receivers: int | None = None,
    lmax_out: int | None = None,
    paths: tuple[tuple[int, int, int], ...] | None = None,
    sum_paths: bool = True,
    mask: jax.Array | None = None,
    sorted_receivers: bool = False,
    normalization: str = "component",
) -> jax.Array:
    """Sums over the edges of a receiver the Clebsch-Gordan product of the sender's features with the edge's harmonics.

    `out[r, c, l3] = sum over edges e into r, paths (l1, l2, l3) of w[e, c, path] W(x[sender_e, c, l1], Y[e, l2])`, with
    W as in `clebsch_gordan_tensor_product`. One pass over blocks of edges gathers, multiplies and sums: no array of
    edges x channels x components exists, also not in reverse mode, which does the blocks again.

    Args:
      x: `(senders, channels, (lmax1 + 1)^2)`, floating point: features of the nodes that send.
      harmonics: `(edges, (lmax2 + 1)^2)`, of the edges' directions, such as `spherical_harmonics(vectors, lmax2)`.
      path_weights: `(edges, channels, paths)`, or `(edges, 1, paths)` for all channels alike, such as functions of the
        edges' lengths, in the order of `tensor_product_paths(lmax1, lmax2, lmax_out)`, or of `paths`.
      senders: `(edges,)`, integers: where each edge starts, a row of x.
      receivers: `(edges,)`, integers: where it ends, a row of the result. Indices out of range: see below.
      num_receivers: static, rows of the result; by default the rows of x.
      lmax_out: static, highest degree of the result; `lmax1 + lmax2` by default.
      paths: static, some of `tensor_product_paths(lmax1, lmax2, lmax_out)` in their order, such as those of an even sum
        of degrees; by default all.
      sum_paths: static; False keeps the paths apart, one after another, as MACE's linear map after the sum wants them.
      mask: `(edges,)`, booleans: False for edges that pad.
      sorted_receivers: static; promises that `receivers` ascends, which lets an accelerator sum without atomics.
      normalization: static, of each path: "component" or "norm", e3nn's of these names.

    Returns:
      `(num_receivers, channels, (lmax_out + 1)^2)`, or with `sum_paths=False` the `2 l3 + 1` components of every path;
      in the dtype of x and harmonics. bfloat16 is multiplied and summed in float32. A node without edges gets zeros.
      Edges with an index out of range count as masked; `check_edges` tells.

    Equivariant under rotations of x and harmonics together; parities as in `clebsch_gordan_tensor_product`. A
    permutation of the edges changes nothing but rounding, one of the nodes permutes the result.
    Raises:
      TypeError: features that are not floating point, indices that are not integers, a mask that is not boolean.
      ValueError: a trailing size that is no square, weights of a wrong size, arguments of different numbers of edges,
        lmax_out beyond lmax1 + lmax2, paths that are not among all or not in order, an unknown normalization.
    Memory: inputs, result and one block. Transformations: jit, vmap, jvp, vjp, any order.
    References: Batzner et al., NequIP, arXiv:2101.03164, eq. 3; Batatia et al., MACE, arXiv:2206.07697, eq. 8.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import harmonics, tensor_products as tp
      >>> positions = jnp.eye(3)  # three nodes, all joined
      >>> senders, receivers = jnp.array([1, 2, 0, 2, 0, 1]), jnp.array([0, 0, 1, 1, 2, 2])
      >>> edges = harmonics.spherical_harmonics(positions[senders] - positions[receivers], 1)
      >>> x = jnp.ones((3, 4, 4))  # 4 channels, degrees 0 and 1
      >>> weights = jnp.ones((6, 1, len(tp.tensor_product_paths(1, 1, 1))))
      >>> tp.channelwise_convolution(x, edges, weights, senders, receivers, lmax_out=1).shape
      (3, 4, 4)
    """
    require_choice("normalization", normalization, NORMALIZATIONS)
    (x, lmax1), (harmonics, lmax2) = checked("x", x), checked("harmonics", harmonics)
    lmax_out = within(lmax_out, lmax1 + lmax2)
    path_weights, senders, receivers = jnp.asarray(path_weights), jnp.asarray(senders), jnp.asarray(receivers)
    require_floating("path_weights", path_weights)
    require_shape("x", x, (None, None, x.shape[-1]))
    require_shape("harmonics", harmonics, (None, harmonics.shape[-1]))
    possible = tensor_product_paths(lmax1, lmax2, lmax_out)
    paths = possible if paths is None else paths
    if not paths or paths != tuple(path for path in possible if path in paths):
        raise ValueError(f"paths must be some of {possible}, in this order, got {paths}")
    num_edges, num_paths = harmonics.shape[0], len(paths)
    own = path_weights.ndim == 3 and path_weights.shape[1] == x.shape[1]
    require_shape("path_weights", path_weights, (num_edges, x.shape[1] if own else 1, num_paths))
    num_nodes = x.shape[0]
    num_receivers = num_nodes if num_receivers is None else num_receivers
    there = edges_present(senders, receivers, num_edges, num_nodes, num_receivers, mask)
    dtype, sums = jnp.result_type(x, harmonics), accumulation_dtype(x, harmonics)
    tables = _tables(lmax1, lmax2, paths, normalization)
    size_out = num_components(lmax_out) if sum_paths else tables.num_columns
    if not (num_nodes and num_edges and x.shape[1]):
        return jnp.zeros((num_receivers, x.shape[1], size_out), dtype)
    # What pads may hold anything: it must not reach a sum, where 0 times NaN would be NaN.
    edges = (
        jnp.where(there, senders, 0),
        receivers,
        jnp.where(there[:, None], harmonics.astype(sums), 0),
        jnp.where(there[:, None, None], path_weights.astype(sums), 0),
    )
    message = functools.partial(_messages, tables, lmax_out if sum_paths else None)
    zeros = jnp.zeros((num_receivers, x.shape[1], size_out), sums)

    def summed(numbers, x, *edges):
        most = power_of_two_within(numbers, x.shape[1] * tables.num_columns)
        return sum_over_edges(message, zeros, x, edges, most, sorted_receivers)

    result = jax.lax.platform_dependent(
        x.astype(sums), *edges, cpu=functools.partial(summed, _ON_CPU), default=functools.partial(summed, _ELSEWHERE)
    )
    return result.astype(dtype)


class _Tables(NamedTuple):
    """How the harmonics of an edge make a matrix from the features to all paths; paths sorted by l1.

    Attributes:
      of_degree: for every l1 that has paths, l1 and `(components 2, 2 l1 + 1, columns)`: those of its paths.
      paths: in the order of the columns.
      num_columns: of all paths.
    """

    of_degree: tuple[tuple[int, np.ndarray], ...]
    paths: tuple[tuple[int, int, int], ...]
    num_columns: int


@functools.lru_cache(maxsize=32)
def _tables(lmax1, lmax2, in_order, normalization):
    by_degree = {degree: [path for path in in_order if path[0] == degree] for degree in range(lmax1 + 1)}
    of_degree = []
    for degree, paths in by_degree.items():
        columns = []
        for path in paths:
            column = np.zeros((num_components(lmax2), 2 * degree + 1, 2 * path[2] + 1))
            column[degree_slice(path[1])] = path_tensor(path, normalization).transpose(1, 0, 2)
            columns.append(column)
        if columns:
            of_degree.append((degree, np.concatenate(columns, axis=-1)))
    paths = tuple(itertools.chain(*by_degree.values()))
    return _Tables(tuple(of_degree), paths, sum(2 * path[2] + 1 for path in paths))


def _messages(tables, lmax_sum, x, senders, harmonics, path_weights):
    """`(edges, channels, components)`: an edge's harmonics are one matrix for all channels of its sender."""
    features = x[senders]
    results = []
    for degree, table in tables.of_degree:
        turned = contract("ej,jq->eq", harmonics, jnp.asarray(table.reshape(len(table), -1), x.dtype))
        matrices = turned.reshape(-1, *table.shape[1:])
        results.append(contract("eci,eik->eck", features[..., degree_slice(degree)], matrices))
    return _weighted(jnp.concatenate(results, axis=-1), path_weights, tables.paths, lmax_sum)


@functools.partial(jax.custom_jvp, nondiff_argnums=(2, 3))
def _weighted(results, path_weights, paths, lmax_sum):
    """Columns of paths, by l1, times their weights: summed for each l3 up to lmax_sum, or if None in paths' order."""
    in_order = sorted(paths, key=_standard)
    parts = jax.lax.split(results, [2 * path[2] + 1 for path in paths], axis=2)
    terms = {
        path: part * path_weights[..., in_order.index(path), None] for path, part in zip(paths, parts, strict=True)
    }
    if lmax_sum is None:
        return jnp.concatenate([terms[path] for path in in_order], axis=-1)
    sums = []
    for l3 in range(lmax_sum + 1):
        some = [terms[path] for path in in_order if path[2] == l3]
        none = jnp.zeros((*results.shape[:2], 2 * l3 + 1), results.dtype)
        sums.append(functools.reduce(jnp.add, some) if some else none)
    return jnp.concatenate(sums, axis=-1)


@_weighted.defjvp
def _weighted_jvp(paths, lmax_sum, primals, tangents):
    """The weights' part by matrix products: the sum's transpose would be reductions over 2 l3 + 1 numbers."""
    results, path_weights = primals
    spread, collect = _column_matrices(paths, lmax_sum)
    product = functools.partial(jnp.matmul, precision=jax.lax.Precision.HIGHEST)
    of_weights = results * product(tangents[1], jnp.asarray(spread, results.dtype))
    tangent = _weighted(tangents[0], path_weights, paths, lmax_sum) + product(
        of_weights, jnp.asarray(collect, results.dtype)
    )
    return _weighted(results, path_weights, paths, lmax_sum), tangent


@functools.lru_cache(maxsize=32)
def _column_matrices(paths, lmax_sum):
    """`(paths, columns)` from weights to columns, and `(columns, components)` from columns to the result."""
    in_order = sorted(paths, key=_standard)
    sizes = [2 * path[2] + 1 for path in paths]
    starts = np.cumsum([0] + [2 * path[2] + 1 for path in in_order])
    spread = np.zeros((len(paths), sum(sizes)))
    places = []
    for column, size, path in zip(np.cumsum([0, *sizes]), sizes, paths, strict=False):
        spread[in_order.index(path), column : column + size] = 1.0
        start = starts[in_order.index(path)] if lmax_sum is None else path[2] ** 2
        places.extend(range(start, start + size))
    size = sum(sizes) if lmax_sum is None else num_components(lmax_sum)
    return spread, (np.array(places)[:, None] == np.arange(size)).astype(np.float64)


def _standard(path):
    """Sorts as `tensor_product_paths`."""
    l1, l2, l3 = path
    return l3, l1, l2
