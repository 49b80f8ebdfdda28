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


def test_target_tasks_are_disjoint_and_follow_the_seed():
    for package in ("sklearn", "skimage", "matplotlib"):
        pytest.importorskip(package)
    tasks = {task.name: task for task in target_tasks(seed=0)}
    assert len(tasks) >= 6
    for task in tasks.values():
        check(task)
        train, test = ({image.tobytes() for image in images} for images in (task.train_images, task.test_images))
        assert len(train & test) <= 10  # patches of pure black are alike everywhere
        few = task.name == "faces"
        assert (len(task.train_labels), len(task.test_labels)) == ((100, 100) if few else (600, 800))
        sizes = np.bincount(task.train_labels)
        assert sizes.min() >= 0.75 * sizes.max() or task.name == "looped digits"
    again, other = ({task.name: task for task in target_tasks(seed=seed)} for seed in (0, 1))
    for name, task in tasks.items():
        assert np.array_equal(task.train_images, again[name].train_images)
        assert not np.array_equal(task.train_images, other[name].train_images)


def test_target_tasks_share_no_picture_with_the_sources():
    for package in ("mlxtend", "skimage", "matplotlib"):
        pytest.importorskip(package)
    seen = {image.tobytes() for load in SOURCE_TASKS.values() for image in load().train_images if np.ptp(image) > 0.02}
    for task in target_tasks(seed=0):
        assert not seen & {image.tobytes() for image in np.concatenate([task.train_images, task.test_images])}


def test_rotated_digits_share_the_split_of_the_upright_ones():
    pytest.importorskip("sklearn")
    upright, rotated, looped = target_tasks(seed=0)[:3]
    assert np.array_equal(upright.train_labels, rotated.train_labels)
    assert np.array_equal(upright.test_images, looped.test_images)
    assert np.array_equal(looped.test_labels, np.isin(upright.test_labels, [0, 6, 8, 9]))
    # Turning about the centre moves little ink out of the picture.
    ink = rotated.test_images.sum((1, 2)) / upright.test_images.sum((1, 2))
    assert 0.9 < np.median(ink) < 1.1
    assert np.abs(rotated.test_images - upright.test_images).mean() > 0.05
