"""Closed forms of the plane on components: a turn times a scale is a complex number, a pair of its parts."""

import jax
import jax.numpy as jnp

from jaxinv.kernels.lie_groups.components import Component, Matrix, Vector
from jaxinv.kernels.lie_groups.trigonometric_series import similarity_coefficients, stumpff

Complex = tuple[Component, Component]


def turn_matrix(number: Complex) -> Matrix:
    """Multiplication by a complex number."""
    real, imaginary = number
    return [[real, -imaginary], [imaginary, real]]


def complex_times(number: Complex, vector: Vector | Complex) -> Vector:
    """A vector of the plane times a complex number."""
    (real, imaginary), (x, y) = number, vector
    return [real * x - imaginary * y, imaginary * x + real * y]


def reciprocal(number: Complex) -> Complex:
    """`1 / number`, bounded where the number is 0 to rounding."""
    real, imaginary = number
    square = real * real + imaginary * imaginary
    square = jnp.maximum(square, float(jnp.finfo(square.dtype).eps) ** 2)
    return real / square, -imaginary / square


def nearest_complex(rows: list[list[jax.Array]]) -> Complex:
    """Of the complex number whose matrix is nearest."""
    (a, b), (c, d) = rows
    return 0.5 * (a + d), 0.5 * (c - b)


def angle_of(number: Complex) -> jax.Array:
    """In [-pi, pi]; 0 for 0, where the derivative is finite too."""
    real, imaginary = number
    zero = (real == 0) & (imaginary == 0)
    return jnp.arctan2(jnp.where(zero, 0.0, imaginary), jnp.where(zero, 1.0, real))


def nearest_turn(number: Complex) -> Complex:
    """The number of length 1 in the same direction; 1 for 0."""
    real, imaginary = number
    largest = jnp.maximum(jnp.abs(real), jnp.abs(imaginary))
    zero = largest == 0
    largest = jnp.where(zero, 1.0, largest)
    real, imaginary = jnp.where(zero, 1.0, real) / largest, imaginary / largest
    length = jnp.sqrt(real * real + imaginary * imaginary)
    return real / length, imaginary / length


def rotation_factors(angle: jax.Array) -> tuple[Complex, Complex, Complex]:
    """Of `w = i angle`: `e^w`, `(e^w - 1) / w` and `(e^w - 1 - w) / w^2`, all smooth."""
    cosine, sine, versine, third = stumpff(angle * angle, 4)
    return (cosine, angle * sine), (sine, angle * versine), (versine, angle * third)


def similarity_factors(angle: jax.Array, log_scale: jax.Array) -> tuple[Complex, Complex]:
    """Of `w = log_scale + i angle`: `e^w` and `(e^w - 1) / w`."""
    cosine, sine = stumpff(angle * angle, 2)
    scale = jnp.exp(log_scale)
    return (scale * cosine, scale * angle * sine), _translation_factor(angle, log_scale)


def _translation_factor(angle, log_scale):
    square = angle * angle
    a, b, c = similarity_coefficients(square, log_scale)
    return a - square * c, angle * b


def second_similarity_factor(angle: jax.Array, log_scale: jax.Array) -> Complex:
    """`(e^w - 1 - w) / w^2`, which is `f - f'` of `f = (e^w - 1) / w`."""
    value, slope = jax.jvp(lambda x: _translation_factor(angle, x), (log_scale,), (jnp.ones_like(log_scale),))
    return value[0] - slope[0], value[1] - slope[1]
