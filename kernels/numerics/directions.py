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
    x, y, z, length = unit_vector(*primals)
    dx, dy, dz = tangents
    along = x * dx + y * dy + z * dz
    zero = (x == 0) & (y == 0) & (z == 0)

    def turn(one, change):
        # Of the zero vector 0, which the length 1 keeps finite.
        return jnp.where(zero, 0.0, change - along * one) / length

    return (x, y, z, length), (turn(x, dx), turn(y, dy), turn(z, dz), along)
