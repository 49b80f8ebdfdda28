"""Small pictures with a bar: tasks that a network learns in a few steps."""

import numpy as np

from jaxinv.ranking.tasks import Task


def bars(*, num_classes, name="bars", num=120, seed=0):
    """Class = at which height the bar lies; easy, but not for rotated pictures."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, num_classes, 2 * num).astype(np.int32)
    images = 0.1 * rng.uniform(size=(2 * num, 16, 16)).astype(np.float32)
    for image, label in zip(images, labels, strict=True):
        image[label + 1, 2:14] = 0.9
    return Task(name, num_classes, images[:num], labels[:num], images[num:], labels[num:])


SOURCES = {
    "mnist": lambda: bars(num_classes=10, name="mnist"),
    "parity": lambda: bars(num_classes=2, name="parity", seed=1),
}
"""In the place of `jaxinv.ranking.tasks.SOURCE_TASKS`, under real names."""
