"""Transformations of one picture (H, W, C) in numpy and scipy, as a loader of data does them."""

from typing import Any

import numpy as np


def warp(image: np.ndarray, theta: np.ndarray, fill: float = 0.0) -> np.ndarray:
    """Each channel by scipy, whose places are (row, column) from the first pixel."""
    from scipy.ndimage import affine_transform

    centre = (np.array(image.shape[:2]) - 1) / 2
    matrix = np.asarray(theta)[::-1, 1::-1]
    offset: Any = np.asarray(theta)[::-1, 2] + centre - matrix @ centre
    channels = [
        affine_transform(channel, matrix, offset, order=1, mode="grid-constant", cval=fill)
        for channel in np.moveaxis(image, -1, 0)
    ]
    return np.stack(channels, axis=-1)


def affine(name: str, amount: float, shape: tuple[int, ...]) -> np.ndarray:
    """The map back, of the transformation called `name`."""
    if name == "rotate":
        c, s = np.cos(0.75 * np.pi * amount), np.sin(0.75 * np.pi * amount)
        return np.array([[c, s, 0], [-s, c, 0]])
    theta = np.eye(2, 3)
    if name in ("shear_x", "shear_y"):
        row = int(name == "shear_y")
        theta[row, 1 - row] = -0.99 * amount
    elif name in ("translate_x", "translate_y"):
        row = int(name == "translate_y")
        theta[row, 2] = -amount * shape[1 - row]
    elif name == "scale":
        theta[:, :2] /= 2.0**amount
    elif name in ("flip_horizontal", "flip_vertical"):
        row = int(name == "flip_vertical")
        theta[row, row] = -1
    return theta


def colour(image: np.ndarray, name: str, magnitude: float, sign: float) -> np.ndarray:
    """The transformation of colours called `name`; any other leaves the picture."""
    weights = [0.299, 0.587, 0.114] if image.shape[2] == 3 else np.full(image.shape[2], 1 / image.shape[2])
    grey = np.broadcast_to((image @ np.asarray(weights, image.dtype))[..., None], image.shape)
    if name in ("brightness", "contrast", "colour", "sharpness"):
        base = {"brightness": 0 * image, "contrast": 0 * image + grey.mean(), "colour": grey}.get(name)
        base = _smooth(image) if base is None else base
        return np.clip(base + (1 + 0.99 * sign * magnitude) * (image - base), 0, 1)
    if name == "posterize":
        step = 2.0 ** np.round(6 * magnitude)
        return np.floor(np.round(255 * image) / step) * step / 255
    if name == "solarize":
        return np.where(255 * image >= 256 * (1 - magnitude), 1 - image, image)
    if name in ("autocontrast", "equalize"):
        act = _stretch if name == "autocontrast" else _equalize
        return np.stack([act(channel) for channel in np.moveaxis(image, -1, 0)], axis=-1)
    return image


def transform(image: np.ndarray, name: str, magnitude: float, sign: float) -> np.ndarray:
    """The transformation called `name`; the identity moves nothing."""
    theta = affine(name, sign * magnitude, image.shape)
    moved = image if np.array_equal(theta, np.eye(2, 3)) else warp(image, theta)
    return colour(moved, name, magnitude, sign)


def _smooth(image):
    from scipy.ndimage import convolve

    weights = np.ones((3, 3))
    weights[1, 1] = 5
    smooth = np.array(image)
    smooth[1:-1, 1:-1] = convolve(image, weights[..., None] / 13)[1:-1, 1:-1]
    return smooth


def _stretch(channel):
    low, high = channel.min(), channel.max()
    return channel if low == high else (channel - low) / (high - low)


def _equalize(channel):
    levels = np.round(255 * channel).astype(int)
    count = np.cumsum(np.bincount(levels.ravel(), minlength=256))
    darkest = count[levels.min()]
    return channel if darkest == channel.size else ((count - darkest) / (channel.size - darkest))[levels]
