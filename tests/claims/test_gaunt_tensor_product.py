"""The measuring instruments of the claim about Gaunt products, each against something known."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxinv.claims.gaunt_tensor_product import (
    _between_linear_layers,
    _error_of_rank,
    _map,
    _programs,
    _residual,
    _Size,
)
from jaxinv.kernels.tensor_products import gaunt_tensor_product, low_rank_path_weights, tensor_product_paths

TINY = _Size(degrees=(1,), most_paths=1, pairs=3, rounds=1, lmax=1, ranks=(1, 2), starts=2)


def test_a_residual_is_the_share_that_no_sum_of_products_reaches():
    """Of a target made of the products and of something orthogonal to them."""
    products = np.zeros((2, 4, 4, 4))
    products[0, 0, 1, 1:4], products[1, 0, 2, 1:4] = 1.0, 3.0
    wanted = 2 * products[0] - products[1]
    assert _residual(products, wanted) == pytest.approx(0.0, abs=1e-12)
    reached = np.sum(wanted**2)
    wanted[3, 3, 1:4] = 1.0
    assert _residual(products, wanted) == pytest.approx(3 / (reached + 3))


def test_products_that_are_rounding_explain_nothing():
    products = np.zeros((2, 4, 4, 4))
    products[0, 0, 1, 1:4], products[1, 1, 1, 1:4] = 1.0, 1e-8
    wanted = np.zeros((4, 4, 4))
    wanted[1, 1, 1:4] = 1.0
    assert _residual(products, wanted) == pytest.approx(1.0)


def test_between_linear_layers_stand_all_pairs_of_degrees():
    products = _between_linear_layers(gaunt_tensor_product, 1)
    assert products.shape == (4, 4, 4, 4)
    unit = jnp.eye(4, dtype=jnp.float32)
    whole = gaunt_tensor_product(unit[:, None], unit[None], lmax_out=1)
    np.testing.assert_allclose(products.sum(0), whole, atol=1e-6)


def test_the_error_of_a_rank_is_measured_on_the_kernels():
    """Every map of degrees up to 1 is two products of each kind; its one odd path is one of either."""
    weights = np.random.default_rng(1).normal(size=len(tensor_product_paths(1, 1, 1)))
    one, two = (_error_of_rank(weights, rank, TINY) for rank in (1, 2))
    assert two < 1e-3
    assert one > 10 * two
    wanted = low_rank_path_weights(weights, 1, 1, 1, rank_even=1, rank_odd=1, num_starts=TINY.starts).path_weights
    difference = _map(weights, 1) - _map(wanted, 1)
    assert one == pytest.approx(np.linalg.norm(difference) / np.linalg.norm(_map(weights, 1)), rel=1e-3)


def test_timed_programs_compute_what_they_are_called():
    programs = _programs(1, TINY)
    generator = np.random.default_rng(0)
    x1, x2 = (jnp.asarray(generator.normal(size=(3, 4)), jnp.float32) for _ in range(2))
    gaunt, kernel, whole, each = (np.asarray(program.run(x1, x2)) for program in programs.values())
    weights = np.ones(len(tensor_product_paths(1, 1, 1)))
    np.testing.assert_allclose(whole, np.einsum("bi,bj,ijk->bk", x1, x2, _map(weights, 1)), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(kernel, whole, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(gaunt, gaunt_tensor_product(x1, x2, lmax_out=1), rtol=1e-5, atol=1e-6)
    # The paths to degree 0 are 0 x 0 and 1 x 1; then those to degree 1.
    np.testing.assert_allclose(each[:, 0] + each[:, 1], whole[:, 0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(each[:, 2:].reshape(3, -1, 3).sum(1), whole[:, 1:], rtol=1e-4, atol=1e-5)
    assert all(program.seconds > 0 for program in programs.values())
