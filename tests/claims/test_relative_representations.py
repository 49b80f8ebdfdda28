"""The experiment about exchanged decoders: its split and its anchors."""

import numpy as np

from jaxinv.claims.relative_representations import NUM_ANCHORS, _draw


def test_anchors_are_training_digits_of_every_class_and_no_digit_is_on_both_sides():
    task = _draw(0, 1200)
    assert task.anchors.shape == (NUM_ANCHORS, 64)
    train = {row.tobytes(): int(label) for row, label in zip(np.asarray(task.images), task.labels, strict=True)}
    found = np.bincount([train[row.tobytes()] for row in np.asarray(task.anchors)], minlength=10)
    np.testing.assert_array_equal(found, [7] * 4 + [6] * 6)
    assert len(task.images) + len(task.test_images) == 1797
    assert not any(row.tobytes() in train for row in np.asarray(task.test_images))
