"""The harmonics: a line a kernel, each against scipy or float64 tables."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from scipy.special import sph_harm_y, sph_legendre_p

from jaxinv.kernels import harmonics as kernels
from jaxinv.kernels.harmonics.degrees import over_components
from jaxinv.kernels.harmonics.sphere_tables import harmonics_table
from tests.duties import FEATURES, BadInput, Case

FEATURES_WITHOUT_BFLOAT16: dict[str, Any] = FEATURES | {"low_precision": None}
LMAX = 3
COMPONENT = np.sqrt(4 * np.pi)
GRID = kernels.sphere_grid(2 * LMAX)


def scipy_harmonics(vectors: np.ndarray, lmax: int) -> np.ndarray:
    """ "Component" harmonics from scipy's complex ones; polar axis y, azimuth from z to x."""
    x, y, z = np.moveaxis(np.asarray(vectors, float), -1, 0)
    polar, azimuth = np.arctan2(np.hypot(x, z), y), np.arctan2(x, z)
    columns = []
    for degree in range(lmax + 1):
        for order in range(-degree, degree + 1):
            value = (-1) ** order * sph_harm_y(degree, abs(order), polar, azimuth)
            part = value.imag if order < 0 else value.real
            columns.append(COMPONENT * part * (np.sqrt(2) if order else 1))
    return np.stack(columns, axis=-1)


def _solid(vectors):
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return scipy_harmonics(vectors, LMAX) * length ** over_components(np.arange(LMAX + 1))


def _legendre(cosine):
    wanted = np.zeros((*cosine.shape, LMAX + 1, LMAX + 1))
    for degree in range(LMAX + 1):
        for order in range(degree + 1):
            wanted[..., degree, order] = (-1) ** order * sph_legendre_p(degree, order, np.arccos(cosine))
    return wanted


def _grid_table():
    cosine, azimuth = (a.ravel() for a in np.meshgrid(GRID.cosine, GRID.azimuth, indexing="ij"))
    return COMPONENT * harmonics_table(LMAX, cosine, azimuth)


def _rotations(generator):
    return np.linalg.qr(generator.normal(size=(2, 3, 3)))[0]


def _turned(x, rotation):
    """By the values of the function at directions turned back."""
    probes = np.random.default_rng(5).normal(size=(40, 3))
    values = np.einsum("npi,ni->np", scipy_harmonics(probes @ rotation, 2), x)
    return values @ np.linalg.pinv(scipy_harmonics(probes, 2)).T


CASES = (
    Case(
        name="harmonics.spherical_harmonics",
        function=lambda v: kernels.spherical_harmonics(v, LMAX),
        arguments=lambda generator: (generator.normal(size=(4, 3)),),
        reference=lambda v: scipy_harmonics(v, LMAX),
        empty=lambda: (np.zeros((0, 3)),),
        bad_input=(
            BadInput(
                call=lambda: kernels.spherical_harmonics(jnp.ones((3, 2)), 2),
                error=ValueError,
                message="vectors must have",
            ),
            BadInput(
                call=lambda: kernels.spherical_harmonics(jnp.ones(3), -1), error=ValueError, message="lmax must be"
            ),
            BadInput(
                call=lambda: kernels.spherical_harmonics(jnp.ones(3, int), 1),
                error=TypeError,
                message="vectors must be",
            ),
            BadInput(
                call=lambda: kernels.spherical_harmonics(jnp.ones(3), 1, normalization="max"),
                error=ValueError,
                message="normalization must be",
            ),
        ),
        **FEATURES,
    ),
    Case(
        name="harmonics.solid_harmonics",
        function=lambda v: kernels.solid_harmonics(v, LMAX),
        arguments=lambda generator: (generator.normal(size=(4, 3)),),
        reference=_solid,
        empty=lambda: (np.zeros((0, 3)),),
        bad_input=(
            BadInput(
                call=lambda: kernels.solid_harmonics(jnp.ones(4), 2), error=ValueError, message="vectors must have"
            ),
        ),
        **FEATURES,
    ),
    Case(
        name="harmonics.legendre",
        function=lambda c: kernels.legendre(c, LMAX),
        arguments=lambda generator: (generator.uniform(-0.95, 0.95, size=(2, 3)),),
        reference=_legendre,
        empty=lambda: (np.zeros(0),),
        bad_input=(
            BadInput(call=lambda: kernels.legendre(jnp.ones(3, int), 2), error=TypeError, message="cosine must be"),
            BadInput(call=lambda: kernels.legendre(jnp.ones(3), -1), error=ValueError, message="lmax must be >= 0"),
        ),
        **FEATURES,
    ),
    Case(
        name="harmonics.to_sphere_grid",
        function=lambda x: kernels.to_sphere_grid(x, GRID),
        arguments=lambda generator: (generator.normal(size=(2, (LMAX + 1) ** 2)),),
        reference=lambda x: (x @ _grid_table()).reshape(2, *GRID),
        empty=lambda: (np.zeros((0, 4)),),
        bad_input=(
            BadInput(call=lambda: kernels.to_sphere_grid(jnp.ones(5), GRID), error=ValueError, message="x must have"),
            BadInput(
                call=lambda: kernels.to_sphere_grid(jnp.ones(4), GRID, method="fft"),
                error=ValueError,
                message="method must",
            ),
        ),
        **FEATURES,
    ),
    Case(
        name="harmonics.from_sphere_grid",
        function=lambda v: kernels.from_sphere_grid(v, GRID, LMAX),
        arguments=lambda generator: (generator.normal(size=(2, *GRID)),),
        reference=lambda v: (v * GRID.weights[:, None]).reshape(2, -1) @ (_grid_table() / COMPONENT**2).T,
        bad_input=(
            BadInput(
                call=lambda: kernels.from_sphere_grid(jnp.ones((3, 3)), GRID, 1),
                error=ValueError,
                message="values must have",
            ),
            BadInput(
                call=lambda: kernels.from_sphere_grid(jnp.ones(GRID), GRID, LMAX + 1),
                error=ValueError,
                message="lmax must be at most 3",
            ),
        ),
        **FEATURES,
    ),
    Case(
        name="harmonics.rotate",
        function=kernels.rotate,
        arguments=lambda generator: (generator.normal(size=(2, 9)), _rotations(generator)),
        reference=_turned,
        bad_input=(
            BadInput(
                call=lambda: kernels.rotate(jnp.ones(9), jnp.ones((3, 2))),
                error=ValueError,
                message="rotation must have",
            ),
            BadInput(call=lambda: kernels.rotate(jnp.ones(8), jnp.eye(3)), error=ValueError, message="x must have"),
            BadInput(
                call=lambda: kernels.wigner_d(jnp.eye(3, dtype=int), 2),
                error=TypeError,
                message="rotation must be floating",
            ),
            BadInput(call=lambda: kernels.wigner_d(jnp.eye(3), -1), error=ValueError, message="lmax must be >= 0"),
        ),
        **FEATURES,
    ),
    Case(
        name="harmonics.torus",
        function=lambda x: kernels.from_torus(kernels.to_torus(x), 2),
        arguments=lambda generator: (generator.normal(size=(2, 16)),),
        reference=lambda x: x[:, :9],
        bad_input=(
            BadInput(
                call=lambda: kernels.to_torus(jnp.ones(4, jnp.bfloat16)), error=TypeError, message="x must be float32"
            ),
            BadInput(call=lambda: kernels.to_torus(jnp.ones(5)), error=ValueError, message="x must have"),
            BadInput(
                call=lambda: kernels.from_torus(jnp.ones((4, 3), complex), 2),
                error=ValueError,
                message="series must have",
            ),
        ),
        **FEATURES_WITHOUT_BFLOAT16,
    ),
)
