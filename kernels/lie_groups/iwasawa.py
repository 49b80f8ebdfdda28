"""Orthogonal times triangular: the positive QR decomposition, and Iwasawa's in both orders."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.safe import safe_divide
from jaxinv.kernels.numerics.small_matrices import (
    Square,
    apart,
    determinant,
    determinant_of,
    entrywise,
    joined,
    product,
    scaled_by,
    shrinking,
    square_argument,
    times,
    total,
    transposed,
)
from jaxinv.kernels.numerics.validation import require_choice

ORDERS = ("kan", "nak")


class PositiveQR(NamedTuple):
    """`A = orthogonal triangular`.

    Attributes:
      orthogonal: `(..., n, n)`, of the sign of det A as its determinant.
      triangular: `(..., n, n)`, upper, its diagonal positive.
      exists: `(...)` booleans, whether A is invertible to rounding; else factors are finite, columns of the orthogonal
        one may be zero, and the product need not be A.
    """

    orthogonal: jax.Array
    triangular: jax.Array
    exists: jax.Array

    def compose(self) -> jax.Array:
        """The product of the factors, `(..., n, n)`: A, where it `exists`."""
        return product(self.orthogonal, self.triangular)


class IwasawaKAN(NamedTuple):
    """`A = k diag(exp(log_a)) n`.

    Attributes:
      k: `(..., n, n)`, a rotation where det A > 0.
      log_a: `(..., n)`.
      n: `(..., n, n)`, upper triangular with ones on the diagonal.
      exists: `(...)` booleans, whether det A > 0 to rounding. Where it is negative the product is A, k a reflection.
    """

    k: jax.Array
    log_a: jax.Array
    n: jax.Array
    exists: jax.Array

    def compose(self) -> jax.Array:
        """The product of the factors, `(..., n, n)`: A, where it `exists`."""
        return product(self.k, jnp.exp(self.log_a)[..., None] * self.n)


class IwasawaNAK(NamedTuple):
    """`A = n diag(exp(log_a)) k`: the same factors as of `IwasawaKAN` in the opposite order."""

    n: jax.Array
    log_a: jax.Array
    k: jax.Array
    exists: jax.Array

    def compose(self) -> jax.Array:
        """The product of the factors, `(..., n, n)`: A, where it `exists`."""
        return product(self.n * jnp.exp(self.log_a)[..., None, :], self.k)


@jax.jit
def qr_positive(matrix: jax.Array) -> PositiveQR:
    """The QR decomposition whose triangular factor has a positive diagonal, which makes it unique.

    Args:
      matrix: `(..., n, n)` floating point. bfloat16 is computed in float32.

    Returns:
      `PositiveQR`, in the dtype of the matrix. To n = 4 by steps of Gram and Schmidt, each twice, the last column by
      a cross product: orthogonal to rounding at every condition number; beyond, by LAPACK.

    Raises:
      TypeError, ValueError: not floating point, or not square.
    `Q A` has the factors `(Q Q_A, R_A)` for every orthogonal Q.
    Transformations: jit, vmap, jvp, vjp, any order, for invertible matrices; finite elsewhere.
    References: Golub, Van Loan, Matrix computations, 4th ed., sec. 5.2; the derivative: de Hoog, Anderssen, Lukas,
    Differentiation of matrix functionals using triangular factorization, Math. Comp. 80 (2011).
    """
    matrix = square_argument("matrix", matrix)
    a = matrix.astype(accumulation_dtype(matrix))
    orthogonal, triangular = _qr(a)
    exists = _is_invertible(triangular)
    return PositiveQR(orthogonal.astype(matrix.dtype), triangular.astype(matrix.dtype), exists)


@functools.partial(jax.jit, static_argnames=("order",))
def iwasawa(matrix: jax.Array, *, order: str = "kan") -> IwasawaKAN | IwasawaNAK:
    """Rotation, positive diagonal and unipotent factor.

    Args:
      matrix: `(..., n, n)` floating point, of positive determinant. bfloat16 is computed in float32.
      order: static, "kan" for `k a n` or "nak" for `n a k`.

    Returns:
      `IwasawaKAN` or `IwasawaNAK`, in the dtype of the matrix.

    Raises:
      TypeError, ValueError: not floating point, not square, or an unknown order.
    In "kan" a rotation on the left multiplies k alone, in "nak" one on the right.
    Transformations: jit, vmap, jvp, vjp, any order, for invertible matrices; finite elsewhere.
    References: Knapp, Lie groups beyond an introduction, 2nd ed., sec. VI.4.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import lie_groups
      >>> found = lie_groups.iwasawa(jnp.array([[0.0, -2.0], [3.0, 1.5]]))  # a quarter-turn after [[3, 1.5], [0, 2]]
      >>> jnp.exp(found.log_a).round(), found.n[0].round(1)
      (Array([3., 2.], dtype=float32), Array([1. , 0.5], dtype=float32))
    """
    require_choice("order", order, ORDERS)
    matrix = square_argument("matrix", matrix)
    a, dtype = matrix.astype(accumulation_dtype(matrix)), matrix.dtype
    # J A^T J = Q R, where J reverses the order, is A = (J R^T J)(J Q^T J): upper triangular times orthogonal.
    q, r = _qr(a if order == "kan" else _reversed_transpose(a))
    if order == "nak":
        q, r = _reversed_transpose(q), _reversed_transpose(r)
    diagonal = jnp.diagonal(r, axis1=-2, axis2=-1)
    diagonal = jnp.where(diagonal > float(jnp.finfo(r.dtype).tiny), diagonal, 1.0)
    exists = _is_invertible(r) & (determinant(q) > 0)
    q, log_a = q.astype(dtype), jnp.log(diagonal).astype(dtype)
    if order == "kan":
        return IwasawaKAN(q, log_a, (r / diagonal[..., None]).astype(dtype), exists)
    return IwasawaNAK((r / diagonal[..., None, :]).astype(dtype), log_a, q, exists)


def _reversed_transpose(a):
    return jnp.swapaxes(a, -2, -1)[..., ::-1, ::-1]


def _is_invertible(triangular):
    diagonal = jnp.diagonal(triangular, axis1=-2, axis2=-1)
    least = triangular.shape[-1] * jnp.finfo(triangular.dtype).eps
    return jnp.min(diagonal, -1) > least * jnp.max(jnp.abs(triangular), axis=(-2, -1))


def _qr(a):
    q, r = _factors(apart(a))
    return joined(q), joined(r)


@jax.custom_jvp
def _factors(a: Square) -> tuple[Square, Square]:
    """Orthogonal and triangular factor of a matrix in parts."""
    if isinstance(a, jax.Array):
        q, r = jnp.linalg.qr(a)
        sign = jnp.where(jnp.diagonal(r, axis1=-2, axis2=-1) < 0, -1.0, 1.0).astype(a.dtype)
        return q * sign[..., None, :], r * sign[..., :, None]
    shrink = shrinking(a)
    q, r = _gram_schmidt(transposed(scaled_by(a, shrink)))
    return transposed(q), scaled_by(r, 1.0 / shrink)


@_factors.defjvp
def _factors_jvp(primals, tangents):
    q, r = _factors(*primals)
    # dA R^-1 in the basis Q is a skew part, which turns Q, and an upper part, which changes R.
    below, above = _halves(_divided(times(transposed(q), tangents[0]), r))
    turn = entrywise(jnp.subtract, below, transposed(below))
    return (q, r), (times(q, turn), times(entrywise(jnp.add, above, transposed(below)), r))


def _divided(x, r):
    """`x r^-1` by substitution; a diagonal entry 0 counts as infinite."""
    if isinstance(r, jax.Array):
        columns = []
        for j in range(r.shape[-1]):
            left = total([x[..., j], *(-column * r[..., k, j, None] for k, column in enumerate(columns))])
            columns.append(safe_divide(left, r[..., j, j, None]))
        return jnp.stack(columns, -1)
    columns = []
    for j, column in enumerate(transposed(x)):
        for k, known in enumerate(columns):
            column = tuple(y - z * r[k][j] for y, z in zip(column, known, strict=True))
        columns.append(tuple(safe_divide(y, r[j][j]) for y in column))
    return transposed(tuple(columns))


def _halves(x):
    """What is below the diagonal, and the rest."""
    if isinstance(x, jax.Array):
        return jnp.tril(x, -1), jnp.triu(x)
    zero = jnp.zeros_like(x[0][0])
    below = tuple(tuple(y if i > j else zero for j, y in enumerate(row)) for i, row in enumerate(x))
    return below, tuple(tuple(y if i <= j else zero for j, y in enumerate(row)) for i, row in enumerate(x))


def _gram_schmidt(columns):
    """Columns of Q and rows of R."""
    n = len(columns)
    zero = jnp.zeros_like(columns[0][0])
    q, r = [], [[zero] * n for _ in range(n)]
    for j, column in enumerate(columns):
        if 0 < j == n - 1:
            # As long as the others are orthonormal, so is this one, however close the column is to their span.
            direction = _across(q)
            height = _dot(direction, column)
            sign = jnp.where(height < 0, -1.0, 1.0).astype(zero.dtype)
            r[j][j], unit = sign * height, [sign * x for x in direction]
            for i in range(j):
                r[i][j] = _dot(q[i], column)
        else:
            rest = list(column)
            for _ in range(2 if j else 0):
                for i in range(j):
                    along = _dot(q[i], rest)
                    rest = [x - along * y for x, y in zip(rest, q[i], strict=True)]
                    r[i][j] = r[i][j] + along
            # What rounding leaves of a column in the span of those before has no direction.
            least = 4 * float(jnp.finfo(zero.dtype).eps) * _norm(column)
            length = _norm(rest)
            r[j][j] = jnp.where(length > least, length, 0.0)
            unit = [safe_divide(x, r[j][j]) for x in rest]
        q.append(tuple(unit))
    return tuple(q), tuple(map(tuple, r))


def _dot(x, y):
    return total(a * b for a, b in zip(x, y, strict=True))


def _norm(x):
    square = _dot(x, x)
    return jnp.where(square == 0, 0.0, jnp.sqrt(jnp.where(square == 0, 1.0, square)))


def _across(vectors):
    """The vector whose product with x is the determinant of the vectors followed by x."""
    n = len(vectors) + 1
    minors = [determinant_of(tuple(x[:i] + x[i + 1 :] for x in vectors)) for i in range(n)]
    return [minor if (n - 1 + i) % 2 == 0 else -minor for i, minor in enumerate(minors)]
