"""The experiment about invariant coordinates: its shapes, motions and tours."""

import itertools

import numpy as np

from jaxinv.claims.tinvnn import SHAPES, draw_motions, draw_shapes, greedy_tour, two_opt
from jaxinv.data.scans import motorcycle


def test_shapes_have_axes_of_their_own():
    generator = np.random.default_rng(0)
    clouds, labels = draw_shapes(generator, 100)
    assert clouds.shape == (100, 96, 3)
    assert set(labels) == set(range(len(SHAPES)))
    np.testing.assert_allclose(clouds.mean(axis=1), 0, atol=1e-6)
    np.testing.assert_allclose((clouds**2).sum(-1).mean(axis=1), 1, rtol=1e-5)
    for shape in SHAPES:
        variances = np.linalg.eigvalsh(np.cov(shape(generator, 2000).T))
        assert np.diff(variances).min() > 0.02 * variances[-1]


def test_motions_are_rotations_or_reflections():
    turns, scales, shifts = draw_motions(np.random.default_rng(0), 10, mirrored=True)
    np.testing.assert_allclose(turns @ turns.transpose(0, 2, 1), np.broadcast_to(np.eye(3), turns.shape), atol=1e-5)
    np.testing.assert_array_equal(np.linalg.det(turns) < 0, np.arange(10) % 2 == 0)
    assert scales.min() >= 0.5
    assert scales.max() <= 2
    assert shifts.shape == (10, 1, 3)


def test_tours_against_all_tours():
    cities = np.random.default_rng(1).uniform(size=(7, 2))
    start = greedy_tour(cities)
    assert start[0] == np.argmin(cities[:, 0])
    assert sorted(start) == list(range(7))

    def length(tour):
        return sum(np.linalg.norm(cities[a] - cities[b]) for a, b in zip(tour, np.roll(tour, -1), strict=True))

    least = min(length((0, *rest)) for rest in itertools.permutations(range(1, 7)))
    tour = two_opt(cities, start)
    assert sorted(tour) == list(range(7))
    assert least - 1e-9 <= length(tour) <= length(start) + 1e-9
    np.testing.assert_allclose(length(two_opt(cities, np.array([0, 2, 4, 6, 1, 3, 5]))), least, rtol=0.1)


def test_the_scan_is_in_metres():
    scan = motorcycle()
    assert scan.shape == (343274, 3)
    assert np.all(np.isfinite(scan))
    assert 1.5 < scan[:, 2].min() < scan[:, 2].max() < 6
