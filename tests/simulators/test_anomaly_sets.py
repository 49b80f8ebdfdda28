"""Sets with points unlike the others: where they lie, how many, and that their order says nothing."""

import jax
import numpy as np
import pytest

from jaxinv.kernels import simulators as kernels

KEY = jax.random.key(0)


def arrays(sets):
    return np.asarray(sets.points), np.asarray(sets.subset)


def test_points_of_two_moons_lie_on_them():
    points, subset = arrays(kernels.two_moon_sets(KEY, num_sets=200, num_points=9, num_chosen=2, noise=0.0))
    x = (points + np.array([1, 0.2])) / 2
    on_first = np.isclose(np.hypot(x[..., 0], x[..., 1]), 1, atol=1e-5) & (x[..., 1] > -1e-5)
    on_second = np.isclose(np.hypot(x[..., 0] - 1, x[..., 1] - 0.5), 1, atol=1e-5) & (x[..., 1] < 0.5 + 1e-5)
    swapped = np.where(subset, on_first, on_second).all(axis=1)
    np.testing.assert_array_equal(swapped, ~np.where(subset, on_second, on_first).all(axis=1))
    assert 60 < swapped.sum() < 140
    np.testing.assert_array_equal(subset.sum(axis=1), 2)
    # Neither the subset's places nor those along a moon follow the order.
    assert np.all(np.abs(subset.mean(axis=0) - 2 / 9) < 4 * np.sqrt(14 / 81 / 200))
    angles = np.arctan2(x[..., 1], x[..., 0])[~swapped]
    slopes = np.corrcoef(np.where(subset[~swapped], 0, angles).ravel(), np.tile(np.arange(9), len(angles)))
    assert abs(slopes[0, 1]) < 4 / angles.size**0.5


def test_points_lie_around_their_centres():
    points, subset = arrays(kernels.gaussian_sets(KEY, num_sets=400, num_points=10, num_chosen=3, noise=0.1))
    side = np.sign(points.sum(axis=-1))
    assert np.all((side == side[:, :1]) == (subset == subset[:, :1]))
    np.testing.assert_allclose((side[..., None] * points).mean(axis=(0, 1)), 0.5**0.5, atol=0.01)
    np.testing.assert_allclose((side[..., None] * points).std(axis=(0, 1)), 0.1, atol=0.01)
    assert 0.4 < np.mean(side[~subset] > 0) < 0.6
    points, subset = arrays(kernels.new_centre_sets(KEY, num_sets=400, noise=0.0))
    first = np.argmax(~subset, axis=1)
    there = np.all(points == points[np.arange(400), first][:, None], axis=-1)
    np.testing.assert_array_equal(there, ~subset)
    np.testing.assert_array_equal(subset.sum(axis=1), 3)
    centres = points[np.arange(400), first]
    assert centres.shape == (400, 4)
    np.testing.assert_allclose(centres.std(axis=0), 1, atol=0.2)


def test_wrong_sizes():
    for call, message in (
        (lambda: kernels.two_moon_sets(KEY, num_sets=0), "num_sets must be"),
        (lambda: kernels.gaussian_sets(KEY, num_sets=1, num_points=3, num_chosen=3), "num_points must be"),
        (lambda: kernels.new_centre_sets(KEY, num_sets=1, num_chosen=-1), "num_chosen must be"),
        (lambda: kernels.new_centre_sets(KEY, num_sets=1, dimension=0), "dimension must be"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
