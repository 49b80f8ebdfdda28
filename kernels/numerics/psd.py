"""Solves and log-determinants of positive semi-definite matrices that may be singular to working precision."""

import functools

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import contract
from jaxinv.kernels.numerics.safe import safe_divide

_REFINEMENTS = 8


def rounding_level(dtype: jnp.dtype, size: int) -> float:
    """The relative perturbation of a unit-diagonal `size x size` Gram matrix that rounding alone can cause."""
    return 4.0 * max(size, 32) * float(jnp.finfo(dtype).eps)


def psd_solve(matrix: jax.Array, rhs: jax.Array, *, diagonal_floor: jax.Array | float = 0.0) -> jax.Array:
    """The pseudo-inverse solution `matrix^+ rhs` of a positive semi-definite system, for `rhs` in its range.

    The matrix is scaled to unit diagonal, factored as `R + eps I` by Cholesky, and the shift is removed again by
    iterated refinement (iterated Tikhonov): directions with eigenvalue well above `eps` converge to the exact
    solution, the null space stays at zero. Costs one `D^3 / 3` factorisation, has no eigendecomposition to
    differentiate, and does not depend on how columns are scaled.

    Args:
      matrix: `(D, D)`, symmetric positive semi-definite up to rounding.
      rhs: `(D, k)`, columns in the range of `matrix`.
      diagonal_floor: scalar or `(D,)`; rows and columns whose diagonal is at or below it are taken as zero.

    Returns:
      `(D, k)`. Rows that were dropped are zero.

    Transformations: jit, vmap, jvp, vjp, any order.
    References: Riley, MTAC 9:96 (1955), iterated regularisation; Higham, Accuracy and Stability (2002), ch. 10, 12.
    """
    diagonal = jnp.diagonal(matrix)
    kept = diagonal > jnp.maximum(diagonal_floor, 0.0)
    scale = jnp.where(kept, jax.lax.rsqrt(jnp.where(kept, diagonal, 1.0)), 0.0)
    unit = matrix * scale[:, None] * scale[None, :]
    factor = shifted_cholesky(unit, rounding_level(matrix.dtype, matrix.shape[-1])), True
    target = rhs * scale[:, None]

    def refine(solution, _):
        residual = target - contract("ij,jk->ik", unit, solution)
        return solution + jax.scipy.linalg.cho_solve(factor, residual), None

    solution, _ = jax.lax.scan(refine, jnp.zeros_like(target), length=1 + _REFINEMENTS)
    return solution * scale[:, None]


def log_det_one_plus(matrix: jax.Array) -> jax.Array:
    """`log det(I + matrix)` of a positive semi-definite `(D, D)` matrix, exact under zero padding.

    Where `matrix` is so large and nearly singular that rounding leaves no Cholesky factor of `I + matrix`, more is
    added to the diagonal: directions lost to rounding then count for about as much as rounding does.

    Transformations: jit, vmap, jvp, vjp, any order; the derivative holds fixed what was added.
    """
    return 2.0 * jnp.sum(jnp.log(jnp.diagonal(shifted_cholesky(matrix, 1.0))))


def participation_ratio(matrix: jax.Array) -> jax.Array:
    """Effective rank `(tr A)^2 / |A|_F^2` of a positive semi-definite `(D, D)` matrix; 0 for the zero matrix.

    A diagnostic: its gradient is 0.
    """
    matrix = jax.lax.stop_gradient(matrix)
    unit = safe_divide(matrix, jnp.trace(matrix))
    return safe_divide(jnp.ones((), matrix.dtype), jnp.sum(unit * unit))


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def shifted_cholesky(matrix, least):
    """Lower Cholesky factor of a positive semi-definite matrix with `max(least, t matrix_ii)` added to the diagonal.

    t is the first of 0, eps, 4 eps, 16 eps, ... for which rounding leaves a factor; derivatives hold it fixed.
    `least` is a number.

    Transformations: jit, vmap, jvp, vjp, any order.
    """
    return _first_factor(matrix, least)[1]


@shifted_cholesky.defjvp
def _shifted_cholesky_jvp(least, primals, tangents):
    added, _ = _first_factor(jax.lax.stop_gradient(primals[0]), least)
    return jax.jvp(lambda matrix: jnp.linalg.cholesky(matrix + jnp.diag(added)), primals, tangents)


@jax.jit  # So that NaN of a failed attempt stays inside, for those who run with jax_debug_nans.
def _first_factor(matrix, least):
    """What was added to the diagonal, `(D,)`, and the factor."""
    diagonal = jnp.diagonal(matrix)

    def attempt(share):
        added = jnp.maximum(least, share * diagonal)
        return share, added, jnp.linalg.cholesky(matrix + jnp.diag(added))

    def fails(attempted):
        # With a share of 1 no pivot is below half the diagonal: only NaN gets there.
        return (attempted[0] < 1) & ~jnp.all(jnp.isfinite(jnp.diagonal(attempted[2])))

    def more(attempted):
        return attempt(jnp.maximum(4 * attempted[0], float(jnp.finfo(matrix.dtype).eps)))

    return jax.lax.while_loop(fails, more, attempt(jnp.zeros((), matrix.dtype)))[1:]
