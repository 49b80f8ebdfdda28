"""Sim(3), similarities of space: matrices `[[s R, t], [0, 1]]` `(..., 4, 4)`, algebra vectors `(..., 7)`.

Coordinates are `(v, w, l)`, the translation's first, and `hat` is `[[l I + W, v], [0, 0]]` with W the matrix of
`w x .`: the scale is `s = e^l`. Leading axes are the batch and broadcast; results have the dtype of the arguments,
bfloat16 is computed in float32. Wrong shapes raise ValueError and other than floating dtypes TypeError, at trace time
and naming the argument. The last row of an element is not read. All but the checks go through jit, vmap, jvp and vjp,
any order, right also at the identity and at half-turns. Angles as in `so3`; l is bounded where its exponential would
leave the range of the dtype (float32: 79, float64: 638).

References: Eade, Lie groups for computer vision (2014); Strasdat, Local accuracy and global consistency for efficient
visual SLAM (2012), for V.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike, DTypeLike

from jaxinv.kernels.lie_groups import homogeneous, so3
from jaxinv.kernels.lie_groups.components import (
    Matrix,
    Vector,
    apply,
    blocks,
    cross_matrix,
    dot,
    join_matrix,
    join_vector,
    plus,
    plus_matrices,
    scaled,
    scaled_matrix,
    split_matrices,
    split_vectors,
    times,
    transposed,
    zeros,
)
from jaxinv.kernels.lie_groups.homogeneous import join_generator, join_inverse, join_motion, split_motion
from jaxinv.kernels.lie_groups.membership import checked_on_host, require_last_row, require_similarities, require_skew
from jaxinv.kernels.lie_groups.spatial_rotations import (
    jacobian,
    jacobian_inverse,
    rotation,
    rotation_vector,
    skew_part,
    square_length,
    twist_matrix,
    twisted,
    twisted_slopes,
    within_range,
)
from jaxinv.kernels.lie_groups.trigonometric_series import similarity_coefficients, within_scales
from jaxinv.kernels.numerics.safe import safe_log, safe_norm

_UNIT = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]


@jax.jit
def hat(x: jax.Array) -> jax.Array:
    """The matrix `[[l I + W, v], [0, 0]]` of coordinates.

    Args:
      x: `(..., 7)`, `(v, w, l)`: translation, axis times angle, log of the scale.

    Returns:
      `(..., 4, 4)`.

    Raises, transformations: as `so3.exp`.
    """
    v, w, log_scale, dtype = _split(x)
    return join_generator(_generator(w, log_scale), v, dtype)


def _split(x):
    parts, dtype = split_vectors("x", x, 7, axis_first=True)
    return parts[:3], parts[3:6], parts[6], dtype


def _generator(w, log_scale):
    return plus_matrices(scaled_matrix(log_scale, _UNIT), cross_matrix(w))


@jax.jit
def vee(matrix: jax.Array) -> jax.Array:
    """The inverse of `hat`: coordinates of the nearest element of the algebra; the last row is not read.

    Args:
      matrix: `(..., 4, 4)`.

    Returns:
      `(..., 7)`, `(v, w, l)`: translation, axis times angle, log of the scale.

    Raises, transformations: as `so3.exp`.
    """
    block, v, dtype = split_motion("matrix", matrix, 3)
    log_scale = (block[0][0] + block[1][1] + block[2][2]) / 3
    return join_vector([*v, *skew_part(block), log_scale], dtype)


@jax.jit
def exp(x: jax.Array) -> jax.Array:
    """The similarity: rotation by w, scale `e^l`, translation by `V v`, `V = a I + b W + c W^2`.

    Args:
      x: `(..., 7)`, `(v, w, l)`: translation, axis times angle, log of the scale.

    Returns:
      `(..., 4, 4)`.

    Raises, transformations: as `so3.exp`.
    """
    v, w, log_scale, dtype = _split(x)
    w, log_scale = within_range(w), within_scales(log_scale)
    coefficients = similarity_coefficients(square_length(w), log_scale)
    return join_motion(scaled_matrix(jnp.exp(log_scale), rotation(w)), twisted(w, v, coefficients), dtype)


@jax.jit
def log(g: jax.Array) -> jax.Array:
    """The coordinates of a similarity.

    Args:
      g: `(..., 4, 4)`, similarities.

    Returns:
      `(..., 7)`, with a rotation vector of length pi at most; see `so3.log`.

    Raises, transformations: as `so3.exp`.
    """
    block, t, dtype = split_motion("g", g, 3, axis_first=True)
    log_scale = 0.5 * safe_log(_square_scale(block))
    w = rotation_vector(scaled_matrix(jnp.exp(-log_scale), block))
    z = square_length(w)
    back = _inverse_coefficients(z, similarity_coefficients(z, log_scale))
    return join_vector([*twisted(w, t, back), *w, log_scale], dtype)


def _square_scale(block):
    entries = [entry for row in block for entry in row]
    return dot(entries, entries) / 3


def _inverse_coefficients(z, coefficients):
    """Of `V^-1`, whose eigenvalue along w is 1 / a and across it `1 / (p +- i t b)`, `p = a - z c`."""
    a, b, c = coefficients
    p = a - z * c
    norm = jnp.maximum(p * p + z * b * b, float(jnp.finfo(z.dtype).eps) ** 2)
    return 1 / a, -b / norm, (b * b - p * c) / (a * norm)


@jax.jit
def compose(a: jax.Array, b: jax.Array) -> jax.Array:
    """The product `a b`: first b, then a.

    Args:
      a: `(..., 4, 4)`, similarities.
      b: `(..., 4, 4)`; leading axes broadcast.

    Returns:
      `(..., 4, 4)` in the dtype of both together.

    Raises, transformations: as `so3.exp`.
    """
    return homogeneous.compose_motions(a, b, 3)


@jax.jit
def inverse(g: jax.Array) -> jax.Array:
    """The inverse similarity `[[A^-1, -A^-1 t], [0, 1]]` of `A = s R`, whose inverse is `A^T / s^2`.

    Args:
      g: `(..., 4, 4)`, similarities.

    Returns:
      `(..., 4, 4)`.

    Raises, transformations: as `so3.exp`.
    """
    block, t, dtype = split_motion("g", g, 3)
    square = _square_scale(block)
    square = jnp.where(square == 0, 1.0, square)
    return join_inverse(scaled_matrix(1 / square, transposed(block)), t, dtype)


@jax.jit
def act(g: jax.Array, points: jax.Array) -> jax.Array:
    """Maps points: `s R p + t`.

    Args:
      g: `(..., 4, 4)`, similarities.
      points: `(..., 3)`; leading axes broadcast with those of g.

    Returns:
      `(..., 3)` in the dtype of both together.

    Raises, transformations: as `so3.exp`.
    """
    return homogeneous.act_on_points(g, points, 3)


@jax.jit
def adjoint(g: jax.Array) -> jax.Array:
    """The matrix of conjugation on coordinates: `g hat(x) g^-1 = hat(adjoint(g) x)`.

    Args:
      g: `(..., 4, 4)`, similarities.

    Returns:
      `(..., 7, 7)`: `[[s R, T R, -t], [0, R, 0], [0, 0, 1]]` with T the matrix of `t x .`.

    Raises, transformations: as `so3.exp`.
    """
    block, t, dtype = split_motion("g", g, 3)
    square = _square_scale(block)
    turn = scaled_matrix(jnp.where(square == 0, 1.0, jnp.where(square == 0, 1.0, square) ** -0.5), block)
    return _seven(block, times(cross_matrix(t), turn), scaled(-1.0, t), turn, 1.0, dtype)


def _seven(first: Matrix, coupling: Matrix, column: Vector, second: Matrix, corner: float, dtype):
    """`[[first, coupling, column], [0, second, 0], [0, 0, corner]]`."""
    side, nothing = [[entry] for entry in column], zeros(3, 1)
    grid = [[first, coupling, side], [zeros(3, 3), second, nothing], [zeros(1, 3), zeros(1, 3), [[corner]]]]
    return join_matrix(blocks(grid), dtype)


@jax.jit
def ad(x: jax.Array) -> jax.Array:
    """The matrix of the bracket with x: `ad(x) y = vee(X Y - Y X)`, `X = hat(x)`, `Y = hat(y)`.

    Args:
      x: `(..., 7)`, `(v, w, l)`: translation, axis times angle, log of the scale.

    Returns:
      `(..., 7, 7)`: `[[l I + W, V, -v], [0, W, 0], [0, 0, 0]]` with V the matrix of `v x .`.

    Raises, transformations: as `so3.exp`.
    """
    v, w, log_scale, dtype = _split(x)
    return _seven(_generator(w, log_scale), cross_matrix(v), scaled(-1.0, v), cross_matrix(w), 0.0, dtype)


@jax.jit
def left_jacobian(x: jax.Array) -> jax.Array:
    """The left Jacobian of the exponential: `exp(x + d) ~ exp(left_jacobian(x) d) exp(x)`.

    Args:
      x: `(..., 7)`, `(v, w, l)`: translation, axis times angle, log of the scale.

    Returns:
      `(..., 7, 7)`: `[[V, Q, q], [0, J, 0], [0, 0, 1]]` with J of `so3`.

    Raises, transformations: as `so3.exp`.
    """
    v, w, log_scale, dtype = _split(x)
    w, log_scale = within_range(w), within_scales(log_scale)
    coefficients, coupling, column, turning = _jacobian_blocks(v, w, log_scale)
    return _seven(twist_matrix(w, coefficients), coupling, column, turning, 1.0, dtype)


def _jacobian_blocks(v, w, log_scale):
    """Coefficients of V; Q and q, the change of t by w and by l less what turn and scale about the origin do; and J."""
    z, one = square_length(w), jnp.ones_like(log_scale)
    coefficients, (_, *by_square) = jax.jvp(lambda z: similarity_coefficients(z, log_scale), (z,), (one,))
    _, by_scale = jax.jvp(lambda x: similarity_coefficients(z, x), (log_scale,), (one,))
    turning, translation = (jacobian(w), twisted(w, v, coefficients))
    slope = twisted_slopes(w, v, coefficients, tuple(by_square))
    coupling = plus_matrices(slope, times(cross_matrix(translation), turning))
    column = plus(twisted(w, v, by_scale), scaled(-1.0, translation))
    return coefficients, *(coupling, column, turning)


@jax.jit
def left_jacobian_inverse(x: jax.Array) -> jax.Array:
    """The inverse of `left_jacobian`.

    Args:
      x: `(..., 7)`, `(v, w, l)`: translation, axis times angle, log of the scale.

    Returns:
      `(..., 7, 7)`. Large but finite at whole turns, where there is none.

    Raises, transformations: as `so3.exp`.
    """
    v, w, log_scale, dtype = _split(x)
    w, log_scale = within_range(w), within_scales(log_scale)
    coefficients, coupling, column, _ = _jacobian_blocks(v, w, log_scale)
    first = twist_matrix(w, _inverse_coefficients(square_length(w), coefficients))
    first, second = (first, jacobian_inverse(w))
    coupling = scaled_matrix(-1.0, times(first, times(coupling, second)))
    return _seven(first, coupling, scaled(-1.0, apply(first, column)), second, 1.0, dtype)


@jax.jit
def right_jacobian(x: jax.Array) -> jax.Array:
    """The right Jacobian of the exponential: `exp(x + d) ~ exp(x) exp(right_jacobian(x) d)`, the left one of -x.

    Args:
      x: `(..., 7)`, `(v, w, l)`: translation, axis times angle, log of the scale.

    Returns:
      `(..., 7, 7)`.

    Raises, transformations: as `so3.exp`.
    """
    return left_jacobian(-x)


@jax.jit
def right_jacobian_inverse(x: jax.Array) -> jax.Array:
    """The inverse of `right_jacobian`, as `left_jacobian_inverse`.

    Args:
      x: `(..., 7)`, `(v, w, l)`: translation, axis times angle, log of the scale.

    Returns:
      `(..., 7, 7)`.

    Raises, transformations: as `so3.exp`.
    """
    return left_jacobian_inverse(-x)


def identity(dtype: DTypeLike = float) -> jax.Array:
    """The unit matrix.

    Args:
      dtype: static.

    Returns:
      `(4, 4)`.
    """
    return jnp.eye(4, dtype=dtype)


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
      `(*shape, 4, 4)`. There is no Haar probability measure: the group is not compact.
    """
    key_rotation, key_scale, key_translation = jax.random.split(key, 3)
    scale = jnp.exp(log_scale_deviation * jax.random.normal(key_scale, (*shape, 1, 1), dtype))
    return homogeneous.join_parts(
        scale * so3.sample_haar(key_rotation, shape, dtype=dtype),
        translation_scale * jax.random.normal(key_translation, (*shape, 3), dtype),
    )


@jax.jit
def distance(a: jax.Array, b: jax.Array) -> jax.Array:
    """The Euclidean norm of `log(a^-1 b)`: left-invariant.

    Args:
      a: `(..., 4, 4)`, similarities.
      b: `(..., 4, 4)`; leading axes broadcast.

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
      matrix: `(..., 4, 4)`.

    Returns:
      `(..., 4, 4)`; of a block to which only 0 is nearest, its nearest rotation.

    Raises, transformations: as `so3.exp`.
    """
    block, t, dtype = split_motion("matrix", matrix, 3)
    turn, _ = split_matrices("matrix", so3.project(join_matrix(block, t[0].dtype)), 3)
    scale = sum(dot(row, turned) for row, turned in zip(block, turn, strict=True)) / 3
    return join_motion(scaled_matrix(jnp.where(scale > 0, scale, 1.0), turn), t, dtype)


def check_element(g: ArrayLike) -> None:
    """Checks on the host, not under jit, that matrices are similarities to rounding.

    Args:
      g: `(..., 4, 4)`.

    Raises:
      ValueError: they are not, or not finite, or have another shape.
    """
    host, rounding = checked_on_host("g", g, 4)
    require_last_row("g", host, 1.0)
    require_similarities("the block of g", host[..., :3, :3], rounding)


def check_algebra(matrix: ArrayLike) -> None:
    """Checks on the host, not under jit, that matrices are in the algebra to rounding.

    Args:
      matrix: `(..., 4, 4)`.

    Raises:
      ValueError: they are not, or not finite, or have another shape.
    """
    host, rounding = checked_on_host("matrix", matrix, 4)
    require_last_row("matrix", host, 0.0)
    require_skew("the block of matrix", host[..., :3, :3], rounding, with_scale=True)
