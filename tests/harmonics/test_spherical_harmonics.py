"""Spherical harmonics against scipy and e3nn, and their derivatives at poles, at no length, and to third order."""

import e3nn_jax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxinv.kernels import harmonics
from jaxinv.kernels.harmonics.degrees import NORMALIZATIONS
from jaxinv.kernels.harmonics.legendre_tables import legendre_table
from tests.duties import FLOAT, X64
from tests.harmonics.cases import scipy_harmonics

# Random, both poles, the other axes, next to a pole.
VECTORS = np.concatenate([np.random.default_rng(0).normal(size=(20, 3)), np.eye(3), -np.eye(3), [[1e-5, 1, -1e-6]]])


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_equal_to_e3nn(normalization):
    vectors = jnp.asarray(VECTORS, FLOAT)
    found = harmonics.spherical_harmonics(vectors, 6, normalization=normalization)
    irreps = e3nn_jax.Irreps.spherical_harmonics(6)
    wanted = e3nn_jax.spherical_harmonics(irreps, vectors, normalize=True, normalization=normalization).array
    np.testing.assert_allclose(found, wanted, atol=1e-12 if X64 else 1e-5)


@pytest.mark.parametrize(("lmax", "bound"), [(4, 2e-6), (8, 6e-6), (20, 3e-5)])
def test_equal_to_scipy_to_degree_20(lmax, bound):
    found = np.asarray(harmonics.spherical_harmonics(jnp.asarray(VECTORS, FLOAT), lmax), float)
    wanted = scipy_harmonics(np.asarray(jnp.asarray(VECTORS, FLOAT)), lmax)
    np.testing.assert_allclose(found, wanted, atol=1e-11 if X64 else bound)


def test_legendre_to_degree_20_and_at_the_poles():
    cosine = np.array([-1.0, -0.7, 0.0, 1e-3, 0.999, 1.0])
    found = harmonics.legendre(jnp.asarray(cosine, FLOAT), 20)
    table = legendre_table(20, cosine, np.sqrt(1 - cosine**2))
    np.testing.assert_allclose(found, np.moveaxis(table, -1, 0), atol=1e-13 if X64 else 2e-5)
    gradient = jax.jit(jax.jacfwd(lambda c: harmonics.legendre(c, 4)))(jnp.asarray(1.0, FLOAT))
    assert np.all(np.isfinite(gradient))
    # P_2^2 = 3 sin^2 t, with derivative -6 cos t.
    np.testing.assert_allclose(gradient[2, 2], -6 * np.sqrt(5 / (4 * np.pi) / 24), rtol=1e-5)


@pytest.mark.parametrize("lmax", [8, 9])
def test_solid_harmonics_are_harmonic_and_homogeneous(lmax):
    """Both forms of the derivative rule, about degree 8: the Laplacian is 0 and Euler's relation holds."""
    vectors = jnp.asarray(VECTORS[:3], FLOAT)

    def top(v):
        return harmonics.solid_harmonics(v, lmax)[lmax**2 :]

    value, slope = jax.vmap(lambda v: jax.jvp(top, (v,), (v,)))(vectors)
    np.testing.assert_allclose(slope, lmax * value, rtol=0, atol=(1e-12 if X64 else 1e-5) * float(jnp.abs(slope).max()))
    hessian = jax.jit(jax.vmap(jax.hessian(top)))(vectors)
    laplacian = jnp.trace(hessian, axis1=-2, axis2=-1)
    assert float(jnp.abs(laplacian).max()) < (1e-12 if X64 else 1e-5) * float(jnp.abs(hessian).max())


@pytest.mark.skipif(not X64, reason="differences of float32 are too coarse")
@pytest.mark.parametrize("normalize", [True, False])
def test_derivatives_to_third_order_at_poles_and_elsewhere(normalize):
    vectors = jnp.asarray(VECTORS[[0, 21, 24, 26]])
    probe = jnp.asarray(np.random.default_rng(1).normal(size=(4, 16)))
    value = jax.jit(lambda v: jnp.sum(probe * harmonics.spherical_harmonics(v, 3, normalize=normalize)))
    check_grads(value, (vectors,), order=3, modes=("fwd", "rev"), rtol=2e-4, atol=2e-4)


@pytest.mark.parametrize("lmax", [3, 9])
def test_the_zero_vector_keeps_degree_0_with_derivatives_0(lmax):
    zero = jnp.zeros(3, FLOAT)
    function = jax.jit(lambda v: harmonics.spherical_harmonics(v, lmax))
    np.testing.assert_array_equal(function(zero), np.eye((lmax + 1) ** 2)[0])
    np.testing.assert_array_equal(jax.jacrev(function)(zero), 0.0)
    np.testing.assert_array_equal(jax.jacfwd(jax.jacrev(function))(zero), 0.0)


@pytest.mark.parametrize("length", [1e-30, 1e-6, 1e30])
def test_only_the_direction_counts(length):
    vectors = jnp.asarray(VECTORS[:5], FLOAT)
    found = harmonics.spherical_harmonics(vectors * FLOAT.type(length), 5)
    np.testing.assert_allclose(found, harmonics.spherical_harmonics(vectors, 5), atol=1e-12 if X64 else 1e-5)
    if length < 1e10:
        # The gradient of a function of the direction alone: at right angles, inverse to the length.
        gradient = jax.jit(jax.grad(lambda v: jnp.sum(harmonics.spherical_harmonics(v, 2)[..., 1:] ** 3)))
        scaled, plain = gradient(vectors * FLOAT.type(length)), gradient(vectors)
        np.testing.assert_allclose(np.asarray(scaled, float) * length, plain, atol=1e-4)


def test_axes_may_be_mapped_and_empty():
    vectors = jnp.asarray(VECTORS[:6], FLOAT).T
    found = jax.vmap(lambda v: harmonics.spherical_harmonics(v, 3), in_axes=1, out_axes=1)(vectors)
    np.testing.assert_allclose(found.T, harmonics.spherical_harmonics(vectors.T, 3), atol=1e-6)
    assert harmonics.spherical_harmonics(jnp.zeros((0, 2, 3)), 2).shape == (0, 2, 9)
