"""The transformations that make an object look different: geometric, photometric, corrupting.

One `Transformation` holds what was drawn for one picture; a field at its identity value does nothing, so that any
subset of the transformations is a traced 0/1 mask and never a new program. They act in a fixed order: shear, flip,
scale, rotate, translate; then brightness, contrast, hue, greyscale, invert, posterise; then blur, pixelate, noise,
erase. Coordinates are (x, y) in [-1, 1] with y pointing down the picture.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from jaxinv.kernels.numerics.precision import contract
from jaxinv.kernels.numerics.validation import require_choice, require_floating, require_shape

GEOMETRIC = ("translate", "rotate", "scale", "flip_vertical", "flip_horizontal", "shear")
PHOTOMETRIC = ("hue", "brightness", "contrast", "grayscale", "invert", "posterize")
CORRUPTIONS = ("noise", "blur", "pixelate", "erase")
TRANSFORMATIONS = GEOMETRIC + PHOTOMETRIC + CORRUPTIONS

_LUMINANCE = (0.299, 0.587, 0.114)
_BLUR_RADIUS = 3
_PIXELATED_SHARE = 0.3
_ERASED_SHARE = 14 / 32
# Bounds that keep the inverse warp and the Gaussian finite: nothing smaller can be seen.
_LEAST_SCALE = 1e-3
_LEAST_DETERMINANT = 0.1
_LEAST_BLUR = 0.05


class Transformation(NamedTuple):
    """What is done to one object. The defaults are the identity."""

    translation: Float[Array, "2"]
    """(x, y), in half widths of the picture."""
    angle: Float[Array, ""]
    """Of rotation, in radians, from the x axis to the y axis."""
    scale: Float[Array, ""]
    """Size factor; below 0.001 it counts as 0.001."""
    flips: Float[Array, "2"]
    """Factors +1 or -1 of x (a horizontal flip) and of y (a vertical flip)."""
    shear: Float[Array, "2"]
    """Tangents of the shear of x along y and of y along x."""
    hue: Float[Array, ""]
    """Angle about the grey axis of the colour cube, in radians."""
    brightness: Float[Array, ""]
    """Factor."""
    contrast: Float[Array, ""]
    """Factor of the distance from the mean luminance."""
    grayscale: Float[Array, ""]
    """0 or 1, as are the next two."""
    invert: Float[Array, ""]
    posterize: Float[Array, ""]
    noise: Float[Array, ""]
    """Amplitude of the added noise, which is normal and clipped to [0, 1]."""
    blur: Float[Array, ""]
    """Standard deviation in pixels of the Gaussian, which is cut to 7 x 7 pixels; below 0.05 it is none."""
    pixelate: Float[Array, ""]
    """0 or 1, as is the next one."""
    erase: Float[Array, ""]
    erase_corner: Float[Array, "2"]
    """(x, y) of the erased square's corner, as a share of the places it can take, in [0, 1]."""


def identity_transformation() -> Transformation:
    """The `Transformation` that changes nothing, in the default floating dtype."""
    zero, one = jnp.zeros(()), jnp.ones(())
    pair = jnp.zeros(2)
    return Transformation(
        translation=pair,
        angle=zero,
        scale=one,
        flips=jnp.ones(2),
        shear=pair,
        hue=zero,
        brightness=one,
        contrast=one,
        grayscale=zero,
        invert=zero,
        posterize=zero,
        noise=zero,
        blur=zero,
        pixelate=zero,
        erase=zero,
        erase_corner=pair,
    )


def transformation_mask(names: Sequence[str]) -> Float[Array, "16"]:
    """The 0/1 mask, in the order of `TRANSFORMATIONS`, of the transformations called `names`.

    Raises:
      ValueError: if a name is unknown.

    Examples:
      >>> from jaxinv.kernels import simulators
      >>> simulators.transformation_mask(["rotate", "blur"]).nonzero()
      (Array([ 1, 13], dtype=int32),)
    """
    for name in names:
        require_choice("names", name, TRANSFORMATIONS)
    return jnp.array([float(name in names) for name in TRANSFORMATIONS])


def sample_transformation(key: PRNGKeyArray, mask: Float[Array, "16"]) -> Transformation:
    """Draws one transformation; what `mask` leaves out is the identity.

    The same key draws the same amount of each transformation under every mask. Ranges: translation +-0.4 on both axes
    (an object of mean radius 0.6 stays inside); rotation over the whole circle; size 0.4 to 1; shear +-50 degrees on
    both axes; hue over the whole circle; brightness and contrast factors 0 to 2; blur 0.1 to 1.5 pixels. Flips,
    greyscale, invert, posterise (to 1 bit), noise, pixelate and erase are done or not, with probability 1/2.

    Args:
      key: of the draw.
      mask: `(16,)`, 0 or 1 in the order of `TRANSFORMATIONS`; see `transformation_mask`.

    Returns:
      A `Transformation`.

    Raises:
      TypeError: if `mask` is not floating point.
      ValueError: if `mask` does not have 16 entries.

    Transformations: jit, vmap (over keys and masks).

    References: Speicher, Nanda et al. (2024), arXiv:2407.04325, the ranges of Transforms-2D (its sharpening and
      elastic warp are left out).
    """
    require_floating("mask", mask)
    require_shape("mask", mask, (len(TRANSFORMATIONS),))
    on = dict(zip(TRANSFORMATIONS, mask, strict=True))
    keys = dict(zip((*TRANSFORMATIONS, "erase_corner"), jax.random.split(key, len(TRANSFORMATIONS) + 1), strict=True))
    dtype = mask.dtype

    def uniform(name, low, high, shape=()):
        return jax.random.uniform(keys[name], shape, dtype, low, high)

    def coin(name):
        return on[name] * jax.random.bernoulli(keys[name]).astype(dtype)

    return Transformation(
        translation=on["translate"] * uniform("translate", -0.4, 0.4, (2,)),
        angle=on["rotate"] * uniform("rotate", 0.0, 2 * np.pi),
        scale=1 - on["scale"] * (1 - uniform("scale", 0.4, 1.0)),
        flips=1 - 2 * jnp.stack([coin("flip_horizontal"), coin("flip_vertical")]),
        shear=jnp.tan(on["shear"] * uniform("shear", -np.deg2rad(50), np.deg2rad(50), (2,))),
        hue=on["hue"] * uniform("hue", 0.0, 2 * np.pi),
        brightness=1 - on["brightness"] * (1 - uniform("brightness", 0.0, 2.0)),
        contrast=1 - on["contrast"] * (1 - uniform("contrast", 0.0, 2.0)),
        grayscale=coin("grayscale"),
        invert=coin("invert"),
        posterize=coin("posterize"),
        noise=coin("noise"),
        blur=on["blur"] * uniform("blur", 0.1, 1.5),
        pixelate=coin("pixelate"),
        erase=coin("erase"),
        erase_corner=on["erase"] * uniform("erase_corner", 0.0, 1.0, (2,)),
    )


def apply_geometric(grid: Float[Array, "*shape 2"], transformation: Transformation) -> Float[Array, "*shape 2"]:
    """Where the points of `grid` lie on the untransformed object (the inverse warp).

    Args:
      grid: `(*shape, 2)`, points (x, y) of the picture.
      transformation: its `shear`, `flips`, `scale`, `angle` and `translation` are used.

    Returns:
      `(*shape, 2)`, points on the object. Two shears whose tangents multiply to 1 have no inverse; those are kept
      0.1 away from it, on their side.

    Raises:
      TypeError: if `grid` is not floating point.
      ValueError: if its last axis does not hold 2 coordinates.

    Transformations: jit, vmap, grad.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import simulators
      >>> moved = simulators.identity_transformation()._replace(translation=jnp.array([0.5, 0.0]))
      >>> simulators.apply_geometric(jnp.array([0.5, 0.25]), moved)
      Array([0.  , 0.25], dtype=float32)
    """
    require_floating("grid", grid)
    if grid.ndim == 0 or grid.shape[-1] != 2:
        raise ValueError(f"grid must hold points of 2 coordinates on its last axis, got shape {grid.shape}")
    t = transformation
    cosine, sine = jnp.cos(t.angle), jnp.sin(t.angle)
    x, y = (grid[..., i] - t.translation[i] for i in range(2))
    scale = jnp.maximum(t.scale, _LEAST_SCALE)
    x, y = (cosine * x + sine * y) / scale * t.flips[0], (cosine * y - sine * x) / scale * t.flips[1]
    determinant = 1 - t.shear[0] * t.shear[1]
    determinant = jnp.where(determinant < 0, -1.0, 1.0) * jnp.maximum(jnp.abs(determinant), _LEAST_DETERMINANT)
    return jnp.stack([x - t.shear[0] * y, y - t.shear[1] * x], axis=-1) / determinant


def apply_photometric(rgb: Float[Array, "h w 3"], transformation: Transformation) -> Float[Array, "h w 3"]:
    """Changes colours; the result is in [0, 1].

    Args:
      rgb: `(h, w, 3)`, in [0, 1].
      transformation: its `brightness`, `contrast`, `hue`, `grayscale`, `invert` and `posterize` are used.

    Returns:
      `(h, w, 3)`.

    Raises:
      TypeError: if `rgb` is not floating point.
      ValueError: if it is not `(h, w, 3)`.

    Transformations: jit, vmap, grad (posterise has gradient 0).
    """
    require_floating("rgb", rgb)
    require_shape("rgb", rgb, (None, None, 3))
    t = transformation
    rgb = jnp.clip(rgb * t.brightness, 0.0, 1.0)
    mean = jnp.mean(_luminance(rgb))
    rgb = jnp.clip(mean + t.contrast * (rgb - mean), 0.0, 1.0)
    rgb = jnp.clip(contract("hwc,dc->hwd", rgb, _hue_rotation(t.hue)), 0.0, 1.0)
    rgb = _mix(rgb, jnp.broadcast_to(_luminance(rgb)[..., None], rgb.shape), t.grayscale)
    rgb = _mix(rgb, 1 - rgb, t.invert)
    return _mix(rgb, jnp.where(rgb < 0.5, 0.0, 0.5), t.posterize)


def apply_corruption(
    key: PRNGKeyArray, rgb: Float[Array, "h h 3"], transformation: Transformation
) -> Float[Array, "h h 3"]:
    """Corrupts a square picture of the object; the result is in [0, 1].

    Args:
      key: of the noise.
      rgb: `(h, h, 3)`, in [0, 1].
      transformation: its `blur`, `pixelate`, `noise`, `erase` and `erase_corner` are used. Pixelate leaves 0.3 h
        pixels a side; the erased square has a side of 14 h / 32 and becomes black.

    Returns:
      `(h, h, 3)`.

    Raises:
      TypeError: if `rgb` is not floating point.
      ValueError: if it is not `(h, h, 3)`.

    Transformations: jit, vmap, grad.
    """
    require_floating("rgb", rgb)
    size = rgb.shape[0]
    require_shape("rgb", rgb, (size, size, 3))
    t = transformation
    rgb = _both_sides(_blur_matrix(size, t.blur), rgb)
    rgb = _mix(rgb, _both_sides(jnp.asarray(_pixelate_matrix(size), rgb.dtype), rgb), t.pixelate)
    noise = jnp.clip(jax.random.normal(key, rgb.shape, rgb.dtype), 0.0, 1.0)
    rgb = jnp.clip(rgb + t.noise * noise, 0.0, 1.0)
    side = max(round(_ERASED_SHARE * size), 1)
    start = jnp.round(t.erase_corner * (size - side))
    column, row = ((jnp.arange(size) >= start[i]) & (jnp.arange(size) < start[i] + side) for i in range(2))
    return jnp.where((row[:, None] & column[None, :])[..., None], (1 - t.erase) * rgb, rgb)


def _mix(before, after, share):
    return before + share * (after - before)


def _luminance(rgb):
    return contract("hwc,c->hw", rgb, jnp.asarray(_LUMINANCE, rgb.dtype))


def _hue_rotation(angle):
    """Rodrigues' rotation about (1, 1, 1) / sqrt(3)."""
    grey = jnp.full((3, 3), 1 / 3, angle.dtype)
    cross = jnp.array([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]], angle.dtype) / math.sqrt(3)
    return jnp.cos(angle) * (jnp.eye(3, dtype=angle.dtype) - grey) + grey + jnp.sin(angle) * cross


def _both_sides(matrix, rgb):
    return contract("ih,jw,hwc->ijc", matrix, matrix, rgb)


def _blur_matrix(size, sigma):
    """Rows are the Gaussian around their pixel, cut at the radius and at the border, with sum 1."""
    offset = np.arange(size)[:, None] - np.arange(size)[None, :]
    none = sigma < _LEAST_BLUR
    weight = jnp.exp(-0.5 * (offset / jnp.where(none, 1.0, sigma)) ** 2) * (np.abs(offset) <= _BLUR_RADIUS)
    return jnp.where(none, jnp.eye(size, dtype=weight.dtype), weight / jnp.sum(weight, axis=1, keepdims=True))


def _pixelate_matrix(size):
    """Means over the blocks of the coarse picture, each spread over its block again."""
    coarse = max(round(_PIXELATED_SHARE * size), 1)
    block = np.arange(size) * coarse // size
    same = (block[:, None] == block[None, :]).astype(np.float64)
    return same / same.sum(axis=1, keepdims=True)
