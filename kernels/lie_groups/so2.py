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
    """The antisymmetric matrix `(..., 2, 2)` of coordinates."""
    (angle,), dtype = split_vectors("x", x, 1)
    return join_matrix([[0.0, -angle], [angle, 0.0]], dtype)


@jax.jit
def vee(matrix: jax.Array) -> jax.Array:
    """The coordinates `(..., 1)` of the antisymmetric part of a matrix."""
    rows, dtype = split_matrices("matrix", matrix, 2)
    return join_vector([nearest_complex(rows)[1]], dtype)


@jax.jit
def exp(x: jax.Array) -> jax.Array:
    """The rotation by the angle."""
    (angle,), dtype = split_vectors("x", x, 1)
    return join_matrix(turn_matrix((jnp.cos(angle), jnp.sin(angle))), dtype)


@jax.jit
def log(g: jax.Array) -> jax.Array:
    """The angle in [-pi, pi]; of another matrix, that of the nearest rotation (0 where none is nearest)."""
    rows, dtype = split_matrices("g", g, 2)
    return join_vector([angle_of(nearest_complex(rows))], dtype)


@jax.jit
def compose(a: jax.Array, b: jax.Array) -> jax.Array:
    """The product `a b`."""
    return homogeneous.compose_linear(a, b, 2)


@jax.jit
def inverse(g: jax.Array) -> jax.Array:
    """The transpose."""
    rows, dtype = split_matrices("g", g, 2)
    return join_matrix(transposed(rows), dtype)


@jax.jit
def act(g: jax.Array, points: jax.Array) -> jax.Array:
    """Points `(..., 2)`, turned."""
    return homogeneous.act_linearly(g, points, 2)


@jax.jit
def adjoint(g: jax.Array) -> jax.Array:
    """`(..., 1, 1)`: 1, for the group is commutative."""
    rows, dtype = split_matrices("g", g, 2)
    return join_matrix([[jnp.ones_like(rows[0][0])]], dtype)


@jax.jit
def ad(x: jax.Array) -> jax.Array:
    """`(..., 1, 1)`: 0, for the group is commutative."""
    (angle,), dtype = split_vectors("x", x, 1)
    return join_matrix([[jnp.zeros_like(angle)]], dtype)


@jax.jit
def left_jacobian(x: jax.Array) -> jax.Array:
    """`(..., 1, 1)`: 1, for the group is commutative; so are the right Jacobian and the inverses."""
    (angle,), dtype = split_vectors("x", x, 1)
    return join_matrix([[jnp.ones_like(angle)]], dtype)


left_jacobian_inverse = right_jacobian = right_jacobian_inverse = left_jacobian


def identity(dtype: DTypeLike = float) -> jax.Array:
    """The unit matrix `(2, 2)`."""
    return jnp.eye(2, dtype=dtype)


def sample_haar(key: jax.Array, shape: Sequence[int] = (), *, dtype: DTypeLike = float) -> jax.Array:
    """`(*shape, 2, 2)` of the Haar probability measure: the angle is uniform."""
    return haar_so(key, shape, 2, dtype=dtype)


@jax.jit
def distance(a: jax.Array, b: jax.Array) -> jax.Array:
    """The angle in [0, pi] between rotations, `(...,)`."""
    (left, a_dtype), (right, b_dtype) = split_matrices("a", a, 2), split_matrices("b", b, 2)
    left, right = same_rank(left, right)
    (p, q), (r, s) = transposed(left)[0], transposed(right)[0]
    angle = jnp.abs(angle_of((dot([p, q], [r, s]), p * s - q * r)))
    return angle.astype(jnp.promote_types(a_dtype, b_dtype))


@jax.jit
def project(matrix: jax.Array) -> jax.Array:
    """The rotation nearest to a matrix in the Frobenius norm; the unit matrix where all are as near."""
    rows, dtype = split_matrices("matrix", matrix, 2)
    return join_matrix(turn_matrix(nearest_turn(nearest_complex(rows))), dtype)


def check_element(g: ArrayLike) -> None:
    """Raises ValueError unless g holds rotations to rounding; on the host, not under jit."""
    require_rotations("g", *checked_on_host("g", g, 2))


def check_algebra(matrix: ArrayLike) -> None:
    """Raises ValueError unless the matrices are antisymmetric to rounding; on the host, not under jit."""
    require_skew("matrix", *checked_on_host("matrix", matrix, 2))
