"""Second moments of weighted points, whose derivatives take no batched products of tiny matrices."""

import itertools

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero

from jaxinv.kernels.numerics.precision import contract
from jaxinv.kernels.numerics.small_matrices import LARGEST_SMALL, Square, apart, symmetrised, total


@jax.custom_jvp
def second_moments(shares: jax.Array, points: jax.Array) -> Square:
    """`sum_p shares_p x_p x_p'` of `(..., n)` and `(..., n, d)`, in parts."""
    return symmetrised(apart(contract("...p,...pi,...pj->...ij", shares, points, points)))


def _second_moments_jvp(primals, tangents):
    shares, points = primals
    moved_shares, moved = (None if isinstance(tangent, SymbolicZero) else tangent for tangent in tangents)
    change = _change_of_array if points.shape[-1] > LARGEST_SMALL else _change_of_entries
    return second_moments(shares, points), change(shares, points, moved_shares, moved)


def _change_of_array(shares, points, moved_shares, moved):
    terms = []
    if moved_shares is not None:
        terms.append(contract("...p,...pi,...pj->...ij", moved_shares, points, points))
    if moved is not None:
        half = contract("...p,...pi,...pj->...ij", shares, points, moved)
        terms += [half, jnp.swapaxes(half, -1, -2)]
    return total(terms)


def _change_of_entries(shares, points, moved_shares, moved):
    x, dx = columns(points), None if moved is None else columns(moved)

    def entry(i, j):
        terms = []
        if moved_shares is not None:
            terms.append(moved_shares * (x[i] * x[j]))
        if dx is not None:
            terms.append(shares * (x[i] * dx[j] + dx[i] * x[j]))
        return jnp.sum(total(terms), axis=-1)

    size = range(points.shape[-1])
    known = {(i, j): entry(i, j) for i, j in itertools.combinations_with_replacement(size, 2)}
    return tuple(tuple(known[min(i, j), max(i, j)] for j in size) for i in size)


second_moments.defjvp(_second_moments_jvp, symbolic_zeros=True)


def columns(points):
    """Split, not sliced: the transpose of a split is one concatenation."""
    d = points.shape[-1]
    return [jnp.squeeze(column, -1) for column in jax.lax.split(points, (1,) * d, axis=points.ndim - 1)]
