"""Lie groups of matrices: one module a group, the same verbs in each; decompositions; measures and integrals.

| group | elements | coordinates of the algebra |
| --- | --- | --- |
| `so2`, `so3`, `so` | rotations `(..., n, n)` | the angle; the rotation vector; n (n - 1) / 2 |
| `se2`, `se3`, `se` | rigid motions `(..., n + 1, n + 1)` | translation, then rotation |
| `sim2`, `sim3` | similarities `(..., n + 1, n + 1)` | translation, rotation, logarithm of the scale |
| `gl`, `sl` | positive determinant; determinant 1, `(..., n, n)` | n^2 entries; n^2 - 1 |
| `aff` | affine maps `(..., n + 1, n + 1)` | translation, then n^2 entries |
| `spd` | positive definite matrices `(..., n, n)`, a symmetric space | n (n + 1) / 2 |

Each has hat, vee, exp, log, compose, inverse, act, adjoint, ad, left_jacobian, right_jacobian (and `_inverse` of both),
identity, sample or sample_haar, distance, project, and on the host check_element and check_algebra; `spd` those that a
symmetric space has. Where the exponential does not reach the whole group (gl, sl, aff), log tells whether it `exists`,
and `xi`, `xi_inv` are coordinates of all of it. Rotations as `quaternions` have a module of their own.
"""

from jaxinv.kernels.lie_groups import aff, gl, quaternions, se, se2, se3, sim2, sim3, sl, so, so2, so3, spd
from jaxinv.kernels.lie_groups.cartan import Cartan, cartan
from jaxinv.kernels.lie_groups.coordinate_bases import coordinate_dimension
from jaxinv.kernels.lie_groups.coordinates import xi, xi_inv
from jaxinv.kernels.lie_groups.haar_measures import log_haar_density, log_modular
from jaxinv.kernels.lie_groups.invariant_integration import (
    Quadrature,
    WeightedIntegral,
    effective_sample_size,
    so2_quadrature,
    so3_quadrature,
    weighted_integral,
)
from jaxinv.kernels.lie_groups.iwasawa import IwasawaKAN, IwasawaNAK, PositiveQR, iwasawa, qr_positive
from jaxinv.kernels.lie_groups.jordan_chevalley import (
    JordanChevalley,
    JordanMultiplicative,
    jordan_chevalley,
    jordan_multiplicative,
)
from jaxinv.kernels.lie_groups.kak import KAK, kak
from jaxinv.kernels.lie_groups.ldu import LDU, Bruhat, bruhat, ldu
from jaxinv.kernels.lie_groups.logarithm import Logarithm
from jaxinv.kernels.lie_groups.polar import LeftPolar, RightPolar, polar
from jaxinv.kernels.lie_groups.sampling import PolarSamples, haar_so, sample_polar_pairs, spd_lognormal
from jaxinv.kernels.lie_groups.scale_split import ScaleSplit, scale_split

__all__ = [
    "KAK",
    "LDU",
    "Bruhat",
    "Cartan",
    "IwasawaKAN",
    "IwasawaNAK",
    "JordanChevalley",
    "JordanMultiplicative",
    "LeftPolar",
    "Logarithm",
    "PolarSamples",
    "PositiveQR",
    "Quadrature",
    "RightPolar",
    "ScaleSplit",
    "WeightedIntegral",
    "aff",
    "bruhat",
    "cartan",
    "coordinate_dimension",
    "effective_sample_size",
    "gl",
    "haar_so",
    "iwasawa",
    "jordan_chevalley",
    "jordan_multiplicative",
    "kak",
    "ldu",
    "log_haar_density",
    "log_modular",
    "polar",
    "qr_positive",
    "quaternions",
    "sample_polar_pairs",
    "scale_split",
    "se",
    "se2",
    "se3",
    "sim2",
    "sim3",
    "sl",
    "so",
    "so2",
    "so2_quadrature",
    "so3",
    "so3_quadrature",
    "spd",
    "spd_lognormal",
    "weighted_integral",
    "xi",
    "xi_inv",
]
