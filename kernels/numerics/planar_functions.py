"""Exponential and logarithm of 2x2 matrices in closed form, on entries over the batch.

A matrix is its mean m times the unit matrix and a traceless part B, whose square is z times the unit matrix. Every
function of it is a combination of the unit matrix and B with coefficients that are smooth in m and z.
"""

import math

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.small_matrices import Entries


def planar_exponential(a: Entries) -> Entries:
    """`exp(m) (cosh sqrt z + B sinh(sqrt z) / sqrt z)`; cosine and sine for negative z.

    No factor overflows where the product does not, for entries whose squares are finite.
    """
    mean, half, z = _parts(a)
    series = jnp.abs(z) < 1
    near = jnp.where(series, z, 0.0)
    root = jnp.sqrt(jnp.where(series, 1.0, jnp.abs(z)))
    real = ~series & (z > 0)
    growth = jnp.exp(mean + jnp.where(real, root, 0.0))
    # The safe roots keep cosine and sine of large angles, and their derivatives, away from the other branches.
    fall, angle = jnp.exp(-2 * jnp.where(real, root, 1.0)), jnp.where(real, 1.0, root)
    even = jnp.where(real, (1 + fall) / 2, jnp.cos(angle))
    odd = jnp.where(real, (1 - fall) / 2, jnp.sin(angle)) / root
    even = growth * jnp.where(series, _power_series(near, _terms(z, 2), 0), even)
    odd = growth * jnp.where(series, _power_series(near, _terms(z, 2), 1), odd)
    return _combination(even, odd, half, a)


def planar_logarithm(a: Entries) -> tuple[Entries, jax.Array]:
    """Half the logarithm of the determinant, and B times `atanh(sqrt z / m) / sqrt z`; and where it exists.

    It does where no eigenvalue is 0 or negative: z is negative, or mean and determinant are positive. Elsewhere zeros.
    """
    mean, half, z = _parts(a)
    determinant = a[0][0] * a[1][1] - a[0][1] * a[1][0]
    exists = (z < 0) | ((mean > 0) & (determinant > 0))
    mean, z = jnp.where(exists, mean, 1.0), jnp.where(exists, z, 0.0)
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
    logarithm = _combination(jnp.log(determinant) / 2, jnp.where(exists, slope, 0.0), half, a)
    return logarithm, exists


# Below this ratio the series is taken, whose derivatives lose no digits.
_NEAR = 0.25


def _parts(a):
    """The mean of the eigenvalues, half the difference of the diagonal, and z."""
    half = (a[0][0] - a[1][1]) / 2
    return (a[0][0] + a[1][1]) / 2, half, half * half + a[0][1] * a[1][0]


def _combination(of_unit, of_traceless, half, a):
    return (
        (of_unit + of_traceless * half, of_traceless * a[0][1]),
        (of_traceless * a[1][0], of_unit - of_traceless * half),
    )


def _terms(z, order):
    """How many terms of a series in |z| < 1 with coefficients `1 / (2 k)!` its derivatives up to an order need."""
    return (6 if z.dtype.itemsize == 4 else 10) + order


def _power_series(z, terms, first):
    """Sum of `z^k / (2 k + first)!`."""
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
