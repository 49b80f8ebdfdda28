"""The experiment on subset selection: its closed form, as far as it goes."""

import numpy as np

from jaxinv.claims.neural_subset_selection import minority_accuracy


def test_only_what_is_told_of_the_whole_set_finds_the_minority():
    np.testing.assert_array_equal(minority_accuracy(False, 2, steps=200), 0.5)
    np.testing.assert_array_equal(minority_accuracy(True, 2, steps=200), 1.0)
