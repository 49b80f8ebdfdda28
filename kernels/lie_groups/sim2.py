"""Sim(2), similarities of the plane: matrices `[[s R, t], [0, 1]]` `(..., 3, 3)`, algebra vectors `(..., 4)`.

Coordinates are `(v, angle, l)`, the translation's two first, and `hat` is
`[[l, -angle, v_1], [angle, l, v_2], [0, 0, 0]]`: the scale is `s = e^l`. Leading axes are the batch and broadcast;
results have the dtype of the arguments, bfloat16 is computed in float32. Wrong shapes raise ValueError and other than
floating dtypes TypeError, at trace time and naming the argument. The last row of an element is not read. All but the
checks go through jit, vmap, jvp and vjp, any order. Angles as in `so3`; l is bounded where its exponential would
leave the range of the dtype (float32: 79, float64: 638).

The plane's vectors are complex numbers inside: with `w = l + i angle` a map is `z -> e^w z + (e^w - 1) / w v`.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike, DTypeLike

from jaxinv.kernels.lie_groups import homogeneous, so2
from jaxinv.kernels.lie_groups.components import Matrix, join_matrix, join_vector, split_vectors
from jaxinv.kernels.lie_groups.homogeneous import join_generator, join_inverse, join_motion, split_motion
from jaxinv.kernels.lie_groups.membership import checked_on_host, require_last_row, require_similarities, require_skew
from jaxinv.kernels.lie_groups.planar_motions import (
    angle_of,
    complex_times,
    nearest_complex,
    reciprocal,
    second_similarity_factor,
    similarity_factors,
    turn_matrix,
)
from jaxinv.kernels.lie_groups.spatial_rotations import within_range
from jaxinv.kernels.lie_groups.trigonometric_series import within_scales
from jaxinv.kernels.numerics.safe import safe_log, safe_norm


@jax.jit
def hat(x: jax.Array) -> jax.Array:
    """The matrix of the algebra with these coordinates.

    Args:
      x: `(..., 4)`, `(v, angle, l)`: translation, radians, log of the scale.

    Returns:
      `(..., 3, 3)`.

    Raises, transformations: as `so3.exp`.
    """
    v, angle, log_scale, dtype = _split(x)
    return join_generator(turn_matrix((log_scale, angle)), v, dtype)


def _split(x):
    (*v, angle, log_scale), dtype = split_vectors("x", x, 4)
    return v, angle, log_scale, dtype


@jax.jit
def vee(matrix: jax.Array) -> jax.Array:
    """The inverse of `hat`: coordinates of the nearest element of the algebra; the last row is not read.

    Args:
      matrix: `(..., 3, 3)`.

    Returns:
      `(..., 4)`, `(v, angle, l)`: translation, radians, log of the scale.

    Raises, transformations: as `so3.exp`.
    """
    block, v, dtype = split_motion("matrix", matrix, 2)
    log_scale, angle = nearest_complex(block)
    return join_vector([*v, angle, log_scale], dtype)


@jax.jit
def exp(x: jax.Array) -> jax.Array:
    """The similarity: rotation by the angle, scale `e^l`, translation by `(e^w - 1) / w v`.

    Args:
      x: `(..., 4)`, `(v, angle, l)`: translation, radians, log of the scale.

    Returns:
      `(..., 3, 3)`.

    Raises, transformations: as `so3.exp`.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels.lie_groups import sim2
      >>> spiral = sim2.exp(jnp.array([0.0, 0.0, jnp.pi / 2, jnp.log(2.0)]))  # a quarter-turn and twice the size
      >>> sim2.act(spiral, jnp.array([1.0, 3.0])).round()
      Array([-6.,  2.], dtype=float32)
    """
    v, angle, log_scale, dtype = _split(x)
    (angle,), log_scale = within_range([angle]), within_scales(log_scale)
    number, factor = similarity_factors(angle, log_scale)
    return join_motion(turn_matrix(number), complex_times(factor, v), dtype)


@jax.jit
def log(g: jax.Array) -> jax.Array:
    """The coordinates of a similarity.

    Args:
      g: `(..., 3, 3)`, similarities.

    Returns:
      `(..., 4)`, with an angle in [-pi, pi].

    Raises, transformations: as `so3.exp`.
    """
    block, t, dtype = split_motion("g", g, 2)
    angle, log_scale = _logarithm(nearest_complex(block))
    back = reciprocal(similarity_factors(angle, log_scale)[1])
    return join_vector([*complex_times(back, t), angle, log_scale], dtype)


def _logarithm(number):
    real, imaginary = number
    return angle_of(number), 0.5 * safe_log(real * real + imaginary * imaginary)


@jax.jit
def compose(a: jax.Array, b: jax.Array) -> jax.Array:
    """The product `a b`: first b, then a.

    Args:
      a: `(..., 3, 3)`, similarities.
      b: `(..., 3, 3)`; leading axes broadcast.

    Returns:
      `(..., 3, 3)` in the dtype of both together.

    Raises, transformations: as `so3.exp`.
    """
    return homogeneous.compose_motions(a, b, 2)


@jax.jit
def inverse(g: jax.Array) -> jax.Array:
    """The inverse similarity `[[A^-1, -A^-1 t], [0, 1]]`, `A = s R`.

    Args:
      g: `(..., 3, 3)`, similarities.

    Returns:
      `(..., 3, 3)`.

    Raises, transformations: as `so3.exp`.
    """
    block, t, dtype = split_motion("g", g, 2)
    return join_inverse(turn_matrix(reciprocal(nearest_complex(block))), t, dtype)


@jax.jit
def act(g: jax.Array, points: jax.Array) -> jax.Array:
    """Maps points: `s R p + t`.

    Args:
      g: `(..., 3, 3)`, similarities.
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
      g: `(..., 3, 3)`, similarities.

    Returns:
      `(..., 4, 4)`: `[[s R, -i t, -t], [0, 1, 0], [0, 0, 1]]`, i the quarter-turn.

    Raises, transformations: as `so3.exp`.
    """
    block, t, dtype = split_motion("g", g, 2)
    return _with_columns(block, t, (-1.0, 0.0), 1.0, dtype)


def _with_columns(block: Matrix, vector, factor, corner, dtype):
    """`[[block, i factor vector, factor vector], [0, corner I]]`."""
    second = complex_times(factor, vector)
    first = complex_times((0.0, 1.0), second)
    rows = [[*row, p, q] for row, p, q in zip(block, first, second, strict=True)]
    return join_matrix([*rows, [0.0, 0.0, corner, 0.0], [0.0, 0.0, 0.0, corner]], dtype)


@jax.jit
def ad(x: jax.Array) -> jax.Array:
    """The matrix of the bracket with x: `ad(x) y = vee(X Y - Y X)`, `X = hat(x)`, `Y = hat(y)`.

    Args:
      x: `(..., 4)`, `(v, angle, l)`: translation, radians, log of the scale.

    Returns:
      `(..., 4, 4)`: `[[w, -i v, -v], [0, 0, 0], [0, 0, 0]]`, w = l + i angle, i the quarter-turn.

    Raises, transformations: as `so3.exp`.
    """
    v, angle, log_scale, dtype = _split(x)
    return _with_columns(turn_matrix((log_scale, angle)), v, (-1.0, 0.0), 0.0, dtype)


@jax.jit
def left_jacobian(x: jax.Array) -> jax.Array:
    """The left Jacobian of the exponential: `exp(x + d) ~ exp(left_jacobian(x) d) exp(x)`.

    Args:
      x: `(..., 4)`, `(v, angle, l)`: translation, radians, log of the scale.

    Returns:
      `(..., 4, 4)`.

    Raises, transformations: as `so3.exp`.
    """
    v, angle, log_scale, dtype = _split(x)
    factor, second = _factors(angle, log_scale)
    return _with_columns(turn_matrix(factor), v, (-second[0], -second[1]), 1.0, dtype)


def _factors(angle, log_scale):
    """`(e^w - 1) / w` and `(e^w - 1 - w) / w^2`."""
    (angle,), log_scale = within_range([angle]), within_scales(log_scale)
    return similarity_factors(angle, log_scale)[1], second_similarity_factor(angle, log_scale)


@jax.jit
def left_jacobian_inverse(x: jax.Array) -> jax.Array:
    """The inverse of `left_jacobian`.

    Args:
      x: `(..., 4)`, `(v, angle, l)`: translation, radians, log of the scale.

    Returns:
      `(..., 4, 4)`. Large but finite at whole turns without scale, where there is none.

    Raises, transformations: as `so3.exp`.
    """
    v, angle, log_scale, dtype = _split(x)
    factor, second = _factors(angle, log_scale)
    back = reciprocal(factor)
    real, imaginary = complex_times(back, second)
    return _with_columns(turn_matrix(back), v, (real, imaginary), 1.0, dtype)


@jax.jit
def right_jacobian(x: jax.Array) -> jax.Array:
    """The right Jacobian of the exponential: `exp(x + d) ~ exp(x) exp(right_jacobian(x) d)`, the left one of -x.

    Args:
      x: `(..., 4)`, `(v, angle, l)`: translation, radians, log of the scale.

    Returns:
      `(..., 4, 4)`.

    Raises, transformations: as `so3.exp`.
    """
    return left_jacobian(-x)


@jax.jit
def right_jacobian_inverse(x: jax.Array) -> jax.Array:
    """The inverse of `right_jacobian`, as `left_jacobian_inverse`.

    Args:
      x: `(..., 4)`, `(v, angle, l)`: translation, radians, log of the scale.

    Returns:
      `(..., 4, 4)`.

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
    key: jax.Array,
    shape: Sequence[int] = (),
    *,
    translation_scale: float = 1.0,
    log_scale_deviation: float = 0.5,
    dtype: DTypeLike = float,
) -> jax.Array:
    """Random similarities: a rotation of Haar measure, a log-normal scale, a Gaussian translation.

    Args:
      key: of `jax.random`.
      shape: static, leading axes.
      translation_scale: standard deviation of each component, in the unit of length.
      log_scale_deviation: standard deviation of the logarithm of the scale, whose mean is 0.
      dtype: static, float32 or float64.

    Returns:
      `(*shape, 3, 3)`. There is no Haar probability measure: the group is not compact.
    """
    key_rotation, key_scale, key_translation = jax.random.split(key, 3)
    scale = jnp.exp(log_scale_deviation * jax.random.normal(key_scale, (*shape, 1, 1), dtype))
    return homogeneous.join_parts(
        scale * so2.sample_haar(key_rotation, shape, dtype=dtype),
        translation_scale * jax.random.normal(key_translation, (*shape, 2), dtype),
    )


@jax.jit
def distance(a: jax.Array, b: jax.Array) -> jax.Array:
    """The Euclidean norm of `log(a^-1 b)`: left-invariant.

    Args:
      a: `(..., 3, 3)`, similarities.
      b: `(..., 3, 3)`; leading axes broadcast.

    Returns:
      `(...)`.

    A unit of length counts as much as a radian and as a factor e of the scale. It is no geodesic distance.
    Its derivative is 0 where it is 0.
    Raises, transformations: as `so3.exp`.
    """
    return safe_norm(log(compose(inverse(a), b)))


@jax.jit
def project(matrix: jax.Array) -> jax.Array:
    """The nearest similarity: the block to its nearest one, the translation as it is, the last row not read.

    Args:
      matrix: `(..., 3, 3)`.

    Returns:
      `(..., 3, 3)`; of a block to which only 0 is nearest, the unit matrix.

    Raises, transformations: as `so3.exp`.
    """
    block, t, dtype = split_motion("matrix", matrix, 2)
    real, imaginary = nearest_complex(block)
    zero = (real == 0) & (imaginary == 0)
    return join_motion(turn_matrix((jnp.where(zero, 1.0, real), imaginary)), t, dtype)


def check_element(g: ArrayLike) -> None:
    """Checks on the host, not under jit, that matrices are similarities to rounding.

    Args:
      g: `(..., 3, 3)`.

    Raises:
      ValueError: they are not, or not finite, or have another shape.
    """
    host, rounding = checked_on_host("g", g, 3)
    require_last_row("g", host, 1.0)
    require_similarities("the block of g", host[..., :2, :2], rounding)


def check_algebra(matrix: ArrayLike) -> None:
    """Checks on the host, not under jit, that matrices are in the algebra to rounding.

    Args:
      matrix: `(..., 3, 3)`.

    Raises:
      ValueError: they are not, or not finite, or have another shape.
    """
    host, rounding = checked_on_host("matrix", matrix, 3)
    require_last_row("matrix", host, 0.0)
    require_skew("the block of matrix", host[..., :2, :2], rounding, with_scale=True)
