"""SE(3), rigid motions of space: matrices `[[R, t], [0, 1]]` `(..., 4, 4)`, algebra vectors `(..., 6)`.

Coordinates are `(v, w)`, the translation's first, and `hat` is `[[W, v], [0, 0]]` with W the matrix of `w x .`. Leading
axes are the batch and broadcast; results have the dtype of the arguments, bfloat16 is computed in float32. Wrong shapes
raise ValueError and other than floating dtypes TypeError, at trace time and naming the argument. The last row of an
element is not read. All but the checks go through jit, vmap, jvp and vjp, any order, right also at the identity and at
half-turns. Angles as in `so3`.

References: Barfoot, Furgale, Associating uncertainty with three-dimensional poses, IEEE T-RO 30 (2014); Solà, Deray,
Atchuthan, A micro Lie theory for state estimation in robotics, arXiv:1812.01537.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike, DTypeLike

from jaxinv.kernels.lie_groups import homogeneous, so3
from jaxinv.kernels.lie_groups.components import (
    Matrix,
    blocks,
    cross_matrix,
    join_matrix,
    join_vector,
    plus_matrices,
    scaled_matrix,
    split_matrices,
    split_vectors,
    times,
    transposed,
    zeros,
)
from jaxinv.kernels.lie_groups.homogeneous import join_generator, join_inverse, join_motion, split_motion
from jaxinv.kernels.lie_groups.membership import checked_on_host, require_last_row, require_rotations, require_skew
from jaxinv.kernels.lie_groups.spatial_rotations import (
    jacobian,
    jacobian_inverse,
    rotation,
    rotation_vector,
    skew_part,
    square_length,
    times_jacobian_inverse,
    twisted,
    twisted_slopes,
    within_range,
)
from jaxinv.kernels.lie_groups.trigonometric_series import stumpff
from jaxinv.kernels.numerics.safe import safe_norm


@jax.jit
def hat(x: jax.Array) -> jax.Array:
    """The matrix `[[W, v], [0, 0]]` of the algebra with these coordinates.

    Args:
      x: `(..., 6)`, `(v, w)`: translation, then axis times angle.

    Returns:
      `(..., 4, 4)`.

    Raises, transformations: as `so3.exp`.
    """
    v, w, dtype = _split(x)
    return join_generator(cross_matrix(w), v, dtype)


def _split(x):
    parts, dtype = split_vectors("x", x, 6)
    return parts[:3], parts[3:], dtype


@jax.jit
def vee(matrix: jax.Array) -> jax.Array:
    """The inverse of `hat`; of the 3x3 block it takes the antisymmetric part, and the last row is not read.

    Args:
      matrix: `(..., 4, 4)`.

    Returns:
      `(..., 6)`, `(v, w)`: translation, then axis times angle.

    Raises, transformations: as `so3.exp`.
    """
    block, v, dtype = split_motion("matrix", matrix, 3)
    return join_vector([*v, *skew_part(block)], dtype)


@jax.jit
def exp(x: jax.Array) -> jax.Array:
    """The motion with these coordinates: rotation by w, translation by `so3.left_jacobian(w) v`.

    Args:
      x: `(..., 6)`, `(v, w)`: translation, then axis times angle.

    Returns:
      `(..., 4, 4)`.

    Raises, transformations: as `so3.exp`.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels.lie_groups import se3
      >>> screw = se3.exp(jnp.array([0.0, 0.0, 5.0, 0.0, 0.0, jnp.pi / 2]))  # along z and about z
      >>> se3.act(screw, jnp.array([1.0, 2.0, 3.0])).round()
      Array([-2.,  1.,  8.], dtype=float32)
    """
    v, w, dtype = _split(x)
    w = within_range(w)
    *_, versine, third = stumpff(square_length(w), 4)
    return join_motion(rotation(w), twisted(w, v, (1.0, versine, third)), dtype)


@jax.jit
def log(g: jax.Array) -> jax.Array:
    """The coordinates of a motion.

    Args:
      g: `(..., 4, 4)`, rigid motions.

    Returns:
      `(..., 6)`, with a rotation vector of length pi at most; see `so3.log`.

    Raises, transformations: as `so3.exp`.
    """
    block, t, dtype = split_motion("g", g, 3)
    w = rotation_vector(block)
    return join_vector([*times_jacobian_inverse(w, t), *w], dtype)


@jax.jit
def compose(a: jax.Array, b: jax.Array) -> jax.Array:
    """The product `a b`: first b, then a.

    Args:
      a: `(..., 4, 4)`, rigid motions.
      b: `(..., 4, 4)`; leading axes broadcast.

    Returns:
      `(..., 4, 4)` in the dtype of both together.

    Raises, transformations: as `so3.exp`.
    """
    return homogeneous.compose_motions(a, b, 3)


@jax.jit
def inverse(g: jax.Array) -> jax.Array:
    """The inverse motion `[[R^T, -R^T t], [0, 1]]`.

    Args:
      g: `(..., 4, 4)`, rigid motions.

    Returns:
      `(..., 4, 4)`.

    Raises, transformations: as `so3.exp`.
    """
    block, t, dtype = split_motion("g", g, 3)
    return join_inverse(transposed(block), t, dtype)


@jax.jit
def act(g: jax.Array, points: jax.Array) -> jax.Array:
    """Moves points: `R p + t`.

    Args:
      g: `(..., 4, 4)`, rigid motions.
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
      g: `(..., 4, 4)`, rigid motions.

    Returns:
      `(..., 6, 6)`: `[[R, T R], [0, R]]` with T the matrix of `t x .`.

    Raises, transformations: as `so3.exp`.
    """
    block, t, dtype = split_motion("g", g, 3)
    return join_matrix(blocks([[block, times(cross_matrix(t), block)], [zeros(3, 3), block]]), dtype)


@jax.jit
def ad(x: jax.Array) -> jax.Array:
    """The matrix of the bracket with x: `ad(x) y = vee(X Y - Y X)`, `X = hat(x)`, `Y = hat(y)`.

    Args:
      x: `(..., 6)`, `(v, w)`: translation, then axis times angle.

    Returns:
      `(..., 6, 6)`: `[[W, V], [0, W]]` with V the matrix of `v x .`.

    Raises, transformations: as `so3.exp`.
    """
    v, w, dtype = _split(x)
    return join_matrix(blocks([[cross_matrix(w), cross_matrix(v)], [zeros(3, 3), cross_matrix(w)]]), dtype)


@jax.jit
def left_jacobian(x: jax.Array) -> jax.Array:
    """The left Jacobian of the exponential: `exp(x + d) ~ exp(left_jacobian(x) d) exp(x)`.

    Args:
      x: `(..., 6)`, `(v, w)`: translation, then axis times angle.

    Returns:
      `(..., 6, 6)`: `[[J, Q], [0, J]]` with J of `so3`.

    Raises, transformations: as `so3.exp`.
    """
    v, w, dtype = _split(x)
    turning, coupling = _jacobian_blocks(v, within_range(w))
    return join_matrix(blocks([[turning, coupling], [zeros(3, 3), turning]]), dtype)


def _jacobian_blocks(v, w) -> tuple[Matrix, Matrix]:
    """J and Q: the change of t by w, and the moment of t that the turn about the origin adds."""
    *_, versine, third, fourth, fifth = stumpff(square_length(w), 6)
    versine, third, slopes = (versine, third, (fourth - 0.5 * third, 1.5 * fifth - 0.5 * fourth))
    coefficients = (1.0, versine, third)
    turning, translation = (jacobian(w), twisted(w, v, coefficients))
    slope = twisted_slopes(w, v, coefficients, slopes)
    return (turning, plus_matrices(slope, times(cross_matrix(translation), turning)))


@jax.jit
def left_jacobian_inverse(x: jax.Array) -> jax.Array:
    """The inverse of `left_jacobian`.

    Args:
      x: `(..., 6)`, `(v, w)`: translation, then axis times angle.

    Returns:
      `(..., 6, 6)`. Large but finite at whole turns, where there is none.

    Raises, transformations: as `so3.exp`.
    """
    v, w, dtype = _split(x)
    w = within_range(w)
    back = jacobian_inverse(w)
    coupling = scaled_matrix(-1.0, times(back, times(_jacobian_blocks(v, w)[1], back)))
    return join_matrix(blocks([[back, coupling], [zeros(3, 3), back]]), dtype)


@jax.jit
def right_jacobian(x: jax.Array) -> jax.Array:
    """The right Jacobian of the exponential: `exp(x + d) ~ exp(x) exp(right_jacobian(x) d)`, the left one of -x.

    Args:
      x: `(..., 6)`, `(v, w)`: translation, then axis times angle.

    Returns:
      `(..., 6, 6)`.

    Raises, transformations: as `so3.exp`.
    """
    return left_jacobian(-x)


@jax.jit
def right_jacobian_inverse(x: jax.Array) -> jax.Array:
    """The inverse of `right_jacobian`, as `left_jacobian_inverse`.

    Args:
      x: `(..., 6)`, `(v, w)`: translation, then axis times angle.

    Returns:
      `(..., 6, 6)`.

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
    key: jax.Array, shape: Sequence[int] = (), *, translation_scale: float = 1.0, dtype: DTypeLike = float
) -> jax.Array:
    """Random motions: a rotation of Haar measure, and a Gaussian translation.

    Args:
      key: of `jax.random`.
      shape: static, leading axes.
      translation_scale: standard deviation of each component, in the unit of length.
      dtype: static, float32 or float64.

    Returns:
      `(*shape, 4, 4)`. There is no Haar probability measure: the group is not compact.
    """
    key_rotation, key_translation = jax.random.split(key)
    return homogeneous.join_parts(
        so3.sample_haar(key_rotation, shape, dtype=dtype),
        translation_scale * jax.random.normal(key_translation, (*shape, 3), dtype),
    )


@jax.jit
def distance(a: jax.Array, b: jax.Array) -> jax.Array:
    """The Euclidean norm of `log(a^-1 b)`: left-invariant.

    Args:
      a: `(..., 4, 4)`, rigid motions.
      b: `(..., 4, 4)`; leading axes broadcast.

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
      matrix: `(..., 4, 4)`.

    Returns:
      `(..., 4, 4)`.

    Raises, transformations: as `so3.exp`.
    """
    block, t, dtype = split_motion("matrix", matrix, 3)
    nearest, _ = split_matrices("matrix", so3.project(join_matrix(block, t[0].dtype)), 3)
    return join_motion(nearest, t, dtype)


def check_element(g: ArrayLike) -> None:
    """Checks on the host, not under jit, that matrices are rigid motions to rounding.

    Args:
      g: `(..., 4, 4)`.

    Raises:
      ValueError: they are not, or not finite, or have another shape.
    """
    host, rounding = checked_on_host("g", g, 4)
    require_last_row("g", host, 1.0)
    require_rotations("the block of g", host[..., :3, :3], rounding)


def check_algebra(matrix: ArrayLike) -> None:
    """Checks on the host, not under jit, that matrices are in the algebra to rounding.

    Args:
      matrix: `(..., 4, 4)`.

    Raises:
      ValueError: they are not, or not finite, or have another shape.
    """
    host, rounding = checked_on_host("matrix", matrix, 4)
    require_last_row("matrix", host, 0.0)
    require_skew("the block of matrix", host[..., :3, :3], rounding)
