"""Operations of the leanest algorithms known for functions on the sphere, counted by us."""

import functools
import math

import numpy as np

from jaxinv.kernels.tensor_products.coupling import tensor_product_paths


def components(lmax: int) -> int:
    """Coefficients of one function."""
    return (lmax + 1) ** 2


def sphere_transform(lmax: int, band: int) -> float:
    """To or from the Gauss-Legendre grid that is exact to a total degree, per function.

    Legendre sums for nodes north and south at once; then of each ring a real Fourier transform in 2.5 n log2 n or,
    where that is less, the sums of 2 lmax + 1 waves, for azimuths east and west at once.
    """
    nodes, azimuths = band // 2 + 1, band + 1
    ring = min(2.5 * azimuths * math.log2(azimuths), (2 * lmax + 1) * azimuths)
    return nodes * (components(lmax) + ring)


def sphere_points(band: int) -> int:
    """Of that grid."""
    return (band // 2 + 1) * (band + 1)


def rotation(lmax: int) -> float:
    """Of one function's coefficients: three turns about the polar axis, two constant matrices half of them zeros."""
    return 2 * matrix_entries(lmax) + 3 * 3 * components(lmax)


def matrix_entries(lmax: int) -> int:
    """Of the rotation matrices of all degrees."""
    return sum((2 * degree + 1) ** 2 for degree in range(lmax + 1))


@functools.lru_cache
def clebsch_gordan(lmax: int) -> int:
    """All paths of degrees up to lmax, weighted and summed, per pair: a product for every pair of components, and a
    multiplication and an addition for every coefficient that the selection rules of the orders leave."""
    return components(lmax) ** 2 + 2 * sum(_coefficients(*path) for path in tensor_product_paths(lmax, lmax, lmax))


def _coefficients(l1: int, l2: int, l3: int) -> int:
    """Pairs of orders give one or two |m3|; whether a sine or a cosine follows from the parity of the path."""
    m1, m2 = np.meshgrid(np.arange(-l1, l1 + 1), np.arange(-l2, l2 + 1), indexing="ij")
    # The integral over the azimuth of three waves needs an even number of sines, one more on an odd path.
    is_sine = ((m1 < 0).astype(int) + (m2 < 0) + l1 + l2 + l3) % 2 == 1
    total, gap = abs(m1) + abs(m2), abs(abs(m1) - abs(m2))
    found = [(order <= l3) & ((order > 0) | ~is_sine) for order in (total, gap)]
    return int(np.sum(found[0]) + np.sum(found[1] & (gap != total)))
