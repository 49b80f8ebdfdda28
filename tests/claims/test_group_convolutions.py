"""The experiment about rotations of digits: its digits, and what its networks have as many of."""

import jax
import numpy as np
from flax import nnx

from jaxinv.claims.group_convolutions import SMALL, SYMMETRIC, WIDE, _digits, _network, _numbers, _Size


def test_digits_are_balanced_and_no_test_digit_is_trained_on():
    train, test = _digits(0, _Size(train=40, test=20))
    np.testing.assert_array_equal(np.bincount(train.labels), np.full(10, 4))
    np.testing.assert_array_equal(np.bincount(test.labels), np.full(10, 2))
    for first in (train.upright, train.turned):
        assert first.shape == (40, 21, 21)
        for second in (test.upright, test.turned):
            assert np.abs(first[:, None] - second[None]).max(axis=(2, 3)).min() > 0.1
    turned = np.abs(train.turned - train.upright).max(axis=(1, 2))
    assert np.mean(turned > 0.2) > 0.9
    assert not np.array_equal(_digits(1, _Size(train=40, test=20))[0].upright, train.upright)


def test_ordinary_networks_have_no_fewer_parameters_or_numbers():
    size = _Size()

    def parameters(name):
        network = nnx.eval_shape(lambda: _network(name, size, nnx.Rngs(0)))
        return sum(leaf.size for leaf in jax.tree.leaves(nnx.state(network, nnx.Param)))

    symmetric = [parameters(name) for name in SYMMETRIC]
    assert max(symmetric) <= parameters(SMALL) < 1.1 * max(symmetric)
    widths = {name: int(_numbers(name, size).split()[0]) for name, _ in size.channels}
    assert max(widths[name] for name in SYMMETRIC) == widths[WIDE]
    assert 6 * max(symmetric) < parameters(WIDE) < 12 * min(symmetric)
