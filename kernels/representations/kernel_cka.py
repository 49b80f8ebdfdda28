"""Centred kernel alignment with Gaussian kernels."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from jaxinv.kernels.numerics.order_statistics import order_statistics
from jaxinv.kernels.numerics.safe import safe_divide, safe_norm
from jaxinv.kernels.representations.linear_cka import LinearCKA
from jaxinv.kernels.representations.pairwise import squared_distances
from jaxinv.kernels.representations.rows import centred_unit, require_pair


@jax.jit
def rbf_cka(x: Float[Array, "n d"], y: Float[Array, "n e"], *, sigma_factor: ArrayLike = 1.0) -> LinearCKA:
    """Centred kernel alignment of two representations, each with its own Gaussian kernel.

    `exp(-|x_i - x_j|^2 / (2 sigma^2))`, sigma being `sigma_factor` times the root of the median squared distance of
    different samples. Rotations, translations and rescalings of either side change nothing. It is biased, as
    `linear_cka` is.

    Args:
      x: `(n, d)`, one row an input.
      y: `(n, e)`, the same inputs in the same order.
      sigma_factor: positive.

    Returns:
      A `LinearCKA`, in float32 at least. If one side is constant, or at least half of its pairs coincide so that sigma
      would be 0, or n < 2, the score is 0 with `collapsed` set.

    Raises:
      TypeError: if an argument is not floating point.
      ValueError: if they are not two matrices with as many rows.

    Transformations: jit, vmap, jvp, vjp, any order, the median included (0 if collapsed). O(n^2 (d + e)) time, a few
      n x n arrays of memory.
    References: Kornblith et al. (2019), arXiv:1905.00414, section 3; Cortes et al., JMLR 13 (2012) 795.

    Examples:
      >>> import jax
      >>> from jaxinv.kernels import representations
      >>> x = jax.random.normal(jax.random.key(0), (50, 4))
      >>> representations.rbf_cka(x, x[:, ::-1]).score.round(4)
      Array(1., dtype=float32)
    """
    require_pair(x, y)
    (gram1, collapsed1), (gram2, collapsed2) = (_centred_gram(z, sigma_factor) for z in (x, y))
    norms = safe_norm(gram1.ravel()) * safe_norm(gram2.ravel())
    collapsed = collapsed1 | collapsed2
    score = safe_divide(jnp.sum(gram1 * gram2), jnp.where(collapsed, 1.0, norms))
    return LinearCKA(jnp.where(collapsed, 0.0, score), collapsed)


def _centred_gram(x, sigma_factor):
    """Gaussian Gram matrix with centred rows and columns, and whether there is none."""
    x, constant = centred_unit(x)
    size = x.shape[0]
    if size < 2:
        return jnp.zeros((size, size), x.dtype), jnp.ones((), bool)
    apart = squared_distances(x, x)
    # Both triangles: each pair twice, after the diagonal of zeros.
    middle = size + size * (size - 1) // 2
    median = sum(order_statistics(apart, middle - 1)) / 2
    collapsed = constant | (median == 0)
    scale = 2 * jnp.asarray(sigma_factor, x.dtype) ** 2 * jnp.where(collapsed, 1.0, median)
    gram = jnp.exp(-apart / scale)
    means = jnp.mean(gram, axis=0)
    return gram - means[None, :] - means[:, None] + jnp.mean(means), collapsed
