"""Paths, the real Wigner 3j tensors against e3nn's, and the closed forms of C and D against sympy's 3j symbols."""

import math

import e3nn_jax
import numpy as np
import pytest
from sympy.physics.wigner import wigner_3j

from jaxinv.kernels.tensor_products.coupling import (
    gaunt_coefficient,
    poisson_coefficient,
    real_wigner_3j,
    tensor_product_paths,
)


def test_paths_are_the_triangles_by_output():
    paths = tensor_product_paths(2, 3, 4)
    wanted = [(l1, l2, l3) for l1 in range(3) for l2 in range(4) for l3 in range(5) if abs(l1 - l2) <= l3 <= l1 + l2]
    assert list(paths) == sorted(wanted, key=lambda path: (path[2], path[0], path[1]))
    assert tensor_product_paths(0, 0, 3) == ((0, 0, 0),)
    assert [len(tensor_product_paths(lmax, lmax, lmax)) for lmax in (2, 3, 6)] == [15, 34, 175]


def test_wigner_3j_has_the_value_and_sign_of_e3nn():
    for path in tensor_product_paths(6, 6, 6):
        np.testing.assert_allclose(real_wigner_3j(*path), np.asarray(e3nn_jax.clebsch_gordan(*path)), atol=1e-12)


@pytest.mark.parametrize("path", [(8, 8, 16), (8, 7, 4), (5, 8, 8)])
def test_wigner_3j_has_norm_1_and_exchange_symmetry_at_high_degree(path):
    l1, l2, l3 = path
    tensor = real_wigner_3j(*path)
    sign = (-1) ** (l1 + l2 + l3)
    np.testing.assert_allclose(np.einsum("ijk,ijl->kl", tensor, tensor), np.eye(2 * l3 + 1) / (2 * l3 + 1), atol=1e-13)
    np.testing.assert_allclose(real_wigner_3j(l2, l1, l3), sign * tensor.transpose(1, 0, 2), atol=1e-13)
    np.testing.assert_allclose(real_wigner_3j(l1, l3, l2), sign * tensor.transpose(0, 2, 1), atol=1e-13)


def test_wigner_3j_is_zero_outside_the_triangle_and_read_only():
    assert not np.any(real_wigner_3j(1, 1, 3))
    assert real_wigner_3j(1, 1, 3).shape == (3, 3, 7)
    with pytest.raises(ValueError, match="read-only"):
        real_wigner_3j(1, 1, 2)[0, 0, 0] = 1.0


def test_listed_coefficients():
    for path, value in (((0, 0, 0), 0.28209479), ((1, 1, 0), 0.48860251), ((1, 1, 2), 0.69098830)):
        assert gaunt_coefficient(*path) == pytest.approx(value, abs=1e-8)
    assert gaunt_coefficient(2, 2, 2) == pytest.approx(0.75393004, abs=1e-8)
    assert poisson_coefficient(1, 1, 1) == pytest.approx(1.19682684, abs=1e-8)


def test_coefficients_are_multiples_of_3j_symbols():
    for path in [*tensor_product_paths(3, 3, 3), (1, 1, 3), (8, 7, 3), (8, 7, 4)]:
        l1, l2, l3 = path
        size = math.sqrt((2 * l1 + 1) * (2 * l2 + 1) * (2 * l3 + 1) / (4 * math.pi))
        turned = math.sqrt(l1 * (l1 + 1) * l2 * (l2 + 1))
        assert gaunt_coefficient(*path) == pytest.approx(size * abs(float(wigner_3j(*path, 0, 0, 0))), abs=1e-13)
        odd = sum(path) % 2 * abs(float(wigner_3j(*path, 1, -1, 0)))
        assert poisson_coefficient(*path) == pytest.approx(size * turned * odd, rel=1e-13)


def test_every_path_has_one_positive_coefficient():
    for path in tensor_product_paths(8, 8, 16):
        even, odd = gaunt_coefficient(*path), poisson_coefficient(*path)
        assert (even > 0, odd > 0) == (sum(path) % 2 == 0, sum(path) % 2 == 1)


@pytest.mark.parametrize("function", [tensor_product_paths, real_wigner_3j, gaunt_coefficient, poisson_coefficient])
def test_negative_degrees_raise(function):
    with pytest.raises(ValueError, match=r"l(max)?2 must be >= 0, got -1"):
        function(1, -1, 1)
