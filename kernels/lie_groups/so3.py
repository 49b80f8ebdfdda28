"""SO(3), rotations of space: matrices `(..., 3, 3)`, algebra vectors `(..., 3)`, axis times angle.

`hat((x, y, z)) = [[0, -z, y], [z, 0, -x], [-y, x, 0]]`, the matrix of the vector product. Leading axes are the batch
and broadcast; results have the dtype of the arguments, bfloat16 is computed in float32. Wrong shapes raise ValueError
and other than floating dtypes TypeError, at trace time and naming the argument. All but the checks go through jit,
vmap, jvp and vjp, any order, right also at the identity and at half-turns.

float32 angles are known to 1e-7 up to 1e5; beyond 1e9 (float64: 1e77) components of vectors are bounded.

References: Solà, Deray, Atchuthan, A micro Lie theory for state estimation in robotics, arXiv:1812.01537.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike, DTypeLike

from jaxinv.kernels.lie_groups import homogeneous, spatial_rotations
from jaxinv.kernels.lie_groups.components import (
    cross_matrix,
    join_matrix,
    join_vector,
    same_rank,
    split_matrices,
    split_vectors,
    times,
    transposed,
)
from jaxinv.kernels.lie_groups.membership import checked_on_host, require_rotations, require_skew
from jaxinv.kernels.lie_groups.sampling import haar_so
from jaxinv.kernels.lie_groups.spatial_rotations import skew_part, within_range
from jaxinv.kernels.numerics.polar_factor import polar_factor
from jaxinv.kernels.numerics.safe import safe_norm


@jax.jit
def hat(x: jax.Array) -> jax.Array:
    """The antisymmetric matrix `(..., 3, 3)` of coordinates."""
    w, dtype = split_vectors("x", x, 3)
    return join_matrix(cross_matrix(w), dtype)


@jax.jit
def vee(matrix: jax.Array) -> jax.Array:
    """The coordinates `(..., 3)` of the antisymmetric part of a matrix."""
    rows, dtype = split_matrices("matrix", matrix, 3)
    return join_vector(skew_part(rows), dtype)


@jax.jit
def exp(x: jax.Array) -> jax.Array:
    """The rotation about x by its length, by Rodrigues' formula."""
    w, dtype = split_vectors("x", x, 3)
    return join_matrix(spatial_rotations.rotation(within_range(w)), dtype)


@jax.jit
def log(g: jax.Array) -> jax.Array:
    """The rotation vector, of length pi at most, by the quaternion: exact to rounding also near half-turns.

    At half-turns, where two vectors are right, one of them. The derivative is that along the group: of a tangent
    `dg`, the symmetric part of `dg g^T` is left out.
    """
    rows, dtype = split_matrices("g", g, 3)
    return join_vector(spatial_rotations.rotation_vector(rows), dtype)


@jax.jit
def compose(a: jax.Array, b: jax.Array) -> jax.Array:
    """The product `a b`."""
    return homogeneous.compose_linear(a, b, 3)


@jax.jit
def inverse(g: jax.Array) -> jax.Array:
    """The transpose."""
    rows, dtype = split_matrices("g", g, 3)
    return join_matrix(transposed(rows), dtype)


@jax.jit
def act(g: jax.Array, points: jax.Array) -> jax.Array:
    """Points `(..., 3)`, turned."""
    return homogeneous.act_linearly(g, points, 3)


@jax.jit
def adjoint(g: jax.Array) -> jax.Array:
    """`(..., 3, 3)`, `g hat(x) g^-1 = hat(adjoint(g) x)`: g itself."""
    rows, dtype = split_matrices("g", g, 3)
    return join_matrix(rows, dtype)


@jax.jit
def ad(x: jax.Array) -> jax.Array:
    """`(..., 3, 3)`, the matrix of the bracket with x: `hat(x)`."""
    return hat(x)


@jax.jit
def left_jacobian(x: jax.Array) -> jax.Array:
    """`(..., 3, 3)`, `exp(x + d) ~ exp(left_jacobian(x) d) exp(x)`."""
    w, dtype = split_vectors("x", x, 3)
    return join_matrix(spatial_rotations.jacobian(within_range(w)), dtype)


@jax.jit
def left_jacobian_inverse(x: jax.Array) -> jax.Array:
    """Of the left Jacobian; large but finite at whole turns, where there is none."""
    w, dtype = split_vectors("x", x, 3)
    return join_matrix(spatial_rotations.jacobian_inverse(within_range(w)), dtype)


@jax.jit
def right_jacobian(x: jax.Array) -> jax.Array:
    """`(..., 3, 3)`, `exp(x + d) ~ exp(x) exp(right_jacobian(x) d)`: the left one of -x."""
    return left_jacobian(-x)


@jax.jit
def right_jacobian_inverse(x: jax.Array) -> jax.Array:
    """Of the right Jacobian; large but finite at whole turns, where there is none."""
    return left_jacobian_inverse(-x)


def identity(dtype: DTypeLike = float) -> jax.Array:
    """The unit matrix `(3, 3)`."""
    return jnp.eye(3, dtype=dtype)


def sample_haar(key: jax.Array, shape: Sequence[int] = (), *, dtype: DTypeLike = float) -> jax.Array:
    """`(*shape, 3, 3)` of the Haar probability measure: the quaternion is uniform, the angle has `(1 - cos t) / pi`."""
    return haar_so(key, shape, 3, dtype=dtype)


@jax.jit
def distance(a: jax.Array, b: jax.Array) -> jax.Array:
    """The angle in [0, pi] of `a^-1 b`, `(...,)`; its derivative is 0 where it is 0."""
    (left, a_dtype), (right, b_dtype) = split_matrices("a", a, 3), split_matrices("b", b, 3)
    left, right = same_rank(left, right)
    w = spatial_rotations.rotation_vector(times(transposed(left), right))
    return safe_norm(jnp.stack(w), axis=0).astype(jnp.promote_types(a_dtype, b_dtype))


@jax.jit
def project(matrix: jax.Array) -> jax.Array:
    """The rotation nearest to a matrix in the Frobenius norm: its polar factor of determinant 1."""
    rows, dtype = split_matrices("matrix", matrix, 3)
    return polar_factor(join_matrix(rows, rows[0][0].dtype), proper=True).astype(dtype)


def check_element(g: ArrayLike) -> None:
    """Raises ValueError unless g holds rotations to rounding; on the host, not under jit."""
    require_rotations("g", *checked_on_host("g", g, 3))


def check_algebra(matrix: ArrayLike) -> None:
    """Raises ValueError unless the matrices are antisymmetric to rounding; on the host, not under jit."""
    require_skew("matrix", *checked_on_host("matrix", matrix, 3))
