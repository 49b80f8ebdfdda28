"""Coupling of irreps: allowed paths, real Wigner 3j symbols, and how products of functions weight the paths.

Two integrals over the sphere are multiples of the real Wigner 3j symbol W of their degrees; W is computed from them.

| l1 + l2 + l3 | integral of harmonics of "integral" normalisation | multiple of W |
| --- | --- | --- |
| even | Y1 Y2 Y3 | `gaunt_coefficient`, C > 0 |
| odd | {Y1, Y2} Y3, with the Poisson bracket {f, g} = r . (grad f x grad g) | `poisson_coefficient`, D > 0 |

That both multiples are positive on every allowed path is a statement about the sign of W: it is e3nn's.
"""

import functools
import math
from fractions import Fraction

import numpy as np

from jaxinv.kernels.harmonics.degrees import degree_slice
from jaxinv.kernels.harmonics.sphere_tables import gradients_table, harmonics_table
from jaxinv.kernels.numerics.validation import require_at_least
from jaxinv.kernels.tensor_products.sphere_quadrature import sphere_quadrature

# Entries are 0 by selection rules or well above this.
_ROUNDING = 1e-13


@functools.lru_cache
def tensor_product_paths(lmax1: int, lmax2: int, lmax_out: int) -> tuple[tuple[int, int, int], ...]:
    """All `(l1, l2, l3)` with `|l1 - l2| <= l3 <= l1 + l2`, sorted by (l3, l1, l2): the order of path weights.

    Args:
      lmax1: highest degree l1.
      lmax2: highest degree l2.
      lmax_out: highest degree l3.

    Returns:
      Tuple of `(l1, l2, l3)`: a number stands for path p at place p of `path_weights`.

    Raises:
      ValueError: a negative degree.

    Examples:
      >>> from jaxinv.kernels import tensor_products as tp
      >>> tp.tensor_product_paths(1, 1, 1)
      ((0, 0, 0), (1, 1, 0), (0, 1, 1), (1, 0, 1), (1, 1, 1))
      >>> len(tp.tensor_product_paths(4, 4, 4))
      65
    """
    for name, lmax in (("lmax1", lmax1), ("lmax2", lmax2), ("lmax_out", lmax_out)):
        require_at_least(name, lmax, 0)
    return tuple(
        (l1, l2, l3)
        for l3 in range(lmax_out + 1)
        for l1 in range(lmax1 + 1)
        for l2 in range(abs(l1 - l3), min(l1 + l3, lmax2) + 1)
    )


@functools.lru_cache(maxsize=4096)
def real_wigner_3j(l1: int, l2: int, l3: int) -> np.ndarray:
    """The invariant tensor W of three irreps of SO(3), in the real basis and with the sign of e3nn.

    Args:
      l1: degree of the first axis.
      l2: degree of the second axis.
      l3: degree of the third axis.

    Returns:
      `(2 l1 + 1, 2 l2 + 1, 2 l3 + 1)` float64, read-only, of Frobenius norm 1; zeros outside the triangle.

    Symmetric under any exchange of axes where l1 + l2 + l3 is even, antisymmetric where it is odd.
    Raises:
      ValueError: a negative degree.
    References: Luo, Chen, Krishnapriyan, arXiv:2401.10216; Xie et al., arXiv:2602.21466.

    Examples:
      >>> from jaxinv.kernels import tensor_products as tp
      >>> tp.real_wigner_3j(1, 1, 0)[..., 0].round(3)  # the dot product, over sqrt(3)
      array([[0.577, 0.   , 0.   ],
             [0.   , 0.577, 0.   ],
             [0.   , 0.   , 0.577]])
    """
    even, odd = gaunt_coefficient(l1, l2, l3), poisson_coefficient(l1, l2, l3)
    tensor = np.zeros((2 * l1 + 1, 2 * l2 + 1, 2 * l3 + 1))
    if even or odd:
        values, polar, azimuthal, weights = _harmonics_on_grid(max(l1, l2, l3))
        first, second, third = degree_slice(l1), degree_slice(l2), degree_slice(l3)
        if even:
            product = values[:, first, None] * values[:, None, second]
        else:
            product = polar[:, first, None] * azimuthal[:, None, second]
            product -= azimuthal[:, first, None] * polar[:, None, second]
        tensor = np.tensordot(product, weights[:, None] * values[:, third], axes=(0, 0)) / (even or odd)
        tensor[np.abs(tensor) < _ROUNDING] = 0.0
    tensor.flags.writeable = False
    return tensor


def path_tensor(path: tuple[int, int, int], normalization: str) -> np.ndarray:
    """`(2 l1 + 1, 2 l2 + 1, 2 l3 + 1)` float64: `real_wigner_3j` of a path, in one of e3nn's normalisations.

    Args:
      path: `(l1, l2, l3)`.
      normalization: "component" (times `sqrt(2 l3 + 1)`), "norm" (times `sqrt((2 l1 + 1)(2 l2 + 1))`) or "none".
    """
    l1, l2, l3 = path
    square = {"component": 2 * l3 + 1, "norm": (2 * l1 + 1) * (2 * l2 + 1), "none": 1}[normalization]
    return math.sqrt(square) * real_wigner_3j(l1, l2, l3)


def gaunt_coefficient(l1: int, l2: int, l3: int) -> float:
    """C in `integral Y_l1m1 Y_l2m2 Y_l3m3 = C W_m1m2m3`, for harmonics of "integral" normalisation.

    `C = sqrt((2 l1 + 1)(2 l2 + 1)(2 l3 + 1) / (4 pi)) |3j(l1 l2 l3; 0 0 0)|`, from exact integers. Positive on every
    path of the triangle whose degrees have an even sum, else 0.

    Args:
      l1: degree of the first harmonic.
      l2: degree of the second.
      l3: degree of the third.

    Returns:
      C, a Python float.

    Raises:
      ValueError: a negative degree.
    References: Luo, Chen, Krishnapriyan, arXiv:2401.10216.

    Examples:
      >>> from jaxinv.kernels import tensor_products as tp
      >>> round(tp.gaunt_coefficient(1, 1, 2), 6), tp.gaunt_coefficient(1, 1, 1)
      (0.690988, 0.0)
    """
    if not _is_path(l1, l2, l3) or (l1 + l2 + l3) % 2:
        return 0.0
    half = (l1 + l2 + l3) // 2
    ratio = Fraction(math.factorial(half), math.prod(math.factorial(half - degree) for degree in (l1, l2, l3)))
    return math.sqrt(_triangle_factor(l1, l2, l3) * ratio**2 / (4 * math.pi))


def poisson_coefficient(l1: int, l2: int, l3: int) -> float:
    """D in `integral {Y_l1m1, Y_l2m2} Y_l3m3 = D W_m1m2m3`, for harmonics of "integral" normalisation.

    `D = sqrt((2 l1 + 1)(2 l2 + 1)(2 l3 + 1) / (4 pi) l1 (l1 + 1) l2 (l2 + 1)) |3j(l1 l2 l3; 1 -1 0)|`, from exact
    integers. Positive on every path of the triangle whose degrees have an odd sum, else 0.

    Args:
      l1: degree of the first harmonic.
      l2: degree of the second.
      l3: degree of the third.

    Returns:
      D, a Python float.

    Raises:
      ValueError: a negative degree.
    References: Xie et al., arXiv:2602.21466, for integrals of this kind.

    Examples:
      >>> from jaxinv.kernels import tensor_products as tp
      >>> round(tp.poisson_coefficient(1, 1, 1), 6), tp.poisson_coefficient(1, 1, 2)
      (1.196827, 0.0)
    """
    total = l1 + l2 + l3
    if not _is_path(l1, l2, l3) or total % 2 == 0:
        return 0.0
    ratio = Fraction(
        math.factorial((total + 1) // 2),
        math.prod(math.factorial((total - 2 * degree - 1) // 2) for degree in (l1, l2, l3)),
    )
    return math.sqrt(_triangle_factor(l1, l2, l3) * 4 * ratio**2 / (4 * math.pi))


def _is_path(l1, l2, l3):
    """Whether three degrees, none of them negative, make a triangle."""
    for name, degree in (("l1", l1), ("l2", l2), ("l3", l3)):
        require_at_least(name, degree, 0)
    return abs(l1 - l2) <= l3 <= l1 + l2


def _triangle_factor(l1, l2, l3):
    """`(2 l1 + 1)(2 l2 + 1)(2 l3 + 1) Delta(l1, l2, l3)^2`, an exact fraction."""
    total = l1 + l2 + l3
    degrees = (l1, l2, l3)
    triangle = math.prod(math.factorial(total - 2 * degree) for degree in degrees)
    return Fraction(math.prod(2 * degree + 1 for degree in degrees) * triangle, math.factorial(total + 1))


@functools.lru_cache(maxsize=16)
def _harmonics_on_grid(lmax):
    """Harmonics, their derivatives by polar angle and by azimuth / sin t, and weights that integrate any three.

    Three `(points, (lmax + 1)^2)` and one `(points,)`.
    """
    points = sphere_quadrature(3 * lmax)
    polar, azimuthal = gradients_table(lmax, points.cosine, points.azimuth)
    return harmonics_table(lmax, points.cosine, points.azimuth).T, polar.T, azimuthal.T, points.weights
