"""The direction of a vector of any length, with a derivative that is right down to the smallest normal numbers."""

import jax
import jax.numpy as jnp


@jax.custom_jvp
def unit_vector(x: jax.Array, y: jax.Array, z: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """Components of the unit vector, and the length.

    A vector with no component as large as the smallest normal number counts as the zero vector: zeros, length 1, and
    the derivative 0. No square overflows or underflows.

    Transformations: jit, vmap, jvp, vjp, any order.
    """
    largest = jnp.maximum(jnp.maximum(jnp.abs(x), jnp.abs(y)), jnp.abs(z))
    zero = largest < float(jnp.finfo(x.dtype).tiny)
    scale = jnp.where(zero, 1.0, largest)
    x, y, z = (jnp.where(zero, 0.0, one / scale) for one in (x, y, z))
    length = jnp.sqrt(jnp.where(zero, 1.0, x * x + y * y + z * z))
    return x / length, y / length, z / length, scale * length


@unit_vector.defjvp
def _unit_vector_jvp(primals, tangents):
    *unit, length = unit_vector(*primals)
    along = sum(one * tangent for one, tangent in zip(unit, tangents, strict=True))
    zero = (unit[0] == 0) & (unit[1] == 0) & (unit[2] == 0)
    # Of the zero vector 0, which the length 1 keeps finite.
    turns = [jnp.where(zero, 0.0, t - along * one) / length for t, one in zip(tangents, unit, strict=True)]
    return (*unit, length), (*turns, along)
