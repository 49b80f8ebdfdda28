"""Labelled grey images, and their change of size."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class ImageData:
    """Labelled images.

    Attributes:
      name: of the set.
      images: (N, H, W) float32 in [0, 1].
      labels: (N,) int32, 0..C-1.
      class_names: C names.
    """

    name: str
    images: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]

    @property
    def num_classes(self) -> int:
        """C."""
        return len(self.class_names)


def resize(images: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Images of another size, axis by axis: averaged over areas where an axis shrinks, bilinear where it grows.

    Values stay within their range; shrinking also keeps the mean. Bilinear: pixel centres lie at half numbers and what
    is outside repeats the border.

    Args:
      images: (..., H, W) floats.
      size: the new (H, W).

    Returns:
      (..., H', W'), in the dtype of `images`.
    """
    low, high = np.min(images, initial=np.inf), np.max(images, initial=-np.inf)
    for axis, (old, new) in enumerate(zip(images.shape[-2:], size, strict=True), start=-2):
        if new < 1:
            raise ValueError(f"size must be at least (1, 1), got {size}")
        if new != old:
            matrix = _area_matrix(old, new) if new < old else _bilinear_matrix(old, new)
            images = np.moveaxis(np.moveaxis(images, axis, -1) @ matrix.T.astype(images.dtype), -1, axis)
    return np.clip(images, low, high)  # rounding leaves the range


def _area_matrix(old: int, new: int) -> np.ndarray:
    """(new, old): the share that each old pixel has in each new one."""
    edges = np.arange(new + 1) * old / new
    left = np.maximum(edges[:-1, None], np.arange(old)[None])
    right = np.minimum(edges[1:, None], np.arange(old)[None] + 1)
    return np.maximum(right - left, 0.0) * new / old


def _bilinear_matrix(old: int, new: int) -> np.ndarray:
    """(new, old): hat functions of width one around the new pixels' centres, clamped to the old grid."""
    centres = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
    return np.maximum(1.0 - np.abs(centres[:, None] - np.arange(old)[None]), 0.0)
