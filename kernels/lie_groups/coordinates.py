"""Global coordinates of linear groups: the logarithm of the stretch beside the logarithm of the rotation.

Every matrix of positive determinant is `exp(X) R` in one way, X symmetric and R a rotation. Its coordinates are those
of X and of log R in a basis that is orthonormal for `<A, B> = tr(A^T B)`, those of X first:

| group | of X | dimension |
| --- | --- | --- |
| "gl" | the upper triangle row by row, off the diagonal times sqrt 2 | n^2 |
| "sl" | `(x_11 + .. + x_kk - k x_k+1,k+1) / sqrt(k (k + 1))`, k = 1 .. n - 1, then sqrt 2 times the entries above the \
diagonal row by row | n^2 - 1 |
| "sim" | sqrt n times the logarithm of the scale | 1 + n (n - 1) / 2 |
| "so" | none | n (n - 1) / 2 |

and of log R sqrt 2 times the angle in (-pi, pi] for n = 2, sqrt 2 times the rotation vector, of length pi at most, for
n = 3, else sqrt 2 times the entries below the diagonal row by row. So 2x2 matrices have, in "gl",
`(x_11, sqrt2 x_12, x_22, sqrt2 angle)`. Where a rotation is a half-turn the coordinates jump.
"""

import functools
import math

import jax
import jax.numpy as jnp

from jaxinv.kernels.lie_groups import so, so3
from jaxinv.kernels.lie_groups.cartan import cartan_parts
from jaxinv.kernels.lie_groups.coordinate_bases import (
    GROUPS,
    coordinate_dimension,
    symmetric_basis,
    symmetric_dimension,
)
from jaxinv.kernels.lie_groups.planar_cartan import planar_cartan, planar_matrix
from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.small_matrices import product
from jaxinv.kernels.numerics.spectral_functions import symmetric_exp
from jaxinv.kernels.numerics.validation import require_choice, require_floating

_ROOT_2 = math.sqrt(2.0)


@functools.partial(jax.jit, static_argnames=("group",))
def xi(v: jax.Array, *, group: str) -> jax.Array:
    """The matrix of global coordinates.

    Args:
      v: `(..., dim)` floating point, in the order of the module's table; n is the one with this dimension.
      group: static, "gl" (positive determinant), "sl" (determinant 1), "sim" (scale times rotation) or "so".

    Returns:
      `(..., n, n)` in the dtype of v; bfloat16 is computed in float32.

    Raises:
      TypeError: v is not floating point.
      ValueError: an unknown group, or a last axis that is no dimension of it.
    Transformations: jit, vmap, jvp, vjp, any order for n = 2, else second order.
    References: Mironenco, Forré, Lie group decompositions for equivariant neural networks, arXiv:2310.11366.
    """
    require_choice("group", group, GROUPS)
    v = jnp.asarray(v)
    require_floating("v", v)
    n = _size(v, group)
    x = v.astype(accumulation_dtype(v))
    return (_planar(x, group) if n == 2 else _spatial(x, n, group)).astype(v.dtype)


@functools.partial(jax.jit, static_argnames=("group",))
def xi_inv(matrix: jax.Array, *, group: str) -> jax.Array:
    """The global coordinates of a matrix of the group: `xi(xi_inv(A)) = A`.

    Args:
      matrix: `(..., n, n)` floating point, n >= 2, in the group.
      group: static, "gl" (positive determinant), "sl" (determinant 1), "sim" (scale times rotation) or "so".

    Returns:
      `(..., dim)` in the order of the module's table, in the dtype of the matrix; bfloat16 is computed in float32. Of a
      matrix outside of the group finite numbers that mean nothing.

    Raises:
      TypeError: the matrix is not floating point.
      ValueError: an unknown group, or a shape that is not (..., n, n) with n >= 2.
    Under conjugation by a rotation, X and log R are conjugated.
    Transformations: jit, vmap, jvp, vjp, any order for n = 2, else second order; right also where singular values are
    equal, not across half-turns.
    References: Mironenco, Forré, Lie group decompositions for equivariant neural networks, arXiv:2310.11366.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import lie_groups
      >>> a = jnp.diag(jnp.array([-2.0, -0.5]))  # of determinant 1, without a real logarithm
      >>> v = lie_groups.xi_inv(a, group="sl")
      >>> v.shape, bool(jnp.allclose(lie_groups.xi(v, group="sl"), a, atol=1e-5))
      ((3,), True)
    """
    require_choice("group", group, GROUPS)
    matrix = jnp.asarray(matrix)
    require_floating("matrix", matrix)
    if matrix.ndim < 2 or matrix.shape[-1] != matrix.shape[-2] or matrix.shape[-1] < 2:
        raise ValueError(f"matrix must have shape (..., n, n) with n >= 2, got {matrix.shape}")
    a = matrix.astype(accumulation_dtype(matrix))
    return (_planar_inverse if a.shape[-1] == 2 else _spatial_inverse)(a, group).astype(matrix.dtype)


def _size(v, group):
    dimension = v.shape[-1] if v.ndim else 0
    n = 2
    while coordinate_dimension(n, group=group) < dimension:
        n += 1
    if coordinate_dimension(n, group=group) != dimension:
        raise ValueError(f"v has {dimension} numbers on its last axis, no dimension of {group!r}: shape {v.shape}")
    return n


def _planar(v, group):
    zero = jnp.zeros(v.shape[:-1], v.dtype)
    angle = v[..., -1] / _ROOT_2
    if group == "gl":
        first, second = v[..., 0], v[..., 2]
        return planar_matrix((first + second) / 2, (first - second) / 2, v[..., 1] / _ROOT_2, angle)
    if group == "sl":
        return planar_matrix(zero, v[..., 0] / _ROOT_2, v[..., 1] / _ROOT_2, angle)
    return planar_matrix(v[..., 0] / _ROOT_2 if group == "sim" else zero, zero, zero, angle)


def _planar_inverse(matrix, group):
    mean, along, across, angle = planar_cartan(matrix)
    columns = {
        "gl": (mean + along, _ROOT_2 * across, mean - along, _ROOT_2 * angle),
        "sl": (_ROOT_2 * along, _ROOT_2 * across, _ROOT_2 * angle),
        "sim": (_ROOT_2 * mean, _ROOT_2 * angle),
        "so": (_ROOT_2 * angle,),
    }[group]
    return jnp.stack(columns, axis=-1)


def _spatial(v, n, group):
    split = symmetric_dimension(n, group=group)
    rotation = _rotations(n).exp(v[..., split:] / _ROOT_2)
    if group == "so":
        return rotation
    if group == "sim":
        return jnp.exp(v[..., 0] / math.sqrt(n))[..., None, None] * rotation
    basis = jnp.asarray(symmetric_basis(n, group), v.dtype)
    return product(symmetric_exp(contract("...d,dij->...ij", v[..., :split], basis)), rotation)


def _spatial_inverse(matrix, group):
    n = matrix.shape[-1]
    columns = []
    if group == "sim":
        square = jnp.sum(matrix * matrix, axis=(-2, -1)) / n
        square = jnp.where(square == 0, 1.0, square)
        columns, rotation = (
            [math.sqrt(n) / 2 * jnp.log(square)[..., None]],
            matrix * jax.lax.rsqrt(square)[..., None, None],
        )
    elif group == "so":
        rotation = matrix
    else:
        symmetric, rotation = cartan_parts(matrix)
        columns = [contract("...ij,dij->...d", symmetric, jnp.asarray(symmetric_basis(n, group), matrix.dtype))]
    return jnp.concatenate([*columns, _ROOT_2 * _rotations(n).log(rotation)], axis=-1)


def _rotations(n):
    return so3 if n == 3 else so
