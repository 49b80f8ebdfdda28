"""A polynomial that falls from 1 to 0 and ends smoothly."""

import functools
import math

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.validation import require_at_least, require_floating


@functools.partial(jax.jit, static_argnames=("cutoff", "order"))
def polynomial_cutoff(lengths: jax.Array, *, cutoff: float, order: int = 6) -> jax.Array:
    """The polynomial of degree `order + 2` in `u = r / c` that is `1 + O(u^order)` and has a threefold zero at c.

    `1 - (p+1)(p+2)/2 u^p + p(p+2) u^(p+1) - p(p+1)/2 u^(p+2)` with p the order; 0 from the cutoff c on, so that values,
    first and second derivatives are continuous there.

    Args:
      lengths: `(...)`, not negative, in the unit of the cutoff; floating point.
      cutoff: static, c.
      order: static, p, at least 1.

    Returns:
      `(...)` in the dtype of lengths. bfloat16 is computed in float32.

    Raises:
      TypeError: lengths are not floating point.
      ValueError: cutoff not positive and finite, or order below 1.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Gasteiger, Groß, Günnemann, Directional message passing for molecular graphs, ICLR 2020
    (arXiv:2003.03123), eq. (8).

    Examples:
      >>> import numpy as np
      >>> from jaxinv.kernels import harmonics
      >>> lengths = np.array([0.0, 2.5, 4.5, 5.0, 6.0], np.float32)
      >>> np.asarray(harmonics.polynomial_cutoff(lengths, cutoff=5.0), float).round(3)
      array([1.   , 0.855, 0.038, 0.   , 0.   ])
    """
    lengths = jnp.asarray(lengths)
    require_floating("lengths", lengths)
    require_at_least("order", order, 1)
    require_cutoff(cutoff)
    ratio = lengths.astype(accumulation_dtype(lengths)) / cutoff
    within = ratio < 1
    return jnp.where(within, envelope(jnp.where(within, ratio, 1.0), order), 0.0).astype(lengths.dtype)


def require_cutoff(cutoff: float) -> None:
    """Raises ValueError unless `cutoff` is positive and finite."""
    if not 0 < cutoff < math.inf:
        raise ValueError(f"cutoff must be positive and finite, got {cutoff}")


def envelope(ratio: jax.Array, order: int) -> jax.Array:
    """The polynomial itself, of ratios r / c in [0, 1] of any shape: from 1 to 0, alike in shape and dtype."""
    # (1 - u)^3 times the series of (1 - u)^-3 to u^(order - 1): no difference of large terms near the cutoff.
    return (1 - ratio) ** 3 * horner([(k + 1) * (k + 2) / 2 for k in range(order)], ratio)


def horner(coefficients, x: jax.Array) -> jax.Array:
    """The polynomial with these coefficients, which ascend, at every entry of x; alike in shape and dtype."""
    value = jnp.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        value = value * x + coefficient
    return value
