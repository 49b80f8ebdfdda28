"""Total-variation denoising."""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.safe import safe_divide, safe_sqrt
from jaxinv.kernels.numerics.validation import require_at_least, require_floating, require_shape

# The largest step for which the projection is sure to converge in two dimensions is 1/8; 1/4 does so in practice.
_STEP = 0.25


@functools.partial(jax.jit, static_argnames=("num_iterations",))
def denoise_total_variation(
    image: Float[Array, "h w"], *, weight: Float[Array, ""] | float, num_iterations: int = 200
) -> Float[Array, "h w"]:
    """The minimiser u of `sum |grad u| + sum (u - image)^2 / (2 weight)`, by Chambolle's projection.

    Args:
      image: `(h, w)`, floating point.
      weight: not negative, in units of the image: a region of n x n pixels moves towards its surroundings by about
        `4 weight / n`. 0 changes nothing; from about the range of the image on, all is constant.
      num_iterations: static, >= 0, of the dual.

    Returns:
      `(h, w)` in the same dtype; the mean is kept.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order, through the iteration.
    References: Chambolle, J. Math. Imaging Vision 20 (2004).
    """
    require_floating("image", image)
    require_shape("image", image, (None, None))
    require_at_least("num_iterations", num_iterations, 0)
    wide = image.astype(accumulation_dtype(image))
    weight = jnp.asarray(weight, wide.dtype)
    # In units of the largest of all numbers: no square overflows.
    unit = jax.lax.stop_gradient(jnp.maximum(jnp.max(jnp.abs(wide), initial=0.0), weight))
    scaled, weight = safe_divide(wide, unit), safe_divide(weight, unit)

    def smoothed(down, right):
        return scaled - down - right + _shifted(down, 0) + _shifted(right, 1)

    def once(dual, _):
        down, right = dual
        now = smoothed(down, right)
        by_rows, by_columns = _difference(now, 0), _difference(now, 1)
        # Both sides times the weight, which may be 0.
        length = safe_sqrt(by_rows**2 + by_columns**2)
        shrunk = safe_divide(jnp.broadcast_to(weight, length.shape), weight + _STEP * length)
        return (shrunk * (down - _STEP * by_rows), shrunk * (right - _STEP * by_columns)), None

    start = jnp.zeros_like(wide)
    dual, _ = jax.lax.scan(once, (start, start), length=num_iterations)
    return (unit * smoothed(*dual)).astype(image.dtype)


def _difference(image, axis):
    """To the next entry; 0 in the last."""
    return jnp.concatenate([jnp.diff(image, axis=axis), _no_entry(image, axis)], axis=axis)


def _shifted(image, axis):
    """One entry later, 0 in the first. The last of the dual is 0, so that nothing is lost."""
    others = jax.lax.slice_in_dim(image, 0, max(image.shape[axis] - 1, 0), axis=axis)
    return jnp.concatenate([_no_entry(image, axis), others], axis=axis)


def _no_entry(image, axis):
    """One row, or column, of zeros; none of an image without any."""
    return jnp.zeros_like(jax.lax.slice_in_dim(image, 0, min(image.shape[axis], 1), axis=axis))
