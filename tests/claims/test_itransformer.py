"""The experiment on forecasts: who leads, and that nothing known is asked for."""

import numpy as np
import pytest

from jaxinv.claims.itransformer import DELAY, LEADERS, _Task, _windows, lead_lag
from jaxinv.training.forecasting import train_forecaster


def test_followers_do_what_leaders_did():
    series = lead_lag(0)
    leaders, followers = series[:, :LEADERS], series[:, LEADERS:]
    np.testing.assert_allclose((followers[DELAY:] - leaders[:-DELAY]).std(), 0.1, rtol=0.05)
    assert (followers - leaders).std() > 1


def test_windows_of_what_is_known_and_of_what_comes():
    times = np.arange(30.0)[:, None] * np.ones((1, 3))
    cut = _windows(_Task(times.astype(np.float32), 20, 4, 2), 2)
    # Times show through the scale, which grows.
    scale = (np.arange(30) - 9.5) / np.arange(20).std()
    assert cut.train.past.shape == (13, 4, 2)
    assert cut.selection.past.shape == (2, 4, 2)
    np.testing.assert_allclose(cut.selection.future[-1, -1], scale[19], rtol=1e-5)
    # The first time that is asked for is the first that is not known.
    assert cut.test.future.shape == (9, 2, 3)
    np.testing.assert_allclose(cut.test.future[0, 0], scale[20], rtol=1e-5)
    np.testing.assert_allclose(cut.test.future[-1, -1], scale[29], rtol=1e-5)


def test_training_looks_at_its_end():
    with pytest.raises(ValueError, match="num_steps must be a positive multiple of 20, got 30"):
        train_forecaster(None, {}, None, None, key=None, num_steps=30)  # pyright: ignore[reportArgumentType]
