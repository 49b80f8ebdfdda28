"""Batches of square matrices as their size wants them: entries first where they are small, else rows of matrices.

Up to 4x4 the batch is the last axis, so that each operation runs along it; beyond, products are matrix products.
"""

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import contract
from jaxinv.kernels.numerics.small_matrices import adjugate_entries
from jaxinv.kernels.numerics.validation import require_floating

LARGEST_UNROLLED = 4


class Layout(NamedTuple):
    """How the arrays of a batch are laid out: `(n, n, batch)` or `(batch, n, n)`.

    Attributes:
      product: of two such arrays.
      inverse: of one, and the logarithm of the determinant's magnitude, with axes of size 1 for the matrix; of a
        singular matrix zeros, or what is not finite.
      eye: the unit matrix, to be broadcast.
      axes: of rows and columns.
    """

    product: Callable[[jax.Array, jax.Array], jax.Array]
    inverse: Callable[[jax.Array], tuple[jax.Array, jax.Array]]
    eye: jax.Array
    axes: tuple[int, int]

    @property
    def batch_axis(self) -> int:
        """The one beside those of the matrix."""
        return 3 - sum(self.axes)

    def norm(self, x: jax.Array) -> jax.Array:
        """Largest sum of a column's absolute values, with axes of size 1 for the matrix; not to be differentiated."""
        rows, columns = self.axes
        return self._fold(jnp.maximum, self._fold(jnp.add, jnp.abs(jax.lax.stop_gradient(x)), rows), columns)

    def trace(self, x: jax.Array) -> jax.Array:
        """Sum of the diagonal, with axes of size 1 for the matrix."""
        rows, columns = self.axes
        if x.shape[rows] > LARGEST_UNROLLED:
            return jnp.sum(x * self.eye, self.axes, keepdims=True)
        diagonal = [_part(_part(x, k, rows), k, columns) for k in range(x.shape[rows])]
        return functools.reduce(jnp.add, diagonal)

    def _fold(self, operation, x, axis):
        if x.shape[axis] > LARGEST_UNROLLED:
            return (jnp.max if operation is jnp.maximum else jnp.sum)(x, axis, keepdims=True)
        # XLA's own reductions of short axes take ten times as long on a CPU.
        return functools.reduce(operation, [_part(x, k, axis) for k in range(x.shape[axis])])


def require_square(name: str, a: jax.Array) -> None:
    """Raises TypeError unless `a` is floating point, ValueError unless it has shape `(..., n, n)`, n >= 1."""
    require_floating(name, a)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2] or a.shape[-1] == 0:
        raise ValueError(f"{name} must have shape (..., n, n), got {a.shape}")


def over_batch(function: Callable[..., Any], a: jax.Array) -> Any:
    """`function(matrices, layout)` of a batch `(..., n, n)` in its layout.

    Matrices in the result, a pytree, come back as `(..., n, n)`, truth values of each matrix as `(...)`.
    """
    n, lead = a.shape[-1], a.shape[:-2]
    count = math.prod(lead)
    eye = jnp.eye(n, dtype=a.dtype)
    if n > LARGEST_UNROLLED:
        result = function(a.reshape(count, n, n), Layout(_matrix_product, _lu_inverse, eye[None], (1, 2)))
        return jax.tree.map(lambda x: x.reshape(lead if x.dtype == bool else a.shape), result)
    # Transposed by a product: a transposition would be fused into all that reads it, and its strides paid each time.
    swap = jnp.eye(n * n, dtype=a.dtype)
    entries = contract("bk,jk->jb", a.reshape(count, n * n), swap).reshape(n, n, count)
    result = function(entries, Layout(_unrolled_product, _unrolled_inverse, eye[:, :, None], (0, 1)))

    def back(x):
        if x.dtype == bool:
            return x.reshape(lead)
        return contract("jb,jk->bk", x.reshape(n * n, count), swap).reshape(a.shape)

    return jax.tree.map(back, result)


def _part(x, k, axis):
    return jax.lax.slice_in_dim(x, k, k + 1, axis=axis)


def _unrolled_product(a, b):
    terms = [a[:, k, None] * b[None, k] for k in range(a.shape[0])]
    return sum(terms[1:], terms[0])


def _matrix_product(a, b):
    return contract("bij,bjk->bik", a, b)


@jax.custom_jvp
def _unrolled_inverse(x):
    n = x.shape[0]
    entries = tuple(tuple(_part(_part(x, i, 0), j, 1) for j in range(n)) for i in range(n))
    adjugate = adjugate_entries(entries)
    determinant = sum(entries[0][j] * adjugate[j][0] for j in range(n))
    regular = determinant != 0
    determinant = jnp.where(regular, determinant, 1.0)
    inverse = jnp.concatenate([minor for row in adjugate for minor in row]).reshape(x.shape)
    return jnp.where(regular, inverse / determinant, 0.0), jnp.log(jnp.abs(determinant))


@jax.custom_jvp
def _lu_inverse(x):
    log_determinant = jnp.linalg.slogdet(x)[1]
    return jnp.linalg.inv(x), log_determinant[:, None, None]


def _inverse_jvp(inverse_of, product, primals, tangents):
    inverse, log_determinant = inverse_of(*primals)
    change = -product(product(inverse, tangents[0]), inverse)
    # The determinant scales an iteration, whose limit does not depend on it.
    return (inverse, log_determinant), (change, jnp.zeros_like(log_determinant))


_unrolled_inverse.defjvp(functools.partial(_inverse_jvp, _unrolled_inverse, _unrolled_product))
_lu_inverse.defjvp(functools.partial(_inverse_jvp, _lu_inverse, _matrix_product))
