"""The signal distributions: their moments, and Bayes' rule, which nothing beats."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.simulators import dynamic_signal, odd_threshold, signal_log_odds, static_signal
from tests.duties import FLOAT

KEY, NUM, PATCHES, NOISE = jax.random.key(3), 3000, 3, 0.3
SIGNAL = jnp.asarray([0.48, -0.6, 0.64], FLOAT)
# Four standard errors of a mean of so many numbers of standard deviation 1.
FLOOR = 4 / np.sqrt(NUM)
DYNAMIC = dynamic_signal(KEY, SIGNAL, num_samples=NUM, num_patches=PATCHES, noise=NOISE)


def test_the_dynamic_signal_is_in_one_patch_drawn_uniformly():
    patches, labels, positions = map(np.asarray, DYNAMIC)
    assert set(np.unique(labels)) == {-1.0, 1.0}
    assert abs(labels.mean()) < FLOOR
    for place in range(PATCHES):
        here = positions == place
        assert abs(here.mean() - 1 / PATCHES) < FLOOR / 2
        mean = np.mean(labels[here, None, None] * patches[here], axis=0)
        floor = NOISE * 4 / np.sqrt(here.sum())
        np.testing.assert_allclose(mean[place], SIGNAL, atol=floor)
        np.testing.assert_allclose(np.delete(mean, place, axis=0), 0, atol=floor)
    assert abs(np.mean(labels * positions)) < 2 * FLOOR


def test_noise_is_independent_and_of_its_deviation():
    patches, labels, positions = map(np.asarray, DYNAMIC)
    noise = patches - np.eye(PATCHES)[positions][..., None] * labels[:, None, None] * np.asarray(SIGNAL)
    covariance = np.cov(noise.reshape(NUM, -1).T) / NOISE**2
    np.testing.assert_allclose(covariance, np.eye(len(covariance)), atol=1.5 * FLOOR)


def test_the_static_signal_stays_in_its_patch():
    drawn = static_signal(KEY, SIGNAL, num_samples=NUM, num_patches=PATCHES, noise=NOISE, position=2)
    np.testing.assert_array_equal(drawn.positions, 2)
    mean = np.mean(np.asarray(drawn.labels)[:, None, None] * np.asarray(drawn.patches), axis=0)
    np.testing.assert_allclose(mean, np.eye(PATCHES)[2][:, None] * np.asarray(SIGNAL), atol=NOISE * FLOOR)


def test_thresholds():
    x = jnp.asarray([-2.0, -0.5, 0.0, 0.5, 2.0], FLOAT)
    np.testing.assert_array_equal(odd_threshold(x, jnp.asarray(1.0, FLOAT)), [-1, 0, 0, 0, 1])
    np.testing.assert_array_equal(odd_threshold(x, jnp.asarray(0.0, FLOAT)), x)
    np.testing.assert_array_equal(odd_threshold(x, jnp.asarray(-1.0, FLOAT)), [-3, -1, 0, 1, 3])


def test_bayes_rule_is_calibrated_and_beats_every_threshold():
    """It is right as often as its odds say; units that know the signal are right less often at every threshold."""
    noise = 0.6
    patches, labels, _ = dynamic_signal(KEY, SIGNAL, num_samples=NUM, num_patches=PATCHES, noise=noise)

    def share(scores):
        return np.mean(np.asarray(scores * labels) > 0)

    def expected(noise):
        odds = np.asarray(signal_log_odds(patches, SIGNAL, noise=noise))
        return np.mean(1 / (1 + np.exp(-np.abs(odds)))), share(odds)

    likely, right = expected(noise)
    # The deviation of right or wrong is 0.4 at most where four in five are right.
    assert right > 0.8
    assert abs(likely - right) < 0.4 * FLOOR
    units = jnp.matmul(patches, SIGNAL, precision="highest")
    of_thresholds = [share(jnp.sum(odd_threshold(units, jnp.asarray(b, FLOAT)), -1)) for b in np.linspace(0, 1.5, 7)]
    assert max(of_thresholds) < right
    # Negative control: told half of the noise, the rule is too sure of itself.
    likely, right = expected(noise / 2)
    assert likely - right > 0.4 * FLOOR
