"""Similarity of representations by canonical correlations: the cosines of angles between the spans of their columns."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxinv.kernels.numerics.precision import contract
from jaxinv.kernels.numerics.safe import safe_divide
from jaxinv.kernels.numerics.symmetric_eigen import symmetric_eigen
from jaxinv.kernels.numerics.validation import require_at_least
from jaxinv.kernels.representations.rows import centred, require_pair
from jaxinv.kernels.representations.whitening import Whitened, whitened


class CanonicalCorrelations(NamedTuple):
    """A similarity made of canonical correlations."""

    score: Float[Array, ""]
    """In [0, 1]; 0 if one of the two representations is constant."""
    correlations: Float[Array, "k"]
    """Descending, in [0, 1]; zeros beyond the smaller of the two ranks."""
    ranks: Int[Array, "2"]
    """Directions kept of each."""
    forced: Int[Array, ""]
    """How many correlations are 1 for want of samples, whatever the representations are."""


@jax.jit
def cca_mean_squared(x: Float[Array, "n d"], y: Float[Array, "n e"]) -> CanonicalCorrelations:
    """The mean squared canonical correlation.

    Any invertible linear map and any translation of either side changes nothing. Where n <= d + e some correlations are
    1 whatever the representations are: look at `forced`.

    Args:
      x: `(n, d)`, one row an input.
      y: `(n, e)`, the same inputs in the same order.

    Returns:
      CanonicalCorrelations, in float32 at least. Directions with less than rounding's share of the largest variance are
      left out.

    Raises:
      TypeError: if an argument is not floating point.
      ValueError: if they are not two matrices with as many rows.

    Transformations: jit, vmap, jvp, vjp of the score, right where correlations or variances are equal; a second
      derivative raises TypeError. The number of directions kept counts as constant.
      O(n (d + e)^2 + d^3 + e^3) time, with n in the place of a width that is larger.
    References: Raghu et al. (2017), arXiv:1706.05806; Kornblith et al. (2019), arXiv:1905.00414, section 3.

    Examples:
      >>> import jax
      >>> from jaxinv.kernels import representations
      >>> x = jax.random.normal(jax.random.key(0), (50, 5))
      >>> mapped = x @ jax.random.normal(jax.random.key(1), (5, 6))
      >>> found = representations.cca_mean_squared(x, mapped)
      >>> found.score.round(3), found.ranks, found.forced
      (Array(1., dtype=float32), Array([5, 5], dtype=int32), Array(0, dtype=int32))
    """
    return _mean(x, y, 1.0, squared=True)


@functools.partial(jax.jit, static_argnames="variance_share")
def svcca(x: Float[Array, "n d"], y: Float[Array, "n e"], *, variance_share: float = 0.99) -> CanonicalCorrelations:
    """The mean canonical correlation of the leading principal directions.

    Rotations, translations and rescalings of either side change nothing.

    Args:
      x: `(n, d)`, one row an input.
      y: `(n, e)`, the same inputs in the same order.
      variance_share: static, in (0, 1]; of each side the fewest directions that have it.

    Returns, raises (also ValueError for a share out of range), transformations and cost: as `cca_mean_squared`.

    References: Raghu et al. (2017), arXiv:1706.05806.
    """
    if not 0 < variance_share <= 1:
        raise ValueError(f"variance_share must be in (0, 1], got {variance_share}")
    return _mean(x, y, variance_share, squared=False)


@jax.jit
def pwcca(x: Float[Array, "n d"], y: Float[Array, "n e"]) -> CanonicalCorrelations:
    """The mean canonical correlation, weighted by how much of x each of its canonical variates accounts for.

    The weight of variate h is `sum_j |<h, x_j>|` over the columns of centred x. It is not symmetric. Translations and
    rescalings of x, and any invertible linear map and translation of y, change nothing; rotations of x do.

    Args:
      x: `(n, d)`, one row an input.
      y: `(n, e)`, the same inputs in the same order.

    Returns, raises and cost: as `cca_mean_squared`. Where correlations coincide, their variates are not determined, nor
      is the score.

    Transformations: jit, vmap, jvp, vjp of the score; not defined where correlations are equal, as the score is not,
      and large where they are close. A second derivative raises TypeError.
    References: Morcos et al. (2018), arXiv:1806.05759, eq. (3).
    """
    require_pair(x, y)
    require_at_least("rows of x", x.shape[0], 1)
    first, second = whitened(x, 1.0), whitened(y, 1.0)
    cross = contract("nd,ne->de", first.rows, second.rows)
    correlations = _singular_values(cross)
    turn = symmetric_eigen(contract("de,fe->df", cross, cross)).vectors[:, ::-1][:, : correlations.shape[0]]
    variates = contract("nd,dk->nk", first.rows, turn)
    weights = jnp.sum(jnp.abs(contract("nk,nd->kd", variates, centred(x))), axis=1)
    weights = jnp.where(jnp.arange(weights.shape[0]) < jnp.minimum(first.rank, second.rank), weights, 0.0)
    score = safe_divide(jnp.sum(weights * correlations), jnp.sum(weights))
    return _result(score, correlations, first, second)


def _mean(x, y, variance_share, *, squared):
    require_pair(x, y)
    require_at_least("rows of x", x.shape[0], 1)
    first, second = whitened(x, variance_share), whitened(y, variance_share)
    cross = contract("nd,ne->de", first.rows, second.rows)
    correlations = _singular_values(cross)
    total = jnp.sum(cross * cross) if squared else jnp.sum(correlations)
    score = safe_divide(total, jnp.minimum(first.rank, second.rank).astype(total.dtype))
    return _result(score, correlations, first, second)


def _result(score, correlations, first: Whitened, second: Whitened) -> CanonicalCorrelations:
    ranks = jnp.stack([first.rank, second.rank])
    forced = jnp.maximum(jnp.sum(ranks) - (first.rows.shape[0] - 1), 0)
    return CanonicalCorrelations(jnp.minimum(score, 1.0), jnp.minimum(correlations, 1.0), ranks, forced)


@jax.custom_jvp
def _singular_values(matrix):
    return jnp.linalg.svd(matrix, compute_uv=False)


@_singular_values.defjvp
def _singular_values_jvp(primals, tangents):
    # Each by itself is right where it differs from the others, their sum always.
    u, values, vh = jnp.linalg.svd(primals[0], full_matrices=False)
    return values, contract("ik,ij,kj->k", u, tangents[0], vh)
