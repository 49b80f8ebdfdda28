"""A non-linearity of vectors that commutes with rotations and reflections."""

import functools

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.validation import require_at_least
from jaxinv.kernels.symmetrization.vector_channels.arguments import channels_argument, same_shape


@functools.partial(jax.jit, static_argnames=("eps",))
def vector_relu(vectors: jax.Array, directions: jax.Array, *, eps: float = 1e-4) -> jax.Array:
    """Each vector without its part against its direction: `q - min(<q, k>, 0) k / (|k|^2 + eps)`.

    Args:
      vectors: `(..., C, D)`, q, floating point.
      directions: `(..., C, D)`, k, of any length; most often another mix of the channels that the vectors are mixed of.
      eps: static, above 0, in squared units of the directions. For it `<result, k>` may be a little negative:
        `<q, k> eps / (|k|^2 + eps)`.

    Returns:
      `(..., C, D)` in the common dtype; q where k is 0.

    Raises:
      TypeError, ValueError: wrong dtype or shape, eps not above 0, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order; where `<q, k>` is 0 the derivative is that of the identity.
    References: Deng et al., Vector neurons, arXiv:2104.12229.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import symmetrization
      >>> vectors = jnp.array([[1.0, 1.0], [1.0, -1.0]])
      >>> directions = jnp.array([[0.0, 1.0], [0.0, 1.0]])
      >>> symmetrization.vector_relu(vectors, directions).round(2).tolist()[0]
      [1.0, 1.0]
      >>> abs(symmetrization.vector_relu(vectors, directions))[1].round(2).tolist()
      [1.0, 0.0]
    """
    vectors = channels_argument("vectors", vectors)
    directions = same_shape("directions", directions, vectors)
    require_at_least("eps", eps, 1e-12)
    dtype = accumulation_dtype(vectors, directions)
    q, k = vectors.astype(dtype), directions.astype(dtype)
    along = jnp.sum(q * k, axis=-1, keepdims=True)
    against = jnp.where(along < 0, along, 0)
    kept = q - against / (jnp.sum(k * k, axis=-1, keepdims=True) + eps) * k
    return kept.astype(jnp.result_type(vectors, directions))
