"""Scores that compare the models of a pool: terms are scaled to 0 .. 1 over the pool, then added."""

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.safe import safe_divide
from jaxinv.kernels.numerics.validation import require_at_least, require_floating, require_shape


def pool_minmax(name: str, term: jax.Array) -> jax.Array:
    """A term `(M,)` of all models of a pool, shifted and scaled to `[0, 1]`; 0 where all models have the same.

    Args:
      name: of the term, for errors.
      term: `(M,)`, floating point, finite.

    Returns:
      `(M,)`, in float32 at least.

    Raises:
      TypeError, ValueError: wrong dtype or shape, or no models, naming the term.

    Transformations: jit, vmap, jvp, vjp.
    """
    require_floating(name, term)
    require_shape(name, term, (None,))
    require_at_least(f"models in {name}", term.shape[0], 1)
    term = term.astype(accumulation_dtype(term))
    low, high = term[jnp.argmin(term)], term[jnp.argmax(term)]
    return safe_divide(term - low, jnp.broadcast_to(high - low, term.shape))
