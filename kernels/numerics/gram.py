"""Gram matrices: the products below the diagonal are those above it."""

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import contract

_WORTH_SPLITTING = 256


def weighted_gram(weighted: jax.Array, rows: jax.Array) -> jax.Array:
    """`sum_n weighted_n rows_n'` where `weighted_n` is a multiple of `rows_n`: three quarters of a plain product.

    The two diagonal blocks and one of the two others are computed. Splitting further saves no time on a CPU.

    Args:
      weighted: `(N, D)`, each row of `rows` times its weight.
      rows: `(N, D)`.

    Returns:
      `(D, D)`. Equal to its transpose within the blocks up to rounding, across them exactly.

    Transformations: jit, vmap, jvp, vjp, second order.
    """
    dim = rows.shape[1]
    if dim < _WORTH_SPLITTING:
        return contract("nd,ne->de", weighted, rows)
    half = dim // 2
    first = contract("nd,ne->de", weighted[:, :half], rows)
    last = contract("nd,ne->de", weighted[:, half:], rows[:, half:])
    return _below_too(first, last)


def row_gram(rows: jax.Array) -> jax.Array:
    """`rows rows'`, three quarters of a plain product likewise; transposing for `weighted_gram` takes longer.

    Args:
      rows: `(N, D)`.

    Returns:
      `(N, N)`, symmetric as there.

    Transformations: jit, vmap, jvp, vjp, second order.
    """
    num = rows.shape[0]
    if num < _WORTH_SPLITTING:
        return contract("nd,md->nm", rows, rows)
    half = num // 2
    first = contract("nd,md->nm", rows[:half], rows)
    return _below_too(first, contract("nd,md->nm", rows[half:], rows[half:]))


def _below_too(first: jax.Array, last: jax.Array) -> jax.Array:
    """The whole from its upper rows and the last diagonal block."""
    return jnp.concatenate([first, jnp.concatenate([first[:, len(first) :].T, last], axis=1)])
