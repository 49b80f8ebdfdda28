"""Clebsch-Gordan tensor product with a weight for every path, in three ways.

| method | work for a pair of degrees 0 .. L | for |
| --- | --- | --- |
| "dense" | L^6: contraction with the weighted tensor | reference; one tensor for every set of weights at once |
| "sparse" | L^6 / 4: the blocks of the weighted tensor that half-turns leave | weights shared by many pairs |
| "paths" | L^6 / 1.4: every path by itself, then the weights | weights of each pair's own; results of each path |

The half-turns about y and z multiply a component of degree l and order m by a sign: `(-1)^m`, and `(-1)^(l + m)` times
-1 where m < 0. The four pairs of signs are four classes of components, equal in number but for one more component in
class 0 where lmax is even. As the product is invariant, classes a and b give class `a xor b` alone, in even and odd
paths alike: sixteen of the tensor's 64 blocks are left, which four matrix products take, without a gather.

Rows go through in slices whose outer products stay in a CPU's cache, or fill a part of an accelerator's memory.
"""

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.harmonics.degrees import degree_slice, num_components
from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.row_slices import over_rows, power_of_two_within
from jaxinv.kernels.numerics.validation import require_choice, require_floating
from jaxinv.kernels.tensor_products.arguments import checked, within
from jaxinv.kernels.tensor_products.coupling import path_tensor, tensor_product_paths

METHODS = ("auto", "dense", "sparse", "paths")
NORMALIZATIONS = ("component", "norm")
# Where so many pairs share their weights, a tensor for them pays; measured on a CPU at L = 2, 4, 8.
_PAIRS_WORTH_A_TENSOR = 32


class _Slices(NamedTuple):
    """How many numbers the outer products of a slice of rows may hold, and how many rows it may have."""

    numbers: int
    rows: int

    def most(self, width: int) -> int:
        """Rows of a slice, where each holds `width` numbers."""
        return min(self.rows, power_of_two_within(self.numbers, width))


_ON_CPU = _Slices(1 << 20, 512)
_ELSEWHERE = _Slices(1 << 26, 1 << 20)


class _Degrees(NamedTuple):
    lmax1: int
    lmax2: int
    lmax_out: int
    normalization: str


@functools.partial(jax.jit, static_argnames=("lmax_out", "sum_paths", "normalization", "method"))
def clebsch_gordan_tensor_product(
    x1: jax.Array,
    x2: jax.Array,
    path_weights: jax.Array | None = None,
    *,
    lmax_out: int | None = None,
    sum_paths: bool = True,
    normalization: str = "component",
    method: str = "auto",
) -> jax.Array:
    """The general bilinear map that commutes with rotations: `out_l3 = sum over (l1, l2) of w_l1l2l3 W(x1_l1, x2_l2)`.

    Args:
      x1: `(..., (lmax1 + 1)^2)`, degrees 0 .. lmax1.
      x2: `(..., (lmax2 + 1)^2)`; leading axes broadcast against those of `x1` and `path_weights`.
      path_weights: `(..., num_paths)`, in the order of `tensor_product_paths(lmax1, lmax2, lmax_out)`; ones by default.
      lmax_out: static, highest degree of the result; `lmax1 + lmax2` by default.
      sum_paths: static; False returns every path by itself.
      normalization: static, of each path's tensor W: the real Wigner 3j symbol times `sqrt(2 l3 + 1)` ("component":
        inputs of unit variance give each path's components unit variance) or times `sqrt((2 l1 + 1)(2 l2 + 1))`
        ("norm"), which are e3nn's of these names.
      method: static, see the module's table. "auto" takes "sparse" where 32 pairs or more share their weights, else
        "paths".

    Returns:
      `(..., (lmax_out + 1)^2)`, or with `sum_paths=False` the `2 l3 + 1` components of every path, one path after
      another; in the dtype of x1 and x2. bfloat16 is multiplied and summed in float32.

    Rotating both inputs rotates the result. Under inversion of inputs of parity `(-1)^l`, paths of even l1 + l2 + l3
    give parity `(-1)^l3`, the others the opposite; weights of 0 keep one kind apart.
    Raises:
      ValueError: at trace time: a last axis that is no square; `lmax_out` out of `0 .. lmax1 + lmax2`; other than
        num_paths weights; leading axes that do not broadcast; an unknown option; `sum_paths=False` with "dense" or
        "sparse", which have no results of single paths.
      TypeError: an argument that is not floating point.
    Transformations: jit, vmap, jvp, vjp, any order; reverse mode does each slice of rows again and stores no outer
      product.
    References: Thomas et al., Tensor field networks, arXiv:1802.08219; Geiger, Smidt, e3nn, arXiv:2207.09453.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import tensor_products as tp
      >>> paths = tp.tensor_product_paths(1, 1, 1)
      >>> paths
      ((0, 0, 0), (1, 1, 0), (0, 1, 1), (1, 0, 1), (1, 1, 1))
      >>> a, b = jnp.array([0.0, 1.0, 2.0, 3.0]), jnp.array([0.0, 4.0, 5.0, 6.0])  # two vectors
      >>> cross_only = jnp.array([0.0, 0.0, 0.0, 0.0, 2**0.5])  # a weight for each path
      >>> product = tp.clebsch_gordan_tensor_product(a, b, cross_only, lmax_out=1)
      >>> bool(jnp.allclose(product[1:], jnp.cross(a[1:], b[1:]), atol=1e-5))
      True
    """
    require_choice("method", method, METHODS)
    require_choice("normalization", normalization, NORMALIZATIONS)
    (x1, lmax1), (x2, lmax2) = checked("x1", x1), checked("x2", x2)
    lmax_out = within(lmax_out, lmax1 + lmax2)
    if not sum_paths and method not in ("auto", "paths"):
        raise ValueError(f"method must be 'auto' or 'paths' where sum_paths is False, got {method!r}")
    degrees = _Degrees(lmax1, lmax2, lmax_out, normalization)
    num_paths = len(tensor_product_paths(lmax1, lmax2, lmax_out))
    weights = jnp.ones(num_paths, x1.dtype) if path_weights is None else jnp.asarray(path_weights)
    require_floating("path_weights", weights)
    if weights.ndim == 0 or weights.shape[-1] != num_paths:
        raise ValueError(
            f"path_weights must have {num_paths} numbers on the last axis, one a path of lmax1 = {lmax1}, "
            f"lmax2 = {lmax2}, lmax_out = {lmax_out}, got shape {weights.shape}"
        )
    lead = jnp.broadcast_shapes(x1.shape[:-1], x2.shape[:-1], weights.shape[:-1])
    dtype, sums = jnp.result_type(x1, x2), accumulation_dtype(x1, x2)
    x1, x2, weights = (
        array.astype(sums).reshape((1,) * (len(lead) + 1 - array.ndim) + array.shape) for array in (x1, x2, weights)
    )
    own_axes = [axis for axis in range(len(lead)) if weights.shape[axis] > 1]
    if 0 in lead:
        method = "dense" if sum_paths else "paths"
    elif method == "auto":
        num_sharing = math.prod(lead) // math.prod(lead[axis] for axis in own_axes)
        tensors = sum_paths and (not own_axes or num_sharing >= _PAIRS_WORTH_A_TENSOR)
        method = "sparse" if tensors else "paths"
    if method == "dense":
        return _dense(x1, x2, weights, degrees).astype(dtype)
    if method == "sparse":
        return _by_sets_of_weights(x1, x2, weights, degrees, lead, own_axes).astype(dtype)

    def rows(array):
        return jnp.broadcast_to(array, (*lead, array.shape[-1])).reshape(math.prod(lead), array.shape[-1])

    if sum_paths:
        arrays, function = (rows(x1), rows(x2), rows(weights)), functools.partial(_sum_of_paths, degrees)
    else:
        arrays, function = (rows(x1), rows(x2)), functools.partial(_all_paths, degrees)
    width = 2 * num_components(lmax1) * num_components(lmax2)
    result = _on_its_platform(lambda slices, *arrays: over_rows(function, arrays, slices.most(width)), *arrays)
    result = result.reshape(*lead, result.shape[-1])
    if not sum_paths and path_weights is not None:
        sizes = np.array([2 * l3 + 1 for _, _, l3 in tensor_product_paths(*degrees[:3])])
        result = result * jnp.repeat(weights, sizes, axis=-1, total_repeat_length=int(sizes.sum()))
    return result.astype(dtype)


# "dense"


def _dense(x1, x2, weights, degrees):
    """The definition: the outer product meets the weighted tensor, one for every set of weights."""
    tensor, path_of = _tensor(degrees)
    weights = jnp.take(weights, path_of, axis=-1, mode="clip")
    tensor = weights * jnp.asarray(tensor, x1.dtype).reshape((1,) * (weights.ndim - 3) + tensor.shape)
    outer = x1[..., :, None] * x2[..., None, :]
    return contract("...ij,...ijk->...k", outer, tensor)


@functools.lru_cache(maxsize=16)
def _tensor(degrees):
    """All paths in one tensor over the components, and the number of each entry's path, 0 where there is none.

    Both `((lmax1 + 1)^2, (lmax2 + 1)^2, (lmax_out + 1)^2)`.
    """
    shape = tuple(num_components(lmax) for lmax in degrees[:3])
    tensor, path_of = np.zeros(shape), np.zeros(shape, np.int32)
    for number, path in enumerate(tensor_product_paths(*degrees[:3])):
        place = tuple(degree_slice(degree) for degree in path)
        tensor[place] = path_tensor(path, degrees.normalization)
        path_of[place] = number
    return tensor, path_of


# "sparse"


def _by_sets_of_weights(x1, x2, weights, degrees, lead, own_axes):
    """`_sparse_product` of every set of weights with the rows that share it: their axes come last."""
    shared_axes = [axis for axis in range(len(lead)) if axis not in own_axes]
    order = [*own_axes, *shared_axes, len(lead)]
    num_sets = math.prod(lead[axis] for axis in own_axes)
    num_rows = math.prod(lead[axis] for axis in shared_axes)

    def sets(array):
        wide = jnp.broadcast_to(array, (*lead, array.shape[-1])).transpose(order)
        return wide.reshape(num_sets, num_rows, array.shape[-1])

    def product(slices, x1, x2, weights):
        width = _blocks(degrees)[0][0, 0].size * 4
        of_set = functools.partial(_sparse_product, degrees=degrees, width=width, slices=slices)
        if num_sets == 1:
            return of_set(x1[0], x2[0], weights[0])[None]
        most = max(1, slices.numbers // max(1, num_rows * width))
        at_once = next(number for number in range(min(most, num_sets), 0, -1) if num_sets % number == 0)
        return jax.lax.map(lambda arrays: jax.checkpoint(of_set)(*arrays), (x1, x2, weights), batch_size=at_once)

    result = _on_its_platform(product, sets(x1), sets(x2), weights.reshape(num_sets, weights.shape[-1]))
    result = result.reshape(*(lead[axis] for axis in own_axes + shared_axes), num_components(degrees.lmax_out))
    return result.transpose(np.argsort(order))


def _sparse_product(x1, x2, weights, *, degrees, width, slices):
    """`(rows, components)` twice and one set of weights."""
    blocks, path_of = _blocks(degrees)
    tensor = jnp.asarray(blocks, x1.dtype) * jnp.take(weights, path_of, axis=-1, mode="clip")
    return over_rows(functools.partial(_product_in_classes, degrees, tensor), (x1, x2), slices.most(width))


def _product_in_classes(degrees, tensor, x1, x2):
    """The product of rows that are all held at once, with rows on the last axis inside."""
    num_rows, (_, size_out, _, size1, size2) = x1.shape[0], tensor.shape
    into1, into2, out_of = (jnp.asarray(_class_matrix(lmax), x1.dtype) for lmax in degrees[:3])
    # Into the classes and out of them by multiplication, whose transpose is another: a gather's would be a scatter.
    first = contract("pi,ri->pr", into1, x1).reshape(4, size1, num_rows)
    second = contract("pj,rj->pr", into2, x2).reshape(2, 2, size2, num_rows)
    # Class a xor c, for every class c of the result and a of x1: flips of the two bits of a.
    second = jnp.stack([second, second[:, ::-1], second[::-1], second[::-1, ::-1]]).reshape(4, 4, size2, num_rows)
    outer = _repeat(_repeat(first, 4, 0), size2, 3) * _repeat(second, size1, 2)
    # One contracted axis: with three, the tensor's derivative would come transposed.
    size = 4 * size1 * size2
    product = contract("ckp,cpr->ckr", tensor.reshape(4, size_out, size), outer.reshape(4, size, num_rows))
    return contract("pr,pk->rk", product.reshape(4 * size_out, num_rows), out_of)


@functools.lru_cache(maxsize=16)
def _blocks(degrees):
    """The blocks of the tensor, and the number of each entry's path; 0 for components that a class lacks.

    Both `[c, k, a, i, j]`: component k of class c of the result, i of class a of x1, j of class `a xor c` of x2.
    """
    first, second, out = (_class_components(lmax) for lmax in degrees[:3])
    tensor, path_of = _tensor(degrees)
    classes = np.arange(4)
    other = second[classes[:, None] ^ classes][:, None, :, None, :]
    place = first[None, None, :, :, None], other, out[:, :, None, None, None]
    there = functools.reduce(np.logical_and, (component >= 0 for component in place))
    return np.where(there, tensor[place], 0.0), np.where(there, path_of[place], 0)


@functools.lru_cache
def _class_matrix(lmax):
    """`(4 n, (lmax + 1)^2)`: row `a n + i` picks component i of class a, or nothing."""
    components = _class_components(lmax).ravel()
    return (components[:, None] == np.arange(num_components(lmax))).astype(np.float64)


@functools.lru_cache
def _class_components(lmax):
    """`(4, n)`: components of each class, ascending, then -1."""
    classes = [[], [], [], []]
    for degree in range(lmax + 1):
        for m in range(-degree, degree + 1):
            classes[2 * (m % 2) + (degree + m + (m < 0)) % 2].append(degree**2 + degree + m)
    size = max(map(len, classes))
    return np.array([members + [-1] * (size - len(members)) for members in classes])


# "paths"


def _sum_of_paths(degrees, x1, x2, weights):
    """Rows with weights of their own."""
    paths = tensor_product_paths(*degrees[:3])
    results = _path_results(degrees, x1, x2)
    count = [sum(path[2] == degree for path in paths) for degree in range(degrees.lmax_out + 1)]
    total = []
    for degree, of_degree in enumerate(jax.lax.split(weights.T, count)):
        of_paths = jnp.stack([results[path] for path in paths if path[2] == degree])
        terms = jax.lax.split(of_paths * _repeat(of_degree, 2 * degree + 1, 1), [1] * count[degree])
        total.append(functools.reduce(jnp.add, terms)[0])
    return jnp.concatenate(total).T


def _all_paths(degrees, x1, x2):
    """Rows of every path's components."""
    results = _path_results(degrees, x1, x2)
    return jnp.concatenate([results[path] for path in tensor_product_paths(*degrees[:3])]).T


def _path_results(degrees, x1, x2):
    """`(2 l3 + 1, rows)` of every path: one matrix product for each l1 and l2."""
    sizes1, sizes2 = ([2 * degree + 1 for degree in range(lmax + 1)] for lmax in degrees[:2])
    results = {}
    for l1, first in enumerate(jax.lax.split(x1.T, sizes1)):
        outer = _repeat(x2.T, 2 * l1 + 1, 1) * _repeat(first, x2.shape[1], 0)
        for l2, pairs in enumerate(jax.lax.split(outer, sizes2)):
            allowed = range(abs(l1 - l2), min(l1 + l2, degrees.lmax_out) + 1)
            if not allowed:
                continue
            tensors = [path_tensor((l1, l2, l3), degrees.normalization).T for l3 in allowed]
            tensor = jnp.asarray(np.concatenate(tensors), x1.dtype)
            together = contract("kji,jir->kr", tensor, pairs)
            for l3, result in zip(allowed, jax.lax.split(together, [len(tensor) for tensor in tensors]), strict=True):
                results[l1, l2, l3] = result
    return results


# What "sparse" and "paths" share


@functools.partial(jax.custom_jvp, nondiff_argnums=(1, 2))
def _repeat(x, number, axis):
    """`x` `number` times along a new axis, broadcast, but differentiated as a stack of copies.

    The transpose of a broadcast is a sum over an axis, which XLA's CPU backend does one number at a time. That of a
    stack is a sum of slices, which it does a vector at a time: the whole reverse pass takes half as long.
    """
    shape = (*x.shape[:axis], number, *x.shape[axis:])
    return jnp.broadcast_to(jnp.expand_dims(x, axis), shape)


@_repeat.defjvp
def _repeat_jvp(number, axis, primals, tangents):
    return _repeat(primals[0], number, axis), jnp.stack([tangents[0]] * number, axis=axis)


def _on_its_platform(function: Callable[..., jax.Array], *arrays: jax.Array) -> jax.Array:
    """`function(slices, *arrays)` with the slices that suit the platform it is compiled for."""
    return jax.lax.platform_dependent(
        *arrays, cpu=functools.partial(function, _ON_CPU), default=functools.partial(function, _ELSEWHERE)
    )
