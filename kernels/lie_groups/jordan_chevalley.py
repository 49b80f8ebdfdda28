"""Jordan and Chevalley's decompositions: semisimple and nilpotent parts that commute, and their multiplicative twin.

Eigenvalues nearer than a tolerance count as equal. The parts jump where eigenvalues part, so nothing here is
differentiable; and they are only as good as eigenvalues that differ by more than the tolerance can be told from
rounding, which splits an eigenvalue of a block of size k by the k-th root of the precision.
"""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.lie_groups.no_derivative import no_derivative
from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.small_matrices import product, square_argument


class JordanChevalley(NamedTuple):
    """`A = semisimple + nilpotent`, which commute: `(..., n, n)` each.

    Attributes:
      semisimple: diagonalisable over the complex numbers, with the eigenvalues of A, clusters at their mean.
      nilpotent: its n-th power is zero.
      exists: `(...)` booleans: whether nilpotent^n is zero to the square root of the precision, relative to the largest
        entry of A, as it is unless the tolerance took different eigenvalues for one.
    """

    semisimple: jax.Array
    nilpotent: jax.Array
    exists: jax.Array

    def compose(self) -> jax.Array:
        """The sum of the parts, `(..., n, n)`: A."""
        return self.semisimple + self.nilpotent


class JordanMultiplicative(NamedTuple):
    """`A = elliptic hyperbolic unipotent`, which commute: `(..., n, n)` each.

    Attributes:
      elliptic: semisimple with eigenvalues of modulus 1.
      hyperbolic: semisimple with positive eigenvalues.
      unipotent: its eigenvalues are 1.
      exists: `(...)` booleans: whether A is invertible and `JordanChevalley` exists.
    """

    elliptic: jax.Array
    hyperbolic: jax.Array
    unipotent: jax.Array
    exists: jax.Array

    def compose(self) -> jax.Array:
        """The product of the factors, `(..., n, n)`: A, where it `exists`."""
        return product(product(self.elliptic, self.hyperbolic), self.unipotent)


@functools.partial(jax.jit, static_argnames=("tolerance",))
def jordan_chevalley(matrix: jax.Array, *, tolerance: float | None = None) -> JordanChevalley:
    """Semisimple plus nilpotent part, by Newton's iteration for a root of the product over distinct eigenvalues.

    Args:
      matrix: `(..., n, n)` floating point. bfloat16 is computed in float32; float64 is advised.
      tolerance: static; eigenvalues nearer than it times the largest entry count as equal. By default four times the
        precision to the power 1 / n.

    Returns:
      `JordanChevalley`, in the dtype of the matrix.

    Raises:
      TypeError, ValueError: not floating point, or not square.
    Transformations: jit, vmap, where `jnp.linalg.eigvals` goes. Differentiation raises TypeError.
    References: Couty, Esterle, Zarouf, Décomposition effective de Jordan-Chevalley, arXiv:1103.5020.
    """
    matrix = square_argument("matrix", matrix)
    a = no_derivative("jordan_chevalley", matrix.astype(accumulation_dtype(matrix)))
    semisimple, exists, _ = _split(a, tolerance)
    return JordanChevalley(semisimple.astype(matrix.dtype), (a - semisimple).astype(matrix.dtype), exists)


@functools.partial(jax.jit, static_argnames=("tolerance",))
def jordan_multiplicative(matrix: jax.Array, *, tolerance: float | None = None) -> JordanMultiplicative:
    """Elliptic, hyperbolic and unipotent factor.

    Args:
      matrix: `(..., n, n)` floating point, invertible. bfloat16 is computed in float32; float64 is advised.
      tolerance: static, as of `jordan_chevalley`.

    Returns:
      `JordanMultiplicative`, in the dtype of the matrix; of a matrix that is not invertible finite factors.

    Raises:
      TypeError, ValueError: not floating point, or not square.
    Transformations: jit, vmap, where `jnp.linalg.eigvals` goes. Differentiation raises TypeError.
    References: Helgason, Differential geometry, Lie groups, and symmetric spaces, lemma IX.7.1.
    """
    matrix = square_argument("matrix", matrix)
    a = no_derivative("jordan_multiplicative", matrix.astype(accumulation_dtype(matrix)))
    semisimple, exists, clusters = _split(a, tolerance)
    sizes = jnp.abs(clusters.values)
    largest = jnp.max(sizes, axis=-1, keepdims=True)
    is_zero = sizes <= a.shape[-1] * jnp.finfo(a.dtype).eps * largest
    sizes = jnp.where(is_zero, 1.0, sizes)
    hyperbolic, inverse = (_of_eigenvalues(semisimple, clusters, x) for x in (sizes, 1 / sizes))
    elliptic = product(semisimple, inverse)
    one = jnp.broadcast_to(jnp.eye(a.shape[-1], dtype=a.dtype), a.shape)
    inverse_eigenvalues = jnp.where(is_zero, 1.0, jnp.conj(clusters.values)) / sizes**2
    unipotent = one + product(_of_eigenvalues(semisimple, clusters, inverse_eigenvalues), a - semisimple)
    factors = (part.astype(matrix.dtype) for part in (elliptic, hyperbolic, unipotent))
    elliptic, hyperbolic, unipotent = factors
    return JordanMultiplicative(elliptic, hyperbolic, unipotent, exists & ~jnp.any(is_zero, axis=-1))


class _Clusters(NamedTuple):
    """Each eigenvalue's cluster mean `(..., n)`, and which are the first of their clusters."""

    values: jax.Array
    is_first: jax.Array


def _split(a, tolerance):
    n = a.shape[-1]
    scale = jnp.max(jnp.abs(a), axis=(-2, -1), keepdims=True)
    scale = jnp.where(scale == 0, 1.0, scale)
    a = a / scale
    precision = float(jnp.finfo(a.dtype).eps)
    clusters = _clusters(jnp.linalg.eigvals(a), 4 * precision ** (1 / n) if tolerance is None else tolerance)
    x = a.astype(clusters.values.dtype)
    for _ in range(math.ceil(math.log2(n)) + 1 if n > 1 else 1):
        value, slope = _polynomial(x, clusters)
        x = x - jnp.linalg.solve(slope, value)
    semisimple = jnp.real(x)
    power = functools.reduce(product, [a - semisimple] * n)
    exists = jnp.max(jnp.abs(power), axis=(-2, -1)) < math.sqrt(precision)
    return semisimple * scale, exists, clusters._replace(values=clusters.values * scale[..., 0])


def _clusters(eigenvalues, tolerance):
    n = eigenvalues.shape[-1]
    is_near = jnp.abs(eigenvalues[..., :, None] - eigenvalues[..., None, :]) <= tolerance
    for _ in range(math.ceil(math.log2(n)) if n > 1 else 0):
        is_near = jnp.any(is_near[..., :, :, None] & is_near[..., None, :, :], axis=-2)
    share = is_near / jnp.sum(is_near, axis=-1, keepdims=True)
    values = jnp.sum(share * eigenvalues[..., None, :], axis=-1)
    return _Clusters(values, jnp.argmax(is_near, axis=-1) == jnp.arange(n)[(None,) * (eigenvalues.ndim - 1)])


def _polynomial(x, clusters):
    """The product over distinct eigenvalues of `x - value`, and its derivative."""
    one = jnp.broadcast_to(jnp.eye(x.shape[-1], dtype=x.dtype), x.shape)
    value, slope = one, jnp.zeros_like(x)
    for i in range(x.shape[-1]):
        is_factor = clusters.is_first[..., i, None, None]
        factor = jnp.where(is_factor, x - clusters.values[..., i, None, None] * one, one)
        slope = _times(slope, factor) + jnp.where(is_factor, value, 0.0)
        value = _times(value, factor)
    return value, slope


def _times(a, b):
    return jnp.einsum("...ij,...jk->...ik", a, b, precision=jax.lax.Precision.HIGHEST)


def _of_eigenvalues(semisimple, clusters, images):
    """The real matrix with the same eigenspaces and these eigenvalues: Lagrange's polynomial."""
    n = semisimple.shape[-1]
    one = jnp.broadcast_to(jnp.eye(n, dtype=clusters.values.dtype), semisimple.shape)
    x = semisimple.astype(one.dtype)
    result = jnp.zeros_like(one)
    for i in range(n):
        term = one
        for j in range(n):
            if i == j:
                continue
            difference = (clusters.values[..., i] - clusters.values[..., j])[..., None, None]
            is_other = clusters.is_first[..., j, None, None] & (difference != 0)
            factor = (x - clusters.values[..., j, None, None] * one) / jnp.where(is_other, difference, 1.0)
            term = _times(term, jnp.where(is_other, factor, one))
        result = result + jnp.where(clusters.is_first[..., i, None, None], images[..., i, None, None] * term, 0.0)
    return jnp.real(result)
