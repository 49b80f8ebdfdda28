"""The exponent of a power law."""

import math

import pytest

from jaxinv.bench.scaling import exponent


@pytest.mark.parametrize("power", [-1.0, 0.0, 0.5, 1.0, 2.75])
def test_a_planted_power_is_found(power):
    sizes = [8, 100, 1000, 30, 5000]
    assert exponent(sizes, [3e-4 * n**power for n in sizes]) == pytest.approx(power, abs=1e-12)


def test_the_smaller_half_does_not_count():
    sizes = [1, 2, 4, 8, 16, 32]
    times = [100.0, 100.0, 100.0, 64.0, 256.0, 1024.0]
    assert exponent(sizes, times) == pytest.approx(2.0)
    assert exponent(sizes[::-1], times[::-1]) == pytest.approx(2.0)


def test_of_seven_sizes_four_count_and_of_four_three():
    assert exponent([1, 2, 4, 8, 16, 32, 64], [9, 9, 9, 8, 16, 32, 64]) == pytest.approx(1.0)
    assert exponent([1, 2, 4, 8], [9, 2, 4, 8]) == pytest.approx(1.0)


def test_the_fit_is_least_squares():
    times = [math.exp(y) for y in (0.0, 2.0, 1.0)]
    assert exponent([1, math.e, math.e**2], times) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("sizes", "times"),
    [([], []), ([1, 2], [1.0, 2.0]), ([1, 1, 2, 2], [1.0, 1.0, 2.0, 2.0]), ([1, 2, 4], [1.0, math.nan, 4.0])],
)
def test_fewer_than_three_sizes_have_no_exponent(sizes, times):
    assert exponent(sizes, times) is None


def test_points_without_a_logarithm_are_left_out():
    assert exponent([0, 1, 2, 4, 8], [5.0, 1.0, 2.0, 4.0, 0.0]) == pytest.approx(1.0)
