"""How far two graphons are apart in the cut norm, from below and from above."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxinv.kernels.graphs.adjacency import require_square
from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.validation import require_at_least


class CutNorm(NamedTuple):
    """The cut norm is between the two."""

    lower: Float[Array, ""]
    """Of the best pair of sets found."""
    upper: Float[Array, ""]
    """The largest singular value over n, or the mean size of an entry if that is less."""


@functools.partial(jax.jit, static_argnames=("num_rounds",))
def cut_norm_bounds(difference: Float[Array, "n n"], *, num_rounds: int = 8) -> CutNorm:
    """Bounds of `max_{S, T} |sum_{i in S, j in T} D_ij| / n^2`, which is hard to compute.

    From below: from the signs of every singular vector, S and T in turn are the best ones for each other.

    Args:
      difference: `(n, n)`, D, such as that of two step functions; floating point.
      num_rounds: static, >= 1, of turns.

    Returns:
      CutNorm, in float32 at least. Equal bounds where D has one sign.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.

    The upper bound is invariant to permutations of rows and of columns. So is the lower one where the singular values
    differ. Work: `num_rounds` products of two n x 4 n matrices.
    Transformations: jit, vmap. The derivative is zero.
    References: Frieze and Kannan, Combinatorica 19 (1999); Lovasz, Large Networks and Graph Limits (2012), section 8.
    """
    require_square("difference", difference)
    require_at_least("num_rounds", num_rounds, 1)
    size = difference.shape[0]
    matrix = jax.lax.stop_gradient(difference.astype(accumulation_dtype(difference)))
    _, values, right = jnp.linalg.svd(matrix)
    # Columns are sets, as 0 and 1: those where a singular vector is positive, those where it is not, and all.
    columns = jnp.concatenate([right.T > 0, right.T <= 0, jnp.ones((size, 1), bool)], axis=1)
    found = jnp.zeros((), matrix.dtype)
    for signed in (matrix, -matrix):

        def turn(columns, _, signed=signed):
            rows = contract("ij,js->is", signed, columns.astype(signed.dtype)) > 0
            sums = contract("ij,is->js", signed, rows.astype(signed.dtype))
            return sums > 0, jnp.max(jnp.sum(jnp.where(sums > 0, sums, 0.0), axis=0))

        _, best = jax.lax.scan(turn, columns, length=num_rounds)
        found = jnp.maximum(found, best[-1])
    upper = jnp.minimum(values[0] / size, jnp.mean(jnp.abs(matrix)))
    # Where both are the same number, rounding may put the lower one above.
    return CutNorm(jnp.minimum(found / size**2, upper), upper)
