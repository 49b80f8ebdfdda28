"""The largest eigenvalue of a positive semi-definite matrix by products with vectors, without the others."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.numerics.precision import contract
from jaxinv.kernels.numerics.safe import safe_divide, safe_norm
from jaxinv.kernels.numerics.symmetric_eigen import symmetric_eigen

_WORTH_IT = 128
_BASIS = 32
_KEPT = 8
_MOST_CYCLES = 200


@jax.custom_jvp
def largest_eigenvalue(matrix: jax.Array) -> jax.Array:
    """The largest eigenvalue of a symmetric positive semi-definite matrix.

    From 128 rows on by Lanczos' method with thick restarts: a basis of 32 vectors, all orthogonal to each other, is
    filled by products with the matrix, and the eigenvectors of the 8 largest values within it start the next. It ends
    when the first of them is an eigenvector to rounding, or after 200 bases. The start is pseudo-random, and always the
    same.

    Args:
      matrix: `(D, D)`, in float32 at least; D >= 1.

    Returns:
      `()`, not negative; as exact as that of an eigendecomposition.

    Transformations: jit, vmap, jvp, vjp, any order; derivatives are those of `symmetric_eigen`, by a decomposition.
    References: Wu and Simon, Thick-restart Lanczos method for large symmetric eigenvalue problems, SIAM J. Matrix Anal.
      Appl. 22 (2000) 602.
    """
    if matrix.shape[0] < _WORTH_IT:
        return _by_decomposition(matrix)
    largest = jnp.max(jnp.abs(matrix))
    return largest * _by_lanczos(safe_divide(matrix, largest))


@largest_eigenvalue.defjvp
def _largest_eigenvalue_jvp(primals, tangents):
    return jax.jvp(_by_decomposition, primals, tangents)


def _by_decomposition(matrix):
    return jnp.maximum(symmetric_eigen(matrix).values[-1], 0.0)


def _by_lanczos(matrix):
    """Of a matrix with largest entry 1, or 0."""
    size = matrix.shape[0]
    eps = float(jnp.finfo(matrix.dtype).eps)
    start = np.random.default_rng(0).normal(size=size)

    def cycle(state):
        count, basis, _, _ = state
        restarted = count > 0

        def add(place, basis):
            # What is new in the products of the kept vectors lies along one direction: that of the first will do.
            source = jnp.where(restarted & (place == _KEPT), 0, place - 1)
            return basis.at[place].set(_new_direction(contract("de,e->d", matrix, basis[source]), basis, eps))

        basis = jax.lax.fori_loop(jnp.where(restarted, _KEPT, 1), _BASIS, add, basis)
        images = contract("kd,de->ke", basis, matrix)
        values, vectors = jnp.linalg.eigh(contract("kd,ld->kl", basis, images))
        kept = vectors[:, : -_KEPT - 1 : -1]
        basis = contract("kl,kd->ld", kept, basis)
        # One step of Newton's, since rounding of cycle after cycle would add up.
        basis = 1.5 * basis - 0.5 * contract("kl,ld->kd", contract("kd,ld->kl", basis, basis), basis)
        error = safe_norm(contract("k,kd->d", kept[:, 0], images) - values[-1] * basis[0])
        return count + 1, jnp.pad(basis, ((0, _BASIS - _KEPT), (0, 0))), values[-1], error

    def unsettled(state):
        count, _, value, error = state
        return (error > size**0.5 * eps * value) & (count < _MOST_CYCLES)

    first = jnp.asarray(start / np.linalg.norm(start), matrix.dtype)
    basis = jnp.zeros((_BASIS, size), matrix.dtype).at[0].set(first)
    nothing = jnp.zeros((), matrix.dtype)
    return jnp.maximum(jax.lax.while_loop(unsettled, cycle, cycle((0, basis, nothing, nothing)))[2], 0.0)


def _new_direction(vector, basis, eps):
    """Of a vector what is orthogonal to a basis, made a unit; 0 if that is rounding."""
    length = safe_norm(vector)
    for _ in range(2):
        vector = vector - contract("k,kd->d", contract("kd,d->k", basis, vector), basis)
    rest = safe_norm(vector)
    return jnp.where(rest > 4 * eps * length, safe_divide(vector, jnp.broadcast_to(rest, vector.shape)), 0.0)
