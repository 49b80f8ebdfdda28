"""Small pictures of faces, and of what is none."""

import io

import numpy as np

from jaxinv.data.image_data import ImageData
from jaxinv.data.packaged import packaged_file


def faces() -> ImageData:
    """100 faces of Labeled Faces in the Wild and 100 patches without one, 25 x 25 pixels, as scikit-image ships them.

    No split ships with them; take an equal share of both classes.

    References: Huang, Jain and Learned-Miller (2007), Labeled faces in the wild.
    """
    content = packaged_file(
        "skimage",
        "data/lfw_subset.npy",
        distribution="scikit-image",
        known_version="0.26.0",
        sha256="9560ec2f5edfac01973f63a8a99d00053fecd11e21877e18038fbe500f8e872c",
    )
    images = np.load(io.BytesIO(content)).astype(np.float32)
    return ImageData("faces", images, np.repeat(np.array([1, 0], np.int32), 100), ("no face", "face"))
