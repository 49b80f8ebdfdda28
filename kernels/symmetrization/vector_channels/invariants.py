"""Scalars of vectors: their products with each other."""

import jax

from jaxinv.kernels.numerics.precision import contract
from jaxinv.kernels.numerics.safe import safe_norm
from jaxinv.kernels.symmetrization.vector_channels.arguments import channels_argument


@jax.jit
def gram_invariants(vectors: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Products of all channels, from which every invariant of the vectors under O(D) can be computed.

    Args:
      vectors: `(..., C, D)`, floating point. Products are of their scale squared: give gravity in units of itself.

    Returns:
      `(..., C, C)`, channel c times channel k; and `(..., 1)`, its Frobenius norm plus 1, which what grows with the
      products is divided by; where all vectors are 0, it is 1 with derivative 0. In the dtype of the vectors.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Chen et al., Subequivariant graph reinforcement learning in 3D environments, arXiv:2305.18951.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import symmetrization
      >>> products, norm = symmetrization.gram_invariants(jnp.array([[3.0, 0.0, 0.0], [0.0, 2.0, 0.0]]))
      >>> products
      Array([[9., 0.],
             [0., 4.]], dtype=float32)
    """
    vectors = channels_argument("vectors", vectors)
    gram = contract("...cd,...kd->...ck", vectors, vectors)
    norm = safe_norm(gram.reshape(*gram.shape[:-2], 1, gram.shape[-1] ** 2)) + 1
    return gram.astype(vectors.dtype), norm.astype(vectors.dtype)
