"""Closed forms of 2x2 matrices as stretch and turn, smooth where the stretch is the same in all directions.

On the plane of complex numbers a matrix acts as `z -> alpha z + beta conj(z)`. Its singular values are
`|alpha| + |beta|` and `|alpha| - |beta|`, its rotation is `alpha / |alpha|`, and the axes of its stretch follow from
beta, which a multiple of a rotation leaves at 0: every formula here is a function of beta and `|beta|^2`.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

# Of |beta|^2 / |alpha|^2 below it the series, whose next term is below 1e-19.
_SMALL = 0.01
_TERMS = 9


class PlanarCartan(NamedTuple):
    """`exp([[mean + along, across], [across, mean - along]])` times the rotation by `angle`."""

    mean: jax.Array
    along: jax.Array
    across: jax.Array
    angle: jax.Array


def entries(matrix: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """The four entries of `(..., 2, 2)`, row by row."""
    return matrix[..., 0, 0], matrix[..., 0, 1], matrix[..., 1, 0], matrix[..., 1, 1]


def from_entries(a: jax.Array, b: jax.Array, c: jax.Array, d: jax.Array) -> jax.Array:
    """`(..., 2, 2)` of its entries, row by row."""
    return jnp.stack([jnp.stack([a, b], -1), jnp.stack([c, d], -1)], -2)


def planar_cartan(matrix: jax.Array) -> PlanarCartan:
    """Splits `(..., 2, 2)` of positive determinant.

    The angle is in (-pi, pi]. Of other determinants the numbers are finite and mean nothing.
    """
    scale = jax.lax.stop_gradient(jnp.max(jnp.abs(matrix), axis=(-2, -1)))
    scale = jnp.where(scale == 0, 1.0, scale)
    a, b, c, d = (entry / scale for entry in entries(matrix))
    real, imaginary = (a + d) / 2, (c - b) / 2
    along, across = (a - d) / 2, (b + c) / 2
    # Zero only where the determinant is not positive.
    is_zero = (real == 0) & (imaginary == 0)
    real = jnp.where(is_zero, 1.0, real)
    angle = jnp.arctan2(imaginary, real)
    half_turn = jnp.asarray(np.pi, angle.dtype)
    angle = angle + jnp.where(angle <= -half_turn, 2 * half_turn, 0.0)
    turned, other = real * real + imaginary * imaginary, along * along + across * across
    least = jnp.asarray(jnp.finfo(matrix.dtype).eps, matrix.dtype) ** 2
    determinant = a * d - b * c
    determinant = jnp.where(determinant > least, determinant, least)
    # beta / conj(alpha) times |alpha|^2: the axes of the stretch, before the rotation.
    along, across = along * real - across * imaginary, along * imaginary + across * real
    ratio = other / turned
    is_small = ratio < _SMALL
    series = _inverse_hyperbolic_series(jnp.where(is_small, ratio, 0.0)) / turned
    other = jnp.sqrt(jnp.where(is_small, 1.0, other))
    turned = jnp.sqrt(turned)
    logarithm = jnp.log1p(2 * other * (turned + other) / determinant) / (2 * other * turned)
    factor = jnp.where(is_small, series, logarithm)
    return PlanarCartan(jnp.log(determinant) / 2 + jnp.log(scale), factor * along, factor * across, angle)


def planar_polar(matrix: jax.Array, side: str) -> tuple[jax.Array, jax.Array]:
    """Orthogonal factor, and stretch on the "left" or "right", of `(..., 2, 2)`; of zero, the unit matrix and zero."""
    scale = jax.lax.stop_gradient(jnp.max(jnp.abs(matrix), axis=(-2, -1)))
    inverse = 1.0 / jnp.where(scale == 0, 1.0, scale)
    a, b, c, d = entries(matrix)
    real, imaginary = (a + d) * inverse, (c - b) * inverse
    along, across = (a - d) * inverse, (b + c) * inverse
    turned, other = real * real + imaginary * imaginary, along * along + across * across
    # Where the determinant is negative, it is the reflection `z -> beta conj(z)` that is the larger part.
    is_turn = turned >= other
    x, y = jnp.where(is_turn, real, along), jnp.where(is_turn, imaginary, across)
    square = jnp.where(is_turn, turned, other)
    is_zero = square == 0
    shrink = jax.lax.rsqrt(jnp.where(is_zero, 1.0, square))
    x, y = jnp.where(is_zero, 1.0, x * shrink), y * shrink
    sign = jnp.where(is_turn, 1.0, -1.0).astype(x.dtype)
    p, q, r, s = x, -sign * y, y, sign * x
    if side == "left":
        first, between, last = a * p + b * q, ((a * r + b * s) + (c * p + d * q)) / 2, c * r + d * s
    else:
        first, between, last = p * a + r * c, ((p * b + r * d) + (q * a + s * c)) / 2, q * b + s * d
    return from_entries(p, q, r, s), from_entries(first, between, between, last)


def planar_matrix(mean: jax.Array, along: jax.Array, across: jax.Array, angle: jax.Array) -> jax.Array:
    """The matrix `(..., 2, 2)` of these numbers; values that overflow are held at a tenth of the largest number."""
    real, axis_1, axis_2 = _stretch(mean, along, across)
    cosine, sine = jnp.cos(angle), jnp.sin(angle)
    return _join(real * cosine, real * sine, axis_1 * cosine + axis_2 * sine, axis_2 * cosine - axis_1 * sine)


def planar_inverse(mean: jax.Array, along: jax.Array, across: jax.Array, angle: jax.Array) -> jax.Array:
    """The inverse of `planar_matrix` of the same numbers, from the opposite ones: no division."""
    real, axis_1, axis_2 = _stretch(-mean, -along, -across)
    cosine, sine = jnp.cos(angle), -jnp.sin(angle)
    return _join(real * cosine, real * sine, axis_1 * cosine - axis_2 * sine, axis_2 * cosine + axis_1 * sine)


def _stretch(mean, along, across):
    """alpha, and real and imaginary part of beta, of the exponential of a symmetric matrix."""
    square = along * along + across * across
    is_small = square < _SMALL
    large = jnp.sqrt(jnp.where(is_small, 1.0, square))
    cap = jnp.asarray(np.log(jnp.finfo(square.dtype).max / 10), square.dtype)
    held = jnp.minimum(large, cap)
    mean = jnp.minimum(mean, cap - jnp.where(is_small, 0.0, held))
    small = jnp.where(is_small, square, 0.0)
    growth = jnp.exp(mean)
    grown, shrunk = jnp.exp(mean + held) / 2, jnp.exp(mean - held) / 2
    real = jnp.where(is_small, growth * _series(small, _COSH), grown + shrunk)
    # sinh by a difference: from |x| = 0.1 on it loses a factor of ten at most.
    factor = jnp.where(is_small, growth * _series(small, _SINHC), (grown - shrunk) / large)
    return real, factor * along, factor * across


_COSH = tuple(1.0 / np.prod(np.arange(1, 2 * k + 1), dtype=float) for k in range(6))
_SINHC = tuple(1.0 / np.prod(np.arange(1, 2 * k + 2), dtype=float) for k in range(6))


def _series(square, coefficients):
    value = jnp.full_like(square, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        value = value * square + coefficient
    return value


def _inverse_hyperbolic_series(square):
    """`atanh(x) / x` in powers of x^2."""
    return _series(square, tuple(1.0 / (2 * k + 1) for k in range(_TERMS)))


def _join(real, imaginary, along, across):
    return from_entries(real + along, across - imaginary, across + imaginary, real - along)
