"""Procedural objects before procedural backgrounds, under transformations that are known exactly.

A class is one object; the pictures of a class differ only in transformation and background. Objects are implicit
shapes evaluated on a grid of coordinates, so that geometric transformations act on the coordinates and never resample
a picture. Calls with the same key and another `transform_key` give twins: the same objects before the same
backgrounds, transformed independently.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from jaxinv.kernels.numerics.safe import safe_norm
from jaxinv.kernels.numerics.validation import require_at_least, require_floating, require_shape
from jaxinv.kernels.simulators.transformations import (
    TRANSFORMATIONS,
    Transformation,
    apply_corruption,
    apply_geometric,
    apply_photometric,
    sample_transformation,
)

_HARMONICS = 5
_MEAN_RADIUS = 0.6
_EDGE_SHARPNESS = 25.0
_BACKGROUND_CELLS = 5
_BACKGROUND_BRIGHTNESS = 0.8
# Pictures rendered at once: bounds the memory of a batch.
_CHUNK = 500


class SpriteParams(NamedTuple):
    """One object: a star-shaped blob in two colours of stripes."""

    amplitudes: Float[Array, "5"]
    """Of the harmonics 1 to 5 of the outline, in [-0.35, 0.35]."""
    phases: Float[Array, "5"]
    """Of the same harmonics, in radians."""
    colours: Float[Array, "2 3"]
    """RGB in [0, 1]."""
    stripes: Float[Array, "2"]
    """How dense the stripes are along x and along y, in [-2, 2]."""


class Twins(NamedTuple):
    """Two batches that differ in the transformations of their objects alone."""

    first: Float[Array, "n size size 3"]
    second: Float[Array, "n size size 3"]
    labels: Int[Array, "n"]


def sprite_params(key: PRNGKeyArray) -> SpriteParams:
    """Draws one object, uniformly over the ranges of `SpriteParams`.

    Args:
      key: of the draw.

    Returns:
      SpriteParams in the default floating dtype.

    Transformations: jit, vmap (over keys, for several objects).
    """
    amplitude_key, phase_key, colour_key, stripe_key = jax.random.split(key, 4)
    return SpriteParams(
        amplitudes=jax.random.uniform(amplitude_key, (_HARMONICS,), minval=-0.35, maxval=0.35),
        phases=jax.random.uniform(phase_key, (_HARMONICS,), maxval=2 * jnp.pi),
        colours=jax.random.uniform(colour_key, (2, 3)),
        stripes=jax.random.uniform(stripe_key, (2,), minval=-2.0, maxval=2.0),
    )


def pixel_grid(size: int) -> Float[Array, "size size 2"]:
    """The centres of the pixels of a square picture.

    Args:
      size: static; pixels a side, at least 1.

    Returns:
      `(size, size, 2)`, (x, y) in [-1, 1], x along columns, y along rows, in the default floating dtype.

    Raises:
      ValueError: no pixel.

    Examples:
      >>> from jaxinv.kernels import simulators
      >>> simulators.pixel_grid(2)[0].tolist()
      [[-0.5, -0.5], [0.5, -0.5]]
    """
    require_at_least("size", size, 1)
    centres = (2 * jnp.arange(size) + 1.0) / size - 1
    return jnp.stack(jnp.meshgrid(centres, centres), axis=-1)


def render_sprite(
    params: SpriteParams, grid: Float[Array, "h w 2"]
) -> tuple[Float[Array, "h w"], Float[Array, "h w 3"]]:
    """Evaluates one object on a grid of coordinates.

    The outline is radius(theta) = 0.6 + 0.5 sum_i a_i cos(i theta + phi_i), the opacity
    sigmoid(25 (radius(theta) - r)); the colour changes with the sign of sin(3 s_1 x + 2 s_2 y).

    Args:
      params: the object.
      grid: `(h, w, 2)`, coordinates (x, y) on the object.

    Returns:
      alpha: `(h, w)`, opacity in [0, 1].
      rgb: `(h, w, 3)`, colours in [0, 1], defined outside the object too.

    Raises:
      TypeError: if `grid` is not floating point.
      ValueError: if `grid` is not `(h, w, 2)`.

    Transformations: jit, vmap, grad. The centre counts as angle 0; the edge between the colours is sharp, so that the
      stripes have gradient 0.
    """
    require_floating("grid", grid)
    require_shape("grid", grid, (None, None, 2))
    x, y = grid[..., 0], grid[..., 1]
    centre = (x == 0) & (y == 0)
    theta = jnp.arctan2(jnp.where(centre, 0.0, y), jnp.where(centre, 1.0, x))
    radius = _MEAN_RADIUS + 0.5 * sum(
        params.amplitudes[i] * jnp.cos((i + 1) * theta + params.phases[i]) for i in range(_HARMONICS)
    )
    alpha = jax.nn.sigmoid(_EDGE_SHARPNESS * (radius - safe_norm(grid)))
    first = jnp.sin(3 * params.stripes[0] * x + 2 * params.stripes[1] * y) > 0
    rgb = jnp.where(first[..., None], params.colours[0][None, None, :], params.colours[1][None, None, :])
    return alpha, rgb


def background(key: PRNGKeyArray, *, size: int) -> Float[Array, "size size 3"]:
    """Draws one background: 5 x 5 random colours, interpolated.

    Args:
      key: of the draw.
      size: static; pixels a side, at least 1.

    Returns:
      `(size, size, 3)` in [0, 0.8], in the default floating dtype.

    Raises:
      ValueError: no pixel.

    Transformations: jit, vmap (over keys).
    """
    require_at_least("size", size, 1)
    cells = jax.random.uniform(key, (_BACKGROUND_CELLS, _BACKGROUND_CELLS, 3))
    return _BACKGROUND_BRIGHTNESS * jax.image.resize(cells, (size, size, 3), "bilinear", antialias=False)


def render_object(
    key: PRNGKeyArray, params: SpriteParams, transformation: Transformation, *, size: int
) -> tuple[Float[Array, "size size"], Float[Array, "size size 3"]]:
    """Renders one transformed object.

    Args:
      key: of the noise.
      params: the object.
      transformation: what is done to it.
      size: static; pixels a side.

    Returns:
      alpha: `(size, size)`, opacity, which geometric transformations alone change.
      rgb: `(size, size, 3)`, colours in [0, 1].

    Transformations: jit, vmap, grad (in `params` and `transformation`).
    """
    alpha, rgb = render_sprite(params, apply_geometric(pixel_grid(size), transformation))
    return alpha, apply_corruption(key, apply_photometric(rgb, transformation), transformation)


@functools.partial(jax.jit, static_argnames=("num_images", "size"))
def transforms2d_batch(
    key: PRNGKeyArray,
    objects: SpriteParams,
    num_images: int,
    mask: Float[Array, "16"],
    transform_key: PRNGKeyArray | None = None,
    *,
    size: int = 16,
) -> tuple[Float[Array, "num_images size size 3"], Int[Array, "num_images"]]:
    """Draws labelled pictures of `objects` under the transformations of `mask`.

    Args:
      key: of labels, backgrounds and, by default, transformations.
      objects: K objects, stacked: `jax.vmap(sprite_params)(keys)`.
      num_images: static; n.
      mask: `(16,)`, 0 or 1 in the order of `TRANSFORMATIONS`; traced, so that every set runs the same program.
      transform_key: of transformations and noise alone; another one gives the twins of a batch.
      size: static; pixels a side.

    Returns:
      images: `(n, size, size, 3)`, RGB in [0, 1].
      labels: `(n,)`, int32 in [0, K); every object comes up equally often, up to one picture.

    Raises:
      TypeError: if `mask` is not floating point.
      ValueError: if `mask` has not 16 entries, there is no object, or `num_images` or `size` is too small.

    Transformations: jit, vmap (over keys, objects and masks), grad (in `objects`).

    References: Speicher, Nanda et al. (2024), arXiv:2407.04325, Transforms-2D, with drawn instead of photographed
      objects.

    Examples:
      >>> import jax
      >>> from jaxinv.kernels import simulators
      >>> objects = jax.vmap(simulators.sprite_params)(jax.random.split(jax.random.key(0), 3))
      >>> mask = simulators.transformation_mask(["rotate", "hue"])
      >>> images, labels = simulators.transforms2d_batch(jax.random.key(1), objects, 6, mask, size=8)
      >>> images.shape, sorted(labels.tolist())
      ((6, 8, 8, 3), [0, 0, 1, 1, 2, 2])
    """
    require_at_least("num_images", num_images, 0)
    require_shape("mask", mask, (len(TRANSFORMATIONS),))
    num_objects = objects.phases.shape[0]
    require_at_least("the number of objects", num_objects, 1)
    label_key, background_key, default_key = jax.random.split(key, 3)
    labels = jax.random.permutation(label_key, jnp.arange(num_images, dtype=jnp.int32) % num_objects)
    keys = jax.random.split(default_key if transform_key is None else transform_key, (num_images, 2))

    def picture(inputs):
        label, backdrop_key, (draw_key, noise_key) = inputs
        params = jax.tree.map(lambda field: field[label], objects)
        alpha, rgb = render_object(noise_key, params, sample_transformation(draw_key, mask), size=size)
        return background(backdrop_key, size=size) * (1 - alpha[..., None]) + rgb * alpha[..., None]

    inputs = labels, jax.random.split(background_key, num_images), keys
    return jax.lax.map(picture, inputs, batch_size=min(_CHUNK, max(num_images, 1))), labels


def twin_batches(
    key: PRNGKeyArray, objects: SpriteParams, num_images: int, mask: Float[Array, "16"], *, size: int = 16
) -> Twins:
    """Two calls of `transforms2d_batch` that differ in the transformations alone: what `sens` is measured on.

    Args:
      key: of labels and backgrounds, which both share, and of the transformations of each.
      objects: K objects, stacked.
      num_images: static; n.
      mask: `(16,)`, 0 or 1 in the order of `TRANSFORMATIONS`; traced.
      size: static; pixels a side.

    Returns:
      Twins: two batches `(n, size, size, 3)` and their labels `(n,)`.

    Raises, transformations and references: as `transforms2d_batch`.
    """
    scene_key, first_key, second_key = jax.random.split(key, 3)
    first, labels = transforms2d_batch(scene_key, objects, num_images, mask, first_key, size=size)
    second, _ = transforms2d_batch(scene_key, objects, num_images, mask, second_key, size=size)
    return Twins(first, second, labels)
