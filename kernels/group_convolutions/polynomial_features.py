"""All monomials of a few numbers, which a network takes invariants in as."""

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.validation import require_at_least, require_floating


def polynomial_features(x: jax.Array, degree: int) -> jax.Array:
    """`[x, x (x) x, ..., x (x) ... (x) x]`: products of up to `degree` entries, with repetition.

    Args:
      x: `(..., d)`, floating point. Its entries should be of order 1: powers of large ones explode.
      degree: static, at least 1.

    Returns:
      `(..., d + d^2 + ... + d^degree)` in the dtype of x; of two factors the later one is the outer.

    Raises:
      TypeError: x is not floating point.
      ValueError: x is a scalar, or degree is below 1.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Bekkers et al., PONITA, arXiv:2310.02970, appendix on architectures.
    """
    x = jnp.asarray(x)
    require_floating("x", x)
    require_at_least("degree", degree, 1)
    if x.ndim == 0:
        raise ValueError("x must have at least one axis, got a scalar")
    wide = x.astype(accumulation_dtype(x))
    of_degree = [wide]
    for _ in range(degree - 1):
        product = of_degree[-1][..., :, None] * wide[..., None, :]
        of_degree.append(product.reshape(*x.shape[:-1], product.shape[-2] * product.shape[-1]))
    return jnp.concatenate(of_degree, axis=-1).astype(x.dtype)
