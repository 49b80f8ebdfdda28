"""Peers of the harmonics: sphericart, e3nn_jax and s2fft."""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.bench.families.full_precision import in_full_precision
from jaxinv.kernels.harmonics.degrees import lmax_of, num_components


def sphericart_values(lmax: int, directions: np.ndarray) -> np.ndarray:
    """sphericart's compiled loops over all cores; directions in its order of axes, (z, x, y) of ours."""
    return _sphericart(lmax).compute(directions)


def sphericart_gradients(lmax: int, directions: np.ndarray) -> np.ndarray:
    """`(points, 3, components)` derivatives by its coordinates, which it computes together with the values."""
    return _sphericart(lmax).compute_with_gradients(directions)[1]


@functools.lru_cache(maxsize=8)
def _sphericart(lmax: int) -> Any:
    import sphericart

    return sphericart.SphericalHarmonics(lmax)


@in_full_precision
def e3nn_harmonics(lmax: int, directions):
    """With the algorithm that e3nn_jax chooses for this degree."""
    import e3nn_jax as e3nn

    irreps = e3nn.s2_irreps(lmax)
    return e3nn.spherical_harmonics(irreps, e3nn.IrrepsArray("1o", directions), True, "integral").array


@in_full_precision
def e3nn_wigner_d(lmax: int, rotations):
    """Matrices of all degrees, each flat, side by side."""
    import e3nn_jax as e3nn

    matrices = [ir.D_from_matrix(rotations) for _, ir in e3nn.s2_irreps(lmax)]
    return jnp.concatenate([matrix.reshape(len(rotations), -1) for matrix in matrices], axis=-1)


@in_full_precision
def e3nn_rotate(x, rotations):
    """`IrrepsArray.transform_by_matrix` under vmap: it takes one rotation."""
    import e3nn_jax as e3nn

    irreps = e3nn.s2_irreps(lmax_of("x", x))
    return jax.vmap(lambda x, rotation: e3nn.IrrepsArray(irreps, x).transform_by_matrix(rotation).array)(x, rotations)


@in_full_precision
def s2fft_to_grid(x):
    """Precomputed s2fft, coefficients converted to its complex ones."""
    from s2fft.precompute_transforms import spherical

    limit = lmax_of("x", x) + 1
    kernel = _s2fft_kernel(limit, forward=False)

    def one(coefficients):
        return spherical.inverse_transform_jax(coefficients, kernel, limit, "gl", True, 0, None)

    return jax.vmap(one)(_to_complex(jnp.asarray(x)))


@in_full_precision
def s2fft_from_grid(values):
    """Precomputed s2fft, its complex coefficients converted to ours."""
    from s2fft.precompute_transforms import spherical

    limit = values.shape[-2]
    kernel = _s2fft_kernel(limit, forward=True)

    def one(values):
        return spherical.forward_transform_jax(values, kernel, limit, "gl", True, 0, None)

    return _to_real(jax.vmap(one)(jnp.asarray(values)))


@functools.lru_cache(maxsize=8)
def _s2fft_kernel(limit: int, *, forward: bool) -> np.ndarray:
    """Its rings run from north to south: turned to ours, whose cosines ascend."""
    from s2fft.precompute_transforms import construct

    kernel = construct.spin_spherical_kernel(limit, reality=True, sampling="gl", forward=forward)
    return np.ascontiguousarray(kernel[::-1], np.float32)


def _to_complex(x):
    """Our `(..., components)` to `(..., limit, 2 limit - 1)` with the Condon-Shortley sign, orders m >= 0 alone."""
    place, order = _places(lmax_of("x", x))
    scale = (math.sqrt(4 * np.pi) * np.where(order == 0, 1.0, (-1.0) ** order / math.sqrt(2))).astype(x.dtype)
    mirrored = np.arange(len(order)) - 2 * order
    values = jax.lax.complex(scale * x, np.where(order > 0, -scale, 0) * x[..., mirrored])
    limit = lmax_of("x", x) + 1
    known = order >= 0
    empty = jnp.zeros((*x.shape[:-1], limit * (2 * limit - 1)), values.dtype)
    return empty.at[..., place[known]].set(values[..., known]).reshape(*x.shape[:-1], limit, -1)


def _to_real(flm):
    limit = flm.shape[-2]
    place, order = _places(limit - 1)
    mirrored = place + 2 * abs(order) * (order < 0)
    values = flm.reshape(*flm.shape[:-2], -1)[..., mirrored]
    scale = np.where(order == 0, 1.0, (-1.0) ** order * math.sqrt(2)) / math.sqrt(4 * np.pi)
    parts = jnp.where(order >= 0, values.real, -values.imag)
    return parts * scale.astype(parts.dtype)


def _places(lmax: int) -> tuple[np.ndarray, np.ndarray]:
    """Where each of our components lies in a flat `(lmax + 1, 2 lmax + 1)`, and its order."""
    degree = np.repeat(np.arange(lmax + 1), 2 * np.arange(lmax + 1) + 1)
    order = np.arange(num_components(lmax)) - degree**2 - degree
    return degree * (2 * lmax + 1) + lmax + order, order
