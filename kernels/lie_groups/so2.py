"""SO(2), rotations of the plane: matrices `(..., 2, 2)`, algebra vectors `(..., 1)` that hold the angle.

`hat([t]) = [[0, -t], [t, 0]]`. Leading axes are the batch and broadcast; results have the dtype of the arguments,
bfloat16 is computed in float32. Wrong shapes raise ValueError and other than floating dtypes TypeError, at trace time
and naming the argument. All but the checks go through jit, vmap, jvp and vjp, any order.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike, DTypeLike

from jaxinv.kernels.lie_groups import homogeneous
from jaxinv.kernels.lie_groups.components import (
    dot,
    join_matrix,
    join_vector,
    same_rank,
    split_matrices,
    split_vectors,
    transposed,
)
from jaxinv.kernels.lie_groups.membership import checked_on_host, require_rotations, require_skew
from jaxinv.kernels.lie_groups.planar_motions import angle_of, nearest_complex, nearest_turn, turn_matrix
from jaxinv.kernels.lie_groups.sampling import haar_so


@jax.jit
def hat(x: jax.Array) -> jax.Array:
    """The antisymmetric matrix of coordinates.

    Args:
      x: `(..., 1)`, the angle in radians.

    Returns:
      `(..., 2, 2)`.

    Raises, transformations: as `so3.exp`.
    """
    (angle,), dtype = split_vectors("x", x, 1)
    return join_matrix([[0.0, -angle], [angle, 0.0]], dtype)


@jax.jit
def vee(matrix: jax.Array) -> jax.Array:
    """The inverse of `hat`: coordinates of the antisymmetric part of a matrix.

    Args:
      matrix: `(..., 2, 2)`.

    Returns:
      `(..., 1)`, the angle in radians.

    Raises, transformations: as `so3.exp`.
    """
    rows, dtype = split_matrices("matrix", matrix, 2)
    return join_vector([nearest_complex(rows)[1]], dtype)


@jax.jit
def exp(x: jax.Array) -> jax.Array:
    """The rotation by an angle.

    Args:
      x: `(..., 1)`, the angle in radians.

    Returns:
      `(..., 2, 2)`.

    Raises, transformations: as `so3.exp`.
    """
    (angle,), dtype = split_vectors("x", x, 1)
    return join_matrix(turn_matrix((jnp.cos(angle), jnp.sin(angle))), dtype)


@jax.jit
def log(g: jax.Array) -> jax.Array:
    """The angle of a rotation.

    Args:
      g: `(..., 2, 2)`, rotations.

    Returns:
      `(..., 1)`, in [-pi, pi]; of another matrix that of the nearest rotation, 0 where none is nearest.

    Raises, transformations: as `so3.exp`.
    """
    rows, dtype = split_matrices("g", g, 2)
    return join_vector([angle_of(nearest_complex(rows))], dtype)


@jax.jit
def compose(a: jax.Array, b: jax.Array) -> jax.Array:
    """The product `a b`: first b, then a.

    Args:
      a: `(..., 2, 2)`, rotations.
      b: `(..., 2, 2)`; leading axes broadcast.

    Returns:
      `(..., 2, 2)` in the dtype of both together.

    Raises, transformations: as `so3.exp`.
    """
    return homogeneous.compose_linear(a, b, 2)


@jax.jit
def inverse(g: jax.Array) -> jax.Array:
    """The inverse rotation: the transpose.

    Args:
      g: `(..., 2, 2)`, rotations.

    Returns:
      `(..., 2, 2)`.

    Raises, transformations: as `so3.exp`.
    """
    rows, dtype = split_matrices("g", g, 2)
    return join_matrix(transposed(rows), dtype)


@jax.jit
def act(g: jax.Array, points: jax.Array) -> jax.Array:
    """Turns points: `g p`.

    Args:
      g: `(..., 2, 2)`, rotations.
      points: `(..., 2)`; leading axes broadcast with those of g.

    Returns:
      `(..., 2)` in the dtype of both together.

    Raises, transformations: as `so3.exp`.
    """
    return homogeneous.act_linearly(g, points, 2)


@jax.jit
def adjoint(g: jax.Array) -> jax.Array:
    """The matrix of conjugation on coordinates: `g hat(x) g^-1 = hat(adjoint(g) x)`.

    Args:
      g: `(..., 2, 2)`, rotations.

    Returns:
      `(..., 1, 1)`: 1, for the group is commutative.

    Raises, transformations: as `so3.exp`.
    """
    rows, dtype = split_matrices("g", g, 2)
    return join_matrix([[jnp.ones_like(rows[0][0])]], dtype)


@jax.jit
def ad(x: jax.Array) -> jax.Array:
    """The matrix of the bracket with x: `ad(x) y = vee(X Y - Y X)`, `X = hat(x)`, `Y = hat(y)`.

    Args:
      x: `(..., 1)`, the angle in radians.

    Returns:
      `(..., 1, 1)`: 0, for the group is commutative.

    Raises, transformations: as `so3.exp`.
    """
    (angle,), dtype = split_vectors("x", x, 1)
    return join_matrix([[jnp.zeros_like(angle)]], dtype)


@jax.jit
def left_jacobian(x: jax.Array) -> jax.Array:
    """The left Jacobian, `exp(x + d) ~ exp(left_jacobian(x) d) exp(x)`; the right one and the inverses are the same.

    Args:
      x: `(..., 1)`, the angle in radians.

    Returns:
      `(..., 1, 1)`: 1, for the group is commutative.

    Raises, transformations: as `so3.exp`.
    """
    (angle,), dtype = split_vectors("x", x, 1)
    return join_matrix([[jnp.ones_like(angle)]], dtype)


left_jacobian_inverse = right_jacobian = right_jacobian_inverse = left_jacobian


def identity(dtype: DTypeLike = float) -> jax.Array:
    """The unit matrix.

    Args:
      dtype: static.

    Returns:
      `(2, 2)`.
    """
    return jnp.eye(2, dtype=dtype)


def sample_haar(key: jax.Array, shape: Sequence[int] = (), *, dtype: DTypeLike = float) -> jax.Array:
    """Rotations drawn from the Haar probability measure.

    Args:
      key: of `jax.random`.
      shape: static, leading axes.
      dtype: static, float32 or float64.

    Returns:
      `(*shape, 2, 2)`. The angle is uniform.
    """
    return haar_so(key, shape, 2, dtype=dtype)


@jax.jit
def distance(a: jax.Array, b: jax.Array) -> jax.Array:
    """The angle between rotations.

    Args:
      a: `(..., 2, 2)`, rotations.
      b: `(..., 2, 2)`; leading axes broadcast.

    Returns:
      `(...)` in [0, pi].

    Raises, transformations: as `so3.exp`.
    """
    (left, a_dtype), (right, b_dtype) = split_matrices("a", a, 2), split_matrices("b", b, 2)
    left, right = same_rank(left, right)
    (p, q), (r, s) = transposed(left)[0], transposed(right)[0]
    angle = jnp.abs(angle_of((dot([p, q], [r, s]), p * s - q * r)))
    return angle.astype(jnp.promote_types(a_dtype, b_dtype))


@jax.jit
def project(matrix: jax.Array) -> jax.Array:
    """The rotation nearest to a matrix in the Frobenius norm.

    Args:
      matrix: `(..., 2, 2)`.

    Returns:
      `(..., 2, 2)`; the unit matrix where all are as near.

    Raises, transformations: as `so3.exp`.
    """
    rows, dtype = split_matrices("matrix", matrix, 2)
    return join_matrix(turn_matrix(nearest_turn(nearest_complex(rows))), dtype)


def check_element(g: ArrayLike) -> None:
    """Checks on the host, not under jit, that matrices are rotations to rounding.

    Args:
      g: `(..., 2, 2)`.

    Raises:
      ValueError: they are not, or not finite, or have another shape.
    """
    require_rotations("g", *checked_on_host("g", g, 2))


def check_algebra(matrix: ArrayLike) -> None:
    """Checks on the host, not under jit, that matrices are antisymmetric to rounding.

    Args:
      matrix: `(..., 2, 2)`.

    Raises:
      ValueError: they are not, or not finite, or have another shape.
    """
    require_skew("matrix", *checked_on_host("matrix", matrix, 2))
