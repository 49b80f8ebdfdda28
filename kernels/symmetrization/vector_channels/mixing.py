"""Linear maps of channels: the only ones that commute with every rotation and reflection."""

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.ranks import with_equal_ranks
from jaxinv.kernels.numerics.validation import require_floating
from jaxinv.kernels.symmetrization.vector_channels.arguments import channels_argument


@jax.jit
def channel_mix(vectors: jax.Array, weight: jax.Array) -> jax.Array:
    """Channel k of the result is `sum_c weight[c, k] vectors[c]`: a linear layer without bias.

    Args:
      vectors: `(..., C_in, D)`, floating point.
      weight: `(..., C_in, C_out)`, scalars under the group; leading axes broadcast, as for a matrix of each agent.

    Returns:
      `(..., C_out, D)` in the common dtype, summed in float32 at least at the highest precision.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import symmetrization
      >>> vectors = jnp.array([[1.0, 0.0, 0.0], [0.0, 2.0, 0.0]])
      >>> symmetrization.channel_mix(vectors, jnp.array([[1.0], [3.0]]))
      Array([[1., 6., 0.]], dtype=float32)
    """
    vectors, weight = channels_argument("vectors", vectors), jnp.asarray(weight)
    require_floating("weight", weight)
    channels = vectors.shape[-2]
    if weight.ndim < 2 or weight.shape[-2] != channels:
        raise ValueError(f"weight must have shape (..., {channels}, C_out), got {weight.shape}")
    if weight.ndim > 2:
        vectors, weight = with_equal_ranks(vectors, weight)
    subscripts = "...cd,ck->...kd" if weight.ndim == 2 else "...cd,...ck->...kd"
    mixed = contract(subscripts, vectors, weight, dtype=accumulation_dtype(vectors, weight))
    return mixed.astype(jnp.result_type(vectors, weight))


@jax.jit
def with_external(vectors: jax.Array, weight: jax.Array, external: jax.Array) -> jax.Array:
    """Mixed channels, then vectors of the world such as gravity and the way to the goal.

    What is computed of the result is equivariant if the external vectors move along, hence in a fixed world under the
    elements that leave them where they are.

    Args:
      vectors: `(..., C_in, D)`, floating point.
      weight: `(..., C_in, C_out)`, as for `channel_mix`.
      external: `(..., E, D)`; leading axes broadcast to those of the vectors.

    Returns:
      `(..., C_out + E, D)`, the external vectors last, in the common dtype.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order.
    """
    external = channels_argument("external", external)
    mixed = channel_mix(vectors, weight)
    wanted = (*mixed.shape[:-2], *external.shape[-2:])
    if external.shape[-1] != mixed.shape[-1] or external.ndim > mixed.ndim:
        raise ValueError(f"external must have shape (..., E, {mixed.shape[-1]}), got {external.shape}")
    mixed, external = with_equal_ranks(mixed, external)
    dtype = jnp.result_type(mixed, external)
    return jnp.concatenate([mixed.astype(dtype), jnp.broadcast_to(external, wanted).astype(dtype)], axis=-2)
