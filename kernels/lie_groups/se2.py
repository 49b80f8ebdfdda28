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
    """The matrix of the algebra with these coordinates.

    Args:
      x: `(..., 3)`, `(v, angle)`: translation, then radians.

    Returns:
      `(..., 3, 3)`.

    Raises, transformations: as `so3.exp`.
    """
    v, angle, dtype = _split(x)
    return join_generator(turn_matrix((0.0, angle)), v, dtype)


def _split(x):
    (*v, angle), dtype = split_vectors("x", x, 3)
    return v, angle, dtype


@jax.jit
def vee(matrix: jax.Array) -> jax.Array:
    """The inverse of `hat`; of the 2x2 block it takes the antisymmetric part, and the last row is not read.

    Args:
      matrix: `(..., 3, 3)`.

    Returns:
      `(..., 3)`, `(v, angle)`: translation, then radians.

    Raises, transformations: as `so3.exp`.
    """
    block, v, dtype = split_motion("matrix", matrix, 2)
    return join_vector([*v, nearest_complex(block)[1]], dtype)


@jax.jit
def exp(x: jax.Array) -> jax.Array:
    """The motion with these coordinates: rotation by the angle, translation by `(e^w - 1) / w v`.

    Args:
      x: `(..., 3)`, `(v, angle)`: translation, then radians.

    Returns:
      `(..., 3, 3)`.

    Raises, transformations: as `so3.exp`.
    """
    v, angle, dtype = _split(x)
    turn, factor, _ = rotation_factors(*within_range([angle]))
    return join_motion(turn_matrix(turn), complex_times(factor, v), dtype)


@jax.jit
def log(g: jax.Array) -> jax.Array:
    """The coordinates of a motion.

    Args:
      g: `(..., 3, 3)`, rigid motions.

    Returns:
      `(..., 3)`, with an angle in [-pi, pi].

    Raises, transformations: as `so3.exp`.
    """
    block, t, dtype = split_motion("g", g, 2)
    angle = angle_of(nearest_complex(block))
    rest = cotangent_rest(angle * angle, up_to_half_turn=True)
    return join_vector([*complex_times(_back(angle, rest), t), angle], dtype)


def _back(angle: jax.Array, rest: jax.Array) -> Complex:
    """`w / (e^w - 1) = (t / 2) cot(t / 2) - i t / 2`."""
    return 1 - angle * angle * rest, -0.5 * angle


@jax.jit
def compose(a: jax.Array, b: jax.Array) -> jax.Array:
    """The product `a b`: first b, then a.

    Args:
      a: `(..., 3, 3)`, rigid motions.
      b: `(..., 3, 3)`; leading axes broadcast.

    Returns:
      `(..., 3, 3)` in the dtype of both together.

    Raises, transformations: as `so3.exp`.
    """
    return homogeneous.compose_motions(a, b, 2)


@jax.jit
def inverse(g: jax.Array) -> jax.Array:
    """The inverse motion `[[R^T, -R^T t], [0, 1]]`.

    Args:
      g: `(..., 3, 3)`, rigid motions.

    Returns:
      `(..., 3, 3)`.

    Raises, transformations: as `so3.exp`.
    """
    block, t, dtype = split_motion("g", g, 2)
    return join_inverse(transposed(block), t, dtype)


@jax.jit
def act(g: jax.Array, points: jax.Array) -> jax.Array:
    """Moves points: `R p + t`.

    Args:
      g: `(..., 3, 3)`, rigid motions.
      points: `(..., 2)`; leading axes broadcast with those of g.

    Returns:
      `(..., 2)` in the dtype of both together.

    Raises, transformations: as `so3.exp`.
    """
    return homogeneous.act_on_points(g, points, 2)


@jax.jit
def adjoint(g: jax.Array) -> jax.Array:
    """The matrix of conjugation on coordinates: `g hat(x) g^-1 = hat(adjoint(g) x)`.

    Args:
      g: `(..., 3, 3)`, rigid motions.

    Returns:
      `(..., 3, 3)`: `[[R, -i t], [0, 1]]`, i the quarter-turn.

    Raises, transformations: as `so3.exp`.
    """
    block, t, dtype = split_motion("g", g, 2)
    return _with_column(block, complex_times((0.0, -1.0), t), 1.0, dtype)


def _with_column(block: Matrix, column, corner, dtype):
    return join_matrix([[*row, c] for row, c in zip(block, column, strict=True)] + [[0.0, 0.0, corner]], dtype)


@jax.jit
def ad(x: jax.Array) -> jax.Array:
    """The matrix of the bracket with x: `ad(x) y = vee(X Y - Y X)`, `X = hat(x)`, `Y = hat(y)`.

    Args:
      x: `(..., 3)`, `(v, angle)`: translation, then radians.

    Returns:
      `(..., 3, 3)`: `[[w, -i v], [0, 0]]`, w = i angle, i the quarter-turn.

    Raises, transformations: as `so3.exp`.
    """
    v, angle, dtype = _split(x)
    return _with_column(turn_matrix((0.0, angle)), complex_times((0.0, -1.0), v), 0.0, dtype)


@jax.jit
def left_jacobian(x: jax.Array) -> jax.Array:
    """The left Jacobian of the exponential: `exp(x + d) ~ exp(left_jacobian(x) d) exp(x)`.

    Args:
      x: `(..., 3)`, `(v, angle)`: translation, then radians.

    Returns:
      `(..., 3, 3)`.

    Raises, transformations: as `so3.exp`.
    """
    v, angle, dtype = _split(x)
    _, factor, second = rotation_factors(*within_range([angle]))
    return _with_column(turn_matrix(factor), complex_times((0.0, -1.0), complex_times(second, v)), 1.0, dtype)


@jax.jit
def left_jacobian_inverse(x: jax.Array) -> jax.Array:
    """The inverse of `left_jacobian`.

    Args:
      x: `(..., 3)`, `(v, angle)`: translation, then radians.

    Returns:
      `(..., 3, 3)`. Large but finite at whole turns, where there is none.

    Raises, transformations: as `so3.exp`.
    """
    v, angle, dtype = _split(x)
    (angle,) = within_range([angle])
    back = _back(angle, cotangent_rest(angle * angle))
    second = rotation_factors(angle)[-1]
    column = complex_times((0.0, 1.0), complex_times(back, complex_times(second, v)))
    return _with_column(turn_matrix(back), column, 1.0, dtype)


@jax.jit
def right_jacobian(x: jax.Array) -> jax.Array:
    """The right Jacobian of the exponential: `exp(x + d) ~ exp(x) exp(right_jacobian(x) d)`, the left one of -x.

    Args:
      x: `(..., 3)`, `(v, angle)`: translation, then radians.

    Returns:
      `(..., 3, 3)`.

    Raises, transformations: as `so3.exp`.
    """
    return left_jacobian(-x)


@jax.jit
def right_jacobian_inverse(x: jax.Array) -> jax.Array:
    """The inverse of `right_jacobian`, as `left_jacobian_inverse`.

    Args:
      x: `(..., 3)`, `(v, angle)`: translation, then radians.

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


def sample(
    key: jax.Array, shape: Sequence[int] = (), *, translation_scale: float = 1.0, dtype: DTypeLike = float
) -> jax.Array:
    """Random motions: a rotation of Haar measure, and a Gaussian translation.

    Args:
      key: of `jax.random`.
      shape: static, leading axes.
      translation_scale: standard deviation of each component, in the unit of length.
      dtype: static, float32 or float64.

    Returns:
      `(*shape, 3, 3)`. There is no Haar probability measure: the group is not compact.
    """
    key_rotation, key_translation = jax.random.split(key)
    return homogeneous.join_parts(
        so2.sample_haar(key_rotation, shape, dtype=dtype),
        translation_scale * jax.random.normal(key_translation, (*shape, 2), dtype),
    )


@jax.jit
def distance(a: jax.Array, b: jax.Array) -> jax.Array:
    """The Euclidean norm of `log(a^-1 b)`: left-invariant.

    Args:
      a: `(..., 3, 3)`, rigid motions.
      b: `(..., 3, 3)`; leading axes broadcast.

    Returns:
      `(...)`.

    A unit of length counts as much as a radian. It is no geodesic distance.
    Its derivative is 0 where it is 0.
    Raises, transformations: as `so3.exp`.
    """
    return safe_norm(log(compose(inverse(a), b)))


@jax.jit
def project(matrix: jax.Array) -> jax.Array:
    """The nearest motion: the block to its nearest rotation, the translation as it is, the last row not read.

    Args:
      matrix: `(..., 3, 3)`.

    Returns:
      `(..., 3, 3)`.

    Raises, transformations: as `so3.exp`.
    """
    block, t, dtype = split_motion("matrix", matrix, 2)
    return join_motion(turn_matrix(nearest_turn(nearest_complex(block))), t, dtype)


def check_element(g: ArrayLike) -> None:
    """Checks on the host, not under jit, that matrices are rigid motions to rounding.

    Args:
      g: `(..., 3, 3)`.

    Raises:
      ValueError: they are not, or not finite, or have another shape.
    """
    host, rounding = checked_on_host("g", g, 3)
    require_last_row("g", host, 1.0)
    require_rotations("the block of g", host[..., :2, :2], rounding)


def check_algebra(matrix: ArrayLike) -> None:
    """Checks on the host, not under jit, that matrices are in the algebra to rounding.

    Args:
      matrix: `(..., 3, 3)`.

    Raises:
      ValueError: they are not, or not finite, or have another shape.
    """
    host, rounding = checked_on_host("matrix", matrix, 3)
    require_last_row("matrix", host, 0.0)
    require_skew("the block of matrix", host[..., :2, :2], rounding)
