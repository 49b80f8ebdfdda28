"""Transforms between coefficients, values on grids of the sphere and series on the torus."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxinv.kernels.harmonics import from_sphere_grid, from_torus, sphere_grid, to_sphere_grid, to_torus
from jaxinv.kernels.harmonics.degrees import NORMALIZATIONS, normalization_factors, over_components
from jaxinv.kernels.harmonics.sphere_tables import gradients_table, harmonics_table
from tests.duties import FLOAT, X64

LMAX = 5
ROUNDING = 1e-13 if X64 else 1e-5


def coefficients(lmax=LMAX):
    return jnp.asarray(np.random.default_rng(0).normal(size=(3, (lmax + 1) ** 2)), FLOAT)


def values(x, polar, azimuth, normalization):
    """At points, from the float64 tables."""
    factors = over_components(normalization_factors(LMAX, normalization))
    return (np.asarray(x, float) * factors) @ harmonics_table(LMAX, np.cos(polar), azimuth)


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("method", ["dense", "separable"])
def test_grid_values_and_back(method, normalization):
    x, grid = coefficients(), sphere_grid(2 * LMAX)
    found = to_sphere_grid(x, grid, normalization=normalization, method=method)
    polar, azimuth = np.meshgrid(np.arccos(grid.cosine), grid.azimuth, indexing="ij")
    wanted = values(x, polar.ravel(), azimuth.ravel(), normalization)
    np.testing.assert_allclose(found.reshape(3, -1), wanted, atol=10 * ROUNDING)
    back = from_sphere_grid(found, grid, LMAX, normalization=normalization, method=method)
    np.testing.assert_allclose(back, x, atol=ROUNDING)


def test_harmonics_are_orthonormal_on_the_grid_and_one_node_fewer_fails():
    grid = sphere_grid(2 * LMAX)
    for given, is_exact in ((grid, True), (grid._replace(num_nodes=grid.num_nodes - 1), False)):
        cosine, azimuth = (a.ravel() for a in np.meshgrid(given.cosine, given.azimuth, indexing="ij"))
        table = harmonics_table(LMAX, cosine, azimuth)
        gram = table * np.repeat(given.weights, given.num_azimuths) @ table.T
        assert np.allclose(gram, np.eye(len(gram)), atol=1e-13) == is_exact


def test_gradients_are_those_of_the_harmonics():
    polar, azimuth, step = np.array([0.4, 1.3, 2.9]), np.array([0.2, 3.0, 5.0]), 1e-5
    table = lambda t, p: harmonics_table(4, np.cos(t), p)  # noqa: E731
    by_polar = (table(polar + step, azimuth) - table(polar - step, azimuth)) / (2 * step)
    by_azimuth = (table(polar, azimuth + step) - table(polar, azimuth - step)) / (2 * step) / np.sin(polar)
    for found, wanted in zip(gradients_table(4, np.cos(polar), azimuth), (by_polar, by_azimuth), strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-8)


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_torus_series_have_the_values_of_the_function_on_both_sheets(normalization):
    x = coefficients()
    series = np.asarray(to_torus(x, normalization=normalization), complex)
    assert series.shape == (3, 2 * LMAX + 1, LMAX + 1)
    polar, azimuth = np.random.default_rng(1).uniform(0, np.pi, size=(2, 20))
    wanted = values(x, polar, 2 * azimuth, normalization)
    for t, p in ((polar, 2 * azimuth), (-polar, 2 * azimuth + np.pi)):
        waves_t = np.exp(1j * np.outer(np.arange(-LMAX, LMAX + 1), t))
        waves_p = np.exp(1j * np.outer(np.arange(LMAX + 1), p)) * np.where(np.arange(LMAX + 1) > 0, 2, 1)[:, None]
        found = np.einsum("nuv,ut,vt->nt", series, waves_t, waves_p).real
        np.testing.assert_allclose(found, wanted, atol=10 * ROUNDING)
    np.testing.assert_allclose(from_torus(jnp.asarray(series), LMAX, normalization=normalization), x, atol=ROUNDING)


def test_torus_series_are_cut_and_filled_by_degree():
    x = coefficients()
    np.testing.assert_allclose(from_torus(to_torus(x), 2), x[:, :9], atol=ROUNDING)
    np.testing.assert_allclose(from_torus(to_torus(x[:, :9]), LMAX)[:, 9:], 0.0, atol=ROUNDING)
