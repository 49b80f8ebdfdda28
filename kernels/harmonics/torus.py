"""Functions on the sphere as Fourier series on the torus: the double cover, and back in closed form.

A point of polar angle t and azimuth p is also (-t, p + pi): continued by that rule, a function on the sphere is a
trigonometric polynomial `sum_uv f_uv e^{i(ut + vp)}` with |u|, |v| <= lmax. Real functions have `f_-u-v = conj(f_uv)`,
so that v >= 0 is kept.
"""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.harmonics.degrees import lmax_of, normalization_factors, num_components
from jaxinv.kernels.harmonics.legendre_tables import legendre_table
from jaxinv.kernels.numerics.validation import require_floating


def to_torus(x: jax.Array, *, normalization: str = "component") -> jax.Array:
    """Coefficients on the sphere to those on the torus.

    Args:
      x: `(..., (lmax + 1)^2)`, float32 or float64.
      normalization: static, of the harmonics: "component", "norm" or "integral".

    Returns:
      `(..., 2 lmax + 1, lmax + 1)` complex: f_uv for u = -lmax .. lmax and v = 0 .. lmax.

    Raises:
      TypeError: x is not floating point, or below float32, for which XLA has no complex numbers.
      ValueError: a trailing size that is no square, or an unknown normalisation.

    Transformations: jit, vmap, jvp, vjp, any order.
    References: Luo, Chen, Krishnapriyan, ICLR 2024 (arXiv:2401.10216), sec. 3.2.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import harmonics
      >>> x = jnp.arange(9.0)  # degrees 0 to 2
      >>> series = harmonics.to_torus(x)
      >>> series.shape, series.dtype
      ((5, 3), dtype('complex64'))
      >>> bool(jnp.allclose(harmonics.from_torus(series, 2), x, atol=1e-4))
      True
    """
    require_floating("x", x)
    if x.dtype.itemsize < 4:
        raise TypeError(f"x must be float32 or float64, got {x.dtype}: there are no complex numbers below")
    lmax = lmax_of("x", x)
    table = _forward(lmax, normalization)
    real, imaginary = (_matmul(x, part) for part in (np.real(table), np.imag(table)))
    return jax.lax.complex(real, imaginary).reshape(*x.shape[:-1], 2 * lmax + 1, lmax + 1)


def from_torus(series: jax.Array, lmax: int, *, normalization: str = "component") -> jax.Array:
    """Coefficients on the torus to those on the sphere, up to lmax: the integral over the sphere, exactly.

    Args:
      series: `(..., 2 b + 1, b + 1)` complex, f_uv for u = -b .. b and v = 0 .. b, that obeys the rule of the module.
      lmax: static, highest degree of the result; degrees beyond b are 0.
      normalization: static, of the harmonics: "component", "norm" or "integral".

    Returns:
      `(..., (lmax + 1)^2)`, real.

    Raises:
      ValueError: a shape that is not `(..., 2 b + 1, b + 1)`, or an unknown normalisation.

    Transformations: jit, vmap, jvp, vjp, any order.
    References: as `to_torus`.
    """
    band = series.shape[-1] - 1 if series.ndim > 1 else -1
    if band < 0 or series.shape[-2] != 2 * band + 1:
        raise ValueError(f"series must have shape (..., 2 b + 1, b + 1), got {series.shape}")
    table = _backward(lmax, band, normalization)
    flat = series.reshape(*series.shape[:-2], -1)
    # The real part of the product of two complex numbers.
    return _matmul(flat.real, np.real(table)) - _matmul(flat.imag, np.imag(table))


@functools.lru_cache(maxsize=64)
def _forward(lmax: int, normalization: str) -> np.ndarray:
    """`((lmax + 1)^2, (2 lmax + 1)(lmax + 1))` complex128."""
    table = np.zeros((num_components(lmax), 2 * lmax + 1, lmax + 1), complex)
    polar, factor = _polar_series(lmax), normalization_factors(lmax, normalization)
    for degree in range(lmax + 1):
        centre = degree**2 + degree
        table[centre, :, 0] = factor[degree] * polar[degree, 0]
        for order in range(1, degree + 1):
            # sqrt(2) cos(mp) has e^{imp} / sqrt(2), sqrt(2) sin(mp) has -i e^{imp} / sqrt(2).
            table[centre + order, :, order] = factor[degree] * polar[degree, order] / math.sqrt(2)
            table[centre - order, :, order] = -1j * table[centre + order, :, order]
    return table.reshape(len(table), -1)


@functools.lru_cache(maxsize=64)
def _backward(lmax: int, band: int, normalization: str) -> np.ndarray:
    """`((2 band + 1)(band + 1), (lmax + 1)^2)` complex128."""
    integrals = np.zeros((2 * band + 1, band + 1, num_components(lmax)), complex)
    polar, factor = _polar_series(lmax), normalization_factors(lmax, normalization)
    # Integral of sin t e^{ikt} over 0 .. pi; odd k, which cancel on functions of the sphere, are left out.
    k = np.arange(-band, band + 1)[:, None] + np.arange(-lmax, lmax + 1)[None, :]
    kernel = np.where(k % 2 == 0, 2 / (1 - np.where(k % 2 == 0, k, 0) ** 2.0), 0.0)
    for degree in range(lmax + 1):
        centre = degree**2 + degree
        integrals[:, 0, centre] = 2 * math.pi * kernel @ polar[degree, 0] / factor[degree]
        for order in range(1, min(degree, band) + 1):
            # v = -m adds the complex conjugate: twice the real part.
            cosine = 2 * math.pi * math.sqrt(2) * kernel @ polar[degree, order] / factor[degree]
            integrals[:, order, centre + order] = cosine
            integrals[:, order, centre - order] = 1j * cosine
    return integrals.reshape(-1, num_components(lmax))


@functools.lru_cache(maxsize=64)
def _polar_series(lmax):
    """`(lmax + 1, lmax + 1, 2 lmax + 1)` complex128: Pbar_l^m(t) as a series in e^{iut}, over l, m, u."""
    angle = 2 * np.pi * np.arange(2 * lmax + 1) / (2 * lmax + 1)
    samples = legendre_table(lmax, np.cos(angle), np.sin(angle))
    return np.fft.fftshift(np.fft.fft(samples, axis=-1), axes=-1) / (2 * lmax + 1)


def _matmul(x, matrix):
    return jnp.matmul(x, jnp.asarray(matrix, x.dtype), precision=jax.lax.Precision.HIGHEST)
