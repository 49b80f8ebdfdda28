"""Exponential of general square matrices, and its first divided difference, without a linear solve.

| size | how |
| --- | --- |
| 1, 2 | closed form |
| 3, 4 | scaling, Taylor polynomial, squaring; the products unrolled along the batch |
| above | the same with matrix products |

The polynomial has degree 13, in float64 17, and takes 7 products, in float64 9. How often a matrix is halved is its
own; the batch squares as often as the one that needs most.
"""

import math

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.matrix_layout import Layout, over_batch, require_square
from jaxinv.kernels.numerics.planar_functions import planar_exponential, planar_phi
from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.primary_functions import primary_function

_EXP = tuple(1 / math.factorial(k) for k in range(18))
_PHI = tuple(1 / math.factorial(k + 1) for k in range(18))
# By the bytes of a number: the polynomial has degree 2 steps + 1, and no matrix longer than this goes into it.
_STEPS = {4: 6, 8: 8}
_LONGEST = {4: 1.6, 8: 0.9}


@jax.jit
def matrix_exp(a: jax.Array) -> jax.Array:
    """The exponential of square matrices.

    Args:
      a: `(..., n, n)`, floating point.

    Returns:
      `(..., n, n)` in the dtype of a; bfloat16 is computed in float32. In the norm the relative error is 2e-7 (float64:
      1e-15) for |a| up to 1, and about |a| times the rounding beyond, 4e-6 (float64: 5e-15) at 30, as the exponential
      magnifies the rounding of a itself. A matrix of which an entry overflows holds what is not finite.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order. Reverse mode computes the exponential's derivative anew and stores
    only a.
    References: Higham, Functions of matrices (2008), ch. 10; Paterson, Stockmeyer, SIAM J. Comput. 2 (1973).
    """
    a = jnp.asarray(a)
    require_square("a", a)
    return _exponential(a.astype(accumulation_dtype(a))).astype(a.dtype)


@jax.jit
def phi_one(a: jax.Array) -> jax.Array:
    """`sum over k of a^k / (k + 1)!`, which is `(exp(a) - 1) / a`: of `ad` it is a left Jacobian.

    Args:
      a: `(..., n, n)`, floating point.

    Returns:
      `(..., n, n)` in the dtype of a, as exact as `matrix_exp`; bfloat16 is computed in float32.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order, as `matrix_exp`.
    References: Higham, Functions of matrices (2008), sec. 10.7.4.
    """
    a = jnp.asarray(a)
    require_square("a", a)
    return _phi(a.astype(accumulation_dtype(a))).astype(a.dtype)


@primary_function
def _exponential(a):
    if a.shape[-1] == 1:
        return jnp.exp(a)
    if a.shape[-1] == 2:
        return planar_exponential(a)
    return over_batch(_scaled_and_squared, a)


@primary_function
def _phi(a):
    if a.shape[-1] == 2:
        return planar_phi(a)
    return over_batch(_scaled_and_doubled, a)


def _scaled_and_squared(a, layout: Layout):
    # Without its mean eigenvalue a matrix is shorter; the factor joins before the squarings: neither overflows alone.
    mean = layout.trace(a) / a.shape[layout.axes[0]]
    x, square, halvings = _halved(a - mean * layout.eye, layout)
    exp = _taylor(_EXP, x, square, layout) * jnp.exp(mean * _power_of_two(-halvings, a.dtype))
    return _repeatedly(lambda x: layout.product(x, x), exp, halvings)


def _scaled_and_doubled(a, layout: Layout):
    """`phi(2 x) = (exp(x) + 1) phi(x) / 2` beside `exp(2 x) = exp(x)^2`."""
    x, square, halvings = _halved(a, layout)
    phi = _taylor(_PHI, x, square, layout)
    exp = layout.eye + layout.product(x, phi)

    def double(both):
        exp, phi = both
        return layout.product(exp, exp), layout.product(exp + layout.eye, phi) / 2

    return _repeatedly(double, (exp, phi), halvings)[1]


def _halved(a, layout: Layout):
    """`x = a / 2^s`, its square, and s, by the mean of |a| and twice |a^2|: for a nilpotent matrix it is small.

    `|a^k| <= r^k` for k = 2, 3 and so for all above, where `r^3 = |a| |a^2|`.
    Reference: Al-Mohy, Higham, A new scaling and squaring algorithm, SIAM J. Matrix Anal. Appl. 31 (2009).
    """
    # First to norm 1, so that the square does not overflow.
    length = _log2(layout.norm(a))
    shrink = jnp.maximum(_ceil(length), 0)
    a = a * _power_of_two(-shrink, a.dtype)
    square = layout.product(a, a)
    radius = (length + _log2(layout.norm(square)) + 2 * shrink) / 3
    halvings = jnp.maximum(_ceil(radius - math.log2(_LONGEST[a.dtype.itemsize])), 0)
    by = shrink - halvings
    return a * _power_of_two(by, a.dtype), square * _power_of_two(2 * by, a.dtype), halvings


def _log2(x):
    """Between the exponents of the smallest and the largest number; NaN counts as large."""
    info = jnp.finfo(x.dtype)
    return jnp.log2(jnp.where(x < float(info.max), jnp.maximum(x, float(info.tiny)), float(info.max)))


def _ceil(x):
    return jnp.ceil(x).astype(jnp.int32)


def _power_of_two(exponent, dtype):
    """Exactly, by its bits; exponents beyond those of normal numbers count as the last of them."""
    info = jnp.finfo(dtype)
    bits = jnp.dtype(f"int{info.bits}")
    biased = jnp.clip(exponent, info.minexp, info.maxexp - 1).astype(bits) + (info.maxexp - 1)
    return jax.lax.bitcast_convert_type(biased << info.nmant, dtype)


def _taylor(coefficients, x, square, layout: Layout):
    """Sum of coefficients times powers, by pairs with Horner's rule in the square.

    A loop: XLA would compute one product in the middle of the next, once for each of its entries.
    """
    steps = _STEPS[x.dtype.itemsize]
    pairs = jnp.asarray(coefficients[: 2 * steps + 2], x.dtype).reshape(steps + 1, 2)

    def pair(k):
        return pairs[k, 0] * layout.eye + pairs[k, 1] * x

    def step(k, total):
        return layout.product(total, square) + pair(steps - 1 - k)

    return jax.lax.fori_loop(0, steps, step, pair(steps))


def _repeatedly(double, x, times):
    """`double` of each matrix as often as its own entry of `times` says."""
    most = jnp.max(times, initial=0)

    def step(state):
        k, x = state
        return k + 1, jax.tree.map(lambda new, old: jnp.where(k < times, new, old), double(x), x)

    return jax.lax.while_loop(lambda state: state[0] < most, step, (jnp.int32(0), x))[1]
