"""Products of irreps with multiplicities in a few large operations: quick to compile.

One contraction for every path, and a loop that puts its result in place, forward and back, is what a compiler spends
its time on in deep networks. Here all irreps of equal multiplicity go together. With copies on the last axis, the
second factor meets the Clebsch-Gordan tensors of all paths in one matrix product, which leaves a small matrix for every
row, and all copies of all irreps of the first factor meet this matrix at once, which gives the results in order.

Against a contraction a path this multiplies more zeros (five times the work for both parities of degrees 0 to 2, less
for fewer irreps), in products that a library does. Where both factors have copies the results are many times as large
as the factors, and putting them in order is what takes time: there each path is contracted by itself.
"""

import functools
import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.validation import require_choice, require_floating
from jaxinv.kernels.tensor_products.coupling import path_tensor

NORMALIZATIONS = ("component", "norm", "none")


class Copies(NamedTuple):
    """An irrep and its multiplicity: `(mul, 2 degree + 1)` numbers, copy by copy."""

    mul: int
    degree: int

    @property
    def size(self) -> int:
        """How many numbers."""
        return self.mul * (2 * self.degree + 1)


class Path(NamedTuple):
    """One entry of each factor, by position, and the degree that their product is taken to."""

    first: int
    second: int
    degree: int


def irreps_product(
    x1: jax.Array,
    x2: jax.Array,
    irreps1: Sequence[Copies],
    irreps2: Sequence[Copies],
    paths: Sequence[Path],
    *,
    normalization: str = "component",
) -> jax.Array:
    """The Clebsch-Gordan product of every copy of an irrep with every copy of another, for each of some paths.

    Args:
      x1: `(..., sum of the sizes of irreps1)`, floating point or complex.
      x2: `(..., sum of the sizes of irreps2)`; leading axes broadcast.
      irreps1: what the last axis of x1 holds, one after another.
      irreps2: likewise of x2.
      paths: which entries meet, and the degree of the result; no path twice.
      normalization: of a path's tensor: the real Wigner 3j symbol times `sqrt(2 l + 1)`, l the degree of the result
        ("component"), times `sqrt((2 l1 + 1)(2 l2 + 1))` ("norm"), or the symbol itself ("none").

    Returns:
      `(..., size)`: `(mul1 * mul2, 2 l + 1)` numbers for each path, one path after another, copies of the second factor
      running fastest; in the common dtype of the factors. bfloat16 is multiplied and summed in float32.

    Equivariant under rotations; a path multiplies the parities of its irreps. Fastest to compile and to run where the
    entries of each factor have the same multiplicity and paths of equal degree follow each other.
    Raises:
      ValueError: at trace time: an unknown normalization; a last axis of another size; a path to a degree out of
        `|l1 - l2| .. l1 + l2`; leading axes that do not broadcast.
      TypeError: integers.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Geiger, Smidt, e3nn, arXiv:2207.09453.
    """
    require_choice("normalization", normalization, NORMALIZATIONS)
    for name, x, irreps in (("x1", x1, irreps1), ("x2", x2, irreps2)):
        if not jnp.issubdtype(x.dtype, jnp.complexfloating):
            require_floating(name, x)
        if x.shape[-1:] != (sum(copies.size for copies in irreps),):
            raise ValueError(f"{name} must have the sizes of its irreps on the last axis, got {x.shape} for {irreps}")
    for path in paths:
        l1, l2 = irreps1[path.first].degree, irreps2[path.second].degree
        if not abs(l1 - l2) <= path.degree <= l1 + l2:
            raise ValueError(f"paths must lead to a degree in |l1 - l2| .. l1 + l2, got {l1} and {l2} to {path.degree}")
    dtype, sums = jnp.result_type(x1, x2), accumulation_dtype(x1, x2)
    lead = jnp.broadcast_shapes(x1.shape[:-1], x2.shape[:-1])
    x1, x2 = (x.astype(sums).reshape((1,) * (len(lead) + 1 - x.ndim) + x.shape) for x in (x1, x2))
    crowded = [path for path in paths if irreps1[path.first].mul > 1 < irreps2[path.second].mul]
    blocks = _each_path(x1, x2, irreps1, irreps2, crowded, normalization)
    joint = [path for path in paths if path not in blocks]
    groups1, groups2 = (
        _groups(x, irreps, {path[side] for path in joint})
        for side, (x, irreps) in enumerate(((x1, irreps1), (x2, irreps2)))
    )
    for first, second in itertools.product(groups1, groups2):
        inside = [path for path in joint if path.first in first.degrees and path.second in second.degrees]
        if not inside:
            continue
        product = _product(first, second, inside, normalization)
        if len(inside) == len(paths):
            return jnp.broadcast_to(product, (*lead, product.shape[-1])).astype(dtype)
        sizes = [irreps1[path.first].mul * irreps2[path.second].mul * (2 * path.degree + 1) for path in inside]
        blocks.update(zip(inside, jax.lax.split(product, sizes, axis=len(lead)), strict=True))
    if not blocks:
        return jnp.zeros((*lead, 0), dtype)
    product = jnp.concatenate([blocks[path] for path in paths], axis=-1)
    return jnp.broadcast_to(product, (*lead, product.shape[-1])).astype(dtype)


def _each_path(x1, x2, irreps1, irreps2, paths, normalization):
    """The result `(..., size)` of each path by itself."""
    if not paths:
        return {}
    entries1, entries2 = (
        [
            entry.reshape(*x.shape[:-1], copies.mul, 2 * copies.degree + 1)
            for entry, copies in zip(
                jax.lax.split(x, [copies.size for copies in irreps], axis=x.ndim - 1), irreps, strict=True
            )
        ]
        for x, irreps in ((x1, irreps1), (x2, irreps2))
    )
    blocks = {}
    for path in paths:
        degrees = (irreps1[path.first].degree, irreps2[path.second].degree, path.degree)
        table = jnp.asarray(path_tensor(degrees, normalization), x1.dtype)
        matrix = contract("...vj,ijk->...vik", entries2[path.second], table)
        product = contract("...ui,...vik->...uvk", entries1[path.first], matrix)
        blocks[path] = product.reshape(*product.shape[:-3], math.prod(product.shape[-3:]))
    return blocks


class _Group(NamedTuple):
    """Entries of equal multiplicity: `(..., components, mul)`, and their degrees by position."""

    array: jax.Array
    degrees: dict[int, int]


def _groups(x, irreps, used):
    """The entries that are used, in groups."""
    sizes = [copies.size for copies in irreps]
    entries = jax.lax.split(x, sizes, axis=x.ndim - 1) if sizes else []
    groups = []
    for mul in dict.fromkeys(irreps[i].mul for i in sorted(used)):
        degrees = {i: irreps[i].degree for i in sorted(used) if irreps[i].mul == mul}
        # Where that is all of x, the compiler sees through the split.
        array = jnp.concatenate([entries[i] for i in degrees], axis=-1) if len(degrees) < len(sizes) else x
        groups.append(_Group(_copies_last(array, mul, degrees.values()), degrees))
    return groups


def _copies_last(x, mul, degrees):
    """`(..., mul, 2 l + 1)` for each degree, one after another, to `(..., components, mul)`."""
    if mul == 1:
        return x[..., None]
    lead = x.shape[:-1]
    pieces = []
    for piece, (degree, length) in _pieces(x, degrees, mul, x.ndim - 1):
        piece = piece.reshape(*lead, length, mul, 2 * degree + 1)
        pieces.append(jnp.swapaxes(piece, -1, -2).reshape(*lead, length * (2 * degree + 1), mul))
    return jnp.concatenate(pieces, axis=-2)


def _pieces(x, degrees, mul, axis):
    """Parts of an axis with each run of equal degrees, and the degree and length of the run: one loop turns a run."""
    runs = [(degree, len(list(run))) for degree, run in itertools.groupby(degrees)]
    return zip(
        jax.lax.split(x, [mul * length * (2 * degree + 1) for degree, length in runs], axis=axis), runs, strict=True
    )


def _product(first, second, paths, normalization):
    """The results of paths between two groups, one after another: `(..., size)`."""
    degrees1, degrees2 = (tuple(group.degrees.values()) for group in (first, second))
    places1, places2 = list(first.degrees), list(second.degrees)
    ends = tuple((places1.index(path.first), places2.index(path.second), path.degree) for path in paths)
    table = jnp.asarray(_table(degrees1, degrees2, ends, normalization), first.array.dtype)
    matrix = contract("...jv,jki->...vki", second.array, table)
    product = contract("...vki,...iu->...vku", matrix, first.array)
    lead, (mul2, _, mul1) = product.shape[:-3], product.shape[-3:]
    pieces = []
    for piece, (degree, length) in _pieces(product, [path.degree for path in paths], 1, len(lead) + 1):
        piece = piece.reshape(*lead, mul2, length, 2 * degree + 1, mul1)
        piece = jnp.moveaxis(piece, (-3, -1, -4, -2), (-4, -3, -2, -1))
        # With a last axis of 1: the compiler leaves alone what is joined along a long last axis, a loop for each piece.
        pieces.append(piece.reshape(*lead, length * mul1 * mul2 * (2 * degree + 1), 1))
    return jnp.squeeze(jnp.concatenate(pieces, axis=-2), -1)


@functools.lru_cache(maxsize=256)
def _table(
    degrees1: tuple[int, ...], degrees2: tuple[int, ...], paths: tuple[tuple[int, int, int], ...], normalization: str
) -> np.ndarray:
    """`(components of x2, components of all results, components of x1)` float64: the tensors of paths in one."""
    starts1, starts2, starts = (
        np.cumsum([0, *(2 * degree + 1 for degree in degrees)])
        for degrees in (degrees1, degrees2, [degree for *_, degree in paths])
    )
    table = np.zeros((starts2[-1], starts[-1], starts1[-1]))
    for number, (first, second, degree) in enumerate(paths):
        l1, l2 = degrees1[first], degrees2[second]
        spans = ((starts2, second), (starts, number), (starts1, first))
        place = tuple(slice(begins[at], begins[at + 1]) for begins, at in spans)
        table[place] = path_tensor((l1, l2, degree), normalization).transpose(1, 2, 0)
    table.flags.writeable = False
    return table
