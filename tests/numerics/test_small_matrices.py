"""Products, determinants, adjugates and inverses of every size, and where they are singular or of extreme scale."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxinv.kernels.numerics.small_matrices import adjugate, determinant, inverse, product
from tests.duties import FLOAT, X64
from tests.numerics.spectral_cases import random_matrices

EXACT = 1e-12 if X64 else 3e-6
SIZES = (1, 2, 3, 4, 5)


def close(found, wanted, tolerance=EXACT):
    np.testing.assert_allclose(found, wanted, rtol=0, atol=tolerance * max(1.0, float(np.max(np.abs(wanted)))))


@pytest.mark.parametrize("size", SIZES)
def test_every_size_is_numpys(size):
    a, b = (random_matrices(np.random.default_rng(seed), (3, 4), size) for seed in (0, 1))
    low = jnp.asarray(a, FLOAT)
    close(product(low, jnp.asarray(b[0], FLOAT)), a @ b[0])
    close(determinant(low), np.linalg.det(a))
    close(inverse(low), np.linalg.inv(a))


@pytest.mark.parametrize("size", [2, 3, 4])
def test_the_adjugate_of_a_singular_matrix(size):
    a = np.random.default_rng(0).normal(size=(20, size, size))
    a[..., -1] = a[..., 0]
    low = jnp.asarray(a, FLOAT)
    close(product(low, adjugate(low)), np.zeros_like(a), 10 * EXACT)
    assert float(jnp.min(jnp.max(jnp.abs(adjugate(low)), axis=(-1, -2)))) > 0.01


@pytest.mark.parametrize("size", [2, 3, 4])
@pytest.mark.parametrize("scale", [1e-20, 1e20])
def test_inverses_of_any_scale(size, scale):
    a = random_matrices(np.random.default_rng(0), (5,), size)
    close(scale * np.asarray(inverse(jnp.asarray(scale * a, FLOAT)), np.float64), np.linalg.inv(a), 2 * EXACT)


@pytest.mark.parametrize("size", [2, 3, 4])
def test_a_zero_determinant_gives_zero_and_no_slope(size):
    ones = jnp.ones((size, size), FLOAT)
    assert not np.any(inverse(ones))
    assert not np.any(jax.jit(jax.grad(lambda a: jnp.sum(inverse(a))))(ones))
    assert not np.any(inverse(jnp.zeros((size, size), FLOAT)))
