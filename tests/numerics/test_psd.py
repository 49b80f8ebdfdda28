"""Solves and log-determinants where the matrix is singular to working precision."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxinv.kernels.numerics.psd import log_det_one_plus, psd_solve

FLOAT = jnp.result_type(float)
EPS = float(jnp.finfo(FLOAT).eps)


def gram(dim, rank, scale, seed=2):
    rows = np.random.default_rng(seed).normal(size=(rank, dim))
    return rows, jnp.asarray(scale * rows.T @ rows, FLOAT)


@pytest.mark.parametrize("rank", [1, 32, 64])
def test_log_det_is_exact_where_one_is_above_rounding(rank):
    rows, matrix = gram(64, rank, 1e3)
    wanted = np.sum(np.log1p(1e3 * np.linalg.eigvalsh(rows @ rows.T)))
    # Rounding of the matrix, of size 64 * 1e3, moves each of the null directions' eigenvalues of 1.
    np.testing.assert_allclose(log_det_one_plus(matrix), wanted, atol=64 * 64e3 * EPS, rtol=0)


@pytest.mark.parametrize("scale", [1e8, 1e20])
def test_log_det_of_a_huge_singular_matrix_and_its_gradient_are_finite(scale):
    """Rank 1 at D = 512 leaves spotrf without a factor even for twice the usual shift."""
    _, matrix = gram(512, 1, scale)
    value, gradient = jax.value_and_grad(log_det_one_plus)(matrix)
    assert np.isfinite(value)
    assert np.all(np.isfinite(gradient))


def test_log_det_in_a_batch_shifts_each_matrix_by_itself():
    matrices = jnp.stack([gram(64, 64, 1.0)[1], gram(64, 1, 1e20 if FLOAT.itemsize == 8 else 1e12)[1]])
    batch = jax.vmap(log_det_one_plus)(matrices)
    np.testing.assert_allclose(batch[0], np.linalg.slogdet(np.eye(64) + np.asarray(matrices[0], float))[1], rtol=1e-5)
    assert np.all(np.isfinite(batch))


def test_log_det_derivative_is_the_inverse():
    _, matrix = gram(8, 8, 1.0)
    wanted = np.linalg.inv(np.eye(8) + np.asarray(matrix, float))
    np.testing.assert_allclose(jax.grad(log_det_one_plus)(matrix), wanted, atol=200 * EPS)
    check_grads(lambda a: log_det_one_plus(a @ a.T), (matrix,), order=2, eps=EPS**0.25, rtol=0.02, atol=0.02)


@pytest.mark.parametrize("rank", [1, 2])
def test_solve_in_the_range_of_a_singular_matrix(rank):
    rows, matrix = gram(512, rank, 1.0)
    solution = psd_solve(matrix, jnp.asarray(rows.T, FLOAT))
    np.testing.assert_allclose(matrix @ solution, rows.T, atol=512**1.5 * EPS)
