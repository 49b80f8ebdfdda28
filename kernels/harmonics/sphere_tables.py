"""Float64 tables of harmonics of "integral" normalisation and of their gradients at points of the sphere."""

import math

import numpy as np

from jaxinv.kernels.harmonics.legendre_tables import azimuth_quotient_table, legendre_table, polar_derivative_table


def harmonics_table(lmax: int, cosine: np.ndarray, azimuth: np.ndarray) -> np.ndarray:
    """`((lmax + 1)^2, n)`, the harmonics at `(n,)` points given by cosine of the polar angle and azimuth."""
    degree, order = _components(lmax)
    return _legendre(lmax, cosine)[degree, abs(order)] * _angular(order, azimuth)


def gradients_table(lmax: int, cosine: np.ndarray, azimuth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Their derivatives along the polar angle, and along the azimuth over its sine, each `((lmax + 1)^2, n)`."""
    degree, order = _components(lmax)
    polar = _legendre(lmax, cosine)
    along_polar = polar_derivative_table(polar)[degree, abs(order)] * _angular(order, azimuth)
    # d/dp turns cos(mp) into -m sin(mp) and sin(mp) into m cos(mp): the factor of the opposite order.
    turned = np.where(order > 0, -1.0, 1.0)[:, None] * _angular(-order, azimuth)
    return along_polar, azimuth_quotient_table(polar)[degree, abs(order)] * turned


def _legendre(lmax, cosine):
    return legendre_table(lmax, cosine, np.sqrt(np.maximum(0.0, 1 - cosine**2)))


def _components(lmax):
    """Degree and order of every component."""
    return np.array([(degree, order) for degree in range(lmax + 1) for order in range(-degree, degree + 1)]).T


def _angular(order, azimuth):
    """`(components, points)`: 1, sqrt(2) cos(m p) for m > 0, sqrt(2) sin(|m| p) for m < 0."""
    phase = abs(order)[:, None] * azimuth[None, :]
    angular = math.sqrt(2.0) * np.where(order[:, None] > 0, np.cos(phase), np.sin(phase))
    return np.where(order[:, None] == 0, 1.0, angular)
