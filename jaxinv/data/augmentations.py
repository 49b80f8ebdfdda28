"""Random transformations of grey images (N, H, W) in [0, 1], by which networks are trained to be invariant.

Geometric ones sample bilinearly at inversely moved coordinates; what lies outside repeats the border.
"""

import functools
import math
from collections.abc import Callable
from types import MappingProxyType

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray


@jax.jit
def rotate(
    images: Float[Array, "n h w"], key: PRNGKeyArray, *, max_angle: Float[Array, ""] | float = math.pi
) -> Float[Array, "n h w"]:
    """Turns every image about its centre by its own angle, uniform in [-max_angle, max_angle] radians."""
    count, height, width = images.shape
    angle = jax.random.uniform(key, (count, 1, 1), images.dtype, -max_angle, max_angle)
    y, x = (z[None] for z in _centred_grid(height, width, images.dtype))
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    return _sample(images, cos * y - sin * x, sin * y + cos * x)


@jax.jit
def translate(
    images: Float[Array, "n h w"], key: PRNGKeyArray, *, max_shift: Float[Array, ""] | float = 0.2
) -> Float[Array, "n h w"]:
    """Shifts every image by its own amount, uniform in [-max_shift, max_shift] of its height and of its width."""
    count, height, width = images.shape
    shift = jax.random.uniform(key, (2, count, 1, 1), images.dtype, -max_shift, max_shift)
    y, x = (z[None] for z in _centred_grid(height, width, images.dtype))
    return _sample(images, y - shift[0] * height, x - shift[1] * width)


@jax.jit
def change_contrast(
    images: Float[Array, "n h w"], key: PRNGKeyArray, *, least: Float[Array, ""] | float = 0.3
) -> Float[Array, "n h w"]:
    """1/2 + s f (image - 1/2): contrast f uniform in [least, 1], and s = -1 (a negative) for about half the images."""
    factor_key, sign_key = jax.random.split(key)
    factor = jax.random.uniform(factor_key, (images.shape[0], 1, 1), images.dtype, least, 1.0)
    sign = jax.random.rademacher(sign_key, (images.shape[0], 1, 1), images.dtype)
    return 0.5 + sign * factor * (images - 0.5)


def _unchanged(images, key):
    return images


AUGMENTATIONS: MappingProxyType[str, Callable[[Array, PRNGKeyArray], Array]] = MappingProxyType(
    {"none": _unchanged, "rotation": rotate, "translation": translate, "contrast": change_contrast}
)
"""By name: `augmented = AUGMENTATIONS[name](images, key)`."""


def _centred_grid(height, width, dtype):
    """(H, W) rows and columns, in pixels from the centre."""
    return jnp.meshgrid(
        jnp.arange(height, dtype=dtype) - (height - 1) / 2,
        jnp.arange(width, dtype=dtype) - (width - 1) / 2,
        indexing="ij",
    )


def _sample(images, y, x):
    """Each image (N, H, W) at its own centred coordinates (N, H, W)."""
    _, height, width = images.shape
    sample = functools.partial(jax.scipy.ndimage.map_coordinates, order=1, mode="nearest")
    return jax.vmap(lambda image, y, x: sample(image, [y + (height - 1) / 2, x + (width - 1) / 2]))(images, y, x)
