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
    """The matrix `(..., 4, 4)` of coordinates."""
    v, w, log_scale, dtype = _split(x)
    return join_generator(_generator(w, log_scale), v, dtype)


def _split(x):
    parts, dtype = split_vectors("x", x, 7, axis_first=True)
    return parts[:3], parts[3:6], parts[6], dtype


def _generator(w, log_scale):
    return plus_matrices(scaled_matrix(log_scale, _UNIT), cross_matrix(w))


@jax.jit
def vee(matrix: jax.Array) -> jax.Array:
    """The coordinates `(..., 7)` of the nearest element of the algebra; the last row is not read."""
    block, v, dtype = split_motion("matrix", matrix, 3)
    log_scale = (block[0][0] + block[1][1] + block[2][2]) / 3
    return join_vector([*v, *skew_part(block), log_scale], dtype)


@jax.jit
def exp(x: jax.Array) -> jax.Array:
    """The similarity: rotation by w, scale `e^l`, translation by `V v`, `V = a I + b W + c W^2`."""
    v, w, log_scale, dtype = _split(x)
    w, log_scale = within_range(w), within_scales(log_scale)
    coefficients = similarity_coefficients(square_length(w), log_scale)
    return join_motion(scaled_matrix(jnp.exp(log_scale), rotation(w)), twisted(w, v, coefficients), dtype)


@jax.jit
def log(g: jax.Array) -> jax.Array:
    """The coordinates, with a rotation vector of length pi at most; see `so3.log`."""
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
    """The product `a b`."""
    return homogeneous.compose_motions(a, b, 3)


@jax.jit
def inverse(g: jax.Array) -> jax.Array:
    """`[[A^-1, -A^-1 t], [0, 1]]` of `A = s R`, whose inverse is `A^T / s^2`."""
    block, t, dtype = split_motion("g", g, 3)
    square = _square_scale(block)
    square = jnp.where(square == 0, 1.0, square)
    return join_inverse(scaled_matrix(1 / square, transposed(block)), t, dtype)


@jax.jit
def act(g: jax.Array, points: jax.Array) -> jax.Array:
    """Points `(..., 3)`, mapped: `s R p + t`."""
    return homogeneous.act_on_points(g, points, 3)


@jax.jit
def adjoint(g: jax.Array) -> jax.Array:
    """`(..., 7, 7)`, `g hat(x) g^-1 = hat(adjoint(g) x)`: `[[s R, T R, -t], [0, R, 0], [0, 0, 1]]`, T of `t x .`."""
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
    """`(..., 7, 7)`, the matrix of the bracket with x: `[[l I + W, V, -v], [0, W, 0], [0, 0, 0]]`, V of `v x .`."""
    v, w, log_scale, dtype = _split(x)
    return _seven(_generator(w, log_scale), cross_matrix(v), scaled(-1.0, v), cross_matrix(w), 0.0, dtype)


@jax.jit
def left_jacobian(x: jax.Array) -> jax.Array:
    """`(..., 7, 7)`, `exp(x + d) ~ exp(left_jacobian(x) d) exp(x)`: `[[V, Q, q], [0, J, 0], [0, 0, 1]]`, J of so3."""
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
    """Of the left Jacobian; large but finite at whole turns, where there is none."""
    v, w, log_scale, dtype = _split(x)
    w, log_scale = within_range(w), within_scales(log_scale)
    coefficients, coupling, column, _ = _jacobian_blocks(v, w, log_scale)
    first = twist_matrix(w, _inverse_coefficients(square_length(w), coefficients))
    first, second = (first, jacobian_inverse(w))
    coupling = scaled_matrix(-1.0, times(first, times(coupling, second)))
    return _seven(first, coupling, scaled(-1.0, apply(first, column)), second, 1.0, dtype)


@jax.jit
def right_jacobian(x: jax.Array) -> jax.Array:
    """`(..., 7, 7)`, `exp(x + d) ~ exp(x) exp(right_jacobian(x) d)`: the left one of -x."""
    return left_jacobian(-x)


@jax.jit
def right_jacobian_inverse(x: jax.Array) -> jax.Array:
    """Of the right Jacobian; large but finite at whole turns, where there is none."""
    return left_jacobian_inverse(-x)


def identity(dtype: DTypeLike = float) -> jax.Array:
    """The unit matrix `(4, 4)`."""
    return jnp.eye(4, dtype=dtype)


def sample(
    key: jax.Array,
    shape: Sequence[int] = (),
    *,
    translation_scale: float = 1.0,
    log_scale_deviation: float = 0.5,
    dtype: DTypeLike = float,
) -> jax.Array:
    """`(*shape, 4, 4)`: rotation of Haar measure, log-normal scale, Gaussian translation.

    `log_scale_deviation` is the standard deviation of the logarithm of the scale, whose mean is 0, `translation_scale`
    that of each component of the translation. There is no Haar probability measure: the group is not compact.
    """
    key_rotation, key_scale, key_translation = jax.random.split(key, 3)
    scale = jnp.exp(log_scale_deviation * jax.random.normal(key_scale, (*shape, 1, 1), dtype))
    return homogeneous.join_parts(
        scale * so3.sample_haar(key_rotation, shape, dtype=dtype),
        translation_scale * jax.random.normal(key_translation, (*shape, 3), dtype),
    )


@jax.jit
def distance(a: jax.Array, b: jax.Array) -> jax.Array:
    """The Euclidean norm of `log(a^-1 b)`, `(...,)`: left-invariant; its derivative is 0 where it is 0.

    A unit of length counts as much as a radian and as a factor e of the scale. It is no geodesic distance.
    """
    return safe_norm(log(compose(inverse(a), b)))


@jax.jit
def project(matrix: jax.Array) -> jax.Array:
    """The nearest similarity: the block to its nearest one, the translation as it is, the last row not read.

    Of a block to which only 0 is nearest, its nearest rotation.
    """
    block, t, dtype = split_motion("matrix", matrix, 3)
    turn, _ = split_matrices("matrix", so3.project(join_matrix(block, t[0].dtype)), 3)
    scale = sum(dot(row, turned) for row, turned in zip(block, turn, strict=True)) / 3
    return join_motion(scaled_matrix(jnp.where(scale > 0, scale, 1.0), turn), t, dtype)


def check_element(g: ArrayLike) -> None:
    """Raises ValueError unless g holds similarities to rounding; on the host, not under jit."""
    host, rounding = checked_on_host("g", g, 4)
    require_last_row("g", host, 1.0)
    require_similarities("the block of g", host[..., :3, :3], rounding)


def check_algebra(matrix: ArrayLike) -> None:
    """Raises ValueError unless the matrices are in the algebra to rounding; on the host, not under jit."""
    host, rounding = checked_on_host("matrix", matrix, 4)
    require_last_row("matrix", host, 0.0)
    require_skew("the block of matrix", host[..., :3, :3], rounding, with_scale=True)
