"""Densities of Haar measure in the charts of decompositions, and the modular function.

The measure of matrices of positive determinant is `|det A|^-n prod dA_ij`, invariant from left and right. Each density
is its Jacobian by the chart's own measure, up to one constant a chart:

| chart | A | argument | density | by |
| --- | --- | --- | --- | --- |
| "polar" | P R | P | `det P^-n prod_(i<j) (p_i + p_j)` | dP dR |
| "spd" | S^(1/2) R | S | `det S^(-(n + 1) / 2)` | dS dR |
| "cartan" | exp(X) R | X | `prod_(i<j) sinh(x_i - x_j) / (x_i - x_j)` | dX dR |
| "qr" | Q R | R | `prod r_ii^-i`, i from 1 | dR dQ |
| "kan" | k diag(e^h) n | h | `prod_(i<j) e^(h_i - h_j)` | dk dh dn |
| "nak" | n diag(e^h) k | h | `prod_(i<j) e^(h_j - h_i)` | dn dh dk |
| "kak" | k1 diag(e^h) k2 | h | `prod_(i<j) sinh(abs(h_i - h_j))` | dk1 dh dk2 |
| "ldu" | L diag(d) U | d | `prod abs(d_i)^(2 (n - i) - n)`, i from 1 | dL dd dU |

dP, dS, dX are Lebesgue measures of the entries on and above the diagonal, dn, dL, dU of those off it, and dR, dQ, dk
the invariant probability of rotations. Lower-case letters are eigenvalues. For matrices of determinant 1 the densities
are the same, by the measures on `tr X = 0` and `sum h = 0`.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.small_matrices import determinant, square_argument
from jaxinv.kernels.numerics.symmetric_eigen import symmetric_eigen
from jaxinv.kernels.numerics.validation import require_choice, require_floating

MATRIX_CHARTS = ("polar", "spd", "cartan", "qr")
VECTOR_CHARTS = ("kan", "nak", "kak", "ldu")
CHARTS = MATRIX_CHARTS + VECTOR_CHARTS
MODULAR_GROUPS = ("so", "se", "sl", "gl", "sim", "aff")


@functools.partial(jax.jit, static_argnames=("chart",))
def log_haar_density(coordinates: jax.Array, *, chart: str) -> jax.Array:
    """Logarithm of the density of Haar measure, of the module's table.

    Args:
      coordinates: the argument named in the table: `(..., n, n)` for "polar", "spd", "cartan" (their symmetric part is
        taken) and "qr", `(..., n)` for the others; floating point.
      chart: static.

    Returns:
      `(...)` in the dtype of the coordinates; bfloat16 is computed in float32. Never infinite: where a density is 0
      ("kak" where two of h are equal, at a Weyl chamber's wall) or has a pole (factors that are not invertible) the
      smallest normal number stands for 0, with derivative 0.

    Raises:
      TypeError, ValueError: not floating point, a wrong shape, or an unknown chart.
    Transformations: jit, vmap, jvp, vjp. Any order but for "polar" with n > 3 and "cartan" with n > 2, whose first
    derivatives are right everywhere and second ones where eigenvalues differ.
    References: Mironenco, Forré, arXiv:2310.11366; Muirhead, Aspects of multivariate statistical theory, ch. 2.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import lie_groups
      >>> lie_groups.log_haar_density(jnp.array([1.5, 0.5]), chart="kan")  # h_1 - h_2
      Array(1., dtype=float32)
    """
    require_choice("chart", chart, CHARTS)
    if chart in MATRIX_CHARTS:
        coordinates = square_argument("coordinates", coordinates)
        n = coordinates.shape[-1]
    else:
        coordinates = jnp.asarray(coordinates)
        require_floating("coordinates", coordinates)
        if coordinates.ndim < 1 or coordinates.shape[-1] < 1:
            raise ValueError(f"coordinates must have shape (..., n) with n >= 1, got {coordinates.shape}")
        n = coordinates.shape[-1]
    x = coordinates.astype(accumulation_dtype(coordinates))
    if chart in ("polar", "spd", "cartan"):
        x = (x + jnp.swapaxes(x, -2, -1)) / 2
    return _DENSITIES[chart](x, n).astype(coordinates.dtype)


@functools.partial(jax.jit, static_argnames=("group",))
def log_modular(g: jax.Array, *, group: str) -> jax.Array:
    """Logarithm of the modular function D, by which left Haar measure changes on the right: `m(E g) = D(g) m(E)`.

    So `dm(h g) = D(g) dm(h)`, and `dm(g) / D(g)` is right-invariant. It is `1 / |det A|` for affine maps and
    similarities with linear part A; the other groups are unimodular.

    Args:
      g: `(..., n, n)` for "so", "sl", "gl", homogeneous `(..., n + 1, n + 1)` for "se", "sim", "aff"; floating point.
      group: static.

    Returns:
      `(...)` in the dtype of g; finite also where det A = 0.

    Raises:
      TypeError, ValueError: not floating point, not square, or an unknown group.
    Transformations: jit, vmap, jvp, vjp, any order.
    """
    require_choice("group", group, MODULAR_GROUPS)
    g = square_argument("g", g)
    if group not in ("sim", "aff"):
        return jnp.zeros(g.shape[:-2], g.dtype)
    if g.shape[-1] < 2:
        raise ValueError(f"g must be homogeneous, (..., n + 1, n + 1) with n >= 1, got {g.shape}")
    linear = g[..., :-1, :-1].astype(accumulation_dtype(g))
    return -_floored_log(jnp.abs(determinant(linear))).astype(g.dtype)


def log_sinhc(square: jax.Array) -> jax.Array:
    """`log(sinh(x) / x)` as a function of x^2, smooth at 0."""
    is_small = square < 0.01
    small = jnp.where(is_small, square, 0.0)
    x = jnp.sqrt(jnp.where(is_small, 1.0, square))
    large = x - jnp.log(2 * x) + jnp.log1p(-jnp.exp(-2 * x))
    series = small * (1 / 6 - small * (1 / 180 - small * (1 / 2835 - small * (1 / 37800 - small / 467775))))
    return jnp.where(is_small, series, large)


def log_stretch_density(x: jax.Array) -> jax.Array:
    """`sum over i < j of log sinhc(x_i - x_j)` of the eigenvalues of `(..., n, n)` symmetric X."""
    if x.shape[-1] == 2:
        return log_sinhc((x[..., 0, 0] - x[..., 1, 1]) ** 2 + (x[..., 0, 1] + x[..., 1, 0]) ** 2)
    return jnp.sum(log_sinhc(_differences(symmetric_eigen(x).values) ** 2), axis=-1)


def _floored_log(x):
    smallest = float(jnp.finfo(x.dtype).tiny)
    return jnp.log(jnp.where(x > smallest, x, smallest))


def _differences(values):
    first, second = np.triu_indices(values.shape[-1], 1)
    return values[..., first.astype(np.int32)] - values[..., second.astype(np.int32)]


def _weights(n, of_index):
    return np.array([of_index(i) for i in range(1, n + 1)], float)


def _weighted_sum(values, weights):
    return jnp.sum(values * jnp.asarray(weights, values.dtype)[(None,) * (values.ndim - 1)], axis=-1)


def _polar(p, n):
    log_det = _floored_log(determinant(p))
    if n == 1:
        return -log_det
    if n == 2:
        return -n * log_det + _floored_log(p[..., 0, 0] + p[..., 1, 1])
    if n == 3:
        # Of the elementary symmetric polynomials: e1 e2 - e3, with e1 e2 at least nine times e3.
        trace = jnp.trace(p, axis1=-2, axis2=-1)
        second = (trace * trace - jnp.sum(p * p, axis=(-2, -1))) / 2
        return -n * log_det + _floored_log(trace * second - determinant(p))
    values = symmetric_eigen(p).values
    first, second = (index.astype(np.int32) for index in np.triu_indices(n, 1))
    return -n * log_det + jnp.sum(_floored_log(values[..., first] + values[..., second]), axis=-1)


def _spd(s, n):
    return -(n + 1) / 2 * _floored_log(determinant(s))


def _qr(r, n):
    diagonal = jnp.abs(jnp.diagonal(r, axis1=-2, axis2=-1))
    return _weighted_sum(_floored_log(diagonal), _weights(n, lambda i: -i))


def _kan(h, n):
    return _weighted_sum(h, _weights(n, lambda i: n + 1 - 2 * i))


def _kak(h, n):
    del n
    differences = _differences(h)
    return jnp.sum(_floored_log(jnp.abs(differences)) + log_sinhc(differences**2), axis=-1)


def _ldu(d, n):
    return _weighted_sum(_floored_log(jnp.abs(d)), _weights(n, lambda i: 2 * (n - i) - n))


_DENSITIES = {
    "polar": _polar,
    "spd": _spd,
    "cartan": lambda x, n: log_stretch_density(x),
    "qr": _qr,
    "kan": _kan,
    "nak": lambda h, n: -_kan(h, n),
    "kak": _kak,
    "ldu": _ldu,
}
