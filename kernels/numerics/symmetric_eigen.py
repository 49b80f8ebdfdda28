"""Eigenvalues and eigenvectors of symmetric matrices: closed forms and Jacobi rotations over the batch up to 4x4."""

import itertools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.small_matrices import (
    Entries,
    Square,
    Values,
    apart,
    columns_scaled,
    congruent,
    joined,
    scaled_by,
    settled,
    shrinking,
    square_argument,
    symmetrised,
    times,
    total,
    transposed,
)

# Largest root of x^3 - 3 x = 2 h, that is 2 cos(arccos(h) / 3), for 0 <= h <= 1: within 9e-6, before Newton's steps.
_LARGEST_ROOT = (1.73205971, 0.33285804, -0.09201052, 0.03528473, -0.00819881)


class SymmetricEigen(NamedTuple):
    """Eigenvalues and eigenvectors.

    Attributes:
      values: `(..., n)`, ascending.
      vectors: `(..., n, n)`, orthogonal; column i belongs to value i. Signs are arbitrary.
    """

    values: jax.Array
    vectors: jax.Array


@jax.jit
def symmetric_eigen(a: jax.Array) -> SymmetricEigen:
    """Eigenvalues and eigenvectors of symmetric matrices.

    Up to 4x4 without LAPACK: for 3x3 the best isolated eigenvalue from the cubic, its eigenvector from the adjugate and
    the other two by one rotation; for 4x4 Jacobi's rotations. Entries are scaled first, so any magnitude will do. The
    residual `|A V - V values| / |A|` and the departure from orthogonality are about 1e-6 in float32, also for equal
    and nearly equal eigenvalues; beyond 4x4 `jnp.linalg.eigh`.

    Args:
      a: `(..., n, n)`, floating point; its symmetric part is taken.

    Returns:
      SymmetricEigen in the dtype of a; bfloat16 is computed in float32.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.

    Transformations: jit, vmap, jvp, vjp, any order where eigenvalues differ. At equal eigenvalues the derivative of the
    vectors is not defined: what is divided by their difference is taken as 0, and the derivatives of each of the equal
    values are those in the basis that was found. For functions of a matrix, whose derivatives are right there too, see
    `spectral_functions`.
    References: Eberly, A robust eigensolver for 3x3 symmetric matrices (2014); Golub and Van Loan, Matrix
    computations, 8.5.
    """
    a = square_argument("a", a)
    values, vectors = eigen(symmetrised(apart(a)))
    stacked = jnp.stack(values, axis=-1) if isinstance(values, tuple) else values
    return SymmetricEigen(stacked.astype(a.dtype), joined(vectors).astype(a.dtype))


@jax.custom_jvp
def eigen(a: Square) -> tuple[Values, Square]:
    """Values, ascending, and vectors of a symmetric matrix in parts."""
    if not isinstance(a, tuple):
        found = jnp.linalg.eigh(a, symmetrize_input=False)
        return found.eigenvalues, found.eigenvectors
    if len(a) == 1:
        return (a[0][0],), ((jnp.ones_like(a[0][0]),),)
    shrink = shrinking(a)
    values, vectors = _SMALL[len(a)](scaled_by(a, shrink))
    # Rounding may have left them out of order.
    ascending = tuple(itertools.accumulate((value / shrink for value in values), jnp.maximum))
    return ascending, settled(vectors, shrink)


@eigen.defjvp
def _eigen_jvp(primals, tangents):
    values, vectors = eigen(*primals)
    turned = congruent(vectors, tangents[0])
    # Antisymmetric: the rates at which the vectors turn into each other.
    rates = _antisymmetric(lambda t, x, y: quotient(t, y - x), turned, values)
    return (values, vectors), (diagonal(turned), times(vectors, rates))


def diagonal(a: Square) -> Values:
    """Its diagonal."""
    return tuple(a[i][i] for i in range(len(a))) if isinstance(a, tuple) else jnp.diagonal(a, axis1=-2, axis2=-1)


def rebuilt(vectors: Square, values: Values) -> Square:
    """`V diag(values) V'`."""
    return times(columns_scaled(vectors, values), transposed(vectors))


def _antisymmetric(function, a, values):
    """`function(a_ij, x_i, x_j)`, computed above the diagonal alone where it is in entries."""
    if not isinstance(a, tuple):
        return function(a, values[..., :, None], values[..., None, :])
    size = range(len(a))
    known = {(i, j): function(a[i][j], values[i], values[j]) for i, j in itertools.combinations(size, 2)}
    zero = jnp.zeros_like(a[0][0])
    return tuple(tuple(known[i, j] if i < j else -known[j, i] if j < i else zero for j in size) for i in size)


def quotient(x: jax.Array, y: jax.Array) -> jax.Array:
    """x / y; 0 where y is 0."""
    zero = y == 0
    return jnp.where(zero, 0.0, x) / jnp.where(zero, 1.0, y)


def tangent_of_rotation(difference: jax.Array, coupling: jax.Array) -> jax.Array:
    """`t = tan(angle)`, at most 1 by magnitude, that diagonalises `[[p, coupling], [coupling, q]]`, `q - p` given.

    The rotation takes column p to `c (p - t q)` and q to `c (q + t p)`, `c = 1 / sqrt(1 + t^2)`; the values become
    `p - t coupling` and `q + t coupling`.
    """
    radius = jnp.abs(difference) + jnp.sqrt(difference * difference + 4.0 * coupling * coupling)
    return jnp.where(difference < 0, -2.0, 2.0) * coupling / jnp.where(radius == 0, 1.0, radius)


# XLA computes cheap operations anew in every fusion that needs them, with other roundings; what is divided, or a root,
# it computes once. So each decision below (a sign, a largest entry, an order) is taken on quotients: taken on sums of
# products it could fall one way for one component of a vector and the other way for another.


def _eigen2(a: Entries):
    (p, b), (_, q) = a
    t = tangent_of_rotation(q - p, b)
    c = jax.lax.rsqrt(1.0 + t * t)
    s = t * c
    swapped = q < p  # as after the rotation, which moves them apart
    values = jnp.where(swapped, q + t * b, p - t * b), jnp.where(swapped, p - t * b, q + t * b)
    low = jnp.where(swapped, s, c), jnp.where(swapped, c, -s)
    return values, ((low[0], -low[1]), (low[1], low[0]))


def _eigen3(a: Entries):
    (a00, a01, a02), (_, a11, a12), (_, _, a22) = a
    mean = (a00 + a11 + a22) * (1.0 / 3.0)
    d00, d11, d22 = a00 - mean, a11 - mean, a22 - mean
    square = (d00 * d00 + d11 * d11 + d22 * d22 + 2.0 * (a01 * a01 + a02 * a02 + a12 * a12)) * (1.0 / 6.0)
    radius = jnp.sqrt(square)
    shrink = 1.0 / jnp.maximum(radius, float(jnp.finfo(radius.dtype).tiny) ** 0.5)
    b00, b11, b22, b01, b02, b12 = (entry * shrink for entry in (d00, d11, d22, a01, a02, a12))
    m00, m11, m22 = b11 * b22 - b12 * b12, b00 * b22 - b02 * b02, b00 * b11 - b01 * b01
    m01, m02, m12 = b02 * b12 - b01 * b22, b01 * b12 - b02 * b11, b01 * b02 - b12 * b00
    root = _isolated_root(0.5 * (b00 * m00 + b01 * m01 + b02 * m02))
    # adj(b - root I) is v v' times a product of two gaps, at least 6: its longest column holds v to rounding.
    gaps = 3.0 * root * root - 3.0
    c00, c11, c22 = (m + root * (b + root) for m, b in ((m00, b00), (m11, b11), (m22, b22)))
    c01, c02, c12 = (m + root * b for m, b in ((m01, b01), (m02, b02), (m12, b12)))
    c00, c11, c22, c01, c02, c12 = (entry / gaps for entry in (c00, c11, c22, c01, c02, c12))
    first, second = (c00 >= c11) & (c00 >= c22), c11 >= c22
    x = jnp.where(first, c00, jnp.where(second, c01, c02))
    y = jnp.where(first, c01, jnp.where(second, c11, c12))
    z = jnp.where(first, c02, jnp.where(second, c12, c22))
    shrink_v = jax.lax.rsqrt(x * x + y * y + z * z)
    v = (x * shrink_v, y * shrink_v, z * shrink_v)
    u, w = perpendicular(v)
    au, aw = (tuple(dot(row, vector) for row in a) for vector in (u, w))
    room = jnp.maximum(radius, float(jnp.finfo(radius.dtype).tiny) ** 0.5)
    difference, coupling = (dot(w, aw) - dot(u, au)) / room, dot(u, aw) / room
    t = tangent_of_rotation(difference, coupling)
    c = jax.lax.rsqrt(1.0 + t * t)
    s = t * c
    swapped = difference < 0
    low_u, low_w = jnp.where(swapped, s, c), jnp.where(swapped, c, -s)
    low = tuple(low_u * i + low_w * j for i, j in zip(u, w, strict=True))
    high = tuple(low_u * j - low_w * i for i, j in zip(u, w, strict=True))
    spread = jnp.sqrt(difference * difference + 4.0 * coupling * coupling)
    negative = root < 0
    least, most = -0.5 * (root + spread), 0.5 * (spread - root)
    values = jnp.where(negative, root, least), jnp.where(negative, least, most), jnp.where(negative, most, root)
    pairs = (v, low), (low, high), (high, v)
    columns = [tuple(jnp.where(negative, i, j) for i, j in zip(*pair, strict=True)) for pair in pairs]
    return tuple(mean + radius * value for value in values), tuple(zip(*columns, strict=True))


def _isolated_root(half):
    """The root of `x^3 - 3 x = 2 half` that is largest by magnitude, with the sign of half."""
    h = jnp.minimum(jnp.abs(half), 1.0)
    c0, c1, c2, c3, c4 = _LARGEST_ROOT
    root = (((c4 * h + c3) * h + c2) * h + c1) * h + c0
    if h.dtype.itemsize > 4:
        root = (2.0 * root**3 + 2.0 * h) / (3.0 * root * root - 3.0)
    signed = jnp.where(half < 0, -2.0, 2.0) * (root**3 + h)
    return signed / (3.0 * root * root - 3.0)


def perpendicular(v: tuple[jax.Array, ...]) -> tuple[tuple[jax.Array, ...], tuple[jax.Array, ...]]:
    """Two unit vectors that make an orthonormal basis with the unit vector v."""
    x, y, z = v
    sign = jnp.where(z < 0, -1.0, 1.0)
    k = -1.0 / (sign + z)
    return (1.0 + sign * x * x * k, sign * x * y * k, -sign * x), (x * y * k, sign + y * y * k, -y)


def dot(x: tuple[jax.Array, ...], y: tuple[jax.Array, ...]) -> jax.Array:
    """The inner product of vectors in entries."""
    return total(i * j for i, j in zip(x, y, strict=True))


def _eigen4(a: Entries):
    """Sweeps of Jacobi's rotations, then the values sorted by exchanges."""
    size = len(a)
    ones = jnp.ones_like(a[0][0])
    identity = [[ones if i == j else jnp.zeros_like(ones) for j in range(size)] for i in range(size)]

    def sweep(_, carried):
        matrix, vectors = ([list(row) for row in part] for part in carried)
        for p, q in itertools.combinations(range(size), 2):
            _rotate_pair(matrix, vectors, p, q)
        return matrix, vectors

    sweeps = 5 if ones.dtype.itemsize == 4 else 7
    matrix, vectors = jax.lax.fori_loop(0, sweeps, sweep, ([list(row) for row in a], identity))
    return _sorted([matrix[i][i] for i in range(size)], list(zip(*vectors, strict=True)))


def _rotate_pair(matrix, vectors, p, q):
    """Sets entry (p, q) to 0, in place, in lists of lists."""
    coupling = matrix[p][q]
    t = tangent_of_rotation(matrix[q][q] - matrix[p][p], coupling)
    c = jax.lax.rsqrt(1.0 + t * t)
    s = t * c
    for k in range(len(matrix)):
        if k not in (p, q):
            i, j = matrix[k][p], matrix[k][q]
            matrix[k][p] = matrix[p][k] = c * i - s * j
            matrix[k][q] = matrix[q][k] = c * j + s * i
        i, j = vectors[k][p], vectors[k][q]
        vectors[k][p], vectors[k][q] = c * i - s * j, c * j + s * i
    matrix[p][p], matrix[q][q] = matrix[p][p] - t * coupling, matrix[q][q] + t * coupling
    matrix[p][q] = matrix[q][p] = jnp.zeros_like(coupling)


def _sorted(values, columns):
    """Values ascending by exchanges of neighbours, and columns along, as a matrix of entries."""
    values, columns = list(values), list(columns)
    for last in range(len(values) - 1, 0, -1):
        for i in range(last):
            wrong = values[i] > values[i + 1]
            values[i], values[i + 1] = jnp.minimum(values[i], values[i + 1]), jnp.maximum(values[i], values[i + 1])
            pair = list(zip(columns[i], columns[i + 1], strict=True))
            columns[i] = tuple(jnp.where(wrong, y, x) for x, y in pair)
            columns[i + 1] = tuple(jnp.where(wrong, x, y) for x, y in pair)
    return tuple(values), tuple(zip(*columns, strict=True))


_SMALL = {2: _eigen2, 3: _eigen3, 4: _eigen4}
