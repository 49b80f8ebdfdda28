"""Learning curves on padded draws, where they cross, how crossings grow; and training on all samples at once."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.stats

from jaxinv.training.full_batch import train_full_batch
from jaxinv.training.sample_complexity import learning_curves, log_log_slope, padded_size, sample_complexity


def weighted_mean(draw, sample_weight):
    """A model whose "accuracy" shows what it was trained on."""
    return jnp.sum(draw * sample_weight) / jnp.sum(sample_weight)


def test_curves_see_the_first_samples_of_their_own_draw():
    draws = np.random.default_rng(0).normal(size=(2, 8))
    sizes = (1, 3, 7)
    found = learning_curves(weighted_mean, jnp.asarray(draws), sizes)
    wanted = [[draw[:n].mean() for n in sizes] for draw in draws]
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    # Padding changes nothing.
    draws[:, 7:] = 1e6
    np.testing.assert_array_equal(learning_curves(weighted_mean, jnp.asarray(draws), sizes), found)


def test_one_program_serves_all_grids_of_a_size():
    traces = []

    def train(draw, sample_weight):
        traces.append(sample_weight.shape)
        return weighted_mean(draw, sample_weight)

    draws = jnp.ones((2, 8))
    for sizes in ((2, 4, 8), (1, 5, 7)):
        learning_curves(train, draws, sizes)
    assert traces == [(8,)]


def test_sizes_are_padded_to_powers_of_two():
    assert [padded_size(sizes) for sizes in ((1,), (1, 2), (3,), (5, 64), (5, 65))] == [1, 2, 4, 64, 128]
    for sizes in ((), (0, 2), (4, 4), (4, 2)):
        with pytest.raises(ValueError, match="sizes must increase from 1 or more"):
            padded_size(sizes)


def test_crossings_are_interpolated_in_the_logarithm():
    sizes = (10, 20, 40, 80)
    curves = np.array([[0.5, 0.7, 0.9, 0.8], [0.5, 0.6, 0.7, 0.8], [0.9, 0.5, 0.5, 0.9], [0.5, 0.8, 0.85, 0.9]])
    found = sample_complexity(sizes, curves, 0.8)
    np.testing.assert_allclose(found, [20 * np.sqrt(2), 80, 10, 20])
    assert sample_complexity(sizes, curves[1], 0.81) == np.inf
    # A power law is met exactly, wherever the sizes lie.
    fine = np.geomspace(3, 300, 7)
    assert sample_complexity(fine, np.log(fine), np.log(50.0)) == pytest.approx(50)


def test_slope_and_standard_error_are_those_of_linear_regression():
    x, y = np.array([5.0, 10.0, 20.0, 40.0]), np.array([3.0, 7.0, 30.0, 80.0])
    wanted: Any = scipy.stats.linregress(np.log(x), np.log(y))
    np.testing.assert_allclose(log_log_slope(x, y), [wanted.slope, wanted.stderr])
    np.testing.assert_allclose(log_log_slope(x, 2 * x**1.5), [1.5, 0], atol=1e-12)
    np.testing.assert_allclose(log_log_slope([2, 4], [3, 12]), [2, 0], atol=1e-12)
    with pytest.raises(ValueError, match="y must be positive and finite"):
        log_log_slope(x, [1, 2, np.inf, 3])
    with pytest.raises(ValueError, match="x and y must hold as many values, 2 at least, got 1 and 1"):
        log_log_slope([2], [3])


def test_full_batch_training_takes_the_optimisers_steps():
    """Gradient descent on a parabola: every step multiplies the distance by 1 - rate."""

    def end(start):
        return train_full_batch(lambda x: jnp.sum((x - 3) ** 2) / 2, start, optax.sgd(0.1), num_steps=7)

    starts = jnp.array([1.0, 7.0])
    np.testing.assert_allclose(jax.jit(jax.vmap(end))(starts), 3 + (np.array(starts) - 3) * 0.9**7, rtol=1e-5)
