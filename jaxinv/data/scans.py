"""Real scanned points that ship inside Python packages."""

import io

import numpy as np

from jaxinv.data.packaged import packaged_file

_SHA256 = "2e49c8cebff3fa20359a0cc6880c82e1c03bbb106da81a177218281bc2f113d7"
# Of the picture in scikit-image: focal length, principal point and its offset between the cameras in pixels; metres.
_FOCAL, _CENTRE, _OFFSET, _BASELINE = 994.978, (311.193, 254.877), 31.086, 0.193001


def motorcycle() -> np.ndarray:
    """A motorcycle in a garage, by structured light: a place for every pixel whose depth is known.

    From the Middlebury 2014 stereo data (Scharstein et al., GCPR 2014), as packaged with scikit-image.

    Returns:
      `(343274, 3)` float32, metres: to the right, down, and away from the camera.

    Raises:
      MissingPackage, ChangedFile: scikit-image is not installed, or holds another file.
    """
    content = packaged_file(
        "skimage", "data/motorcycle_disp.npz", distribution="scikit-image", known_version="0.26.0", sha256=_SHA256
    )
    with np.load(io.BytesIO(content)) as archive:
        disparity = archive["arr_0"].astype(np.float64)
    row, column = np.nonzero(np.isfinite(disparity))
    depth = _BASELINE * _FOCAL / (disparity[row, column] + _OFFSET)
    right, down = ((pixel - centre) * depth / _FOCAL for pixel, centre in zip((column, row), _CENTRE, strict=True))
    return np.stack([right, down, depth], axis=1).astype(np.float32)
