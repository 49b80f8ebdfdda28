"""Channel mixing with channels before components, as e3nn's layout has them."""

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import contract


def mix_copies(x: jax.Array, weights: jax.Array) -> jax.Array:
    """Linear map of the copies of an irrep: `out[..., w, m] = sum over u of weights[u, w] x[..., u, m]`.

    Args:
      x: `(..., mul, 2 l + 1)`, floating point or complex.
      weights: `(mul, mul_out)`; no factor is put before the sum.

    Returns:
      `(..., mul_out, 2 l + 1)` in the common dtype; bfloat16 is summed in float32.

    Transformations: jit, vmap, jvp, vjp, any order.
    """
    dtype = jnp.result_type(x, weights)
    if x.shape[-1] == 1:
        # In place as it is, without the transpositions of the other case.
        return contract("...u,uw->...w", jnp.squeeze(x, -1), weights).astype(dtype)[..., None]
    return jnp.swapaxes(contract("...u,uw->...w", jnp.swapaxes(x, -1, -2), weights), -1, -2).astype(dtype)
