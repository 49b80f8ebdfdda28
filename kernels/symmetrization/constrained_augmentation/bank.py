"""Random transformations of pictures, one drawn for each: affine ones share one look-up, colours one pass."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.validation import require_at_least, require_choice, require_floating, require_shape
from jaxinv.kernels.simulators.transformations import identity_transformation
from jaxinv.kernels.symmetrization.constrained_augmentation.colours import COLOUR_TRANSFORMS, colour_transform
from jaxinv.kernels.symmetrization.constrained_augmentation.warps import affine_map, warp_affine

AFFINE_TRANSFORMS = (
    "identity",
    "rotate",
    "shear_x",
    "shear_y",
    "translate_x",
    "translate_y",
    "scale",
    "flip_horizontal",
    "flip_vertical",
)
TRANSFORMS = AFFINE_TRANSFORMS + COLOUR_TRANSFORMS
WIDE_TRANSFORMS = tuple(name for name in TRANSFORMS if name not in ("scale", "flip_horizontal", "flip_vertical"))
"""The fourteen of TrivialAugment's wide space."""

_MAX_ANGLE = 0.75 * np.pi
_MAX_SHEAR = 0.99


class Transform(NamedTuple):
    """One of `TRANSFORMS`, and how much of it."""

    which: Int[Array, ""]
    """In `TRANSFORMS`."""
    magnitude: Float[Array, ""]
    """In [0, 1]."""
    sign: Float[Array, ""]
    """-1 or 1."""


def transform_weights(names: Sequence[str]) -> Float[Array, "17"]:
    """The weights that draw from some transformations alone, all as likely.

    Args:
      names: of `TRANSFORMS`, such as `WIDE_TRANSFORMS`.

    Returns:
      `(17,)` in the default floating dtype: 1 for these and 0 for the others, in the order of `TRANSFORMS`.

    Raises:
      ValueError: if a name is unknown.
    """
    for name in names:
        require_choice("names", name, TRANSFORMS)
    return jnp.array([float(name in names) for name in TRANSFORMS])


def sample_transform(key: PRNGKeyArray, weights: Float[Array, "17"], *, levels: int = 31) -> Transform:
    """Draws a transformation in proportion to its weight, its magnitude among equal steps, and its sign.

    Args:
      key: of the draw.
      weights: not negative, one for each of `TRANSFORMS`; all 0 draws the identity. See `transform_weights`.
      levels: static, how many magnitudes from 0 to 1 there are; one is 0 alone.

    Returns:
      A `Transform`.

    Raises:
      TypeError: if `weights` is not floating point.
      ValueError: if `weights` does not have an entry for each transformation, or `levels` is below 1.

    Transformations: jit, vmap (over keys and weights).

    References: Müller and Hutter (2021), arXiv:2103.10158.
    """
    require_floating("weights", weights)
    require_shape("weights", weights, (len(TRANSFORMS),))
    require_at_least("levels", levels, 1)
    key_index, key_level, key_sign = jax.random.split(key, 3)
    dtype = accumulation_dtype(weights)
    reached = jnp.cumsum(weights.astype(dtype))
    # Where rounding draws the total itself, the last weight above 0 stands for it.
    below = (reached <= jax.random.uniform(key_index, (), dtype) * reached[-1]) & (reached < reached[-1])
    level = jax.random.randint(key_level, (), 0, levels)
    return Transform(
        which=jnp.sum(below.astype(jnp.int32)),
        magnitude=(level.astype(dtype) / max(levels - 1, 1)).astype(weights.dtype),
        sign=jax.random.rademacher(key_sign, (), weights.dtype),
    )


def apply_transform(image: Float[Array, "h w c"], transform: Transform) -> Float[Array, "h w c"]:
    """Does one of `TRANSFORMS` to a picture.

    Rotation goes to 135 degrees, shears to a tangent of 0.99, translations to the picture's width and height, scale
    from half to twice the size; what was outside is black. Colours: see `colour_transform`. An index of an affine
    transformation leaves colours as they are and the reverse, so under vmap all pictures share one look-up, where
    `jax.lax.switch` would do one for each transformation.

    Args:
      image: `(h, w, c)`, in [0, 1].
      transform: see `sample_transform`.

    Returns:
      `(h, w, c)`, in [0, 1].

    Raises:
      TypeError: if `image` or a magnitude is not floating point.
      ValueError: if `image` is not `(h, w, c)`.

    Transformations: jit, vmap, grad in `image`.
    """
    require_floating("image", image)
    require_floating("magnitude", transform.magnitude)
    require_shape("image", image, (None, None, None))
    moved = warp_affine(image.astype(accumulation_dtype(image)), _theta(transform, image.shape))
    index = transform.which - len(AFFINE_TRANSFORMS)
    return colour_transform(moved, index, transform.magnitude, transform.sign).astype(image.dtype)


def _theta(transform, shape):
    dtype = accumulation_dtype(transform.magnitude)
    on = {name: (transform.which == i).astype(dtype) for i, name in enumerate(AFFINE_TRANSFORMS)}
    amount = transform.sign.astype(dtype) * transform.magnitude.astype(dtype)
    height, width, _ = shape
    return affine_map(
        identity_transformation()._replace(
            translation=amount * jnp.stack([width * on["translate_x"], height * on["translate_y"]]),
            angle=_MAX_ANGLE * amount * on["rotate"],
            scale=jnp.exp2(amount * on["scale"]),
            flips=1 - 2 * jnp.stack([on["flip_horizontal"], on["flip_vertical"]]),
            shear=_MAX_SHEAR * amount * jnp.stack([on["shear_x"], on["shear_y"]]),
        )
    )
