"""Products, determinants, adjugates and inverses of small square matrices, unrolled over the batch.

Up to 4x4 a matrix is taken apart into its entries, each an array over the batch, for which XLA fuses the formulas: no
call of LAPACK and no batched product of tiny matrices. Functions on `Square` are for other kernels, whose formulas they
serve at every size: entries up to 4x4, one array beyond.
"""

import functools
import itertools
import operator
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias, TypeGuard

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.ranks import with_equal_ranks
from jaxinv.kernels.numerics.validation import require_floating

LARGEST_SMALL = 4

Entries: TypeAlias = tuple[tuple[jax.Array, ...], ...]
Square: TypeAlias = Entries | jax.Array
Values: TypeAlias = tuple[jax.Array, ...] | jax.Array


@jax.jit
def product(a: jax.Array, b: jax.Array) -> jax.Array:
    """`a b` of square matrices.

    Args:
      a: `(..., n, n)`, floating point; leading axes broadcast against those of b.
      b: `(..., n, n)`.

    Returns:
      `(..., n, n)` in the common dtype; bfloat16 is multiplied and summed in float32.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.

    Transformations: jit, vmap, jvp, vjp, any order.
    """
    a, b = square_argument("a", a), square_argument("b", b)
    if a.shape[-1] != b.shape[-1]:
        raise ValueError(f"b must be of the size of a, {a.shape[-1]}, got {b.shape}")
    first, second = with_equal_ranks(a, b)
    return joined(times(apart(first), apart(second))).astype(jnp.result_type(a, b))


@jax.jit
def determinant(a: jax.Array) -> jax.Array:
    """`(...)` determinants of `(..., n, n)`, by minors up to 4x4, by LU beyond.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.

    Transformations: jit, vmap, jvp, vjp, any order.
    """
    a = square_argument("a", a)
    parts = apart(a)
    found = determinant_of(parts) if isinstance(parts, tuple) else jnp.linalg.det(parts)
    return found.astype(a.dtype)


@jax.jit
def adjugate(a: jax.Array) -> jax.Array:
    """`adj(a)`, for which `a adj(a) = det(a) I`, of matrices up to 4x4: a polynomial, right for singular ones too.

    Raises:
      TypeError, ValueError: wrong dtype or shape, or n above 4, naming the argument.

    Transformations: jit, vmap, jvp, vjp, any order.
    """
    a = square_argument("a", a)
    parts = apart(a)
    if not isinstance(parts, tuple):
        raise ValueError(f"a must be 4x4 at most for its adjugate, got shape {a.shape}")
    return joined(adjugate_entries(parts)).astype(a.dtype)


@jax.jit
def inverse(a: jax.Array) -> jax.Array:
    """Inverses of `(..., n, n)`: by the adjugate up to 4x4, by LU beyond.

    Up to 4x4 a matrix whose determinant is 0 gives the zero matrix, with derivative 0. Entries are divided by the
    largest first, so that no determinant overflows or underflows that need not.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.

    Transformations: jit, vmap, jvp, vjp, any order.
    """
    a = square_argument("a", a)
    return joined(inverse_of(apart(a))).astype(a.dtype)


def square_argument(name: str, a: jax.Array) -> jax.Array:
    """`a` as an array. Raises TypeError or ValueError unless it holds floating-point square matrices."""
    a = jnp.asarray(a)
    require_floating(name, a)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2] or a.shape[-1] == 0:
        raise ValueError(f"{name} must have shape (..., n, n) with n >= 1, got {a.shape}")
    return a


def apart(a: jax.Array) -> Square:
    """Entries `[i][j]` over the batch up to 4x4, else the array; in float32 at least."""
    a = a.astype(accumulation_dtype(a))
    size = a.shape[-1]
    if size > LARGEST_SMALL:
        return a
    # Split, not sliced: the transpose of a split is one concatenation, that of slices a sum of padded entries, into
    # which XLA fuses, and computes many times, everything before it.
    columns = jax.lax.split(a.reshape(*a.shape[:-2], size * size), (1,) * size**2, axis=a.ndim - 2)
    flat = [jnp.squeeze(column, -1) for column in columns]
    return tuple(tuple(flat[size * i : size * (i + 1)]) for i in range(size))


def joined(a: Square) -> jax.Array:
    """The array `(..., n, n)` of a matrix in parts."""
    if not isinstance(a, tuple):
        return a
    flat = jnp.stack([entry for row in a for entry in row], axis=-1)
    return flat.reshape(*flat.shape[:-1], len(a), len(a))


def is_small(a: Square | Values) -> TypeGuard[tuple]:
    """Whether a matrix or its values are in entries."""
    return isinstance(a, tuple)


@jax.custom_jvp
def inverse_of(a: Square) -> Square:
    """The inverse of a matrix in parts."""
    if not isinstance(a, tuple):
        return jnp.linalg.inv(a)
    shrink = shrinking(a)
    scaled = scaled_by(a, shrink)
    minors = adjugate_entries(scaled)
    det = total(scaled[0][j] * minors[j][0] for j in range(len(a)))
    regular = det != 0
    return scaled_by(minors, jnp.where(regular, shrink / jnp.where(regular, det, 1.0), 0.0))


@inverse_of.defjvp
def _inverse_jvp(primals, tangents):
    found = inverse_of(*primals)
    return found, entrywise(jnp.negative, times(times(found, tangents[0]), found))


def shrinking(a: Entries) -> jax.Array:
    """The factor that takes the largest entry to magnitude 1, of matrices that are not zero to working precision."""
    largest = functools.reduce(jnp.maximum, (jnp.abs(entry) for row in a for entry in row))
    least = float(jnp.finfo(largest.dtype).tiny)
    return 1.0 / jnp.where(largest < least, 1.0, jnp.minimum(largest, 0.25 / least))


def total(terms: Iterable[jax.Array]) -> jax.Array:
    """Their sum, in order."""
    return functools.reduce(operator.add, terms)


def scaled_by(a: Entries, factor: jax.Array) -> Entries:
    """Every entry times one array over the batch."""
    return tuple(tuple(entry * factor for entry in row) for row in a)


def entrywise(function: Callable[..., jax.Array], *matrices: Square) -> Square:
    """`function` of corresponding entries."""
    if not isinstance(matrices[0], tuple):
        return function(*matrices)
    return tuple(
        tuple(function(*entries) for entries in zip(*rows, strict=True)) for rows in zip(*matrices, strict=True)
    )


def settled(a: Square, like: jax.Array) -> Square:
    """The same numbers, each computed once; `like` is any array over the batch of finite numbers.

    XLA's CPU compiler computes cheap operations anew in every fusion that needs them: chains of unrolled products grow
    exponentially, and roundings differ between one use and the next. A quotient it computes once; here by a 1 that it
    cannot know.
    """
    if not isinstance(a, tuple):
        return a
    like = jax.lax.stop_gradient(like)
    one = jnp.where(like == like, 1.0, like)
    return tuple(tuple(entry / one for entry in row) for row in a)


def transposed(a: Square) -> Square:
    """Its transpose."""
    return tuple(zip(*a, strict=True)) if isinstance(a, tuple) else jnp.swapaxes(a, -1, -2)


def symmetrised(a: Square) -> Square:
    """`(a + a') / 2`."""
    return entrywise(lambda x, y: 0.5 * (x + y), a, transposed(a))


def times(a: Any, b: Any) -> Any:
    """The product of two `Square` in parts."""
    if not isinstance(a, tuple):
        return contract("...ij,...jk->...ik", a, b)
    columns = tuple(zip(*b, strict=True))
    return tuple(tuple(total(x * y for x, y in zip(row, column, strict=True)) for column in columns) for row in a)


def between(a: Square, x: Square, b: Square) -> Square:
    """`a x b'`: x turned from one basis to another."""
    return times(times(a, x), transposed(b))


def congruent(a: Square, x: Square) -> Square:
    """`a' x a` of a symmetric x, itself symmetric: of entries those of x on and above its diagonal are read.

    Each entry by itself, not by two products, of which XLA would compute the first anew for every entry of the second.
    """
    if not isinstance(a, tuple) or not isinstance(x, tuple):
        return times(times(transposed(a), x), a)
    size = range(len(a))

    def entry(i, j):
        squares = total(x[k][k] * (a[k][i] * a[k][j]) for k in size)
        pairs = [x[k][m] * (a[k][i] * a[m][j] + a[m][i] * a[k][j]) for k, m in itertools.combinations(size, 2)]
        return functools.reduce(operator.add, pairs, squares)

    known = {(i, j): entry(i, j) for i, j in itertools.combinations_with_replacement(size, 2)}
    return tuple(tuple(known[min(i, j), max(i, j)] for j in size) for i in size)


def columns_scaled(a: Square, factors: Any) -> Square:
    """`a diag(factors)`, given `Values`."""
    if not isinstance(a, tuple):
        return a * factors[..., None, :]
    return tuple(tuple(entry * factor for entry, factor in zip(row, factors, strict=True)) for row in a)


def table(function: Callable[[jax.Array, jax.Array], jax.Array], values: Values) -> Square:
    """`function(x_i, x_j)` for all pairs of values."""
    if not isinstance(values, tuple):
        return function(values[..., :, None], values[..., None, :])
    return tuple(tuple(function(x, y) for y in values) for x in values)


def adjugate_entries(a: Entries) -> Entries:
    """The adjugate of entries."""
    if len(a) == 1:
        return ((jnp.ones_like(a[0][0]),),)
    minors = (
        _minors4(a)
        if len(a) == 4
        else [[determinant_of(_without(a, i, j)) for j in range(len(a))] for i in range(len(a))]
    )
    size = range(len(a))
    return tuple(tuple(minors[i][j] if (i + j) % 2 == 0 else -minors[i][j] for i in size) for j in size)


def determinant_of(a: Entries) -> jax.Array:
    """The determinant of entries, by minors."""
    if len(a) == 1:
        return a[0][0]
    if len(a) == 2:
        return a[0][0] * a[1][1] - a[0][1] * a[1][0]
    if len(a) == 4:
        upper, lower = _pairs(a[0], a[1]), _pairs(a[2], a[3])
        # Laplace: the sign of each pair of columns followed by the others.
        signs = {
            ((0, 1), (2, 3)): 1,
            ((0, 2), (1, 3)): -1,
            ((0, 3), (1, 2)): 1,
            ((1, 2), (0, 3)): 1,
            ((1, 3), (0, 2)): -1,
            ((2, 3), (0, 1)): 1,
        }
        return total(sign * upper[pair] * lower[others] for (pair, others), sign in signs.items())
    return total(a[0][j] * determinant_of(_without(a, 0, j)) * (-1.0) ** j for j in range(len(a)))


def _minors4(a):
    """Of 4x4, from the 2x2 minors of the two upper rows and of the two lower ones."""
    halves = _pairs(a[2], a[3]), _pairs(a[0], a[1])
    minors = []
    for i in range(4):
        # Row i ^ 1 lies in the half of row i, the rest of the minor in the other half.
        row, others = a[i ^ 1], halves[i // 2]
        minors.append([])
        for j in range(4):
            x, y, z = (k for k in range(4) if k != j)
            minors[-1].append(row[x] * others[y, z] - row[y] * others[x, z] + row[z] * others[x, y])
    return minors


def _pairs(first, second):
    """The 2x2 minors of two rows by their columns."""
    return {
        (i, j): first[i] * second[j] - first[j] * second[i] for i, j in itertools.combinations(range(len(first)), 2)
    }


def _without(a, i, j):
    return tuple(row[:j] + row[j + 1 :] for place, row in enumerate(a) if place != i)
