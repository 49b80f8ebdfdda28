"""A frame that turns with a body about the vertical, third axis: in it, any network is invariant under such turns."""

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.validation import require_floating, require_shape


@jax.jit
def heading_angle(forward: jax.Array) -> jax.Array:
    """The angle of a direction about the vertical, counterclockwise from the first axis.

    Args:
      forward: `(..., 3)`, floating point, of any length: the x axis of a body, the first column of its rotation.

    Returns:
      `(...)` in the dtype of forward, radians in (-pi, pi]; 0 with derivative 0 for a vertical direction, about which
      it is discontinuous, as any frame of headings must be.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order.
    """
    forward = jnp.asarray(forward)
    require_floating("forward", forward)
    require_shape("forward", forward, (*forward.shape[:-1], 3))
    wide = forward.astype(accumulation_dtype(forward))
    x, y = wide[..., 0], wide[..., 1]
    # Of a scale of its own: where the square of a length is 0 in floating point, so would be the derivative's divisor.
    scale = jax.lax.stop_gradient(jnp.maximum(jnp.abs(x), jnp.abs(y)))
    vertical = scale < float(jnp.finfo(wide.dtype).tiny)
    scale = jnp.where(vertical, 1, scale)
    angle = jnp.arctan2(jnp.where(vertical, 0, y / scale), jnp.where(vertical, 1, x / scale))
    return angle.astype(forward.dtype)


@jax.jit
def to_heading_frame(vectors: jax.Array, angle: jax.Array) -> jax.Array:
    """Vectors turned back about the vertical by a heading: what does not change as the body turns with its world.

    Args:
      vectors: `(..., 3)`, floating point.
      angle: `(...)`, radians, as of `heading_angle`; its axes are the first ones of the vectors.

    Returns:
      As the vectors, in their dtype. By minus the angle it is turned out of the frame again.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import symmetrization
      >>> forward = jnp.array([0.0, 2.0, 0.0])
      >>> symmetrization.to_heading_frame(forward, symmetrization.heading_angle(forward)).round(3)[0]
      Array(2., dtype=float32)
    """
    vectors, angle = jnp.asarray(vectors), jnp.asarray(angle)
    require_floating("vectors", vectors)
    require_floating("angle", angle)
    require_shape("vectors", vectors, (*vectors.shape[:-1], 3))
    if angle.ndim >= vectors.ndim or angle.shape != vectors.shape[: angle.ndim]:
        raise ValueError(f"angle must have the first axes of vectors, {vectors.shape}, got {angle.shape}")
    dtype = accumulation_dtype(vectors, angle)
    angle = angle.reshape(angle.shape + (1,) * (vectors.ndim - 1 - angle.ndim)).astype(dtype)
    cosine, sine = jnp.cos(angle), jnp.sin(angle)
    x, y, z = (vectors[..., i].astype(dtype) for i in range(3))
    return jnp.stack([cosine * x + sine * y, cosine * y - sine * x, z], axis=-1).astype(vectors.dtype)
