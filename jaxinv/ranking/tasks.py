"""What the pool's networks were trained for, and the tasks that they are ranked for."""

import dataclasses
from collections.abc import Callable
from types import MappingProxyType

import jax
import numpy as np

from jaxinv.data import digits, mnist, photographs, resize, rotate, textures
from jaxinv.ranking.model_data import stratified_rows

SIZE = 16
"""Height and width of every image of the pool, in pixels."""
MNIST_TRAIN = 400  # of 500 of every digit


@dataclasses.dataclass(frozen=True, eq=False)
class Task:
    """A classification task on (N, 16, 16) grey images with its own split.

    Attributes:
      name: of the task.
      num_classes: C.
      train_images, train_labels, test_images, test_labels: float32 in [0, 1] and int32 in 0..C-1.
    """

    name: str
    num_classes: int
    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """Everything that decides what is computed on the task."""
        return self.train_images, self.train_labels, self.test_images, self.test_labels


def mnist_digits() -> Task:
    """Which digit; of every digit the first 400 of 500 are for training."""
    data = mnist()
    images = resize(data.images, (SIZE, SIZE))
    train = np.arange(len(images)) % 500 < MNIST_TRAIN
    return Task("mnist", 10, images[train], data.labels[train], images[~train], data.labels[~train])


def mnist_parity() -> Task:
    """Whether the digit is odd; the images of `mnist_digits`."""
    task = mnist_digits()
    return dataclasses.replace(
        task, name="parity", num_classes=2, train_labels=task.train_labels % 2, test_labels=task.test_labels % 2
    )


def texture_patches() -> Task:
    """From which surface a patch was cut."""
    train, test = textures("train", size=SIZE), textures("test", size=SIZE)
    return Task("textures", train.num_classes, train.images, train.labels, test.images, test.labels)


def photograph_patches() -> Task:
    """From which photograph a patch was cut."""
    train, test = photographs("train", size=SIZE), photographs("test", size=SIZE)
    return Task("photographs", train.num_classes, train.images, train.labels, test.images, test.labels)


SOURCE_TASKS: MappingProxyType[str, Callable[[], Task]] = MappingProxyType(
    {
        "mnist": mnist_digits,
        "parity": mnist_parity,
        "textures": texture_patches,
        "photographs": photograph_patches,
    }
)
"""Task by name."""


def target_tasks(*, seed: int, num_train: int = 600) -> tuple[Task, Task]:
    """Scikit-learn's digits, enlarged to 16 x 16: as they are, and each turned by its own uniformly random angle.

    Six and nine stay two classes in the second, so that no network reaches accuracy 1 there.

    Args:
      seed: of the split and the angles.
      num_train: training samples, every class in its share; the rest is for testing.
    """
    data = digits()
    images = resize(data.images, (SIZE, SIZE))
    turned = np.asarray(rotate(images, jax.random.key(seed)))
    train = np.zeros(len(images), bool)
    train[stratified_rows(data.labels, num_train, seed=seed)] = True
    upright, rotated = (
        Task(name, data.num_classes, x[train], data.labels[train], x[~train], data.labels[~train])
        for name, x in (("digits", images), ("rotated digits", turned))
    )
    return upright, rotated
