"""Closed forms of SO(3) on components: rotation of a vector, vector of a rotation, Jacobians."""

import jax
import jax.numpy as jnp

from jaxinv.kernels.lie_groups.components import (
    Component,
    Matrix,
    Vector,
    cross,
    cross_matrix,
    outer,
    plus,
    plus_matrices,
    scaled,
    scaled_matrix,
    times,
    transposed,
)
from jaxinv.kernels.lie_groups.trigonometric_series import arctangent_ratio, cotangent_rest, stumpff


def within_range(w: list[jax.Array]) -> list[jax.Array]:
    """Components bounded so far out, where no digit of an angle is left, that products of them stay finite."""
    limit = 2.0 ** (jnp.finfo(w[0].dtype).maxexp // 4)
    return [jnp.clip(component, -limit, limit) for component in w]


def square_length(w: list[jax.Array]) -> jax.Array:
    """The squared angle."""
    return sum((component * component for component in w[1:]), w[0] * w[0])


def rotation(w: list[jax.Array]) -> Matrix:
    """Rodrigues: `I + sin t / t W + (1 - cos t) / t^2 W^2`."""
    _, sine, versine = stumpff(square_length(w), 3)
    return twist_matrix(w, (1.0, sine, versine))


def jacobian(w: list[jax.Array]) -> Matrix:
    """`I + (1 - cos t) / t^2 W + (t - sin t) / t^3 W^2`."""
    *_, versine, third = stumpff(square_length(w), 4)
    return twist_matrix(w, (1.0, versine, third))


def jacobian_inverse(w: list[jax.Array]) -> Matrix:
    """`I - W / 2 + (1 - (t / 2) cot(t / 2)) / t^2 W^2`."""
    rest = cotangent_rest(square_length(w))
    return twist_matrix(w, (1.0, -0.5, rest))


def twist_matrix(w: list[jax.Array], coefficients: tuple[Component, ...]) -> Matrix:
    """`a I + b W + c W^2` of coefficients a, b, c, with `W^2 = w w^T - t^2 I`."""
    (unit, first, second), (x, y, z) = coefficients, w
    a, b, c = (first * one for one in w)
    xx, yy, zz = (second * one * one for one in w)
    xy, xz, yz = second * x * y, second * x * z, second * y * z
    return [
        [unit - (yy + zz), xy - c, xz + b],
        [xy + c, unit - (xx + zz), yz - a],
        [xz - b, yz + a, unit - (xx + yy)],
    ]


def times_jacobian_inverse(w: list[jax.Array], v: Vector) -> Vector:
    """`jacobian_inverse(w) v`, for vectors of at most half a turn."""
    rest = cotangent_rest(square_length(w), up_to_half_turn=True)
    once = cross(w, v)
    return plus(v, scaled(-0.5, once), scaled(rest, cross(w, once)))


@jax.custom_jvp
def rotation_vector(rows: list[list[jax.Array]]) -> list[jax.Array]:
    """The vector of at most half a turn, by the quaternion: `2 atan2(|v|, |w|) / |v| v` without square root of |v|.

    With `y = |v| / (1 + |w|) = tan(t / 4)` it is `4 / (1 + |w|) (arctan y / y) v`: smooth at 0, and y is at most 1. The
    derivative is that along the group, `J_l^-1` of the change `dR R^T`, whose symmetric part is left out.
    """
    (a, b, c), (d, e, f), (g, h, i) = rows
    # Four multiples of the quaternion (w, x, y, z), by 4 w, 4 x, 4 y, 4 z: one of them, 1 at least, loses no digit.
    by_w = (1 + a + e + i, h - f, c - g, d - b)
    by_x = (h - f, 1 + a - e - i, b + d, c + g)
    by_y = (c - g, b + d, 1 - a + e - i, f + h)
    by_z = (d - b, c + g, f + h, 1 - a - e + i)
    low, first, second = i < 0, a > e, a < -e
    w, *v = (
        jnp.where(low, jnp.where(first, x, y), jnp.where(second, z, w))
        for w, x, y, z in zip(by_w, by_x, by_y, by_z, strict=True)
    )
    square = square_length(v)
    below = jnp.sqrt(w * w + square) + jnp.abs(w)
    factor = jnp.where(w < 0, -4.0, 4.0) * arctangent_ratio(square / (below * below)) / below
    return [factor * one for one in v]


@rotation_vector.defjvp
def _rotation_vector_jvp(primals, tangents):
    (rows,), (changes,) = primals, tangents
    w = rotation_vector(rows)
    return w, times_jacobian_inverse(w, skew_part(times(changes, transposed(rows))))


def skew_part(rows: Matrix) -> Vector:
    """The vector of the antisymmetric part of a matrix."""
    return [0.5 * (rows[i][j] - rows[j][i]) for i, j in ((2, 1), (0, 2), (1, 0))]


def twisted(w: list[jax.Array], v: Vector, coefficients: tuple[Component, ...]) -> Vector:
    """`(a I + b W + c W^2) v`, for coefficients a, b, c."""
    a, b, c = coefficients
    once = cross(w, v)
    return plus(scaled(a, v), scaled(b, once), scaled(c, cross(w, once)))


def twisted_slopes(
    w: list[jax.Array], v: Vector, coefficients: tuple[Component, ...], slopes: tuple[Component, ...]
) -> Matrix:
    """The derivative by w of `twisted`, for b and c with these slopes in `t^2`, and a that does not depend on it."""
    (_, b, c), (b_slope, c_slope) = coefficients, slopes
    once = cross(w, v)
    along = plus(scaled(2 * b_slope, once), scaled(2 * c_slope, cross(w, once)))
    # d(w x v) = -v x dw, and d(w x (w x v)) = -(w x v) x dw - w x (v x dw).
    turning = plus_matrices(cross_matrix(once), times(cross_matrix(w), cross_matrix(v)))
    turning = plus_matrices(scaled_matrix(b, cross_matrix(v)), scaled_matrix(c, turning))
    return plus_matrices(outer(along, w), scaled_matrix(-1.0, turning))
