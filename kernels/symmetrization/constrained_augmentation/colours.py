"""Colour transformations of pictures with any number of channels, chosen by a traced index."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.validation import require_floating, require_shape

COLOUR_TRANSFORMS = (
    "brightness",
    "contrast",
    "colour",
    "sharpness",
    "posterize",
    "solarize",
    "autocontrast",
    "equalize",
)

_LUMINANCE = (0.299, 0.587, 0.114)
_LEVELS = 256


def colour_transform(
    image: Float[Array, "h w c"],
    index: Int[Array, ""],
    magnitude: Float[Array, ""],
    sign: Float[Array, ""],
) -> Float[Array, "h w c"]:
    """One of `COLOUR_TRANSFORMS`; the first four are one blend, with a black, flat, grey or smooth picture.

    Brightness, contrast, colour and sharpness have the factor 1 + 0.99 sign magnitude; the others know no sign.
    Posterise keeps 8 to 2 bits; solarise inverts what is at least 256 (1 - magnitude) of 255; autocontrast and equalise
    know no magnitude either.

    Args:
      image: `(h, w, c)`, in [0, 1]; luminance is of red, green and blue where c is 3, else the mean over channels.
      index: in `COLOUR_TRANSFORMS`; any other leaves the picture as it is.
      magnitude: in [0, 1].
      sign: -1 or 1.

    Returns:
      `(h, w, c)`, in [0, 1]; channels of one value are kept by autocontrast and equalise.

    Raises:
      TypeError: if `image` or `magnitude` is not floating point.
      ValueError: if `image` is not `(h, w, c)`.

    Transformations: jit, vmap, grad (posterise and equalise have gradient 0).
    """
    require_floating("image", image)
    require_floating("magnitude", magnitude)
    require_shape("image", image, (None, None, None))
    if image.size == 0:
        return image
    dtype = accumulation_dtype(image)
    x, magnitude = image.astype(dtype), magnitude.astype(dtype)
    grey = _luminance(x)
    chosen = [index == i for i in range(len(COLOUR_TRANSFORMS))]
    base = jnp.where(chosen[1], jnp.mean(grey), jnp.where(chosen[2], grey, _smooth(x)))
    base = jnp.where(chosen[0], 0.0, base)
    blend = jnp.clip(base + (1 + 0.99 * sign.astype(dtype) * magnitude) * (x - base), 0.0, 1.0)
    step = jnp.exp2(jnp.round(6 * magnitude))
    posterized = jnp.floor(jnp.round((_LEVELS - 1) * x) / step) * step / (_LEVELS - 1)
    solarized = jnp.where(x * (_LEVELS - 1) >= _LEVELS * (1 - magnitude), 1 - x, x)
    result = jnp.select(
        [index < 0, index < 4, *chosen[4:]],
        [x, blend, posterized, solarized, _stretch(x), _equalize(x)],
        x,
    )
    return result.astype(image.dtype)


def _luminance(x):
    channels = x.shape[-1]
    weights = jnp.asarray(_LUMINANCE, x.dtype) if channels == 3 else jnp.full(channels, 1 / channels, x.dtype)
    return contract("hwc,c->hw", x, weights)[..., None]


def _smooth(x):
    """The mean over 3 x 3 pixels of which the middle counts five times; the border is kept."""
    rows = x[:-2] + x[1:-1] + x[2:]
    box = rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]
    return x.at[1:-1, 1:-1].set((box + 4 * x[1:-1, 1:-1]) / 13)


def _stretch(x):
    """Each channel from 0 to 1."""
    low, high = jnp.min(x, axis=(0, 1), keepdims=True), jnp.max(x, axis=(0, 1), keepdims=True)
    flat = high == low
    return jnp.where(flat, x, (x - low) / jnp.where(flat, 1.0, high - low))


def _equalize(x):
    """Each pixel becomes the share of the pixels above the darkest level that are as dark or darker."""
    levels = jnp.round((_LEVELS - 1) * x).astype(jnp.int32).reshape(-1, x.shape[-1])

    def of_channel(level):
        count = jnp.cumsum(jnp.zeros(_LEVELS, jnp.int32).at[level].add(1))
        darkest = count[jnp.min(level)]
        above = count[-1] - darkest
        return (count[level] - darkest).astype(x.dtype) / jnp.maximum(above, 1).astype(x.dtype), above == 0

    shares, flat = jax.vmap(of_channel, in_axes=1, out_axes=(1, 0))(levels)
    return jnp.where(flat[None, None, :], x, shares.reshape(x.shape))
