"""Vectors and small matrices of a batch as lists of components, each an array of the batch's shape.

On such lists a closed form is elementwise: one fused loop over the batch, instead of a product of tiny matrices for
each of its members. Constant components may be plain numbers.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.validation import require_floating

# An array or a number: lists of arrays are no lists of `Array | float` to a type checker.
Component = Any
Vector = list[Component]
Matrix = list[Vector]


def split_vectors(name: str, x: jax.Array, size: int, *, axis_first: bool = False) -> tuple[list[jax.Array], jnp.dtype]:
    """Vectors as components, in the dtype to compute in.

    Args:
      name: of the argument, for errors.
      x: `(..., size)`, floating point.
      size: static.
      axis_first: static; their axis is moved to the front: what XLA makes of a long gradient is then half as long to
        compile, and a short one somewhat slower to run.

    Returns:
      `size` arrays `(...)` in float32 at least, and the dtype that they came in.

    Raises:
      TypeError, ValueError: naming the argument: not floating point, or another size.
    """
    x = jnp.asarray(x)
    require_floating(name, x)
    if x.ndim == 0 or x.shape[-1] != size:
        raise ValueError(f"{name} must have {size} numbers on its last axis, got shape {x.shape}")
    return _split(x, axis_first=axis_first), x.dtype


def split_matrices(
    name: str, matrix: jax.Array, size: int, *, axis_first: bool = False
) -> tuple[list[list[jax.Array]], jnp.dtype]:
    """Matrices as rows of components, in the dtype to compute in.

    Args:
      name: of the argument, for errors.
      matrix: `(..., size, size)`, floating point.
      size: static.
      axis_first: static, as for `split_vectors`.

    Returns:
      `size` rows of `size` arrays `(...)` in float32 at least, and the dtype that they came in.

    Raises:
      TypeError, ValueError: naming the argument: not floating point, or another size.
    """
    matrix = jnp.asarray(matrix)
    require_floating(name, matrix)
    if matrix.ndim < 2 or matrix.shape[-2:] != (size, size):
        raise ValueError(f"{name} must have shape (..., {size}, {size}), got {matrix.shape}")
    entries = _split(matrix.reshape(*matrix.shape[:-2], size * size), axis_first=axis_first)
    return [entries[row * size : (row + 1) * size] for row in range(size)], matrix.dtype


def _split(x, *, axis_first):
    x, number = x.astype(accumulation_dtype(x)), x.shape[-1]
    # Split and not indexed: the transpose is one concatenation in place of a sum of padded arrays.
    if axis_first:
        return [part[0] for part in jax.lax.split(jnp.moveaxis(x, -1, 0), [1] * number, axis=0)]
    return [part.reshape(x.shape[:-1]) for part in jax.lax.split(x, [1] * number, axis=-1)]


def join_vector(components: Sequence[Component], dtype: jnp.dtype) -> jax.Array:
    """Vectors of components.

    Args:
      components: arrays or numbers, which broadcast.
      dtype: of the result.

    Returns:
      `(..., number of components)`.
    """
    arrays = [jnp.asarray(component) for component in components]
    shape = jnp.broadcast_shapes(*(array.shape for array in arrays))
    return jnp.stack([jnp.broadcast_to(array.astype(dtype), shape) for array in arrays], axis=-1)


def join_matrix(rows: Sequence[Sequence[Component]], dtype: jnp.dtype) -> jax.Array:
    """Matrices of rows of components.

    Args:
      rows: of arrays or numbers, which broadcast; all of one length.
      dtype: of the result.

    Returns:
      `(..., number of rows, number of columns)`.
    """
    flat = join_vector([entry for row in rows for entry in row], dtype)
    return flat.reshape(*flat.shape[:-1], len(rows), len(rows[0]))


def same_rank(*lists: Sequence[Sequence[jax.Array]] | Sequence[jax.Array]) -> list:
    """The lists with axes of length 1 put in front where a component has fewer axes than another has."""
    rank = max(component.ndim for component in jax.tree.leaves(lists))
    return jax.tree.map(lambda c: c.reshape((1,) * (rank - c.ndim) + c.shape), list(lists))


def times(left: Matrix, right: Matrix) -> Matrix:
    """The product of two matrices."""
    return [[dot(row, column) for column in zip(*right, strict=True)] for row in left]


def apply(matrix: Matrix, vector: Vector) -> Vector:
    """The product of a matrix and a vector."""
    return [dot(row, vector) for row in matrix]


def transposed(matrix: Matrix) -> Matrix:
    """Columns for rows."""
    return [list(column) for column in zip(*matrix, strict=True)]


def plus(*vectors: Sequence[Component]) -> Vector:
    """The sum of vectors."""
    return [sum(parts[1:], parts[0]) for parts in zip(*vectors, strict=True)]


def scaled(factor: Component, vector: Sequence[Component]) -> Vector:
    """The vector times a number."""
    return [factor * component for component in vector]


def dot(left: Sequence[Component], right: Sequence[Component]) -> Component:
    """The inner product; terms with the number 0 are left out."""
    terms = [a * b for a, b in zip(left, right, strict=True) if not (_is_zero(a) or _is_zero(b))]
    return sum(terms[1:], terms[0]) if terms else 0.0


def _is_zero(component):
    return isinstance(component, int | float) and component == 0


def cross(left: Sequence[Component], right: Sequence[Component]) -> Vector:
    """The vector product."""
    (a, b, c), (x, y, z) = left, right
    return [b * z - c * y, c * x - a * z, a * y - b * x]


def cross_matrix(w: Sequence[Component]) -> Matrix:
    """The matrix of `w x .`."""
    x, y, z = w
    return [[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]]


def outer(left: Sequence[Component], right: Sequence[Component]) -> Matrix:
    """The matrix `left right^T`."""
    return [[a * b for b in right] for a in left]


def plus_matrices(*matrices: Matrix) -> Matrix:
    """The sum of matrices."""
    return [plus(*rows) for rows in zip(*matrices, strict=True)]


def scaled_matrix(factor: Component, matrix: Matrix) -> Matrix:
    """The matrix times a number."""
    return [scaled(factor, row) for row in matrix]


def blocks(grid: Sequence[Sequence[Matrix]]) -> Matrix:
    """One matrix of a grid of them."""
    return [
        [entry for block in block_row for entry in block[row]] for block_row in grid for row in range(len(block_row[0]))
    ]


def zeros(rows: int, columns: int) -> Matrix:
    """A matrix of zeros."""
    return [[0.0] * columns for _ in range(rows)]
