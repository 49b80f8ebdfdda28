"""Whitened rows in the span of a representation's leading directions, with a derivative right at equal variances."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.first_order import first_order_only
from jaxinv.kernels.numerics.precision import contract
from jaxinv.kernels.numerics.psd import rounding_level
from jaxinv.kernels.numerics.symmetric_eigen import quotient
from jaxinv.kernels.representations.rows import centred_unit


class Whitened(NamedTuple):
    """An orthonormal frame of a span, up to rotation.

    Attributes:
      rows: `(n, min(n, d))`; its columns span the leading directions, with `rows rows'` the projection on them.
      rank: `()` integer, their number.
    """

    rows: jax.Array
    rank: jax.Array


def whitened(x: jax.Array, variance_share: float) -> Whitened:
    """Of centred `x`: its fewest principal directions that have the share of its variance, each with variance `1 / n`.

    Directions with less than rounding's share of the largest variance are left out. On the smaller side: of
    covariances `(d, d)`, or of Gram matrices `(n, n)`.
    """
    x, _ = centred_unit(x)
    wide = x.shape[0] <= x.shape[1]
    gram = contract("nd,md->nm", x, x) if wide else contract("nd,ne->de", x, x)
    root, rank = _leading_inverse_sqrt(gram, variance_share)
    rank = rank.astype(int)
    rows = contract("nm,mk,kl->nl", root, gram, root) if wide else contract("nd,de->ne", x, root)
    return Whitened(rows, rank)


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def _leading_inverse_sqrt(gram, variance_share):
    """`V_k diag(values_k)^(-1/2) V_k'` over the leading eigenvalues, and k, as a floating-point number."""
    return _leading(gram, variance_share)[2:]


@_leading_inverse_sqrt.defjvp
def _leading_jvp(variance_share, primals, tangents):
    values, vectors, root, rank = _leading(primals[0], variance_share)
    kept = jnp.arange(values.shape[0]) >= values.shape[0] - rank
    inverse = _inverse_roots(values, kept)
    both = kept[:, None] & kept[None, :]
    # Divided differences of the inverse root: among the kept ones without cancellation; across, by the gap.
    sums = jnp.where(both, inverse[:, None] + inverse[None, :], 1.0)
    within = -((inverse[:, None] * inverse[None, :]) ** 2) / sums
    across = quotient(inverse[:, None] - inverse[None, :], values[:, None] - values[None, :])
    differences = jnp.where(both, within, across)
    vectors, differences = first_order_only("whitened rows", (vectors, differences))
    turned = contract("ia,ij,jb->ab", vectors, tangents[0], vectors)
    change = contract("ia,ab,jb->ij", vectors, differences * turned, vectors)
    return (root, rank), (change, jnp.zeros_like(rank))


def _leading(gram, variance_share):
    values, vectors = jnp.linalg.eigh(gram)
    size = values.shape[0]
    above = values > rounding_level(gram.dtype, size) * values[-1:]
    total = jnp.cumsum(jnp.where(above, values, 0.0)[::-1])
    # Rounding may leave the last sum below the share 1.
    enough = jnp.sum(total < variance_share * total[-1:]) + 1 if size else jnp.zeros((), int)
    rank = jnp.minimum(enough, jnp.sum(above))
    inverse = _inverse_roots(values, jnp.arange(size) >= size - rank)
    return values, vectors, contract("ia,a,ja->ij", vectors, inverse, vectors), rank.astype(values.dtype)


def _inverse_roots(values, kept):
    return jnp.where(kept, jax.lax.rsqrt(jnp.where(kept, values, 1.0)), 0.0)
