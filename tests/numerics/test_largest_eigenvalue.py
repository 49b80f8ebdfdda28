"""The largest eigenvalue: spectra that are hard for Lanczos' method, and its derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxinv.kernels.numerics.largest_eigenvalue import largest_eigenvalue
from jaxinv.kernels.numerics.symmetric_eigen import symmetric_eigen
from tests.duties import FLOAT, X64

SIZE = 150
PLACES = np.arange(1, SIZE + 1) / SIZE
SPECTRA = {
    "falling": PLACES**-1.4,
    "flat": np.ones(SIZE),
    "nearly flat": 1 + 1e-5 * np.sin(SIZE * PLACES),
    "zero": np.zeros(SIZE),
    "one": 1e6 * (PLACES == 1),
    "more ties than the basis has vectors": np.where(PLACES < 0.3, 1e-6, 0.99e-6 * PLACES),
    "a cluster": np.where(PLACES < 0.1, 1 - 1e-4 * PLACES, 0.9 * PLACES),
    "crowded at the top": 1 + np.cos(np.pi * PLACES),
}


def matrix_of(spectrum):
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(len(spectrum), len(spectrum))))[0]
    return jnp.asarray((turn * spectrum) @ turn.T, FLOAT)


@pytest.mark.parametrize("name", SPECTRA)
def test_as_exact_as_a_decomposition(name):
    matrix = matrix_of(SPECTRA[name])
    wanted = np.linalg.eigvalsh(np.asarray(matrix, np.float64))[-1]
    np.testing.assert_allclose(largest_eigenvalue(matrix), wanted, rtol=1e-13 if X64 else 3e-6)


@pytest.mark.parametrize("size", [1, 5])
def test_small_matrices(size):
    found = largest_eigenvalue(matrix_of(np.arange(size) + 2.0))
    np.testing.assert_allclose(found, size + 1, rtol=1e-13 if X64 else 1e-6)
    assert largest_eigenvalue(jnp.zeros((size, size), FLOAT)) == 0


def test_a_batch_is_each_by_itself():
    """They take from one basis to many."""
    batch = jnp.stack([matrix_of(SPECTRA[name]) for name in ("falling", "zero", "crowded at the top")])
    found = jax.vmap(largest_eigenvalue)(batch)
    np.testing.assert_allclose(found, [largest_eigenvalue(one) for one in batch], rtol=1e-13 if X64 else 1e-6)


def test_derivatives():
    """The first is `v v'`; the second, along dA, `2 sum_i (v' dA v_i)^2 / (value - value_i)`."""
    matrix = matrix_of(SPECTRA["falling"])
    along = np.random.default_rng(1).normal(size=(SIZE, SIZE)) * 0.1
    along = along + along.T
    values, vectors = np.linalg.eigh(np.asarray(matrix, np.float64))
    turned = vectors[:, -1] @ along @ vectors
    gradient = jax.grad(largest_eigenvalue)
    slope, curvature = jax.jvp(gradient, (matrix,), (jnp.asarray(along, FLOAT),))
    tolerance = 1e-10 if X64 else 1e-4
    np.testing.assert_allclose(slope, np.outer(vectors[:, -1], vectors[:, -1]), atol=tolerance)
    wanted = 2 * np.sum(turned[:-1] ** 2 / (values[-1] - values[:-1]))
    np.testing.assert_allclose(jnp.sum(curvature * along), wanted, rtol=tolerance)


@pytest.mark.parametrize("name", ["flat", "zero"])
def test_derivatives_at_ties_are_those_of_the_decomposition(name):
    matrix = matrix_of(SPECTRA[name])
    found = jax.grad(largest_eigenvalue)(matrix)
    wanted = jax.grad(lambda matrix: jnp.maximum(symmetric_eigen(matrix).values[-1], 0.0))(matrix)
    np.testing.assert_array_equal(found, wanted)
    assert bool(jnp.all(jnp.isfinite(found)))
