"""Channel mixing of irreps."""

import jax
import jax.numpy as jnp

from jaxinv.kernels.harmonics.degrees import degree_slice
from jaxinv.kernels.numerics.precision import contract
from jaxinv.kernels.numerics.validation import require_floating
from jaxinv.kernels.tensor_products.arguments import checked


@jax.jit
def linear(x: jax.Array, weights: jax.Array) -> jax.Array:
    """Mixes the channels of each degree: `out[..., d, l m] = sum over c of weights[l, c, d] x[..., c, l m]`.

    Args:
      x: `(..., channels_in, (lmax + 1)^2)`, floating point.
      weights: `(lmax + 1, channels_in, channels_out)`; no factor is put before the sum.

    Returns:
      `(..., channels_out, (lmax + 1)^2)` in the dtype of x and weights; bfloat16 is multiplied and summed in float32.

    This is every linear map of such features that commutes with rotations (Schur's lemma).
    Raises:
      TypeError: an argument that is not floating point.
      ValueError: a trailing size of x that is no square; weights of another shape.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Geiger, Smidt, e3nn, arXiv:2207.09453.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import tensor_products as tp
      >>> x = jnp.array([[1.0, 1.0, 2.0, 3.0], [1.0, 0.0, 0.0, 1.0]])  # 2 channels, degrees 0 and 1
      >>> weights = jnp.array([[[1.0], [1.0]], [[2.0], [0.0]]])  # (degrees, 2, 1)
      >>> tp.linear(x, weights)
      Array([[2., 2., 4., 6.]], dtype=float32)
    """
    x, lmax = checked("x", x)
    weights = jnp.asarray(weights)
    require_floating("weights", weights)
    if x.ndim < 2:
        raise ValueError(f"x must have shape (..., channels, components), got {x.shape}")
    if weights.ndim != 3 or weights.shape[:2] != (lmax + 1, x.shape[-2]):
        wanted = f"({lmax + 1}, {x.shape[-2]}, channels_out)"
        raise ValueError(f"weights must have shape {wanted}, got {weights.shape}")
    mixed = [mix_copies(x[..., degree_slice(degree)], weights[degree]) for degree in range(lmax + 1)]
    return jnp.concatenate(mixed, axis=-1)


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
