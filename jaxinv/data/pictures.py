"""Patches of real pictures: to tell from a small patch which picture it was cut from.

Only the PNG pictures of scikit-image are used: a JPEG decodes to other values under another decoder. The others of
`skimage.data` would be downloaded.
"""

import io
from typing import Literal

import numpy as np

from jaxinv.data.image_data import ImageData
from jaxinv.data.packaged import MissingPackage, packaged_file

Part = Literal["train", "test"]

_PHOTOGRAPHS = {
    "astronaut": "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
    "camera": "b0793d2adda0fa6ae899c03989482bff9a42d3d5690fc7e3648f2795d730c23a",
    "chelsea": "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb",
    "coffee": "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7",
    "coins": "f8d773fc9cfa6f4d8e5942dc34d0a0788fcaed2a4fefbbed0aef5398d7ef4cba",
    "motorcycle_left": "db18e9c4157617403c3537a6ba355dfeafe9a7eabb6b9b94cb33f6525dd49179",
    "page": "341a6f0a61557662b02734a9b6e56ec33a915b2c41886b97509dedf2a43b47a3",
    "text": "bd84aa3a6e3c9887850d45d606c96b2e59433fbef50338570b63c319e668e6d1",
}
_TEXTURES = {
    "brick": "7966caf324f6ba843118d98f7a07746d22f6a343430add0233eca5f6eaaa8fcf",
    "grass": "b6b6022426b38936c43a4ac09635cd78af074e90f42ffa8227ac8b7452d39f89",
    "gravel": "c48615b451bf1e606fbd72c0aa9f8cc0f068ab7111ef7d93bb9b0f2586440c12",
    "ihc": "f8dd1aa387ddd1f49d8ad13b50921b237df8e9b262606d258770687b0ef93cef",
    "moon": "78739619d11f7eb9c165bb5d2efd4772cee557812ec847532dbb1d92ef71f577",
}
_LUMINANCE = np.array([0.2125, 0.7154, 0.0721], np.float32)
_PER_CLASS = {"train": 500, "test": 100}
_TRAIN_ROWS = 3  # of every four rows of patches


def photographs(part: Part, *, size: int = 16) -> ImageData:
    """Patches of eight photographs and scans: an astronaut, a cameraman, a cat, a cup, coins, a motorcycle, print.

    Args:
      part: "train" or "test", see `_patches`: cut from disjoint regions of every picture.
      size: height and width of a patch in pixels, 8 to 32.

    Returns:
      At most 500 ("train") or 100 ("test") patches of every class.
    """
    return _patches("photographs", _PHOTOGRAPHS, part, size)


def textures(part: Part, *, size: int = 16) -> ImageData:
    """Patches of five surfaces that look alike everywhere: bricks, grass, gravel, stained tissue, the moon.

    Args:
      part: "train" or "test", see `_patches`: cut from disjoint regions of every picture.
      size: height and width of a patch in pixels, 8 to 32.

    Returns:
      At most 500 ("train") or 100 ("test") patches of every class.
    """
    return _patches("textures", _TEXTURES, part, size)


def _patches(name: str, pictures: dict[str, str], part: Part, size: int) -> ImageData:
    """Patches of `size` x `size` pixels, half overlapping within their region.

    A picture is cut into horizontal bands, alternately three patches high (train) and one patch high (test), so that
    no pixel is in both parts. Where there are more patches than wanted, evenly spaced ones are taken.
    """
    if part not in _PER_CLASS:
        raise ValueError(f"part must be one of {', '.join(map(repr, _PER_CLASS))}, got {part!r}")
    if not 8 <= size <= 32:
        raise ValueError(f"size must be between 8 and 32, got {size}")
    stacks = [_cut(_read(picture, sha256), part, size) for picture, sha256 in pictures.items()]
    labels = np.repeat(np.arange(len(stacks), dtype=np.int32), [len(stack) for stack in stacks])
    return ImageData(name, np.concatenate(stacks), labels, tuple(pictures))


def _cut(picture: np.ndarray, part: Part, size: int) -> np.ndarray:
    height, width = picture.shape
    period, train = (_TRAIN_ROWS + 1) * size, _TRAIN_ROWS * size
    if part == "train":
        tops = [top for top in range(0, height - size + 1, size // 2) if top % period <= train - size]
    else:
        tops = list(range(train, height - size + 1, period))
    corners = [(top, left) for top in tops for left in range(0, width - size + 1, size // 2)]
    wanted = min(_PER_CLASS[part], len(corners))
    chosen = [corners[i * len(corners) // wanted] for i in range(wanted)]
    return np.stack([picture[top : top + size, left : left + size] for top, left in chosen])


def _read(picture: str, sha256: str) -> np.ndarray:
    """(H, W) grey values in [0, 1]."""
    content = packaged_file(
        "skimage", f"data/{picture}.png", distribution="scikit-image", known_version="0.26.0", sha256=sha256
    )
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingPackage("Pillow is not installed: install it with pip install 'jaxinv[images]'") from error
    with Image.open(io.BytesIO(content)) as image:
        values = np.asarray(image, np.float32) / np.float32(255)
    return np.minimum(values @ _LUMINANCE, np.float32(1)) if values.ndim == 3 else values
