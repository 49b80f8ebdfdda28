"""SE(2), rigid motions of the plane: matrices `[[R, t], [0, 1]]` `(..., 3, 3)`, algebra vectors `(..., 3)`.

Coordinates are `(v, angle)`, the translation's two first; `hat` is `[[0, -angle, v_1], [angle, 0, v_2], [0, 0, 0]]`.
Leading axes are the batch and broadcast; results have the dtype of the arguments, bfloat16 is computed in float32.
Wrong shapes raise ValueError and other than floating dtypes TypeError, at trace time and naming the argument. The last
row of an element is not read. All but the checks go through jit, vmap, jvp and vjp, any order. Angles as in `so3`.

The plane's vectors are complex numbers inside: with `w = i angle` a motion is `z -> e^w z + (e^w - 1) / w v`.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike, DTypeLike

from jaxinv.kernels.lie_groups import homogeneous, so2
from jaxinv.kernels.lie_groups.components import Matrix, join_matrix, join_vector, split_vectors, transposed
from jaxinv.kernels.lie_groups.homogeneous import join_generator, join_inverse, join_motion, split_motion
from jaxinv.kernels.lie_groups.membership import checked_on_host, require_last_row, require_rotations, require_skew
from jaxinv.kernels.lie_groups.planar_motions import (
    Complex,
    angle_of,
    complex_times,
    nearest_complex,
    nearest_turn,
    rotation_factors,
    turn_matrix,
)
from jaxinv.kernels.lie_groups.spatial_rotations import within_range
from jaxinv.kernels.lie_groups.trigonometric_series import cotangent_rest
from jaxinv.kernels.numerics.safe import safe_norm


@jax.jit
def hat(x: jax.Array) -> jax.Array:
    """The matrix `(..., 3, 3)` of coordinates."""
    v, angle, dtype = _split(x)
    return join_generator(turn_matrix((0.0, angle)), v, dtype)


def _split(x):
    (*v, angle), dtype = split_vectors("x", x, 3)
    return v, angle, dtype


@jax.jit
def vee(matrix: jax.Array) -> jax.Array:
    """The coordinates `(..., 3)` of a matrix; of its 2x2 block the antisymmetric part, and the last row is not read."""
    block, v, dtype = split_motion("matrix", matrix, 2)
    return join_vector([*v, nearest_complex(block)[1]], dtype)


@jax.jit
def exp(x: jax.Array) -> jax.Array:
    """The motion: rotation by the angle, translation by `(e^w - 1) / w v`."""
    v, angle, dtype = _split(x)
    turn, factor, _ = rotation_factors(*within_range([angle]))
    return join_motion(turn_matrix(turn), complex_times(factor, v), dtype)


@jax.jit
def log(g: jax.Array) -> jax.Array:
    """The coordinates, with an angle in [-pi, pi]."""
    block, t, dtype = split_motion("g", g, 2)
    angle = angle_of(nearest_complex(block))
    rest = cotangent_rest(angle * angle, up_to_half_turn=True)
    return join_vector([*complex_times(_back(angle, rest), t), angle], dtype)


def _back(angle: jax.Array, rest: jax.Array) -> Complex:
    """`w / (e^w - 1) = (t / 2) cot(t / 2) - i t / 2`."""
    return 1 - angle * angle * rest, -0.5 * angle


@jax.jit
def compose(a: jax.Array, b: jax.Array) -> jax.Array:
    """The product `a b`."""
    return homogeneous.compose_motions(a, b, 2)


@jax.jit
def inverse(g: jax.Array) -> jax.Array:
    """`[[R^T, -R^T t], [0, 1]]`."""
    block, t, dtype = split_motion("g", g, 2)
    return join_inverse(transposed(block), t, dtype)


@jax.jit
def act(g: jax.Array, points: jax.Array) -> jax.Array:
    """Points `(..., 2)`, moved: `R p + t`."""
    return homogeneous.act_on_points(g, points, 2)


@jax.jit
def adjoint(g: jax.Array) -> jax.Array:
    """`(..., 3, 3)`, `g hat(x) g^-1 = hat(adjoint(g) x)`: `[[R, -i t], [0, 1]]`."""
    block, t, dtype = split_motion("g", g, 2)
    return _with_column(block, complex_times((0.0, -1.0), t), 1.0, dtype)


def _with_column(block: Matrix, column, corner, dtype):
    return join_matrix([[*row, c] for row, c in zip(block, column, strict=True)] + [[0.0, 0.0, corner]], dtype)


@jax.jit
def ad(x: jax.Array) -> jax.Array:
    """`(..., 3, 3)`, the matrix of the bracket with x: `[[w, -i v], [0, 0]]`."""
    v, angle, dtype = _split(x)
    return _with_column(turn_matrix((0.0, angle)), complex_times((0.0, -1.0), v), 0.0, dtype)


@jax.jit
def left_jacobian(x: jax.Array) -> jax.Array:
    """`(..., 3, 3)`, `exp(x + d) ~ exp(left_jacobian(x) d) exp(x)`."""
    v, angle, dtype = _split(x)
    _, factor, second = rotation_factors(*within_range([angle]))
    return _with_column(turn_matrix(factor), complex_times((0.0, -1.0), complex_times(second, v)), 1.0, dtype)


@jax.jit
def left_jacobian_inverse(x: jax.Array) -> jax.Array:
    """Of the left Jacobian; large but finite at whole turns, where there is none."""
    v, angle, dtype = _split(x)
    (angle,) = within_range([angle])
    back = _back(angle, cotangent_rest(angle * angle))
    second = rotation_factors(angle)[-1]
    column = complex_times((0.0, 1.0), complex_times(back, complex_times(second, v)))
    return _with_column(turn_matrix(back), column, 1.0, dtype)


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
    return jnp.eye(4, dtype=dtype)


def sample(
    key: jax.Array, shape: Sequence[int] = (), *, translation_scale: float = 1.0, dtype: DTypeLike = float
) -> jax.Array:
    """`(*shape, 3, 3)`: a rotation of Haar measure, and a Gaussian translation of this standard deviation by axis.

    There is no Haar probability measure: the group is not compact.
    """
    key_rotation, key_translation = jax.random.split(key)
    return homogeneous.join_parts(
        so2.sample_haar(key_rotation, shape, dtype=dtype),
        translation_scale * jax.random.normal(key_translation, (*shape, 2), dtype),
    )


@jax.jit
def distance(a: jax.Array, b: jax.Array) -> jax.Array:
    """The Euclidean norm of `log(a^-1 b)`, `(...,)`: left-invariant; its derivative is 0 where it is 0.

    A unit of length counts as much as a radian. It is no geodesic distance.
    """
    return safe_norm(log(compose(inverse(a), b)))


@jax.jit
def project(matrix: jax.Array) -> jax.Array:
    """The nearest motion: the block to its nearest rotation, the translation as it is, the last row not read."""
    block, t, dtype = split_motion("matrix", matrix, 2)
    return join_motion(turn_matrix(nearest_turn(nearest_complex(block))), t, dtype)


def check_element(g: ArrayLike) -> None:
    """Raises ValueError unless g holds rigid motions to rounding; on the host, not under jit."""
    host, rounding = checked_on_host("g", g, 3)
    require_last_row("g", host, 1.0)
    require_rotations("the block of g", host[..., :2, :2], rounding)


def check_algebra(matrix: ArrayLike) -> None:
    """Raises ValueError unless the matrices are in the algebra to rounding; on the host, not under jit."""
    host, rounding = checked_on_host("matrix", matrix, 3)
    require_last_row("matrix", host, 0.0)
    require_skew("the block of matrix", host[..., :2, :2], rounding)
