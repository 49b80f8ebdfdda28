"""The k-th smallest of many numbers, and the next, without sorting them."""

import jax
import jax.numpy as jnp


def order_statistics(x: jax.Array, rank: int) -> tuple[jax.Array, jax.Array]:
    """The numbers of that rank, 0 for the smallest, and of the next, among all entries of a non-negative array.

    Halves the range of bit patterns, which are in the order of the numbers: as many passes as a number has bits, where
    sorting on a CPU takes several times as long.

    Args:
      x: float32 or float64, not negative, two entries at least.
      rank: static, from 0 to `x.size - 2`.

    Transformations: jit, vmap, jvp, vjp, any order; the derivatives are those of entries with these values.
    """
    x = x.ravel()
    constant = jax.lax.stop_gradient(x)
    # Not -0.0, whose sign bit would count.
    constant = jnp.where(constant > 0, constant, 0.0)
    integer = jnp.int32 if x.dtype.itemsize == 4 else jnp.int64
    bits = jax.lax.bitcast_convert_type(constant, integer)
    highest = 8 * x.dtype.itemsize - 2

    def halve(i, low):
        candidate = low | jnp.left_shift(jnp.ones((), integer), highest - jnp.asarray(i, integer))
        return jnp.where(jnp.sum(bits < candidate) <= rank, candidate, low)

    found = jax.lax.fori_loop(0, highest + 1, halve, jnp.zeros((), integer))
    beyond = jnp.min(jnp.where(bits > found, bits, jnp.iinfo(integer).max))
    following = jnp.where(jnp.sum(bits <= found) > rank + 1, found, beyond)
    # By their places: their values computed a second time may be rounded otherwise.
    return x[jnp.argmin(jnp.abs(bits - found))], x[jnp.argmin(jnp.abs(bits - following))]
