"""Normalised associated Legendre functions as a kernel."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.validation import require_at_least, require_floating


@functools.partial(jax.jit, static_argnames=("lmax",))
def legendre(cosine: jax.Array, lmax: int) -> jax.Array:
    """Normalised associated Legendre functions `Pbar_l^m(t) = N_lm P_l^m(cos t)` for 0 <= m <= l <= lmax.

    `N_lm = sqrt((2 l + 1) / (4 pi) (l - m)! / (l + m)!)`, without the Condon-Shortley sign, so that
    `Pbar_l^|m|(t)` times 1, `sqrt(2) cos(m p)` or `sqrt(2) sin(|m| p)` are the harmonics of "integral" normalisation.

    Args:
      cosine: `(...)`, cos t in [-1, 1], floating point; values beyond count as the nearer end.
      lmax: static; tested to 20.

    Returns:
      `(..., lmax + 1, lmax + 1)` over l and m, 0 where m > l, in the dtype of cosine; bfloat16 is summed in float32.

    Raises:
      TypeError, ValueError: wrong dtype, or a negative lmax, naming the argument.

    The derivative by cos t of order 1 is infinite at the poles, where the derivative 0 of sin t is taken: for gradients
    through directions use `spherical_harmonics`, which are smooth there.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Holmes and Featherstone, J. Geodesy 76 (2002), eq. 11.

    Examples:
      >>> import numpy as np
      >>> from jaxinv.kernels import harmonics
      >>> np.asarray(harmonics.legendre(np.array([0.0, 1.0], np.float32), 1), float).round(3)
      array([[[0.282, 0.   ],
              [0.   , 0.345]],
      <BLANKLINE>
             [[0.282, 0.   ],
              [0.489, 0.   ]]])
    """
    cosine = jnp.asarray(cosine)
    require_floating("cosine", cosine)
    require_at_least("lmax", lmax, 0)
    t = cosine.astype(accumulation_dtype(cosine))[..., None]
    # The derivative of jnp.clip is a half at the ends.
    t = t + jax.lax.stop_gradient(jnp.clip(t, -1.0, 1.0) - t)
    square = (1 - t) * (1 + t)
    inside = square > 0
    sine = jnp.where(inside, jnp.sqrt(jnp.where(inside, square, 1.0)), 0.0)
    factor = 1 / math.sqrt(4 * math.pi)
    rows = [jnp.full_like(t, factor)]
    for degree in range(1, lmax + 1):
        m = np.arange(degree)
        below = _times(rows[-1], np.sqrt((4 * degree**2 - 1) / (degree**2 - m**2))) * t
        if degree > 1:
            m = m[: degree - 1]
            back = (2 * degree + 1) * ((degree - 1) ** 2 - m**2) / ((2 * degree - 3) * (degree**2 - m**2))
            below = below - _padded(_times(rows[-2], np.sqrt(back)), degree)
        factor *= math.sqrt((2 * degree + 1) / (2 * degree))
        # Even powers of sin t are polynomials in cos t, whose derivative at the poles is the right one.
        power = square ** (degree // 2) * (sine if degree % 2 else 1.0)
        rows.append(jnp.concatenate([below, factor * power], axis=-1))
    return jnp.stack([_padded(row, lmax + 1) for row in rows], axis=-2).astype(cosine.dtype)


def _times(row, numbers):
    return row * jnp.asarray(numbers, row.dtype).reshape((1,) * (row.ndim - 1) + (-1,))


def _padded(row, size):
    """Zeros for the orders that the degree does not have."""
    return jnp.pad(row, [(0, 0)] * (row.ndim - 1) + [(0, size - row.shape[-1])])
