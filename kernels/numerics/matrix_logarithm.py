"""The principal logarithm of general real matrices.

| size | how |
| --- | --- |
| 1, 2 | closed form |
| 3, 4 | square roots until near the unit matrix, then the Padé approximant by Gauss-Legendre quadrature, unrolled |
| above | the same with matrix products and LU |
"""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.numerics.matrix_layout import Layout, over_batch, require_square
from jaxinv.kernels.numerics.matrix_square_root import square_root
from jaxinv.kernels.numerics.planar_functions import planar_logarithm
from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.primary_functions import frechet_derivative

# By the bytes of a number: points of the quadrature, and how far from the unit matrix it is right to rounding.
_POINTS = {4: 5, 8: 7}
_CLOSE = {4: 0.5, 8: 0.25}
_MOST_ROOTS = 16


class MatrixLogarithm(NamedTuple):
    """Principal logarithms `(..., n, n)`, zeros where there is none, and `(...)` whether there is one."""

    value: jax.Array
    exists: jax.Array


@jax.jit
def matrix_log(a: jax.Array) -> MatrixLogarithm:
    """The real logarithm whose eigenvalues have imaginary parts between -pi and pi.

    Args:
      a: `(..., n, n)` floating point.

    Returns:
      `MatrixLogarithm` in the dtype of a; bfloat16 is computed in float32. `exists` is false where an eigenvalue is 0
      or negative: for n = 2 by trace, determinant and discriminant, for n > 2 where the square root's iteration does
      not converge to a root of a. Then value and derivative are zero. A pair of eigenvalues within about the root of
      the rounding from the negative axis may count as either. The relative error is about the rounding times the
      condition number of a, and more near the negative axis.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Higham, Functions of matrices (2008), ch. 11.
    """
    a = jnp.asarray(a)
    require_square("a", a)
    x = a.astype(accumulation_dtype(a))
    x, shift = _balanced(x)
    value, exists = _logarithm(x)
    value = value + jnp.where(exists[..., None, None], shift, 0.0) * _unit(value)
    return MatrixLogarithm(value.astype(a.dtype), exists)


def _unit(a):
    return jnp.eye(a.shape[-1], dtype=a.dtype).reshape((1,) * (a.ndim - 2) + a.shape[-2:])


def _balanced(a):
    """Entries of very large or small matrices divided by a power of two, and its logarithm."""
    exponent = jnp.frexp(jnp.max(jnp.abs(jax.lax.stop_gradient(a)), (-2, -1), keepdims=True))[1]
    exponent = jnp.where(jnp.abs(exponent) < 8, 0, exponent)
    # In two steps: the power of two by itself may overflow.
    half = exponent // 2
    a = a * jnp.exp2(-half.astype(a.dtype)) * jnp.exp2((half - exponent).astype(a.dtype))
    return a, math.log(2) * exponent.astype(a.dtype)


@jax.custom_jvp
def _logarithm(a):
    return _by_size(a)


@_logarithm.defjvp
def _logarithm_jvp(primals, tangents):
    value, exists = _logarithm(*primals)
    change = frechet_derivative(_value, *primals, *tangents)
    return (value, exists), (change, np.zeros(exists.shape, jax.dtypes.float0))


def _value(a):
    return _by_size(a)[0]


def _by_size(a):
    if a.shape[-1] == 1:
        exists = a[..., 0, 0] > 0
        return jnp.log(jnp.where(exists[..., None, None], a, 1.0)), exists
    if a.shape[-1] == 2:
        return planar_logarithm(a)
    return over_batch(_by_roots, a)


def _by_roots(a, layout: Layout):
    close = _CLOSE[a.dtype.itemsize]

    def is_close(x):
        return layout.norm(x - layout.eye) <= close

    def step(state):
        k, x, roots, exists = state
        there = is_close(x)
        root, is_root = square_root(x, layout)
        exists = exists & (there | is_root)
        # What has no root goes on as the unit matrix, which keeps no other waiting.
        x = jnp.where(exists, jnp.where(there, x, root), layout.eye)
        return k + 1, x, jnp.where(there, roots, 2 * roots), exists

    def unfinished(state):
        return (state[0] < _MOST_ROOTS) & ~jnp.all(is_close(state[1]))

    one = jnp.ones_like(layout.norm(a))
    _, x, roots, exists = jax.lax.while_loop(unfinished, step, (jnp.int32(0), a, one, one > 0))
    exists = exists & is_close(x)
    x = jnp.where(exists, x, layout.eye)
    return roots * _near_unit(x - layout.eye, layout), exists


def _near_unit(e, layout: Layout):
    """`log(1 + e)`, the integral of `e / (1 + t e)` over t from 0 to 1."""
    nodes, weights = (jnp.asarray(x, e.dtype) for x in _quadrature(_POINTS[e.dtype.itemsize]))

    def add(k, total):
        return total + weights[k] * layout.inverse(layout.eye + nodes[k] * e)[0]

    return layout.product(e, jax.lax.fori_loop(0, len(nodes), add, jnp.zeros_like(e)))


@functools.lru_cache
def _quadrature(points):
    nodes, weights = np.polynomial.legendre.leggauss(points)
    return (nodes + 1) / 2, weights / 2
