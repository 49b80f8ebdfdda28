"""Exponential, its divided difference and logarithm of 2x2 matrices in closed form.

A matrix is its mean m times the unit matrix and a traceless part B, whose square is z times the unit matrix. Every
function of it is a combination of the unit matrix and B with coefficients that are smooth in m and z.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.numerics.precision import contract
from jaxinv.kernels.numerics.small_matrices import apart


def planar_exponential(a: jax.Array) -> jax.Array:
    """`exp(m) (cosh sqrt z + B sinh(sqrt z) / sqrt z)`; cosine and sine for negative z.

    No factor overflows where the product does not, for entries whose squares are finite.
    """
    mean, z, _ = _parts(a)
    return _combination(*_exponential_parts(mean, z), mean, a)


def planar_phi(a: jax.Array) -> jax.Array:
    """`sum over k of a^k / (k + 1)!`: by eigenvalues that are real and apart, by a series where both are small, else
    `(exp(a) - 1) / a` by the adjugate, as neither is near 0."""
    mean, z, _ = _parts(a)
    real, series = z >= 1, (jnp.abs(z) < 1) & (jnp.abs(mean) < 1.5)
    root = jnp.sqrt(jnp.where(real, z, 1.0))
    first, second = (_scalar_phi(jnp.where(real, x, 1.0)) for x in (mean + root, mean - root))
    near_mean, near_z = jnp.where(series, mean, 0.0), jnp.where(series, z, 0.0)
    even, odd = jnp.zeros_like(z), jnp.zeros_like(z)
    for k in reversed(range(15 if z.dtype.itemsize == 4 else 26)):
        even, odd = near_mean * even + near_z * odd + 1 / math.factorial(k + 1), even + near_mean * odd
    mean_apart, z_apart = jnp.where(series | real, 1.0, mean), jnp.where(series | real, 0.0, z)
    determinant = mean_apart * mean_apart - z_apart
    cosine, sine = _exponential_parts(mean_apart, z_apart)
    even_apart = (mean_apart * (cosine - 1) - z_apart * sine) / determinant
    odd_apart = (mean_apart * sine - (cosine - 1)) / determinant
    even = jnp.where(real, (first + second) / 2, jnp.where(series, even, even_apart))
    odd = jnp.where(real, (first - second) / (2 * root), jnp.where(series, odd, odd_apart))
    return _combination(even, odd, mean, a)


def _exponential_parts(mean, z):
    """Coefficients of the unit matrix and of B."""
    series = jnp.abs(z) < 1
    near = jnp.where(series, z, 0.0)
    root = jnp.sqrt(jnp.where(series, 1.0, jnp.abs(z)))
    real = ~series & (z > 0)
    growth = jnp.exp(mean + jnp.where(real, root, 0.0))
    # The safe roots keep cosine and sine of large angles, and their derivatives, away from the other branches.
    fall, angle = jnp.exp(-2 * jnp.where(real, root, 1.0)), jnp.where(real, 1.0, root)
    even = jnp.where(real, (1 + fall) / 2, jnp.cos(angle))
    odd = jnp.where(real, (1 - fall) / 2, jnp.sin(angle)) / root
    even = jnp.where(series, _power_series(near, 0), even)
    return growth * even, growth * jnp.where(series, _power_series(near, 1), odd)


def _scalar_phi(x):
    """`(exp(x) - 1) / x`."""
    series = jnp.abs(x) < 0.5
    near, far = jnp.where(series, x, 0.0), jnp.where(series, 1.0, x)
    total = jnp.zeros_like(x)
    for k in reversed(range(9 if x.dtype.itemsize == 4 else 16)):
        total = total * near + 1 / math.factorial(k + 1)
    return jnp.where(series, total, (jnp.exp(far) - 1) / far)


def planar_logarithm(a: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Half the logarithm of the determinant, and B times `atanh(sqrt z / m) / sqrt z`; and where it exists.

    It does where no eigenvalue is 0 or negative: z is negative, or mean and determinant are positive. Elsewhere zeros.
    """
    middle, z, determinant = _parts(a)
    exists = (z < 0) | ((middle > 0) & (determinant > 0))
    mean, z = jnp.where(exists, middle, 1.0), jnp.where(exists, z, 0.0)
    determinant = jnp.where(exists & (determinant > 0), determinant, 1.0)
    positive = jnp.where(mean > 0, mean, 1.0)
    ratio = z / (positive * positive)
    series = (mean > 0) & (jnp.abs(ratio) < _NEAR)
    near = jnp.where(series, ratio, 0.0)
    root = jnp.sqrt(jnp.where(series | (z == 0), 1.0, jnp.abs(z)))
    real = ~series & (z > 0)
    # By the determinant: the smaller eigenvalue would be a difference.
    hyperbolic = jnp.log(jnp.where(real, (positive + root) ** 2, 1.0) / jnp.where(real, determinant, 1.0)) / 2
    circular = jnp.arctan2(jnp.where(real, 1.0, root), jnp.where(series, 1.0, mean))
    slope = jnp.where(series, _atanh_series(near) / positive, jnp.where(real, hyperbolic, circular) / root)
    slope = jnp.where(exists, slope, 0.0)
    return _combination(jnp.log(determinant) / 2, slope, middle, a), exists


# Below this ratio the series is taken, whose derivatives lose no digits.
_NEAR = 0.25


def _parts(a):
    """The mean of the eigenvalues, z, and the determinant."""
    ((p, q), (r, s)) = apart(a)
    half = (p - s) / 2
    return (p + s) / 2, half * half + q * r, p * s - q * r


def _combination(of_unit, of_traceless, mean, a):
    """On whole matrices, over which one product spreads the coefficients.

    Entry by entry, and in a fused spread too, XLA would compute the coefficients anew for each.
    """
    spread = np.zeros((3, 2, 6))
    spread[0, :, :2] = spread[2, :, 4:] = np.eye(2)
    spread[1, :, 2:4] = 1.0
    coefficients = jnp.stack([of_unit, of_traceless, mean])
    of_unit, of_traceless, mean = jnp.split(
        contract("k...,kij->...ij", coefficients, jnp.asarray(spread, a.dtype)), 3, axis=-1
    )
    return of_unit + of_traceless * (a - mean)


def _power_series(z, first):
    """Sum of `z^k / (2 k + first)!` for |z| < 1, to rounding also of its second derivative."""
    terms = 8 if z.dtype.itemsize == 4 else 12
    total = jnp.full_like(z, 1 / math.factorial(2 * terms + first))
    for k in reversed(range(terms)):
        total = total * z + 1 / math.factorial(2 * k + first)
    return total


def _atanh_series(ratio):
    """`atanh(sqrt r) / sqrt r`, the sum of `r^k / (2 k + 1)`."""
    terms = 12 if ratio.dtype.itemsize == 4 else 28
    total = jnp.full_like(ratio, 1 / (2 * terms + 1))
    for k in reversed(range(terms)):
        total = total * ratio + 1 / (2 * k + 1)
    return total
