"""The experiment about locality and weight sharing: its tasks, and what it says where no size was enough."""

import numpy as np

from jaxinv.claims.locality_weight_sharing import PATCH_SIZE, _draw_tasks, _needed_row


def test_tasks_have_unit_signals_and_new_test_samples():
    tasks = _draw_tasks(2, (3, 5), 6, num_patches=4, noise=0.0)
    assert tasks.train.patches.shape == (2, 8, 4, PATCH_SIZE)
    assert tasks.test.patches.shape == (2, 6, 4, PATCH_SIZE)
    signals = np.asarray(tasks.signal)
    np.testing.assert_allclose(np.linalg.norm(signals, axis=1), 1, rtol=1e-5)
    assert np.abs(signals[0] - signals[1]).max() > 0.1
    # Without noise an input is the signal in one patch, times the label.
    found = np.sum(tasks.train.patches, axis=2) * np.asarray(tasks.train.labels)[..., None]
    np.testing.assert_allclose(found, np.repeat(signals[:, None], 8, axis=1), rtol=1e-5, atol=1e-6)
    assert not np.array_equal(tasks.train.labels[:, :6], tasks.test.labels)


def test_what_was_not_reached_is_said():
    assert _needed_row("x", np.array([4.0, 8.0]), (2, 16)).value == 6
    row = _needed_row("x", np.array([4.0, np.inf]), (2, 16))
    assert row.value == 10
    assert row.text.endswith("not reached by 1 of 2 seeds")
