"""Product grids on the sphere, and the transforms between coefficients and values on them."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.harmonics.degrees import lmax_of, normalization_factors, over_components
from jaxinv.kernels.harmonics.legendre_tables import legendre_table
from jaxinv.kernels.harmonics.sphere_tables import harmonics_table
from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.ranks import with_equal_ranks
from jaxinv.kernels.numerics.validation import require_at_least, require_choice, require_floating

METHODS = ("auto", "dense", "separable")
_SMALLEST_SEPARABLE = 10


class SphereGrid(NamedTuple):
    """Gauss-Legendre nodes in cos t times equispaced azimuths: static, hashable, made by `sphere_grid`.

    Attributes:
      num_nodes: over the polar angle.
      num_azimuths: over the azimuth.
    """

    num_nodes: int
    num_azimuths: int

    @property
    def cosine(self) -> np.ndarray:
        """`(num_nodes,)` float64, cos t, ascending."""
        return np.polynomial.legendre.leggauss(self.num_nodes)[0]

    @property
    def azimuth(self) -> np.ndarray:
        """`(num_azimuths,)` float64, from 0."""
        return 2 * np.pi / self.num_azimuths * np.arange(self.num_azimuths)

    @property
    def weights(self) -> np.ndarray:
        """`(num_nodes,)` float64, of each point of a ring: with all rings they add up to 4 pi."""
        return np.polynomial.legendre.leggauss(self.num_nodes)[1] * 2 * np.pi / self.num_azimuths


def sphere_grid(band: int) -> SphereGrid:
    """The smallest product grid that integrates products of harmonics of total degree `band` exactly.

    To analyse a function of degrees up to L, take `band = 2 L`; for the product of two, `L1 + L2 + L_out`.

    Args:
      band: total degree of what is integrated, not negative.

    Returns:
      SphereGrid of `band // 2 + 1` polar nodes and `band + 1` azimuths.

    Raises:
      ValueError: a negative band.

    Examples:
      >>> from jaxinv.kernels import harmonics
      >>> harmonics.sphere_grid(4)
      SphereGrid(num_nodes=3, num_azimuths=5)
      >>> grid = harmonics.sphere_grid(4)
      >>> round(float(grid.weights.sum() * grid.num_azimuths / 3.141592653589793), 6)  # the area of the sphere
      4.0
    """
    require_at_least("band", band, 0)
    return SphereGrid(band // 2 + 1, band + 1)


@functools.partial(jax.jit, static_argnames=("grid", "normalization", "method"))
def to_sphere_grid(
    x: jax.Array, grid: SphereGrid, *, normalization: str = "component", method: str = "auto"
) -> jax.Array:
    """Coefficients to values on a grid: the inverse spherical harmonic transform.

    Args:
      x: `(..., (lmax + 1)^2)`, floating point.
      grid: static, from `sphere_grid`.
      normalization: static, of the harmonics: "component", "norm" or "integral".
      method: static; "dense" (one matrix product, L^4), "separable" (Legendre sums for each order, then a Fourier
        sum over the azimuth, L^3), or "auto": "separable" from lmax 10.

    Returns:
      `(..., num_nodes, num_azimuths)`, in the dtype of x; bfloat16 is summed in float32.

    Raises:
      TypeError: x is not floating point.
      ValueError: a trailing size that is no square, or an unknown option.

    Transformations: jit, vmap, jvp, vjp, any order.
    References: Driscoll and Healy, Adv. Appl. Math. 15 (1994), for the separation.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import harmonics
      >>> x = jnp.arange(9.0)  # degrees 0 to 2
      >>> grid = harmonics.sphere_grid(2 + 2)
      >>> values = harmonics.to_sphere_grid(x, grid)
      >>> values.shape
      (3, 5)
      >>> bool(jnp.allclose(harmonics.from_sphere_grid(values, grid, 2), x, atol=1e-4))
      True
    """
    require_floating("x", x)
    lmax = lmax_of("x", x)
    factors = over_components(normalization_factors(lmax, normalization))
    scaled = _times(x.astype(accumulation_dtype(x)), factors)
    if _is_dense(method, lmax):
        values = contract("...i,igh->...gh", scaled, _cast(_dense_table(grid, lmax), scaled))
    else:
        tables = _separable_tables(grid, lmax)
        # For each order m, the coefficients of degrees l; cosines (m >= 0) and sines (m > 0) side by side.
        by_order = _times(scaled[..., tables.component], tables.exists)
        rings = contract("...sml,mlg->...smg", by_order, _cast(tables.legendre, scaled))
        values = contract("...smg,smh->...gh", rings, _cast(tables.waves, scaled))
    return values.astype(x.dtype)


@functools.partial(jax.jit, static_argnames=("grid", "lmax", "normalization", "method"))
def from_sphere_grid(
    values: jax.Array, grid: SphereGrid, lmax: int, *, normalization: str = "component", method: str = "auto"
) -> jax.Array:
    """Values on a grid to coefficients: the spherical harmonic transform, by quadrature.

    Args:
      values: `(..., num_nodes, num_azimuths)`, floating point, of a function of degrees up to b.
      grid: static, from `sphere_grid`: exact if its band is `b + lmax` or more.
      lmax: static, highest degree of the result.
      normalization: static, of the harmonics: "component", "norm" or "integral".
      method: static; as for `to_sphere_grid`.

    Returns:
      `(..., (lmax + 1)^2)`, in the dtype of values; bfloat16 is summed in float32.

    Raises:
      TypeError: values are not floating point.
      ValueError: a shape other than the grid's, an unknown option, or degrees that the azimuths cannot tell apart.

    Transformations: jit, vmap, jvp, vjp, any order.
    References: as `to_sphere_grid`.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import harmonics
      >>> grid = harmonics.sphere_grid(4)
      >>> values = jnp.ones((grid.num_nodes, grid.num_azimuths))
      >>> x = harmonics.from_sphere_grid(values, grid, 2)
      >>> bool(jnp.allclose(x, jnp.eye(9)[0], atol=1e-5))  # the constant 1 has the coefficient 1
      True
    """
    values = jnp.asarray(values)
    require_floating("values", values)
    require_at_least("lmax", lmax, 0)
    if values.shape[-2:] != tuple(grid):
        raise ValueError(f"values must have shape (..., {grid.num_nodes}, {grid.num_azimuths}), got {values.shape}")
    if grid.num_azimuths < 2 * lmax + 1 or grid.num_nodes < lmax + 1:
        raise ValueError(f"lmax must be at most {min((grid.num_azimuths - 1) // 2, grid.num_nodes - 1)}, got {lmax}")
    sums = values.astype(accumulation_dtype(values))
    if _is_dense(method, lmax):
        weighted = _dense_table(grid, lmax) * grid.weights[:, None]
        found = contract("...gh,igh->...i", sums, _cast(weighted, sums))
    else:
        tables = _separable_tables(grid, lmax)
        rings = contract("...gh,smh->...smg", sums, _cast(tables.waves, sums))
        by_order = contract("...smg,mlg->...sml", rings, _cast(tables.legendre * grid.weights, sums))
        found = by_order.reshape(*by_order.shape[:-3], -1)[..., tables.place]
    factors = over_components(normalization_factors(lmax, normalization))
    return _times(found, 1 / factors).astype(values.dtype)


def _is_dense(method, lmax):
    require_choice("method", method, METHODS)
    return method == "dense" or (method == "auto" and lmax < _SMALLEST_SEPARABLE)


def _cast(table, like):
    return jnp.asarray(table, like.dtype)


def _times(array, table):
    """A table over the last axes, broadcast over the others."""
    array, table = with_equal_ranks(array, _cast(table, array))
    return array * table


@functools.lru_cache(maxsize=64)
def _dense_table(grid, lmax):
    """`(components, num_nodes, num_azimuths)`, harmonics of "integral" normalisation."""
    cosine, azimuth = (a.ravel() for a in np.meshgrid(grid.cosine, grid.azimuth, indexing="ij"))
    return harmonics_table(lmax, cosine, azimuth).reshape(-1, *grid)


class _SeparableTables(NamedTuple):
    """The two factors of the transform, over cosine or sine s, order m, degree l, node g and azimuth h.

    Attributes:
      component: `(s, m, l)`, which component is degree l of order m; 0 where there is none.
      exists: `(s, m, l)` bool.
      place: `(components,)`, where each component is among `(s, m, l)`.
      legendre: `(m, l, g)`.
      waves: `(s, m, h)`.
    """

    component: np.ndarray
    exists: np.ndarray
    place: np.ndarray
    legendre: np.ndarray
    waves: np.ndarray


@functools.lru_cache(maxsize=64)
def _separable_tables(grid, lmax):
    order, degree = np.meshgrid(np.arange(lmax + 1), np.arange(lmax + 1), indexing="ij")
    component = np.stack([degree**2 + degree + order, degree**2 + degree - order])
    exists = np.stack([degree >= order, (degree >= order) & (order > 0)])
    # 32 bits: with 64 a program that is cached in float32 does not run in x64.
    place = np.empty(np.count_nonzero(exists), np.int32)
    place[component[exists]] = np.flatnonzero(exists)
    legendre = legendre_table(lmax, grid.cosine, np.sqrt(1 - grid.cosine**2)).transpose(1, 0, 2)
    phase = np.arange(lmax + 1)[:, None] * grid.azimuth
    waves = np.sqrt(2.0) * np.stack([np.cos(phase), np.sin(phase)])
    waves[0, 0] = 1.0
    return _SeparableTables(np.where(exists, component, 0).astype(np.int32), exists, place, legendre, waves)
