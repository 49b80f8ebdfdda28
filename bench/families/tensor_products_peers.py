"""Peers of the tensor products: e3nn_jax, cuequivariance_jax, and the plain products on a grid of the sphere.

All take and return coefficients in "component" normalisation, which to_s2grid of e3nn_jax calls "integral".
"""

import functools
import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxinv.bench.families.full_precision import in_full_precision
from jaxinv.kernels.harmonics.degrees import lmax_of, over_components
from jaxinv.kernels.harmonics.legendre_tables import azimuth_quotient_table, legendre_table, polar_derivative_table
from jaxinv.kernels.tensor_products.coupling import gaunt_coefficient, tensor_product_paths

# --- On a sphere grid, as published.


@in_full_precision
def sphere_grid_product(x1, x2):
    """What PriceofFreedom's `gaunt_tensor_product_s2grid` calls, with the resolutions of its tests.

    Gauss-Legendre quadrature, 2 L + 1 polar and twice as many azimuthal points, Legendre and Fourier sums as einsums.
    """
    lmax = lmax_of("x1", x1)
    return _on_e3nn_grid(x1, x2, lmax, 2 * lmax + 1, 2 * (2 * lmax + 1))


@in_full_precision
def smallest_sphere_grid_product(x1, x2):
    """The same on the smallest grid of this kind that is exact."""
    lmax = lmax_of("x1", x1)
    return _on_e3nn_grid(x1, x2, lmax, 3 * lmax // 2 + 1, 3 * lmax + 1)


@in_full_precision
def nested_sphere_grid_powers(x, weights):
    """x, x^2 and x^3 by one sphere-grid product inside another, weighted by degree and summed."""
    lmax = lmax_of("x", x)
    square = _on_e3nn_grid(x, x, 2 * lmax, 2 * lmax + 1, 4 * lmax + 1)
    cube = _on_e3nn_grid(x, square, lmax, 2 * lmax + 1, 4 * lmax + 1)
    return _weighted_powers((x, square[..., : x.shape[-1]], cube), weights)


def _on_e3nn_grid(x1, x2, lmax_out: int, res_beta: int, res_alpha: int):
    import e3nn_jax as e3nn

    signals = [
        e3nn.to_s2grid(_irreps_array(x), res_beta, res_alpha, quadrature="gausslegendre", fft=False, p_val=1, p_arg=-1)
        for x in (x1, x2)
    ]
    return e3nn.from_s2grid(signals[0] * signals[1], e3nn.s2_irreps(lmax_out), fft=False).array


def _irreps_array(x) -> Any:
    import e3nn_jax as e3nn

    return e3nn.IrrepsArray(e3nn.s2_irreps(lmax_of("x", x)), jnp.asarray(x))


# --- On a grid, by products with whole matrices.


def gemm_product(x1, x2):
    """Three matrix products: to the grid, twice, and back."""
    lmax = lmax_of("x1", x1)
    to, back = (table.astype(x1.dtype) for table in _grid(lmax, lmax, 3 * lmax)[:2])
    return _multiply(_multiply(x1, to) * _multiply(x2, to), back)


def gemm_poisson(x1, x2):
    """Five: both derivatives of each factor to the grid, and their bracket back."""
    lmax = lmax_of("x1", x1)
    _, back, *slopes = (table.astype(x1.dtype) for table in _grid(lmax, lmax, 3 * lmax))
    polar1, azimuthal1, polar2, azimuthal2 = (_multiply(x, slope) for x in (x1, x2) for slope in slopes)
    return _multiply(polar1 * azimuthal2 - azimuthal1 * polar2, back)


def gemm_complete(x1, x2):
    """Both, each by itself, stacked."""
    return jnp.stack([gemm_product(x1, x2), gemm_poisson(x1, x2)])


def gemm_powers(x, weights):
    """x^2 with all its degrees, then x^3 from it, each product on a grid of its own."""
    lmax = lmax_of("x", x)
    to, back = (table.astype(x.dtype) for table in _grid(lmax, 2 * lmax, 4 * lmax)[:2])
    square = _multiply(_multiply(x, to) ** 2, back)
    all_to, _ = (table.astype(x.dtype) for table in _grid(2 * lmax, lmax, 4 * lmax)[:2])
    cube = _multiply(_multiply(x, to) * _multiply(square, all_to), back[:, : x.shape[-1]])
    return _weighted_powers((x, square[..., : x.shape[-1]], cube), weights)


def _multiply(x, matrix):
    return jnp.matmul(x, matrix, precision="highest")


def _weighted_powers(powers: Sequence[Any], weights):
    return sum(over_components(weight) * power for weight, power in zip(weights, powers, strict=True))


@functools.lru_cache(maxsize=32)
def _grid(lmax: int, lmax_out: int, band: int) -> tuple[np.ndarray, ...]:
    """Gauss-Legendre nodes times equispaced azimuths, exact to a total degree.

    Returns:
      `(components, points)` values of harmonics up to `lmax`; `(points, components)` integrals against those up to
      `lmax_out`; the derivatives of the first by the polar angle, and by the azimuth over its sine.
    """
    cosine, node_weights = np.polynomial.legendre.leggauss(band // 2 + 1)
    azimuth = 2 * np.pi * np.arange(band + 1) / (band + 1)
    top = max(lmax, lmax_out)
    polar = math.sqrt(4 * np.pi) * legendre_table(top, cosine, np.sqrt(1 - cosine**2))
    degree, order = np.array([(degree, m) for degree in range(top + 1) for m in range(-degree, degree + 1)]).T
    wave, slope = _waves(order, azimuth)

    def fields(table, along_azimuth):
        return (table[degree, abs(order)][:, :, None] * along_azimuth[:, None, :]).reshape(len(degree), -1)

    values = fields(polar, wave)
    weights = np.repeat(node_weights, len(azimuth)) / (2 * len(azimuth))
    components = (lmax + 1) ** 2
    slopes = fields(polar_derivative_table(polar), wave), fields(azimuth_quotient_table(polar), slope)
    return (
        values[:components],
        (values[: (lmax_out + 1) ** 2] * weights).T,
        *(table[:components] for table in slopes),
    )


def _waves(order, azimuth):
    """`(components, azimuths)`: the factors of the azimuth, and their derivatives over |m|."""
    phase = abs(order)[:, None] * azimuth
    scale = np.where(order == 0, 1.0, math.sqrt(2))[:, None]
    sines = order[:, None] < 0
    wave = scale * np.where(sines, np.sin(phase), np.cos(phase))
    return wave, scale * np.where(sines, np.cos(phase), -np.sin(phase))


# --- By Clebsch-Gordan coefficients.


@in_full_precision
def e3nn_all_paths(x1, x2):
    """Every path to the degrees of the factors, each by itself: a larger map than a sum of paths."""
    return _e3nn_paths(_irreps_array(x1), _irreps_array(x2), parities=(1, -1)).array


@in_full_precision
def e3nn_weighted_paths(x1, x2, weights):
    """The paths of e3nn_jax, weighted and summed for each degree."""
    lmax = lmax_of("x1", x1)
    outputs = _e3nn_paths(_irreps_array(x1), _irreps_array(x2), parities=(1, -1))
    return _weighted_sum(outputs, lmax, weights[None], parities=(1, -1))[..., 0, :]


def _e3nn_paths(x1, x2, parities: Sequence[int]) -> Any:
    """All paths to the degree of x1 whose degrees have a sum of these parities."""
    import e3nn_jax as e3nn

    wanted = [e3nn.Irrep(degree, p * (-1) ** degree) for degree in range(x1.irreps.lmax + 1) for p in parities]
    return e3nn.tensor_product(x1, x2, filter_ir_out=wanted)


def _weighted_sum(outputs, lmax: int, weights, parities: Sequence[int]):
    """`(..., channels, components)` sums over the paths of e3nn_jax's outputs.

    It sorts them by irrep, and the paths of an irrep by the degrees of the factors, as we do; channels come last.

    Args:
      outputs: with channels as multiplicities.
      lmax: of both factors and of the result.
      weights: `(..., channels, paths)`, in the order of `tensor_product_paths`.
      parities: which paths count, by the sum of their degrees.
    """
    paths = np.array(tensor_product_paths(lmax, lmax, lmax))
    chunks = {ir: chunk for (_, ir), chunk in zip(outputs.irreps, outputs.chunks, strict=True)}
    sums = []
    for degree in range(lmax + 1):
        parts = []
        for parity in parities:
            chosen = np.flatnonzero((paths[:, 2] == degree) & ((-1) ** paths.sum(1) == parity))
            if chosen.size:
                chunk = chunks[degree, parity * (-1) ** degree]
                chunk = chunk.reshape(*chunk.shape[:-2], len(chosen), -1, chunk.shape[-1])
                parts.append(jnp.einsum("...cp,...pci->...ci", weights[..., chosen], chunk))
        sums.append(sum(parts))
    return jnp.concatenate(sums, axis=-1)


@in_full_precision
def cuequivariance_fully_connected(x1, x2, weights):
    """cuequivariance_jax with one channel; "naive", the method that runs on every device.

    Its weights are ours in another order, and it divides each degree by the root of its number of paths.
    """
    import cuequivariance as cue
    import cuequivariance_jax as cuex

    lmax = lmax_of("x1", x1)
    polynomial, order, factors = _cuequivariance_polynomial(lmax)
    theirs = weights[order] * factors.astype(weights.dtype)
    x1, x2 = (cuex.RepArray(cue.IrrepsAndLayout(_so3_irreps(lmax), cue.ir_mul), jnp.asarray(x)) for x in (x1, x2))
    found = cuex.equivariant_polynomial(polynomial, [theirs, x1, x2], method="naive")
    assert isinstance(found, cuex.RepArray)
    return found.array


@functools.lru_cache(maxsize=16)
def _cuequivariance_polynomial(lmax: int) -> tuple[Any, np.ndarray, np.ndarray]:
    """The polynomial; for each of its weights, the number of our path and the factor on our weight."""
    import cuequivariance as cue

    irreps = _so3_irreps(lmax)
    polynomial = cue.descriptors.fully_connected_tensor_product(irreps, irreps, irreps)
    ((_, product),) = polynomial.polynomial.operations
    ours = tensor_product_paths(lmax, lmax, lmax)
    order, factors = np.empty(len(ours), int), np.empty(len(ours))
    for path in product.paths:
        weight, *degrees = path.indices
        order[weight] = ours.index(tuple(degrees))
        factors[weight] = math.sqrt(2 * degrees[2] + 1) / np.linalg.norm(path.coefficients)
    return polynomial, order, factors


def _so3_irreps(lmax: int) -> Any:
    import cuequivariance as cue

    return cue.Irreps("SO3", "+".join(str(degree) for degree in range(lmax + 1)))


# --- Along an edge.


@in_full_precision
def e3nn_edge_product(x, vectors, filters):
    """The paths of x with the harmonics of the vector, weighted as the Gaunt product weights them, and summed."""
    return _weighted_sum(_along_edges(x, vectors, (1,)), lmax_of("x", x), _tied(filters), (1,))


@in_full_precision
def e3nn_aligned_edge_product(x, vectors, filters):
    """The same in the frame of the edge."""
    return _weighted_sum(_in_frame_of_edges(x, vectors), lmax_of("x", x), _tied(filters), (1,))


@in_full_precision
def e3nn_edge_paths(x, vectors, weights):
    """All paths of x with the harmonics of the vector, weighted and summed."""
    return _weighted_sum(_along_edges(x, vectors, (1, -1)), lmax_of("x", x), weights, (1, -1))


@in_full_precision
def e3nn_aligned_edge_paths(x, vectors, weights):
    """The same in the frame of the edge."""
    return _weighted_sum(_in_frame_of_edges(x, vectors), lmax_of("x", x), weights, (1, -1))


def _along_edges(x, vectors, parities: Sequence[int]) -> Any:
    import e3nn_jax as e3nn

    harmonics = e3nn.spherical_harmonics(
        e3nn.s2_irreps(lmax_of("x", x)), e3nn.IrrepsArray("1o", vectors[:, 0]), normalize=True
    )
    return _e3nn_paths(_irreps_array(x).axis_to_mul(), harmonics, parities)


def _in_frame_of_edges(x, vectors) -> Any:
    """e3nn_jax's eSCN; it computes every path to twice the degree, of which XLA drops what is not summed."""
    import e3nn_jax as e3nn

    return e3nn.tensor_product_with_spherical_harmonics(
        _irreps_array(x).axis_to_mul(), e3nn.IrrepsArray("1o", vectors[:, 0]), lmax_of("x", x)
    )


def _tied(filters):
    """`(..., paths)`: weights of e3nn_jax's paths that make them the Gaunt product with a filter."""
    paths = tensor_product_paths(*[filters.shape[-1] - 1] * 3)
    tied = np.array([math.sqrt(4 * np.pi / (2 * path[2] + 1)) * gaunt_coefficient(*path) for path in paths])
    return filters[..., np.array([path[1] for path in paths])] * tied.astype(filters.dtype)
