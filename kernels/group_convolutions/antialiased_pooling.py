"""Pooling that keeps the symmetries of pictures: a Gaussian blur before pixels are left out.

The maximum over 2 x 2 windows is not equivariant on odd sizes, and on even ones aliases.
"""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.group_convolutions.dense_convolution import padded, require_window, warn_of_lost_symmetry
from jaxinv.kernels.group_convolutions.shifted_sums import shifted, shifted_sums
from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.validation import require_at_least, require_floating


@functools.partial(jax.jit, static_argnames=("stride", "width", "window", "padding"))
def antialiased_pool(
    x: jax.Array, *, stride: int = 2, width: float = 0.66, window: int = 1, padding: str = "SAME"
) -> jax.Array:
    """Blurs pictures of fields and takes every so many pixels, in rows and columns.

    Args:
      x: `(..., height, width, fields, channels)`, functions on a group or of irreps.
      stride: static.
      width: static, standard deviation of the blur, in pixels; its kernel ends at 3 of them.
      window: static, odd: before, each pixel becomes the largest value in a window of as many a side. Not on irreps.
      padding: static, "SAME" (means of the pixels that lie in the picture, so that constants stay), "CIRCULAR" or
        "VALID" (no pixel near the rim).

    Returns:
      `(..., height', width', fields, channels)` in the dtype of x; bfloat16 is summed in float32.

    Raises:
      ValueError: at trace time: a stride below 1, a width that is not positive, an even window, an unknown padding,
        windows larger than the picture.
      TypeError: x is not floating point.
    Warns: UserWarning: at trace time, sizes that break the symmetry: a multiple of the stride plus 1 does not.
    Transformations: jit, vmap, jvp, vjp; any order with a window of 1.
    References: Zhang, Making convolutional networks shift-invariant again, arXiv:1904.11486.
    """
    require_floating("x", x)
    require_at_least("window", window, 1)
    if window % 2 == 0:
        raise ValueError(f"window must be odd, so that a pixel lies at its centre, got {window}")
    if width <= 0:
        raise ValueError(f"width must be > 0, got {width}")
    if x.ndim < 4:
        raise ValueError(f"x must have shape (..., height, width, fields, channels), got {x.shape}")
    weights = _gaussian(width)
    *batch, height, columns, fields, channels = x.shape
    size = len(weights) + window - 1
    require_window((height, columns), size, stride=stride, dilation=1, padding=padding)
    warn_of_lost_symmetry((height, columns), size, stride=stride, dilation=1, padding=padding)
    sums = accumulation_dtype(x)
    pictures = x.astype(sums).reshape(-1, height, columns, fields * channels)
    if window > 1:
        pictures = _largest(pictures, window, padding)
    inside = pictures.shape[1:3]
    pictures = padded(pictures, len(weights), dilation=1, padding=padding)
    for axis in (0, 1):
        kernel = np.expand_dims(weights, (1 - axis, 2))
        strides = (stride, 1) if axis == 0 else (1, stride)
        pictures = shifted_sums(pictures, jnp.asarray(kernel, sums), strides=strides)
        if padding == "SAME":
            share = np.convolve(np.ones(inside[axis]), weights, "same")[::stride]
            pictures = pictures / jnp.asarray(np.expand_dims(share, (0, 2 - axis, 3)), sums)
    return pictures.reshape(*batch, *pictures.shape[1:3], fields, channels).astype(x.dtype)


def _largest(pictures, window, padding):
    """In square windows; what lies outside of the picture does not count."""
    reach = window // 2
    if padding != "VALID":
        around = ((0, 0), (reach, reach), (reach, reach), (0, 0))
        # The last pixel again: it is in the window already.
        pictures = jnp.pad(pictures, around, mode="wrap" if padding == "CIRCULAR" else "edge")
    for sizes in ((window, 1), (1, window)):
        pictures = functools.reduce(jnp.maximum, shifted(pictures, sizes, strides=(1, 1)))
    return pictures


@functools.lru_cache(maxsize=32)
def _gaussian(width):
    reach = math.ceil(3 * width)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
    return weights / weights.sum()
