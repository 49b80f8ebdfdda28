"""The experiment about decompositions of Lie groups: its digits, its networks and its error."""

import jax
import numpy as np
import pytest
from flax import nnx

from jaxinv.claims.lie_group_decompositions import (
    PLAIN,
    TESTS,
    _digits,
    _error_of,
    _fine_pictures,
    _network,
    _Size,
)

TINY = _Size(train=40, test=20, pictures=3)


def test_digits_are_balanced_and_no_test_digit_is_trained_on():
    digits = _digits(0, TINY)
    images, labels = digits.train
    assert images.shape == (40, 24, 24)
    np.testing.assert_array_equal(np.bincount(labels), np.full(10, 4))
    np.testing.assert_array_equal(np.bincount(digits.test_labels), np.full(10, 2))
    assert set(digits.tests) == set(TESTS)
    for name in TESTS:
        moved = digits.tests[name]
        assert moved.shape == (20, 24, 24)
        distance = np.abs(moved[:, None] - images[None]).max(axis=(2, 3))
        assert distance.min() > 0.1
        if name != "upright":
            assert np.abs(moved - digits.tests["upright"]).max(axis=(1, 2)).min() > 0.1
    other = _digits(1, TINY)
    assert not np.array_equal(other.train[0], images)


def test_networks_have_about_as_many_parameters():
    size = _Size()
    counts = {}
    for name in (*size.groups, PLAIN):
        network = nnx.eval_shape(lambda name=name: _network(name, size, 0))
        counts[name] = sum(leaf.size for leaf in jax.tree.leaves(nnx.state(network, nnx.Param)))
    most, least = max(counts.values()), min(counts.values())
    assert most < 1.1 * least, counts


def test_the_picture_moves_by_the_matrix():
    still, moved = _fine_pictures(np.random.default_rng(0), np.eye(2))
    np.testing.assert_array_equal(still, moved)
    still, moved = _fine_pictures(np.random.default_rng(0), np.array([[0.0, -1.0], [1.0, 0.0]]))
    np.testing.assert_allclose(np.rot90(still, -1), moved, atol=1e-6)


def test_the_error_is_that_of_the_group_elements():
    errors = {number: _error_of(number, 0, TINY) for number in (None, 16)}
    assert 0 < errors[16] < errors[None]
    assert _error_of(16, 0, TINY) == pytest.approx(errors[16])
