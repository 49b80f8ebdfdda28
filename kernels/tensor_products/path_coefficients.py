"""How strongly the Gaunt and the Poisson product take each path, in any normalisation, and what follows from that."""

import functools

import numpy as np

from jaxinv.kernels.harmonics.degrees import degree_slice, normalization_factors, num_components
from jaxinv.kernels.tensor_products.coupling import (
    gaunt_coefficient,
    poisson_coefficient,
    real_wigner_3j,
    tensor_product_paths,
)

COEFFICIENTS = {"gaunt": gaunt_coefficient, "poisson": poisson_coefficient}


@functools.lru_cache(maxsize=64)
def path_coefficients(
    kind: str, lmax1: int, lmax2: int, lmax_out: int, normalization: str, balanced: bool
) -> dict[tuple[int, int, int], float]:
    """For each path that the product "gaunt" or "poisson" takes, its multiple of the Wigner 3j tensor of norm 1."""
    highest = max(lmax1, lmax2, lmax_out)
    factor = normalization_factors(highest, normalization)
    balance = balance_factors(highest) if balanced else np.ones(highest + 1)
    entering, leaving = factor * balance, balance / factor
    return {
        path: entering[path[0]] * entering[path[1]] * leaving[path[2]] * value
        for path in tensor_product_paths(lmax1, lmax2, lmax_out)
        if (value := COEFFICIENTS[kind](*path))
    }


def balance_factors(lmax: int) -> np.ndarray:
    """`(lmax + 1,)`, `(l (l + 1))^(-1/3)`: with it on every leg the Poisson coefficients stay between 0.6 and 1.4.

    Degree 0, which takes no part in the bracket, has 0.
    """
    degree = np.arange(lmax + 1.0)
    return np.concatenate([[0.0], np.cbrt(1 / (degree * (degree + 1))[1:])])


def variance_factors(
    kind: str, lmax1: int, lmax2: int, lmax_out: int, normalization: str, balanced: bool
) -> np.ndarray:
    """`(lmax_out + 1,)`: times these, components of unit variance give components of unit variance."""
    variance = np.zeros(lmax_out + 1)
    for path, value in path_coefficients(kind, lmax1, lmax2, lmax_out, normalization, balanced).items():
        variance[path[2]] += value**2 / (2 * path[2] + 1)
    return 1 / np.sqrt(np.where(variance > 0, variance, 1.0))


@functools.lru_cache(maxsize=32)
def direct_tensor(kind: str, lmax1: int, lmax2: int, lmax_out: int, normalization: str, balanced: bool) -> np.ndarray:
    """The whole product as one tensor, `(components 1, components 2, components out)` float64: the dense reference."""
    tensor = np.zeros([num_components(lmax) for lmax in (lmax1, lmax2, lmax_out)])
    for path, value in path_coefficients(kind, lmax1, lmax2, lmax_out, normalization, balanced).items():
        tensor[tuple(degree_slice(degree) for degree in path)] = value * real_wigner_3j(*path)
    return tensor
