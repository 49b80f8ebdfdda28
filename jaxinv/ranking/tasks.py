"""What the pool's networks were trained for, and the tasks that they are ranked for."""

import dataclasses
from collections.abc import Callable
from types import MappingProxyType

import jax
import numpy as np

from jaxinv.data import (
    ImageData,
    digits,
    faces,
    letters,
    mnist,
    other_pictures,
    photographs,
    resize,
    rotate,
    textures,
    typefaces,
)
from jaxinv.ranking.model_data import stratified_rows

SIZE = 16
"""Height and width of every image of the pool, in pixels."""
MNIST_TRAIN = 400  # of 500 of every digit
LOOPED_DIGITS = (0, 6, 8, 9)


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


def target_tasks(*, seed: int, num_train: int = 600, num_test: int = 800) -> tuple[Task, ...]:
    """Seven tasks, none of which shares a picture or a writer with the source tasks.

    | task | classes | train and test sets are disjoint in |
    | --- | --- | --- |
    | digits | 10, of scikit-learn | images |
    | rotated digits | 10, each image turned by its own uniformly random angle; 6 and 9 stay two classes | images |
    | looped digits | 2: 0, 6, 8 and 9 against the rest | images |
    | letters | 10: A to J, capital or small | typefaces |
    | typefaces | 10 | characters |
    | faces | 2: a face or none | images, 100 each |
    | other pictures | 8: from which picture a patch was cut | regions |

    Args:
      seed: of the split and the angles.
      num_train: most training samples, every class in its share.
      num_test: most test samples, likewise.
    """
    data, portraits = digits(), faces()
    images = resize(data.images, (SIZE, SIZE))
    turned = np.asarray(rotate(images, jax.random.key(seed)))
    train = _chosen(data.labels, num_train, seed)
    test = ~train
    test[test] = _chosen(data.labels[test], num_test, seed)
    looped = np.isin(data.labels, LOOPED_DIGITS).astype(np.int32)
    written = [
        Task(name, num_classes, x[train], y[train], x[test], y[test])
        for name, num_classes, x, y in (
            ("digits", 10, images, data.labels),
            ("rotated digits", 10, turned, data.labels),
            ("looped digits", 2, images, looped),
        )
    ]
    half = _chosen(portraits.labels, len(portraits.labels) // 2, seed)
    x, y = resize(portraits.images, (SIZE, SIZE)), portraits.labels
    split = [
        _thinned(load("train", size=SIZE), load("test", size=SIZE), num_train, num_test, seed)
        for load in (letters, typefaces, other_pictures)
    ]
    return *written, *split[:2], Task("faces", 2, x[half], y[half], x[~half], y[~half]), split[2]


def _chosen(labels: np.ndarray, most: int, seed: int) -> np.ndarray:
    """(N,) bool: a stratified choice."""
    chosen = np.zeros(len(labels), bool)
    chosen[stratified_rows(labels, most, seed=seed)] = True
    return chosen


def _thinned(train: ImageData, test: ImageData, num_train: int, num_test: int, seed: int) -> Task:
    one, other = _chosen(train.labels, num_train, seed), _chosen(test.labels, num_test, seed)
    return Task(
        train.name, train.num_classes, train.images[one], train.labels[one], test.images[other], test.labels[other]
    )
