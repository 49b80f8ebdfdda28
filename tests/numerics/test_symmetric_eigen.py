"""Eigenvalues and vectors of easy and of degenerate matrices, closed forms beside LAPACK."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxinv.kernels.numerics.symmetric_eigen import symmetric_eigen
from tests.duties import FLOAT, X64
from tests.numerics.spectral_cases import with_spectrum

EXACT = 1e-14 if X64 else 2e-6
SIZES = (1, 2, 3, 4, 5)
COUNT = 40


def _spectra(generator, size):
    """`(kinds, COUNT, size)` eigenvalues; where not said otherwise of order 1."""
    values = generator.normal(size=(COUNT, size))
    equal = values.copy()
    equal[:, -1] = equal[:, 0]
    return {
        "any": values,
        "two equal": equal,
        "nearly equal": equal * (1 + 1e-6 * generator.normal(size=(COUNT, size))),
        "all equal": np.ones((COUNT, size)),
        "all nearly equal": 1 + 1e-6 * values,
        "ill conditioned": 10.0 ** generator.uniform(-5, 0, size=(COUNT, size)),
        "one of them": values * (np.arange(size) == 0),
        "none": np.zeros((COUNT, size)),
        "tiny": 1e-20 * values,
        "huge": 1e20 * values,
    }


def _matrices(size):
    generator = np.random.default_rng(size)
    made = [with_spectrum(generator, values) for values in _spectra(generator, size).values()]
    # Small whole numbers: ties in every comparison, zeros and multiples.
    whole = generator.integers(-1, 2, size=(4 * COUNT, size, size)).astype(float)
    return np.concatenate([*made, whole + np.swapaxes(whole, -1, -2), np.eye(size) * whole])


@pytest.mark.parametrize("size", SIZES)
def test_residual_orthogonality_and_order(size):
    a = np.asarray(jnp.asarray(_matrices(size), FLOAT), np.float64)
    found = symmetric_eigen(jnp.asarray(a, FLOAT))
    values, vectors = (np.asarray(part, np.float64) for part in found)
    norms = np.linalg.norm(a, axis=(-1, -2))
    scale = np.where(norms == 0, 1.0, norms)[:, None]
    residual = np.linalg.norm(a @ vectors - vectors * values[:, None, :], axis=-2) / scale
    assert residual.max() < EXACT
    assert np.abs(np.swapaxes(vectors, -1, -2) @ vectors - np.eye(size)).max() < EXACT
    assert np.all(np.diff(values) >= 0)
    assert (np.abs(values - np.linalg.eigvalsh(a)) / scale).max() < EXACT


@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_derivatives_where_eigenvalues_differ(size):
    generator = np.random.default_rng(0)
    a = with_spectrum(generator, np.arange(1.0, size + 1))
    turn = generator.normal(size=(size, size))
    turn = turn + turn.T
    primal, tangent = jax.jvp(jax.jit(symmetric_eigen), (jnp.asarray(a, FLOAT),), (jnp.asarray(turn, FLOAT),))
    values, vectors, dvalues, dvectors = (np.asarray(part, np.float64) for part in (*primal, *tangent))
    tolerance = 1e-11 if X64 else 2e-5
    # A v = v x, differentiated; and vectors stay orthonormal.
    change = turn @ vectors + a @ dvectors - dvectors * values - vectors * dvalues
    assert np.abs(change).max() < tolerance
    assert np.abs(vectors.T @ dvectors + dvectors.T @ vectors).max() < tolerance
    # Negative control: without the turn of the vectors the equation does not hold.
    assert np.abs(turn @ vectors - vectors * dvalues).max() > 0.1


@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_derivatives_are_finite_where_eigenvalues_are_equal(size):
    def total(a):
        values, vectors = symmetric_eigen(a)
        return jnp.sum(values * jnp.arange(1, size + 1)) + jnp.sum(vectors)

    for a in (2.0 * jnp.eye(size, dtype=FLOAT), jnp.zeros((size, size), FLOAT)):
        assert bool(jnp.all(jnp.isfinite(jax.jit(jax.grad(total))(a))))


def test_only_the_symmetric_part_counts():
    a = jnp.asarray(np.random.default_rng(0).normal(size=(3, 3)), FLOAT)
    found, wanted = symmetric_eigen(a), symmetric_eigen((a + a.T) / 2)
    np.testing.assert_allclose(found.values, wanted.values, rtol=0, atol=EXACT)
