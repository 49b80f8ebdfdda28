"""Representational similarity analysis: how alike two spaces arrange the same samples."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.safe import safe_divide, safe_norm, safe_sqrt
from jaxinv.kernels.numerics.validation import require_choice
from jaxinv.kernels.representations.pairwise import squared_distances
from jaxinv.kernels.representations.rows import ROUNDING_UNITS, require_pair, unit_rows

DISSIMILARITIES = ("correlation", "cosine", "euclidean")


class RSA(NamedTuple):
    """Agreement of two dissimilarity matrices."""

    score: Float[Array, ""]
    """Their Pearson correlation over pairs of samples, in [-1, 1]; 0 if collapsed."""
    collapsed: Bool[Array, ""]
    """Whether one of the two has all pairs equally dissimilar, up to rounding."""


@functools.partial(jax.jit, static_argnames="dissimilarity")
def rsa(x: Float[Array, "n d"], y: Float[Array, "n e"], *, dissimilarity: str = "correlation") -> RSA:
    """The Pearson correlation, over pairs of samples, of how dissimilar the two spaces find them.

    Args:
      x: `(n, d)`, one row an input.
      y: `(n, e)`, the same inputs in the same order.
      dissimilarity: static; "correlation" is 1 less the correlation of two rows over their columns, "cosine" 1 less
        their cosine (each of a zero row counts 0), "euclidean" their distance.

    Returns:
      An `RSA`, in float32 at least; collapsed, with score 0, for n < 3 too.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.

    Invariant on either side to rescaling, and to rotations unless "correlation"; "euclidean" to translations too, and
    "correlation" to the addition of one number to a row.
    Transformations: jit, vmap, jvp, vjp, any order; the gradient is 0 if collapsed. O(n^2 (d + e)) time, a few n x n
      arrays of memory.
    References: Kriegeskorte, Mur, Bandettini, Front. Syst. Neurosci. 2 (2008) 4.
    """
    require_pair(x, y)
    require_choice("dissimilarity", dissimilarity, DISSIMILARITIES)
    dtype = accumulation_dtype(x, y)
    (first, flat1), (second, flat2) = (_deviations(z.astype(dtype), dissimilarity) for z in (x, y))
    collapsed = flat1 | flat2
    return RSA(jnp.where(collapsed, 0.0, jnp.sum(first * second)), collapsed)


def _deviations(x, dissimilarity):
    """Dissimilarities about their mean over pairs, of Frobenius norm 1, diagonal 0; and whether all are equal."""
    size = x.shape[0]
    if dissimilarity == "euclidean":
        apart = safe_sqrt(squared_distances(x, x)) if size else jnp.zeros((0, 0), x.dtype)
    else:
        if dissimilarity == "correlation":
            x = x - jnp.mean(x, axis=1, keepdims=True)
        unit = unit_rows(x)
        apart = 1.0 - contract("nd,md->nm", unit, unit)
    pair = ~jnp.eye(size, dtype=bool)
    mean = jnp.sum(jnp.where(pair, apart, 0.0)) / max(size * (size - 1), 1)
    about_mean = jnp.where(pair, apart - mean, 0.0)
    norm = safe_norm(about_mean.ravel())
    flat = norm <= ROUNDING_UNITS * float(jnp.finfo(x.dtype).eps) * safe_norm(jnp.where(pair, apart, 0.0).ravel())
    return safe_divide(about_mean, jnp.where(flat, 0.0, norm)), flat
