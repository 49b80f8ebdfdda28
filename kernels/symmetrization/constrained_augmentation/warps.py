"""Affine warps of pictures: a map of places, and one bilinear look-up for any composition of maps."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.validation import require_floating, require_shape
from jaxinv.kernels.simulators.transformations import Transformation, apply_geometric

# From (rows, columns, 2) first pixels to (rows, columns, 2, 2, channels).
_CELLS = jax.lax.GatherDimensionNumbers(offset_dims=(2, 3, 4), collapsed_slice_dims=(), start_index_map=(0, 1))


def affine_map(transformation: Transformation) -> Float[Array, "2 3"]:
    """The matrix of the inverse warp that `apply_geometric` does, for `warp_affine`.

    Args:
      transformation: its `shear`, `flips`, `scale`, `angle` and `translation` are used; the translation (x, y) is in
        pixels, and a positive angle turns from the x axis (to the right) to the y axis (down).

    Returns:
      `(2, 3)`: from a place (x, y, 1) of the new picture to (x, y) in the old one.

    Transformations: jit, vmap, grad.
    """
    corners = jnp.asarray([[1, 0], [0, 1], [0, 0]], jnp.result_type(transformation.angle))
    x, y, origin = apply_geometric(corners, transformation)
    return jnp.stack([x - origin, y - origin, origin], axis=1)


def warp_affine(
    image: Float[Array, "h w c"], theta: Float[Array, "2 3"], *, fill: float = 0.0
) -> Float[Array, "h w c"]:
    """Moves a picture: each new pixel looks up the old picture at an affinely moved place, bilinearly.

    Places are (x, y) in pixels from the picture's centre, x to the right and y down, at pixel centres: the first of W
    columns lies at -(W - 1) / 2. Half turns and quarter turns of squares are thus exact. A place between the border
    and the pixels that would follow mixes the border with `fill`.

    Args:
      image: `(h, w, c)`.
      theta: `(2, 3)`, from a place (x, y, 1) of the result to a place of `image`; see `affine_map`.
      fill: of what lies outside.

    Returns:
      `(h, w, c)`, interpolated in float32 at least.

    Raises:
      TypeError: if an argument is not floating point.
      ValueError: if a shape does not fit.

    Transformations: jit, vmap, grad in `image` and `theta`; in `theta` a place on a pixel's centre has the derivative
      towards the next pixel to the right and below.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import symmetrization
      >>> image = jnp.array([[1.0, 2.0], [3.0, 4.0]])[..., None]
      >>> half_turn = jnp.array([[-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
      >>> symmetrization.warp_affine(image, half_turn)[..., 0]
      Array([[4., 3.],
             [2., 1.]], dtype=float32)
    """
    require_floating("image", image)
    require_floating("theta", theta)
    require_shape("image", image, (None, None, None))
    require_shape("theta", theta, (2, 3))
    height, width, channels = image.shape
    result_dtype = jnp.result_type(image, theta)
    if image.size == 0:
        return image.astype(result_dtype)
    dtype = accumulation_dtype(image, theta)
    theta = theta.astype(dtype)
    x = (jnp.arange(width, dtype=dtype) - (width - 1) / 2)[None, :]
    y = (jnp.arange(height, dtype=dtype) - (height - 1) / 2)[:, None]
    # A frame of filled pixels around the picture: places outside it are brought onto it.
    padded = jnp.pad(image.astype(dtype), ((1, 1), (1, 1), (0, 0)), constant_values=fill)
    (column, across), (row, down) = (
        _cell(part[0] * x + part[1] * y + part[2] + (size + 1) / 2, size)
        for part, size in zip(theta, (width, height), strict=True)
    )
    # The four pixels of a cell at once: on CPUs the derivative is a loop over look-ups.
    cells = jax.lax.gather(
        padded, jnp.stack([row, column], axis=-1), _CELLS, (2, 2, channels), mode="promise_in_bounds"
    )
    sides = cells[:, :, :, 0] + across[:, :, None] * (cells[:, :, :, 1] - cells[:, :, :, 0])
    return (sides[:, :, 0] + down * (sides[:, :, 1] - sides[:, :, 0])).astype(result_dtype)


def _cell(place, size):
    """The pixel before each place, within the frame, and the share of the one after it."""
    place = jnp.clip(place, 0, size + 1)
    before = jnp.minimum(jnp.floor(place), size)
    return before.astype(jnp.int32), (place - before)[..., None]
