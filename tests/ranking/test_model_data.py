"""The sample that sample-based scores see."""

import numpy as np
import pytest

from jaxinv.ranking.model_data import stratified_rows


@pytest.mark.parametrize("max_samples", [7, 50, 99])
def test_every_class_has_its_share(max_samples):
    labels = np.random.default_rng(0).permutation(np.repeat([0, 1, 2, 3], [60, 30, 9, 1]))
    rows = stratified_rows(labels, max_samples, seed=3)
    assert len(rows) == max_samples
    assert np.all(np.diff(rows) > 0)
    share = np.bincount(labels) * max_samples / 100
    assert np.all(np.abs(np.bincount(labels[rows], minlength=4) - share) < 1)


def test_the_seed_decides_which_rows():
    labels = np.arange(100) % 4
    first, again, other = (stratified_rows(labels, 20, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_all_rows_if_they_are_few():
    np.testing.assert_array_equal(stratified_rows(np.array([1, 0, 1]), 3), [0, 1, 2])
