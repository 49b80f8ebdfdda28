"""Points on the sphere that integrate products of harmonics exactly, as few as are known."""

import functools
from typing import NamedTuple

import numpy as np
from scipy.integrate import lebedev_rule

# Degrees for which a Lebedev rule is known.
_LEBEDEV = (*range(3, 33, 2), *range(35, 132, 6))


class SphereQuadrature(NamedTuple):
    """Float64 points and weights.

    Attributes:
      cosine: `(n,)`, cosine of the polar angle, which is the component along y.
      azimuth: `(n,)`.
      weights: `(n,)`, with sum 4 pi; some are negative in the rules of degree 13, 25 and 27.
    """

    cosine: np.ndarray
    azimuth: np.ndarray
    weights: np.ndarray


@functools.lru_cache(maxsize=64)
def sphere_quadrature(band: int) -> SphereQuadrature:
    """A rule that is exact for polynomials of degree `band` in the coordinates of the sphere.

    Lebedev's rules to degree 131, a third fewer points than the product of Gauss-Legendre nodes and equispaced
    azimuths, which is taken beyond; filled up with points of weight 0.

    References: Lebedev and Laikov, Doklady Mathematics 59 (1999).
    """
    known = [degree for degree in _LEBEDEV if degree >= band]
    return _filled_up(_lebedev(known[0]) if known else _product(band))


def _lebedev(degree):
    points, weights = lebedev_rule(degree)
    return SphereQuadrature(points[1], np.arctan2(points[0], points[2]), weights)


def _product(band):
    nodes, node_weights = np.polynomial.legendre.leggauss(band // 2 + 1)
    num_azimuths = band + 1
    cosine, azimuth = np.meshgrid(nodes, 2 * np.pi * np.arange(num_azimuths) / num_azimuths, indexing="ij")
    weights = np.repeat(node_weights, num_azimuths) * 2 * np.pi / num_azimuths
    return SphereQuadrature(cosine.ravel(), azimuth.ravel(), weights)


def _filled_up(rule):
    """With as many points at the pole, of weight 0, as make rows of values end with a cache line.

    Matrix products with 26 columns take XLA on a CPU 1.8 times as long as those with 32.
    """
    size = len(rule.weights)
    missing = -size % (8 if size < 8 else 16)
    return SphereQuadrature(*(np.pad(a, (0, missing), constant_values=c) for a, c in zip(rule, (1, 0, 0), strict=True)))
