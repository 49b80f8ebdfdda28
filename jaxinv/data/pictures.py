"""Patches of real pictures: to tell from a small patch which picture it was cut from.

`photographs` and `textures` are PNG pictures of scikit-image: a JPEG decodes to slightly other values under another
decoder. The others of `skimage.data` would be downloaded. `other_pictures` shares no picture with them.
"""

import io
import pathlib
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
_OTHER_PICTURES = {
    "skimage/data/cell.png": "8d23a7fb81f7cc877cd09f330357fc7f595651306e84e17252f6e0a1b3f61515",
    "skimage/data/clock_motion.png": "f029226b28b642e80113d86622e9b215ee067a0966feaf5e60604a1e05733955",
    "skimage/data/hubble_deep_field.jpg": "3a19c5dd8a927a9334bb1229a6d63711b1c0c767fb27e2286e7c84a3e2c2f5f4",
    "skimage/data/retina.jpg": "38a07f36f27f095e818aea7b96d34202c05176d30253c66733f2e00379e9e0e6",
    "skimage/data/rocket.jpg": "c2dd0de7c538df8d111e479619b129464d0269d0ae5fd18ca91d33a7fdfea95c",
    "sklearn/datasets/images/china.jpg": "8378025ad2519d649d02e32bd98990db4ab572357d9f09841c2fbfbb4fefad29",
    "sklearn/datasets/images/flower.jpg": "a77f6ec41e353afdf8bdff2ea981b2955535d8d83294f8cfa49cf4e423dd5638",
    "matplotlib/mpl-data/sample_data/grace_hopper.jpg": (
        "a8ca6d734765703b09728ab47fe59f473d93ae3967fc24c7c0288c3c7adb7130"
    ),
}
_DISTRIBUTIONS = {
    "skimage": ("scikit-image", "0.26.0"),
    "sklearn": ("scikit-learn", "1.9.1"),
    "matplotlib": ("matplotlib", "3.11.2"),
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
    return _patches("photographs", _skimage(_PHOTOGRAPHS), part, size)


def textures(part: Part, *, size: int = 16) -> ImageData:
    """Patches of five surfaces that look alike everywhere: bricks, grass, gravel, stained tissue, the moon.

    Args:
      part: "train" or "test", see `_patches`: cut from disjoint regions of every picture.
      size: height and width of a patch in pixels, 8 to 32.

    Returns:
      At most 500 ("train") or 100 ("test") patches of every class.
    """
    return _patches("textures", _skimage(_TEXTURES), part, size)


def other_pictures(part: Part, *, size: int = 16) -> ImageData:
    """Patches of eight more: a cell, a moving clock, galaxies, a retina, a rocket, a pavilion, a flower, a portrait.

    Their JPEG files may differ in the last bits between decoders. Dark sky, dark rooms and the border of the retina
    hold patches that nobody can tell apart.

    Args:
      part: "train" or "test", see `_patches`: cut from disjoint regions of every picture.
      size: height and width of a patch in pixels, 8 to 32.

    Returns:
      At most 500 ("train") or 100 ("test") patches of every class.
    """
    return _patches("other pictures", _OTHER_PICTURES, part, size)


def check_part(part: Part) -> None:
    """Raises ValueError for anything but "train" and "test"."""
    if part not in _PER_CLASS:
        raise ValueError(f"part must be one of {', '.join(map(repr, _PER_CLASS))}, got {part!r}")


def _skimage(pictures: dict[str, str]) -> dict[str, str]:
    return {f"skimage/data/{name}.png": sha256 for name, sha256 in pictures.items()}


def _patches(name: str, pictures: dict[str, str], part: Part, size: int) -> ImageData:
    """Patches of `size` x `size` pixels, half overlapping within their region.

    A picture is cut into horizontal bands, alternately three patches high (train) and one patch high (test), so that
    no pixel is in both parts. Where there are more patches than wanted, evenly spaced ones are taken.
    """
    check_part(part)
    if not 8 <= size <= 32:
        raise ValueError(f"size must be between 8 and 32, got {size}")
    stacks = [_cut(_read(file, sha256), part, size) for file, sha256 in pictures.items()]
    labels = np.repeat(np.arange(len(stacks), dtype=np.int32), [len(stack) for stack in stacks])
    return ImageData(name, np.concatenate(stacks), labels, tuple(pathlib.PurePath(file).stem for file in pictures))


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


def _read(file: str, sha256: str) -> np.ndarray:
    """(H, W) grey values in [0, 1]."""
    module, path = file.split("/", 1)
    distribution, version = _DISTRIBUTIONS[module]
    content = packaged_file(module, path, distribution=distribution, known_version=version, sha256=sha256)
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingPackage("Pillow is not installed: install it with pip install 'jaxinv[images]'") from error
    with Image.open(io.BytesIO(content)) as image:
        values = np.asarray(image, np.float32) / np.float32(255)
    return np.minimum(values @ _LUMINANCE, np.float32(1)) if values.ndim == 3 else values
