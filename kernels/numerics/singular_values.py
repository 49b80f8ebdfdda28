"""Singular values and vectors by one-sided Jacobi rotations over the batch, up to 4x4, as accurate as LAPACK's."""

import itertools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.small_matrices import (
    Entries,
    Square,
    Values,
    apart,
    determinant_of,
    entrywise,
    joined,
    scaled_by,
    settled,
    shrinking,
    square_argument,
    table,
    times,
    total,
    transposed,
)
from jaxinv.kernels.numerics.symmetric_eigen import diagonal, dot, eigen, perpendicular, quotient, tangent_of_rotation


class SingularValueDecomposition(NamedTuple):
    """`a = u diag(s) v'`.

    Attributes:
      u: `(..., n, n)`, orthogonal.
      s: `(..., n)`, descending, not negative.
      v: `(..., n, n)`, orthogonal; its columns, not its rows, are singular vectors.
    """

    u: jax.Array
    s: jax.Array
    v: jax.Array


@jax.jit
def singular_value_decomposition(a: jax.Array) -> SingularValueDecomposition:
    """The singular value decomposition of square matrices.

    Up to 4x4 by one-sided Jacobi rotations, which start from the eigenvectors of `a' a` and lose none of their accuracy
    to it; `jnp.linalg.svd` beyond. In float32 the factors are orthogonal and reproduce `a` to about 1e-6 of its largest
    entry, at any condition; of singular and zero matrices too.

    Args:
      a: `(..., n, n)`, floating point.

    Returns:
      SingularValueDecomposition in the dtype of a; bfloat16 is computed in float32.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.

    Transformations: jit, vmap, jvp, vjp, any order where singular values differ and none is 0. Where two are equal, or
    two are 0, the derivative of the vectors is not defined: what is divided by their difference, or sum, is taken as 0.
    For the polar factor, whose derivatives are right at equal ones, see `polar_factor`.
    References: Hestenes, J. SIAM 6 (1958) 51; Drmac and Veselic, SIAM J. Matrix Anal. Appl. 29 (2008) 1322.
    """
    a = square_argument("a", a)
    u, s, v = decomposed(apart(a))
    stacked = jnp.stack(s, axis=-1) if isinstance(s, tuple) else s
    return SingularValueDecomposition(joined(u).astype(a.dtype), stacked.astype(a.dtype), joined(v).astype(a.dtype))


@jax.custom_jvp
def decomposed(a: Square) -> tuple[Square, Values, Square]:
    """u, s and v of a matrix in parts."""
    if not isinstance(a, tuple):
        u, s, vt = jnp.linalg.svd(a)
        return u, s, jnp.swapaxes(vt, -1, -2)
    if len(a) == 1:
        ones = jnp.ones_like(a[0][0])
        return ((jnp.where(a[0][0] < 0, -ones, ones),),), (jnp.abs(a[0][0]),), ((ones,),)
    shrink = shrinking(a)
    u, s, v = _one_sided(scaled_by(a, shrink))
    # Rounding may have left them out of order.
    descending = tuple(itertools.accumulate((value / shrink for value in s), jnp.minimum))
    return settled(u, shrink), descending, settled(v, shrink)


@decomposed.defjvp
def _decomposed_jvp(primals, tangents):
    u, s, v = decomposed(*primals)
    turned = times(times(transposed(u), tangents[0]), v)
    mirrored = transposed(turned)
    # The rates at which u and v turn, added and subtracted.
    together = entrywise(quotient, entrywise(jnp.add, turned, mirrored), table(lambda p, q: 2.0 * (q - p), s))
    against = entrywise(quotient, entrywise(jnp.subtract, turned, mirrored), table(lambda p, q: 2.0 * (p + q), s))
    du = times(u, entrywise(jnp.add, together, against))
    dv = times(v, entrywise(jnp.subtract, together, against))
    return (u, s, v), (du, diagonal(turned), dv)


def _one_sided(a: Entries):
    """Of a matrix with largest entry 1: v that makes the columns of `a v` orthogonal; these, made units, are u."""
    size = len(a)
    _, start = eigen(times(transposed(a), a))
    # Descending.
    v = [column[:] for column in zip(*(row[::-1] for row in start), strict=True)]
    b = list(zip(*times(a, tuple(zip(*v, strict=True))), strict=True))
    if size < 4:
        b, v = _sweep((b, v))
    else:
        # The columns that rounding in `a' a` has left in disorder are three here, and need more than one.
        b, v = jax.lax.fori_loop(0, 3, lambda _, columns: _sweep(columns), (b, v))
    u, s = _orthonormal(b)
    return tuple(zip(*u, strict=True)), s, tuple(zip(*v, strict=True))


def _sweep(pair):
    """Makes columns of the first orthogonal, two by two, and turns those of the second along."""
    b, v = (list(columns) for columns in pair)
    for p, q in itertools.combinations(range(len(b)), 2):
        c, s = _rotation(b[p], b[q])
        for columns in (b, v):
            x, y = columns[p], columns[q]
            columns[p] = tuple(c * i + s * j for i, j in zip(x, y, strict=True))
            columns[q] = tuple(c * j - s * i for i, j in zip(x, y, strict=True))
    return b, v


def _rotation(x, y):
    """Cosine and sine for which `c x + s y` and `c y - s x` are orthogonal, and the first is the longer one."""
    xx, yy, xy = dot(x, x), dot(y, y), dot(x, y)
    both = xx + yy
    difference, coupling = quotient(yy - xx, both), quotient(xy, both)
    t = -tangent_of_rotation(difference, coupling)
    c = jax.lax.rsqrt(1.0 + t * t)
    wrong = difference > 0
    return jnp.where(wrong, -t * c, c), jnp.where(wrong, c, t * c)


def _orthonormal(columns):
    """Units along the columns, which are orthogonal already unless they are 0, and their lengths."""
    size, found, lengths = len(columns), [], []
    for column in columns[:-1]:
        rest = _without(column, found)
        length = jnp.sqrt(dot(rest, rest))
        # What multiplication by v left of a singular matrix is rounding, and may lie along units.
        zero = length <= float(jnp.finfo(length.dtype).eps) * (lengths[0] if lengths else 0.0)
        unit = tuple(x / jnp.where(zero, 1.0, length) for x in rest)
        spare = perpendicular(found[0])[0] if size == 3 and found else _spare(found, size, column[0])
        found.append(tuple(jnp.where(zero, y, x) for x, y in zip(unit, spare, strict=True)))
        lengths.append(length)
    last = _completing(found)
    along = dot(last, columns[-1])
    norm = jnp.sqrt(dot(last, last))
    signed = along / norm
    negative = signed < 0
    found.append(tuple(jnp.where(negative, -x, x) / norm for x in last))
    lengths.append(jnp.abs(signed))
    return found, tuple(lengths)


def _without(column, units):
    """The column less its parts along units."""
    for unit in units:
        along = dot(unit, column)
        column = tuple(x - along * y for x, y in zip(column, unit, strict=True))
    return column


def _spare(units, size, like):
    """Some unit vector orthogonal to units: the axis that has the least of them, less its part along them."""
    zeros, ones = jnp.zeros_like(like), jnp.ones_like(like)
    if not units:
        return (ones, *[zeros] * (size - 1))
    shares = [total(unit[i] * unit[i] for unit in units) for i in range(size)]
    least = jnp.argmin(jnp.stack(shares), axis=0)
    rest = _without(tuple(jnp.where(least == i, ones, zeros) for i in range(size)), units)
    length = jnp.sqrt(dot(rest, rest))
    return tuple(x / length for x in rest)


def _completing(units):
    """The vector orthogonal to all `n - 1` orthonormal units, with which they have determinant 1."""
    size = len(units) + 1
    sign = (-1.0) ** (size - 1)
    columns = []
    for i in range(size):
        kept = tuple(unit[:i] + unit[i + 1 :] for unit in units)
        columns.append(sign * (-1.0) ** i * determinant_of(kept))
    return tuple(columns)
