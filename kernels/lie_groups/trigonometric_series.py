"""Smooth functions of a squared angle that closed forms of rotations and similarities are made of.

`sin t / t`, `(1 - cos t) / t^2` and so on are smooth in `z = t^2`, 0 included, and so are written in z: no square root
of a sum of squares is differentiated, and derivatives of any order are right at 0.

Each value is a division at last, where there is one: XLA computes a division once, and what is cheaper again for every
entry of a matrix that it is in.
"""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np

_SERIES_BELOW = 4.0
# The parts of pi by which float32 angles are reduced: a multiple below 2^15 of the first two is exact.
_PI_PARTS = (3.140625, 0.0009670257568359375, math.pi - 3.140625 - 0.0009670257568359375)


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def stumpff(z: jax.Array, count: int) -> tuple[jax.Array, ...]:
    """Stumpff's functions `c_k(z) = sum over j of (-z)^j / (2 j + k)!` for k = 0 .. count - 1, of `z = t^2 >= 0`.

    These are `cos t, sin t / t, (1 - cos t) / t^2, (t - sin t) / t^3, ...`, each accurate to rounding near 0; in
    float32 they know the angle to 1e-7 of a radian up to t = 1e5 and are bounded beyond.

    Transformations: jit, vmap, jvp, vjp, any order: `dc_k/dz = (k c_{k+2} - c_{k+1}) / 2`.
    References: Stiefel, Scheifele, Linear and regular celestial mechanics (1971).
    """
    half, sine, cosine = _half_angle(z)
    ratio = sine / half
    versine = 0.5 * ratio * ratio
    found = [1 - z * versine, sine * cosine / half, versine]
    small = z < _SERIES_BELOW
    near, below = jnp.where(small, z, 0.0), jnp.where(small, 1.0, z)
    for k in range(3, count):
        # By the recurrence `z c_k = 1 / (k - 2)! - c_{k - 2}` beyond; near 0 that would lose digits.
        series = _polynomial(near, _stumpff_series(k, z.dtype))
        found.append(jnp.where(small, series, 1 / math.factorial(k - 2) - found[k - 2]) / below)
    return tuple(found[:count])


@stumpff.defjvp
def _stumpff_jvp(count, primals, tangents):
    (z,), (dz,) = primals, tangents
    c = stumpff(z, count + 2)
    return c[:count], tuple(0.5 * (k * c[k + 2] - c[k + 1]) * dz for k in range(count))


def _half_angle(z):
    """`t / 2`, which is never 0, its sine and its cosine."""
    half = 0.5 * jnp.sqrt(jnp.maximum(z, float(jnp.finfo(z.dtype).tiny)))
    if z.dtype != jnp.float32:
        return half, jnp.sin(half), jnp.cos(half)
    # Half as long as XLA's own sine alone, which also reduces angles where float32 has no digit of a turn left.
    turns = jnp.round(half * (1 / math.pi))
    rest = half
    for part in _PI_PARTS:
        rest = rest - turns * part
    rest = jnp.clip(rest, -math.pi / 2, math.pi / 2)
    sign = 1 - 2 * (turns - 2 * jnp.floor(0.5 * turns))
    square = rest * rest
    sine = rest * _polynomial(square, _sine_series(1))
    return half, sign * sine, sign * _polynomial(square, _sine_series(0))


@functools.lru_cache(maxsize=4)
def _sine_series(first: int) -> tuple[float, ...]:
    return tuple((-1) ** j / math.factorial(2 * j + first) for j in range(8))


@functools.lru_cache(maxsize=64)
def _stumpff_series(k: int, dtype: jnp.dtype) -> tuple[float, ...]:
    """As many terms as tell below `_SERIES_BELOW`."""
    terms, j = [], 0
    while not terms or abs(terms[-1]) * _SERIES_BELOW ** (j - 1) > 0.1 * float(jnp.finfo(dtype).eps) * terms[0]:
        terms.append((-1) ** j / math.factorial(2 * j + k))
        j += 1
    return tuple(terms)


def _polynomial(x, coefficients):
    """Horner's scheme, constant term first."""
    value = jnp.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        value = value * x + coefficient
    return value


def cotangent_rest(z: jax.Array, *, up_to_half_turn: bool = False) -> jax.Array:
    """`(1 - (t / 2) cot(t / 2)) / t^2` of `z = t^2 >= 0`: 1/12 at 0, infinite at whole turns, where it is large here.

    The pole at one turn is split off, `2 / (4 pi^2 - z)`; the rest is a series that converges up to two turns.

    Args:
      z: squared angles.
      up_to_half_turn: static; whether no angle is above pi, as for logarithms: fewer terms, no sine.

    Transformations: jit, vmap, jvp, vjp, any order.
    """
    turn = 4 * math.pi**2
    largest = turn / 4 if up_to_half_turn else turn
    inside = z <= largest * 1.01
    near = jnp.where(inside, z, 0.0)
    gap = turn - near
    gap = jnp.where(gap == 0, turn * float(jnp.finfo(z.dtype).eps), gap)
    value = (2 + gap * _polynomial(near, _cotangent_series(largest, z.dtype))) / gap
    if up_to_half_turn:
        return value
    far = jnp.where(inside, turn / 4, z)
    cosine, sine = stumpff(0.25 * far, 2)
    sine = jnp.where(sine == 0, float(jnp.finfo(z.dtype).tiny) ** 0.5, sine)
    return jnp.where(inside, value, (1 - cosine / sine) / far)


@functools.lru_cache(maxsize=8)
def _cotangent_series(largest: float, dtype: jnp.dtype) -> tuple[float, ...]:
    """Of `sum over k >= 2 of 2 / (4 pi^2 k^2 - z)`."""
    terms, j = [], 0
    while not terms or terms[-1] * largest ** (j - 1) > 0.02 * float(jnp.finfo(dtype).eps):
        zeta_less_one = sum(float(k) ** (-2 * j - 2) for k in range(2000, 1, -1)) + _zeta_tail(2 * j + 2, 2000.5)
        terms.append(2 * zeta_less_one / (4 * math.pi**2) ** (j + 1))
        j += 1
    return tuple(terms)


def _zeta_tail(power, start):
    """The sum of `k^-power` beyond, by the integral and its first correction."""
    return start ** (1 - power) / (power - 1) - power / 24 * start ** (-power - 1)


def arctangent_ratio(square: jax.Array) -> jax.Array:
    """`arctan(y) / y` of `square = y^2` in [0, 1], a polynomial accurate to rounding.

    Transformations: jit, vmap, jvp, vjp; derivatives lose a digit for every order.
    """
    return _polynomial(square, _arctangent_polynomial(square.dtype))


@functools.lru_cache(maxsize=4)
def _arctangent_polynomial(dtype: jnp.dtype) -> tuple[float, ...]:
    """From the Chebyshev series `arctan x = 2 sum over k of (-1)^k p^(2 k + 1) / (2 k + 1) T_(2 k + 1)(x)`."""
    p = math.sqrt(2) - 1
    size = next(k for k in range(40) if p ** (2 * k + 1) / (2 * k + 1) < 0.05 * float(jnp.finfo(dtype).eps))
    total = np.zeros(2 * size + 2)
    for k in range(size + 1):
        odd = np.polynomial.chebyshev.cheb2poly([0.0] * (2 * k + 1) + [1.0])
        total[: 2 * k + 2] += 2 * (-1) ** k * p ** (2 * k + 1) / (2 * k + 1) * odd
    return tuple(total[1::2].tolist())


def exponential_ratio(x: jax.Array) -> jax.Array:
    """`(e^x - 1) / x`, 1 at 0.

    Transformations: jit, vmap, jvp, vjp, any order.
    """
    small = jnp.abs(x) < 1
    near, far = jnp.where(small, x, 0.0), jnp.where(small, 1.0, x)
    return jnp.where(small, _polynomial(near, _exponential_series(x.dtype)), jnp.expm1(far) / far)


@functools.lru_cache(maxsize=4)
def _exponential_series(dtype: jnp.dtype) -> tuple[float, ...]:
    """Of `(e^x - 1) / x`, as many terms as tell up to 1."""
    number = next(k for k in range(40) if 1 / math.factorial(k) < 0.1 * float(jnp.finfo(dtype).eps))
    return tuple(1 / math.factorial(k + 1) for k in range(number))


def similarity_coefficients(z: jax.Array, log_scale: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """a, b, c of `V = a I + b W + c W^2`, the integral over u from 0 to 1 of `exp(u (log_scale I + W))`.

    W is the cross matrix of a rotation vector of length t, or in the plane t times the quarter turn, and `z = t^2`.
    So `a = (s - 1) / l`, and a - z c and t b are real and imaginary part of `(e^w - 1) / w`, `w = l + i t`, for
    `l = log_scale` and `s = e^l`: in that form they hold beyond `|w| = 1`, within a power series of w.

    Transformations: jit, vmap, jvp, vjp, any order.
    """
    square = log_scale * log_scale + z
    small = square < 1
    near_z, near_l = jnp.where(small, z, 0.0), jnp.where(small, log_scale, 0.0)
    # Horner's scheme for F(w) = re + i t im and for (F(l) - re) / z, which is a polynomial too.
    last, *rest = _exponential_series(z.dtype)[::-1]
    re, im, difference = jnp.full_like(z, last), jnp.zeros_like(z), jnp.zeros_like(z)
    for coefficient in rest:
        difference = near_l * difference + im
        re, im = near_l * re - near_z * im + coefficient, re + near_l * im
    whole = exponential_ratio(log_scale)
    norm = jnp.where(small, 1.0, square)
    scale = jnp.exp(log_scale)
    cosine, sine, versine = stumpff(z, 3)
    b = jnp.where(small, im, 1 + scale * (log_scale * sine - cosine)) / norm
    c = jnp.where(small, difference, whole + scale * (log_scale * versine - sine)) / norm
    return whole, b, c


def within_scales(log_scale: jax.Array) -> jax.Array:
    """Logarithms of scales bounded so far out that the scales and their inverses stay finite."""
    limit = 0.9 * math.log(float(jnp.finfo(log_scale.dtype).max))
    return jnp.clip(log_scale, -limit, limit)
