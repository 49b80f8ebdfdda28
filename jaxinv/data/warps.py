"""Random maps of the plane that move test pictures of grey digits, after affNIST and homNIST.

Maps are 3 x 3 matrices on homogeneous coordinates (x, y, 1), y pointing down, of the square [-1, 1]^2 that a picture
fills. What a moved picture shows from outside is black.
"""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from jaxinv.kernels.numerics.matrix_exponential import matrix_exp

# affNIST's ranges.
_MAX_ANGLE = math.radians(20)
_MAX_SHEAR = 0.2
_LEAST_SCALE, _MOST_SCALE = 0.8, 1.2
# homNIST's: the first eight entries, row by row, of a traceless matrix.
_HOMOGRAPHY_SCALES = 0.5 * np.array([0.15, 0.35, 0.17, 0.35, 0.15, 0.17, 0.15, 0.15])


@functools.partial(jax.jit, static_argnames="num")
def sample_affine_maps(key: PRNGKeyArray, num: int) -> Float[Array, "n 3 3"]:
    """Linear maps about the centre of the kind that affNIST draws; `warp_digits` adds the translation.

    A rotation within 20 degrees, a shear within 0.2, and factors 0.8 to 1.2 along x and along y, uniform, done in the
    opposite order.
    """
    keys = jax.random.split(key, 3)
    angle = jax.random.uniform(keys[0], (num,), minval=-_MAX_ANGLE, maxval=_MAX_ANGLE)
    shear = jax.random.uniform(keys[1], (num,), minval=-_MAX_SHEAR, maxval=_MAX_SHEAR)
    scale = jax.random.uniform(keys[2], (2, num), minval=_LEAST_SCALE, maxval=_MOST_SCALE)
    cosine, sine = jnp.cos(angle), jnp.sin(angle)
    # Rotation times shear times scale.
    first = jnp.stack([cosine * scale[0], (cosine * shear - sine) * scale[1]], axis=-1)
    second = jnp.stack([sine * scale[0], (sine * shear + cosine) * scale[1]], axis=-1)
    linear = jnp.stack([first, second], axis=1)
    return jnp.pad(linear, ((0, 0), (0, 1), (0, 1))) + jnp.asarray(np.diag([0.0, 0.0, 1.0]), linear.dtype)[None]


@functools.partial(jax.jit, static_argnames="num")
def sample_homographies(key: PRNGKeyArray, num: int) -> Float[Array, "n 3 3"]:
    """Maps of the kind that homNIST draws: exponentials of Gaussian traceless matrices.

    Standard deviations of the first eight entries, row by row: half of .15, .35, .17, .35, .15, .17, .15, .15.
    """
    entries = jax.random.normal(key, (num, 8)) * jnp.asarray(_HOMOGRAPHY_SCALES, float)[None]
    corner = -(entries[:, 0] + entries[:, 4])
    return matrix_exp(jnp.concatenate([entries, corner[:, None]], axis=1).reshape(num, 3, 3))


@jax.jit
def warp(images: Float[Array, "n h w"], maps: Float[Array, "n 3 3"]) -> Float[Array, "n h w"]:
    """Every picture moved by its own map: bilinear at inversely moved places, black outside."""
    _, height, width = images.shape
    x, y = (jnp.asarray((2 * np.arange(size) + 1 - size) / size, images.dtype) for size in (width, height))
    places = jnp.stack([*jnp.meshgrid(x, y), jnp.ones((height, width), images.dtype)])
    moved = jnp.einsum("nab,bhw->anhw", jnp.linalg.inv(maps), places, precision="highest")
    # Behind the horizon there is nothing: far outside.
    front = moved[2] > 1e-3
    column, row = (
        jnp.where(front, part / jnp.where(front, moved[2], 1.0), 10.0) * size / 2 + (size - 1) / 2
        for part, size in ((moved[0], width), (moved[1], height))
    )
    sample = functools.partial(jax.scipy.ndimage.map_coordinates, order=1, mode="constant")
    return jax.vmap(lambda image, row, column: sample(image, [row, column]))(images, row, column)


def warp_digits(images: Float[Array, "n h w"], maps: Float[Array, "n 3 3"], key: PRNGKeyArray) -> Float[Array, "n h w"]:
    """Moves digits by their maps, then by a translation, uniform among whole pixels that keep all of a digit inside.

    That is affNIST's; a pixel belongs to the digit where it is brighter than 0.05. A digit that reaches over the border
    on both sides stays.
    """
    return _shift_inside(warp(images, maps), key)


@jax.jit
def _shift_inside(images, key):
    keys = jax.random.split(key)
    bright = images > 0.05
    shifts = [_shift(jnp.any(bright, axis=2 - axis), k) for axis, k in enumerate(keys)]
    rows, columns = (
        jax.nn.one_hot(jnp.arange(size)[None] - shift[:, None], size, dtype=images.dtype)
        for size, shift in zip(images.shape[1:], shifts, strict=True)
    )
    return jnp.einsum("nih,njw,nhw->nij", rows, columns, images, precision="highest")


def _shift(occupied, key):
    """By how many pixels, from the occupied ones `(n, size)` of each picture."""
    before = jnp.argmax(occupied, axis=1)
    after = jnp.argmax(occupied[:, ::-1], axis=1)
    share = jax.random.uniform(key, before.shape)
    return jnp.minimum(jnp.floor(share * (before + after + 1)).astype(before.dtype) - before, after)
