"""The experiment about motion: its scenes, and what counts as a category recognised."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.claims.eqmotion import TIMES, category_accuracy, flat_scenes


def test_scenes_start_flat_and_go_on():
    past, future = (np.asarray(x) for x in flat_scenes(jax.random.key(0), 20))
    assert past.shape == future.shape == (20, 5, TIMES, 3)
    along, across = np.abs(past[:, :, 0, :2]).mean(), np.abs(past[:, :, 0, 2]).mean()
    assert 5 < along / across < 20
    # Half a length unit a time unit, a tenth of which lies between frames.
    first = np.linalg.norm(past[:, :, 1] - past[:, :, 0], axis=-1)
    assert 0.04 < np.median(first) < 0.07
    # The future follows the past.
    assert np.median(np.linalg.norm(future[:, :, 0] - past[:, :, -1], axis=-1)) < 0.15


def test_categories_count_whatever_their_names():
    joined = jnp.asarray([[[0, 1, 0], [1, 0, 1], [0, 1, 0]]])
    right = jax.nn.one_hot(joined, 2)
    assert category_accuracy(right, joined) == 1
    assert category_accuracy(1 - right, joined) == 1
    # The diagonal does not count; one pair of three, in both orders.
    wrong = right.at[0, 0, 1].set(1 - right[0, 0, 1]).at[0, 1, 0].set(1 - right[0, 1, 0])
    assert abs(category_accuracy(wrong.at[0, 0, 0].set(1 - wrong[0, 0, 0]), joined) - 2 / 3) < 1e-6
