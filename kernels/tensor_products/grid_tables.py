"""Static matrices between coefficients and values at the points of a `sphere_quadrature`, in float64 numpy.

A grid is named by its band, the total degree of products that it integrates exactly.
"""

import functools

import numpy as np

from jaxinv.kernels.harmonics.degrees import normalization_factors, over_components
from jaxinv.kernels.harmonics.sphere_tables import gradients_table, harmonics_table
from jaxinv.kernels.tensor_products.path_coefficients import balance_factors
from jaxinv.kernels.tensor_products.sphere_quadrature import sphere_quadrature


@functools.lru_cache(maxsize=128)
def synthesis(band: int, lmax: int, normalization: str) -> np.ndarray:
    """The matrix from coefficients to values, `(components, points)` float64: `x @ synthesis(...)`.

    Args:
      band: of the grid.
      lmax: highest degree of the coefficients.
      normalization: of the harmonics: "component", "norm" or "integral".
    """
    return _harmonics(band, lmax) * _per_component(normalization_factors(lmax, normalization))


@functools.lru_cache(maxsize=128)
def gradient_synthesis(band: int, lmax: int, normalization: str, balanced: bool) -> np.ndarray:
    """`(components, 2 points)`: to the derivative along the polar angle t, then to that along the azimuth over sin t.

    `balanced` scales the degrees by `balance_factors`.
    """
    cosine, azimuth, _ = sphere_quadrature(band)
    factors = normalization_factors(lmax, normalization)
    factors = factors * balance_factors(lmax) if balanced else factors
    return _per_component(factors) * np.concatenate(gradients_table(lmax, cosine, azimuth), axis=1)


@functools.lru_cache(maxsize=128)
def analysis(band: int, lmax: int, normalization: str) -> np.ndarray:
    """The matrix from values to coefficients, `(points, components)` float64: integrals, by quadrature.

    Exact for functions of degree `band - lmax` or less; arguments are those of `synthesis`.
    """
    projected = _harmonics(band, lmax) / _per_component(normalization_factors(lmax, normalization))
    return (projected * sphere_quadrature(band).weights).T


def _per_component(per_degree):
    return np.asarray(over_components(per_degree))[:, None]


@functools.lru_cache(maxsize=128)
def _harmonics(band, lmax):
    cosine, azimuth, _ = sphere_quadrature(band)
    return harmonics_table(lmax, cosine, azimuth)
