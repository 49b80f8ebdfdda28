"""Bessel functions of a length, with an envelope that ends them smoothly at a cutoff."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.harmonics.polynomial_cutoff import envelope, horner, require_cutoff
from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.validation import require_at_least, require_floating

# Of the series of sin(t) / t and cos(t) to t = pi: the next term is below 1e-17.
_TERMS = 16


@functools.partial(jax.jit, static_argnames=("num", "cutoff", "order"))
def radial_basis(lengths: jax.Array, num: int, *, cutoff: float, order: int = 6) -> jax.Array:
    """`sqrt(2 / c) sin(n pi r / c) / r` times an envelope, n = 1 .. num: zero from the cutoff c on.

    Without the envelope the functions are orthonormal on a ball: `integral of b_n b_m r^2 dr` from 0 to c is 1 for
    n = m, else 0. The envelope is the polynomial of degree `order + 2` that is `1 + O(r^order)` and has a threefold
    zero at c, so that values, first and second derivatives are continuous there.

    Args:
      lengths: `(...)`, not negative, in the unit of the cutoff; floating point.
      num: static, how many functions.
      cutoff: static, c.
      order: static, of the envelope at 0.

    Returns:
      `(..., num)` in the dtype of lengths, in unit `length^(-3/2)`; exactly 0 at the cutoff and beyond, and
      `sqrt(2 / c) n pi / c` at 0. bfloat16 is computed in float32.

    Raises:
      TypeError: lengths are not floating point.
      ValueError: cutoff not positive and finite, num or order below 1.

    Sines are computed as polynomials of r^2, so that derivatives of any order are accurate at and near 0 too.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Gasteiger, Groß, Günnemann, Directional message passing for molecular graphs, ICLR 2020
    (arXiv:2003.03123), eq. (7) and (8).

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import harmonics
      >>> lengths = jnp.array([0.0, 2.5, 5.0, 6.0])
      >>> basis = harmonics.radial_basis(lengths, 8, cutoff=5.0)
      >>> basis.shape
      (4, 8)
      >>> bool((basis[2:] == 0).all())  # at the cutoff and beyond
      True
    """
    lengths = jnp.asarray(lengths)
    require_floating("lengths", lengths)
    require_at_least("num", num, 1)
    require_at_least("order", order, 1)
    require_cutoff(cutoff)
    ratio = lengths.astype(accumulation_dtype(lengths)) / cutoff
    within = ratio < 1
    ratio = jnp.where(within, ratio, 1.0)
    sine, cosine = horner(_sinc_series(), ratio * ratio), horner(_cosine_series(), ratio * ratio)
    # sin(n t) = sin(t) U_(n - 1)(cos t), by the recurrence of Chebyshev's polynomials U.
    chebyshev = [jnp.ones_like(cosine), 2 * cosine]
    while len(chebyshev) < num:
        chebyshev.append(2 * cosine * chebyshev[-1] - chebyshev[-2])
    common = jnp.where(within, math.sqrt(2 / cutoff) * math.pi / cutoff * envelope(ratio, order) * sine, 0.0)
    return jnp.stack([common * one for one in chebyshev[:num]], axis=-1).astype(lengths.dtype)


@functools.lru_cache(maxsize=1)
def _sinc_series():
    """Of `sin(t) / t` in powers of `(t / pi)^2`."""
    return tuple((-1) ** k * np.pi ** (2 * k) / math.factorial(2 * k + 1) for k in range(_TERMS))


@functools.lru_cache(maxsize=1)
def _cosine_series():
    """Of `cos(t)` in powers of `(t / pi)^2`."""
    return tuple((-1) ** k * np.pi ** (2 * k) / math.factorial(2 * k) for k in range(_TERMS))
