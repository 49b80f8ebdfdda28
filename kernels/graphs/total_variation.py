"""Total-variation denoising."""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.safe import safe_divide, safe_norm
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

    def smoothed(dual):
        down, right = dual[0], dual[1]
        return wide - down - right + _shifted(down) + _shifted(right.T).T

    def once(dual, _):
        now = smoothed(dual)
        gradient = jnp.stack([_difference(now), _difference(now.T).T])
        length = jnp.broadcast_to(safe_norm(gradient, axis=0)[None], gradient.shape)
        # Both sides times the weight, which may be 0.
        return safe_divide(weight * (dual - _STEP * gradient), weight + _STEP * length), None

    dual, _ = jax.lax.scan(once, jnp.zeros((2, *wide.shape), wide.dtype), length=num_iterations)
    return smoothed(dual).astype(image.dtype)


def _difference(rows):
    """To the next row; 0 in the last."""
    return jnp.concatenate([rows[1:] - rows[:-1], jnp.zeros_like(rows[:1])])


def _shifted(rows):
    """One row later, 0 in the first. The last row of the dual is 0, so that nothing is lost."""
    return jnp.concatenate([jnp.zeros_like(rows[:1]), rows[:-1]])
