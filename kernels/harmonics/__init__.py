"""Spherical harmonics: functions on the sphere, their coefficients, and how those rotate.

Coefficients are `(..., (lmax + 1)^2)`, component `l^2 + l + m` for degree l and order m, polar axis y, as in e3nn;
`degrees` has the conventions. Transforms take them to values on a grid or to Fourier series on the torus and back.
"""

from jaxinv.kernels.harmonics.legendre import legendre
from jaxinv.kernels.harmonics.polynomial_cutoff import polynomial_cutoff
from jaxinv.kernels.harmonics.radial_basis import radial_basis
from jaxinv.kernels.harmonics.sphere_grid import SphereGrid, from_sphere_grid, sphere_grid, to_sphere_grid
from jaxinv.kernels.harmonics.spherical_harmonics import solid_harmonics, spherical_harmonics
from jaxinv.kernels.harmonics.torus import from_torus, to_torus
from jaxinv.kernels.harmonics.wigner import rotate, wigner_d

__all__ = [
    "SphereGrid",
    "from_sphere_grid",
    "from_torus",
    "legendre",
    "polynomial_cutoff",
    "radial_basis",
    "rotate",
    "solid_harmonics",
    "sphere_grid",
    "spherical_harmonics",
    "to_sphere_grid",
    "to_torus",
    "wigner_d",
]
