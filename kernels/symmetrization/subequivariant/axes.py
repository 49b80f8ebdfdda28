"""Numbers along the axes of hinges, and polar vectors in place of axial ones."""

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.ranks import with_equal_ranks
from jaxinv.kernels.numerics.validation import require_floating
from jaxinv.kernels.symmetrization.vector_channels.arguments import channels_argument


@jax.jit
def project_on_axes(vectors: jax.Array, axes: jax.Array) -> jax.Array:
    """A vector's products with the axes of its limb: torques of hinges, forces of actuators.

    Args:
      vectors: `(..., D)`, floating point, one a limb.
      axes: `(..., K, D)`, with the same leading axes.

    Returns:
      `(..., K)` in the common dtype. They do not change as both turn. Under a reflection those of axes of the other
      parity than the vector (an axial axis and a polar vector, say) change sign, as do the actions about such axes.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order.
    """
    vectors, axes = jnp.asarray(vectors), channels_argument("axes", axes)
    require_floating("vectors", vectors)
    if vectors.shape != (*axes.shape[:-2], axes.shape[-1]):
        raise ValueError(f"vectors must have shape {(*axes.shape[:-2], axes.shape[-1])}, got {vectors.shape}")
    dtype = accumulation_dtype(vectors, axes)
    # Not a product of matrices: sums of three numbers are faster.
    along = jnp.sum(vectors[..., None, :].astype(dtype) * axes.astype(dtype), axis=-1)
    return along.astype(jnp.result_type(vectors, axes))


@jax.jit
def polar_from_axial(vectors: jax.Array, external: jax.Array) -> jax.Array:
    """Cross products of the external, polar vectors with axial ones: polar, for networks that know no parity.

    Two external vectors that are not parallel lose nothing; of the part of an axial vector along a single one nothing
    is left.

    Args:
      vectors: `(..., C, 3)`, floating point, axial: spins, axes of hinges.
      external: `(..., E, 3)`, polar; leading axes broadcast to those of the vectors.

    Returns:
      `(..., C E, 3)` in the common dtype, the products of a channel beside each other.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order.
    """
    vectors, external = channels_argument("vectors", vectors), channels_argument("external", external)
    for name, array in (("vectors", vectors), ("external", external)):
        if array.shape[-1] != 3:
            raise ValueError(f"{name} must have shape (..., any, 3), got {array.shape}")
    if external.ndim > vectors.ndim:
        raise ValueError(f"external must have at most {vectors.ndim} axes, got shape {external.shape}")
    vectors, external = with_equal_ranks(vectors, external)
    dtype = accumulation_dtype(vectors, external)
    crossed = jnp.cross(external.astype(dtype)[..., None, :, :], vectors.astype(dtype)[..., :, None, :])
    shape = (*vectors.shape[:-2], vectors.shape[-2] * external.shape[-2], 3)
    return crossed.reshape(shape).astype(jnp.result_type(vectors, external))
