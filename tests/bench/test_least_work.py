"""Counts of operations against tables: lower bounds that are not far below."""

import numpy as np
import pytest

from jaxinv.bench.families import least_work as least
from jaxinv.kernels.tensor_products.coupling import real_wigner_3j, tensor_product_paths


@pytest.mark.parametrize("lmax", [0, 1, 4])
def test_clebsch_gordan_counts_the_coefficients_that_are_not_zero(lmax):
    nonzero = sum(np.count_nonzero(real_wigner_3j(*path)) for path in tensor_product_paths(lmax, lmax, lmax))
    counted = (least.clebsch_gordan(lmax) - least.components(lmax) ** 2) / 2
    assert nonzero <= counted <= 1.1 * nonzero


def test_of_one_degree_nothing_is_left_but_one_product():
    assert least.components(0) == least.sphere_points(0) == least.matrix_entries(0) == 1
    assert least.sphere_transform(0, 0) == 1


def test_separate_sums_take_less_than_the_whole_matrix():
    for lmax in (2, 4, 8):
        band = 3 * lmax
        assert least.sphere_transform(lmax, band) < least.components(lmax) * least.sphere_points(band)


def test_matrix_entries_and_rotation_grow_as_the_cube():
    assert least.matrix_entries(2) == 1 + 9 + 25
    assert 6.5 < least.rotation(40) / least.rotation(20) < 8
