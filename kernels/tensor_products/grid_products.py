"""Two factors, multiplied or bracketed on the points of a grid."""

import functools
import math

import jax
import jax.numpy as jnp
from jax.lax import PrecisionLike

from jaxinv.kernels.numerics.row_slices import over_rows, power_of_two_within
from jaxinv.kernels.tensor_products import sphere_functions as sphere
from jaxinv.kernels.tensor_products.arguments import Factors, weighted
from jaxinv.kernels.tensor_products.path_coefficients import balance_factors
from jaxinv.kernels.tensor_products.sphere_quadrature import sphere_quadrature

# Values of a slice of rows on a CPU: beyond it they leave the cache, and each new page of memory costs more than its
# values. Measured at degrees 2 to 8: half the time of 65 536 pairs, and nothing lost at 2048.
_CACHED_NUMBERS = 1 << 20


def multiplied(pair: Factors, normalization: str, precision: PrecisionLike) -> jax.Array:
    """The product of two functions on the sphere, by their values at points: its coefficients up to `pair.lmax_out`.

    Args:
      pair: factors of equal rank in the dtype of sums, whose leading axes broadcast.
      normalization: of the harmonics: "component", "norm" or "integral".
      precision: of the matrix products; the highest by default.

    Returns:
      `(..., (lmax_out + 1)^2)` in the dtype of sums; exact but for rounding, as the grid integrates such products.
    References: Xie et al., The price of freedom, ICML 2025 (arXiv:2506.13523).
    """
    return _by_rows(functools.partial(_multiplied, normalization=normalization, precision=precision), pair)


def bracketed(pair: Factors, normalization: str, precision: PrecisionLike, *, balanced: bool) -> jax.Array:
    """The Poisson bracket of two functions on the sphere, by their gradients at points; arguments as `multiplied`.

    `balanced` scales the degrees of both factors and of the result by `balance_factors`.
    """
    of_rows = functools.partial(_bracketed, normalization=normalization, precision=precision, balanced=balanced)
    found = _by_rows(of_rows, pair)
    if not balanced:
        return found
    return weighted(found, "balance", jnp.asarray(balance_factors(pair.lmax_out), found.dtype), pair.lmax_out)


def _multiplied(pair, *, normalization, precision):
    band = _band(pair)
    first = sphere.values_of(pair.x1, pair.lmax1, band, normalization, precision)
    second = sphere.values_of(pair.x2, pair.lmax2, band, normalization, precision)
    return sphere.coefficients_of(first * second, pair.lmax_out, band, normalization, precision)


def _bracketed(pair, *, normalization, precision, balanced):
    band = _band(pair)
    first = sphere.gradients_of(pair.x1, pair.lmax1, band, normalization, precision, balanced=balanced)
    second = sphere.gradients_of(pair.x2, pair.lmax2, band, normalization, precision, balanced=balanced)
    return sphere.coefficients_of(sphere.bracket(first, second), pair.lmax_out, band, normalization, precision)


def _band(pair):
    return pair.lmax1 + pair.lmax2 + pair.lmax_out


def _by_rows(product, pair):
    """`product(pair)`, on a CPU in slices where there are many rows."""
    lead = pair.x1.shape[:-1]
    most = power_of_two_within(_CACHED_NUMBERS, sphere_quadrature(_band(pair)).weights.size)
    if pair.x2.shape[:-1] != lead or math.prod(lead) <= most:
        return product(pair)

    def whole(x1, x2):
        return product(pair._replace(x1=x1, x2=x2))

    def sliced(x1, x2):
        rows = tuple(x.reshape(math.prod(lead), x.shape[-1]) for x in (x1, x2))
        found = over_rows(whole, rows, most)
        return found.reshape(*lead, found.shape[-1])

    return jax.lax.platform_dependent(pair.x1, pair.x2, cpu=sliced, default=whole)
