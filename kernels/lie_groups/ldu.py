"""Triangular decompositions: LDU on the big cell, Bruhat's on all."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.lie_groups.no_derivative import no_derivative
from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.small_matrices import product, square_argument, transposed


class LDU(NamedTuple):
    """`A = lower diag(diagonal) upper`.

    Attributes:
      lower: `(..., n, n)`, ones on the diagonal.
      diagonal: `(..., n)`, quotients of leading minors.
      upper: `(..., n, n)`, ones on the diagonal.
      exists: `(...)` booleans, False where a leading minor vanishes to rounding; the factors are finite there and their
        product is not A: see `bruhat`.
    """

    lower: jax.Array
    diagonal: jax.Array
    upper: jax.Array
    exists: jax.Array

    def compose(self) -> jax.Array:
        """The product of the factors, `(..., n, n)`: A, where it `exists`."""
        return product(self.lower, self.diagonal[..., None] * self.upper)


class Bruhat(NamedTuple):
    """`A = lower permutation upper`.

    Attributes:
      lower: `(..., n, n)`, ones on the diagonal; entry (i, k) is zero where w^-1 (i, k) w is above the diagonal, which
        makes it unique.
      permutation: `(..., n, n)`, zeros and ones.
      upper: `(..., n, n)`, invertible.
      exists: `(...)` booleans, whether A is invertible to the tolerance.
    """

    lower: jax.Array
    permutation: jax.Array
    upper: jax.Array
    exists: jax.Array

    def compose(self) -> jax.Array:
        """The product of the factors, `(..., n, n)`: A, where it `exists`."""
        return product(product(self.lower, self.permutation), self.upper)


@jax.jit
def ldu(matrix: jax.Array) -> LDU:
    """Elimination without pivots: unique, and smooth on the open set of matrices without a vanishing leading minor.

    Args:
      matrix: `(..., n, n)` floating point. bfloat16 is computed in float32. For small n: about n^3 / 3 operations are
        compiled one by one.

    Returns:
      `LDU`, in the dtype of the matrix. The error of the product is that of the precision times the largest pivot's
      growth, which no condition number bounds.

    Raises:
      TypeError, ValueError: not floating point, or not square.
    Transformations: jit, vmap, jvp, vjp, any order; finite where it does not exist.
    References: Golub, Van Loan, Matrix computations, 4th ed., sec. 4.1.
    """
    matrix = square_argument("matrix", matrix)
    a, dtype = matrix.astype(accumulation_dtype(matrix)), matrix.dtype
    n = a.shape[-1]
    rows = [[a[..., i, j] for j in range(n)] for i in range(n)]
    least = n * jnp.finfo(a.dtype).eps * jnp.max(jnp.abs(a), axis=(-2, -1))
    zero, one = jnp.zeros_like(rows[0][0]), jnp.ones_like(rows[0][0])
    lower = [[one if i == j else zero for j in range(n)] for i in range(n)]
    upper = [list(row) for row in lower]
    exists = jnp.ones(a.shape[:-2], bool)
    for k in range(n):
        is_pivot = jnp.abs(rows[k][k]) > least
        exists = exists & is_pivot
        pivot = jnp.where(is_pivot, rows[k][k], 1.0)
        for i in range(k + 1, n):
            lower[i][k], upper[k][i] = rows[i][k] / pivot, rows[k][i] / pivot
        for i in range(k + 1, n):
            for j in range(k + 1, n):
                rows[i][j] = rows[i][j] - lower[i][k] * rows[k][j]
    diagonal = jnp.stack([rows[k][k] for k in range(n)], -1)
    return LDU(_matrix_of(lower).astype(dtype), diagonal.astype(dtype), _matrix_of(upper).astype(dtype), exists)


def _matrix_of(rows):
    flat = jnp.stack([entry for row in rows for entry in row], axis=-1)
    return flat.reshape(*flat.shape[:-1], len(rows), len(rows))


@functools.partial(jax.jit, static_argnames=("tolerance",))
def bruhat(matrix: jax.Array, *, tolerance: float | None = None) -> Bruhat:
    """Lower unipotent, permutation, upper triangular: every invertible matrix, in one way.

    Args:
      matrix: `(..., n, n)` floating point. bfloat16 is computed in float32.
      tolerance: static; numbers that are not larger, relative to the largest entry, count as zero. `4 n` times the
        precision by default.

    Returns:
      `Bruhat`, in the dtype of the matrix. The permutation is the unit matrix where all leading minors differ from
      zero; there the factors are those of `ldu`.

    Raises:
      TypeError, ValueError: not floating point, or not square.
    Transformations: jit, vmap. Differentiation raises TypeError: the permutation jumps; on the big cell use `ldu`.
    References: Bourbaki, Lie groups and Lie algebras, ch. IV, sec. 2.
    """
    matrix = square_argument("matrix", matrix)
    a, dtype = matrix.astype(accumulation_dtype(matrix)), matrix.dtype
    a = no_derivative("bruhat", a)
    n = a.shape[-1]
    tolerance = 4 * n * float(jnp.finfo(a.dtype).eps) if tolerance is None else tolerance
    least = tolerance * jnp.max(jnp.abs(a), axis=(-2, -1))[..., None]
    is_free = jnp.ones(a.shape[:-1], bool)
    lower = jnp.broadcast_to(jnp.eye(n, dtype=a.dtype), a.shape)
    columns = []
    for j in range(n):
        # The highest row that is free yet and not zero in this column clears the free rows below it.
        is_candidate = is_free & (jnp.abs(a[..., j]) > least)
        is_pivot = is_candidate & (jnp.cumsum(is_candidate, axis=-1) == 1)
        first = is_pivot.astype(a.dtype)
        row = jnp.sum(first[..., None] * a, axis=-2)
        pivot = jnp.where(row[..., j] == 0, 1.0, row[..., j])
        factors = jnp.where(is_candidate & ~is_pivot, a[..., j] / pivot[..., None], 0.0)
        a = a - factors[..., None] * row[..., None, :]
        is_free = is_free & ~is_pivot
        in_column = (jnp.arange(n) == j)[(None,) * (a.ndim - 1)]
        a = jnp.where(is_free[..., None] & in_column, 0.0, a)
        lower = lower + factors[..., None] * first[..., None, :]
        columns.append(first)
    permutation = jnp.stack(columns, -1)
    upper = jnp.triu(product(transposed(permutation), a))
    exists = ~jnp.any(is_free, axis=-1)
    return Bruhat(lower.astype(dtype), permutation.astype(dtype), upper.astype(dtype), exists)
