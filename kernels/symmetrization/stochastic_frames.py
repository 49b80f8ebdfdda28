"""Elements of frames drawn by chance: one call of the function in training, the average in expectation."""

import functools

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.validation import require_at_least
from jaxinv.kernels.symmetrization.frames import Frames


@functools.partial(jax.jit, static_argnames=("num",))
def stochastic_frame(key: jax.Array, frames: Frames, *, num: int = 1) -> Frames:
    """Elements drawn from each cloud's frame, with its weights as probabilities.

    Args:
      key: of `jax.random`.
      frames: of any kind.
      num: static; how many for each cloud, independent, 1 at least.

    Returns:
      `Frames` of `num` elements, equal weights: averages over them have the average over all as their mean.

    Raises:
      ValueError: num below 1.
    Transformations: jit, vmap; jvp and vjp in the elements, not in their probabilities.
    References: Duval et al., FAENet, arXiv:2305.05577.
    """
    require_at_least("num", num, 1)
    steps = jnp.cumsum(jax.lax.stop_gradient(frames.weights), axis=-1)
    dtype = steps.dtype
    # Below the last step, so that one is always above.
    level = jax.random.uniform(key, (*steps.shape[:-1], num), dtype) * (1 - jnp.finfo(dtype).eps)
    above = steps[..., None, :] > (level * steps[..., -1:])[..., None]
    chosen = jax.lax.argmax(above, above.ndim - 1, jnp.int32)

    def drawn(matrices):
        return jnp.take_along_axis(matrices, chosen[..., None, None], axis=-3)

    weights = jnp.full(chosen.shape, 1 / num, dtype)
    return frames._replace(elements=drawn(frames.elements), inverses=drawn(frames.inverses), weights=weights)
