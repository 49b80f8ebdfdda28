"""How elements of O(D) act on vectors of either parity."""

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.small_matrices import determinant, square_argument
from jaxinv.kernels.symmetrization.vector_channels.arguments import channels_argument


@jax.jit
def transform_channels(vectors: jax.Array, element: jax.Array, *, axial: jax.Array | None = None) -> jax.Array:
    """`g v` of polar channels (positions, velocities, forces), `det(g) g v` of axial ones (spins, hinges, torques).

    Args:
      vectors: `(..., C, D)`, floating point.
      element: `(D, D)`, g, of O(D).
      axial: `(C,)` bool, which channels are axial; by default none is.

    Returns:
      `(..., C, D)` in the common dtype.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order.
    """
    vectors, element = channels_argument("vectors", vectors), square_argument("element", element)
    channels, d = vectors.shape[-2:]
    if element.shape != (d, d):
        raise ValueError(f"element must have shape ({d}, {d}), got {element.shape}")
    moved = contract("...ci,ki->...ck", vectors, element, dtype=accumulation_dtype(vectors, element))
    if axial is not None:
        axial = jnp.asarray(axial)
        if axial.dtype != bool:
            raise TypeError(f"axial must be boolean, got dtype {axial.dtype}")
        if axial.shape != (channels,):
            raise ValueError(f"axial must have shape ({channels},), got {axial.shape}")
        signs = jnp.where(axial, determinant(element).astype(moved.dtype), 1)
        moved = moved * signs.reshape((1,) * (moved.ndim - 2) + (channels, 1))
    return moved.astype(jnp.result_type(vectors, element))
