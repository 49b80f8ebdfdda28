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
    """The antisymmetric matrix of coordinates: that of the vector product `x x .`.

    Args:
      x: `(..., 3)`, axis times angle, in radians.

    Returns:
      `(..., 3, 3)`.

    Raises, transformations: as `so3.exp`.
    """
    w, dtype = split_vectors("x", x, 3)
    return join_matrix(cross_matrix(w), dtype)


@jax.jit
def vee(matrix: jax.Array) -> jax.Array:
    """The inverse of `hat`: coordinates of the antisymmetric part of a matrix.

    Args:
      matrix: `(..., 3, 3)`.

    Returns:
      `(..., 3)`, axis times angle, in radians.

    Raises, transformations: as `so3.exp`.
    """
    rows, dtype = split_matrices("matrix", matrix, 3)
    return join_vector(skew_part(rows), dtype)


@jax.jit
def exp(x: jax.Array) -> jax.Array:
    """The rotation about x by its length, by Rodrigues' formula.

    Args:
      x: `(..., 3)`, axis times angle, in radians.

    Returns:
      `(..., 3, 3)` in the dtype of x; bfloat16 is computed in float32.

    Raises:
      TypeError, ValueError: at trace time, naming the argument: not floating point, or a wrong shape.
    Transformations: jit, vmap, jvp, vjp, any order, right also at the identity and at half-turns.
    References: Solà, Deray, Atchuthan, A micro Lie theory for state estimation in robotics, arXiv:1812.01537.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels.lie_groups import so3
      >>> quarter_turn = so3.exp(jnp.array([0.0, 0.0, jnp.pi / 2]))  # about z
      >>> so3.act(quarter_turn, jnp.array([1.0, 2.0, 3.0])).round()
      Array([-2.,  1.,  3.], dtype=float32)
    """
    w, dtype = split_vectors("x", x, 3)
    return join_matrix(spatial_rotations.rotation(within_range(w)), dtype)


@jax.jit
def log(g: jax.Array) -> jax.Array:
    """The rotation vector, by the quaternion: exact to rounding also near half-turns.

    Args:
      g: `(..., 3, 3)`, rotations.

    Returns:
      `(..., 3)`, of length pi at most; at half-turns, where two vectors are right, one of them.

    The derivative is that along the group: of a tangent `dg`, the symmetric part of `dg g^T` is left out.
    Raises, transformations: as `so3.exp`.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels.lie_groups import so3
      >>> nearly_a_half_turn = jnp.array([0.3, -0.2, 3.1])
      >>> bool(jnp.allclose(so3.log(so3.exp(nearly_a_half_turn)), nearly_a_half_turn, atol=1e-5))
      True
    """
    rows, dtype = split_matrices("g", g, 3)
    return join_vector(spatial_rotations.rotation_vector(rows), dtype)


@jax.jit
def compose(a: jax.Array, b: jax.Array) -> jax.Array:
    """The product `a b`: first b, then a.

    Args:
      a: `(..., 3, 3)`, rotations.
      b: `(..., 3, 3)`; leading axes broadcast.

    Returns:
      `(..., 3, 3)` in the dtype of both together.

    Raises, transformations: as `so3.exp`.
    """
    return homogeneous.compose_linear(a, b, 3)


@jax.jit
def inverse(g: jax.Array) -> jax.Array:
    """The inverse rotation: the transpose.

    Args:
      g: `(..., 3, 3)`, rotations.

    Returns:
      `(..., 3, 3)`.

    Raises, transformations: as `so3.exp`.
    """
    rows, dtype = split_matrices("g", g, 3)
    return join_matrix(transposed(rows), dtype)


@jax.jit
def act(g: jax.Array, points: jax.Array) -> jax.Array:
    """Turns points: `g p`.

    Args:
      g: `(..., 3, 3)`, rotations.
      points: `(..., 3)`; leading axes broadcast with those of g.

    Returns:
      `(..., 3)` in the dtype of both together.

    Raises, transformations: as `so3.exp`.
    """
    return homogeneous.act_linearly(g, points, 3)


@jax.jit
def adjoint(g: jax.Array) -> jax.Array:
    """The matrix of conjugation on coordinates: `g hat(x) g^-1 = hat(adjoint(g) x)`.

    Args:
      g: `(..., 3, 3)`, rotations.

    Returns:
      `(..., 3, 3)`: g itself.

    Raises, transformations: as `so3.exp`.
    """
    rows, dtype = split_matrices("g", g, 3)
    return join_matrix(rows, dtype)


@jax.jit
def ad(x: jax.Array) -> jax.Array:
    """The matrix of the bracket with x: `ad(x) y = vee(X Y - Y X)`, `X = hat(x)`, `Y = hat(y)`.

    Args:
      x: `(..., 3)`, axis times angle, in radians.

    Returns:
      `(..., 3, 3)`: `hat(x)`.

    Raises, transformations: as `so3.exp`.
    """
    return hat(x)


@jax.jit
def left_jacobian(x: jax.Array) -> jax.Array:
    """The left Jacobian of the exponential: `exp(x + d) ~ exp(left_jacobian(x) d) exp(x)`.

    Args:
      x: `(..., 3)`, axis times angle, in radians.

    Returns:
      `(..., 3, 3)`.

    Raises, transformations: as `so3.exp`.
    """
    w, dtype = split_vectors("x", x, 3)
    return join_matrix(spatial_rotations.jacobian(within_range(w)), dtype)


@jax.jit
def left_jacobian_inverse(x: jax.Array) -> jax.Array:
    """The inverse of `left_jacobian`.

    Args:
      x: `(..., 3)`, axis times angle, in radians.

    Returns:
      `(..., 3, 3)`. Large but finite at whole turns, where there is none.

    Raises, transformations: as `so3.exp`.
    """
    w, dtype = split_vectors("x", x, 3)
    return join_matrix(spatial_rotations.jacobian_inverse(within_range(w)), dtype)


@jax.jit
def right_jacobian(x: jax.Array) -> jax.Array:
    """The right Jacobian of the exponential: `exp(x + d) ~ exp(x) exp(right_jacobian(x) d)`, the left one of -x.

    Args:
      x: `(..., 3)`, axis times angle, in radians.

    Returns:
      `(..., 3, 3)`.

    Raises, transformations: as `so3.exp`.
    """
    return left_jacobian(-x)


@jax.jit
def right_jacobian_inverse(x: jax.Array) -> jax.Array:
    """The inverse of `right_jacobian`, as `left_jacobian_inverse`.

    Args:
      x: `(..., 3)`, axis times angle, in radians.

    Returns:
      `(..., 3, 3)`.

    Raises, transformations: as `so3.exp`.
    """
    return left_jacobian_inverse(-x)


def identity(dtype: DTypeLike = float) -> jax.Array:
    """The unit matrix.

    Args:
      dtype: static.

    Returns:
      `(3, 3)`.
    """
    return jnp.eye(3, dtype=dtype)


def sample_haar(key: jax.Array, shape: Sequence[int] = (), *, dtype: DTypeLike = float) -> jax.Array:
    """Rotations drawn from the Haar probability measure.

    Args:
      key: of `jax.random`.
      shape: static, leading axes.
      dtype: static, float32 or float64.

    Returns:
      `(*shape, 3, 3)`. The quaternion is uniform; the angle t in [0, pi] has the density `(1 - cos t) / pi`.
    """
    return haar_so(key, shape, 3, dtype=dtype)


@jax.jit
def distance(a: jax.Array, b: jax.Array) -> jax.Array:
    """The angle of `a^-1 b`.

    Args:
      a: `(..., 3, 3)`, rotations.
      b: `(..., 3, 3)`; leading axes broadcast.

    Returns:
      `(...)` in [0, pi].

    Geodesic, invariant from left and right. Its derivative is 0 where it is 0.
    Raises, transformations: as `so3.exp`.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels.lie_groups import so3
      >>> so3.distance(so3.identity(), so3.exp(jnp.array([0.3, 0.0, 0.4]))).round(1)  # radians
      Array(0.5, dtype=float32)
    """
    (left, a_dtype), (right, b_dtype) = split_matrices("a", a, 3), split_matrices("b", b, 3)
    left, right = same_rank(left, right)
    w = spatial_rotations.rotation_vector(times(transposed(left), right))
    return safe_norm(jnp.stack(w), axis=0).astype(jnp.promote_types(a_dtype, b_dtype))


@jax.jit
def project(matrix: jax.Array) -> jax.Array:
    """The rotation nearest to a matrix in the Frobenius norm: its polar factor of determinant 1.

    Args:
      matrix: `(..., 3, 3)`.

    Returns:
      `(..., 3, 3)`.

    Raises, transformations: as `so3.exp`.
    """
    rows, dtype = split_matrices("matrix", matrix, 3)
    return polar_factor(join_matrix(rows, rows[0][0].dtype), proper=True).astype(dtype)


def check_element(g: ArrayLike) -> None:
    """Checks on the host, not under jit, that matrices are rotations to rounding.

    Args:
      g: `(..., 3, 3)`.

    Raises:
      ValueError: they are not, or not finite, or have another shape.
    """
    require_rotations("g", *checked_on_host("g", g, 3))


def check_algebra(matrix: ArrayLike) -> None:
    """Checks on the host, not under jit, that matrices are antisymmetric to rounding.

    Args:
      matrix: `(..., 3, 3)`.

    Raises:
      ValueError: they are not, or not finite, or have another shape.
    """
    require_skew("matrix", *checked_on_host("matrix", matrix, 3))
