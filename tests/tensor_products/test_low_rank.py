"""Low-rank path weights: the products' tensors with the found degree weights against the Clebsch-Gordan tensor."""

import math

import numpy as np
import pytest

from jaxinv.kernels.tensor_products.coupling import (
    gaunt_coefficient,
    poisson_coefficient,
    real_wigner_3j,
    tensor_product_paths,
)
from jaxinv.kernels.tensor_products.low_rank import LowRankPathWeights, low_rank_path_weights


def tied(weights, path) -> float:
    """`sum_r a_l1 b_l2 c_l3`."""
    at_path = [factor[:, degree] for factor, degree in zip(weights, path, strict=True)]
    return float(np.sum(np.prod(at_path, axis=0)))


def path_tensor(found: LowRankPathWeights, path, balanced: bool) -> np.ndarray:
    """What the sum of products does on a path, written out from the definitions of the two products."""
    even = gaunt_coefficient(*path) * tied(found.even, path)
    odd = poisson_coefficient(*path) * tied(found.odd, path)
    if balanced and odd:
        odd *= np.prod([(degree * (degree + 1.0)) ** (-1 / 3) for degree in path])
    return math.sqrt(4 * math.pi) * (even + odd) * real_wigner_3j(*path)


@pytest.mark.parametrize("normalization", ["component", "norm"])
@pytest.mark.parametrize("balanced", [True, False])
def test_e3nn_is_three_gaunt_and_two_poisson_products_at_degree_3(normalization, balanced):
    paths = tensor_product_paths(3, 3, 3)
    found = low_rank_path_weights(
        np.ones(len(paths)), 3, 3, 3, rank_even=3, rank_odd=2, normalization=normalization, balanced=balanced
    )
    assert found.worst_error < 1e-6
    assert found.error < 1e-6
    for path in paths:
        l1, l2, l3 = path
        unit = 2 * l3 + 1 if normalization == "component" else (2 * l1 + 1) * (2 * l2 + 1)
        wanted = math.sqrt(unit) * real_wigner_3j(*path)
        np.testing.assert_allclose(path_tensor(found, path, balanced), wanted, atol=1e-5)


def test_the_reported_weights_and_errors_are_those_of_the_tensors():
    paths = tensor_product_paths(2, 3, 3)
    wanted = np.random.default_rng(1).normal(size=len(paths))
    found = low_rank_path_weights(wanted, 2, 3, 3, rank_even=1, rank_odd=1)
    for path, weight in zip(paths, found.path_weights, strict=True):
        tensor = math.sqrt(2 * path[2] + 1) * weight * real_wigner_3j(*path)
        np.testing.assert_allclose(path_tensor(found, path, True), tensor, atol=1e-12)
    assert found.error == pytest.approx(np.linalg.norm(found.path_weights - wanted) / np.linalg.norm(wanted))
    assert found.worst_error == pytest.approx(np.max(np.abs(found.path_weights - wanted)) / np.max(np.abs(wanted)))
    assert found.error > 1e-3
    norms = np.array([np.linalg.norm(factor, axis=1) for factor in (*found.even, *found.odd)]).reshape(2, 3, -1)
    np.testing.assert_allclose(norms, norms[:, :1].repeat(3, axis=1))


def test_one_product_of_each_kind_is_within_11_percent_of_e3nn():
    found = low_rank_path_weights(np.ones(34), 3, 3, 3, rank_even=1, rank_odd=1)
    assert 0.10 < found.worst_error < 0.12


def test_error_falls_with_rank_for_any_weights():
    wanted = np.random.default_rng(0).normal(size=34)
    errors = [low_rank_path_weights(wanted, 3, 3, 3, rank_even=r, rank_odd=r, num_starts=4).error for r in range(4)]
    assert errors[0] == 1.0
    assert errors[0] > errors[1] > errors[2] > 10 * errors[3]
    assert errors[3] < 1e-6


def test_same_seed_same_weights():
    first, again = (low_rank_path_weights(np.ones(15), 2, 2, 2, rank_even=1, rank_odd=1, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first.even.weights1, again.even.weights1)
    assert first.even.weights_out.shape == (1, 3)


def test_no_odd_path_and_weights_of_zero():
    found = low_rank_path_weights(np.zeros(1), 0, 0, 0, rank_even=2, rank_odd=1)
    assert found.error == 0.0
    assert not np.any(found.odd.weights1)


def test_bad_input():
    with pytest.raises(ValueError, match=r"path_weights must have shape \(15\), one a path, got \(14,\)"):
        low_rank_path_weights(np.ones(14), 2, 2, 2, rank_even=1, rank_odd=1)
    with pytest.raises(ValueError, match="rank_even must be >= 0, got -1"):
        low_rank_path_weights(np.ones(15), 2, 2, 2, rank_even=-1, rank_odd=1)
    with pytest.raises(ValueError, match="num_starts must be >= 1, got 0"):
        low_rank_path_weights(np.ones(15), 2, 2, 2, rank_even=1, rank_odd=1, num_starts=0)
    with pytest.raises(ValueError, match="normalization must be one of"):
        low_rank_path_weights(np.ones(15), 2, 2, 2, rank_even=1, rank_odd=1, normalization="integral")
