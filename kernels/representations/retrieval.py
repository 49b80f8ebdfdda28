"""How well one space serves for the other, row by row: cosines, retrieval, shared neighbours.

Rows are paired: row i of both is the same sample. Directions are compared, by their cosines.
"""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxinv.kernels.numerics.distances import k_nearest
from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.row_slices import over_rows, power_of_two_within
from jaxinv.kernels.representations.rows import require_pair, unit_rows

# Cosines held at once.
_TILE = 1 << 22


@jax.jit
def mean_cosine(x: Float[Array, "n d"], y: Float[Array, "n d"]) -> Float[Array, ""]:
    """The mean cosine of paired rows; pairs with a zero row count 0. n = 0 gives 0.

    Args:
      x: `(n, d)`, floating point.
      y: `(n, d)`.

    Returns:
      Scalar, in float32 at least.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.

    Invariant to a rotation of both, and a positive scale for each row. Transformations: jit, vmap, jvp, vjp, any order.
    """
    require_pair(x, y, equal_width=True)
    dtype = accumulation_dtype(x, y)
    x, y = unit_rows(x.astype(dtype)), unit_rows(y.astype(dtype))
    return contract("nd,nd->", x, y) / max(x.shape[0], 1)


@functools.partial(jax.jit, static_argnames="k")
def topk_jaccard(x: Float[Array, "n d"], y: Float[Array, "n d"], *, k: int = 5) -> Float[Array, ""]:
    """How alike what x_i and what y_i retrieve from Y are: the mean Jaccard index of their k nearest rows of Y.

    Args:
      x: `(n, d)`, floating point, finite.
      y: `(n, d)`, in the same space.
      k: static, from 1 to n - 1.

    Returns:
      Scalar in [0, 1], in float32 at least. Rows of Y at equal cosines come in the order of their index.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.

    Transformations: jit, vmap. The derivative is zero. O(n^2 d) time; at most about 2^22 cosines are held at once.
    References: Moschella, Maiorca et al., ICLR 2023, arXiv:2209.15430, section 4.1.
    """
    wanted, found = _retrieved(x, y, k)
    common = _num_common(wanted, found)
    return jnp.mean(common / (2 * k - common), dtype=accumulation_dtype(x, y))


@functools.partial(jax.jit, static_argnames="k")
def mrr(x: Float[Array, "n d"], y: Float[Array, "n d"], *, k: int = 5) -> Float[Array, ""]:
    """Mean reciprocal rank of y_i among the k rows of Y nearest to x_i; 0 where it is not among them.

    Arguments, errors and transformations as `topk_jaccard`.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import representations
      >>> x = jnp.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.1], [-0.1, -1.0]])
      >>> representations.mrr(x, 2 * x, k=2)
      Array(1., dtype=float32)
    """
    _, found = _retrieved(x, y, k)
    hit = found == jnp.arange(x.shape[0])[:, None]
    return jnp.mean(jnp.sum(hit / jnp.arange(1, k + 1, dtype=accumulation_dtype(x, y))[None, :], axis=1))


@functools.partial(jax.jit, static_argnames=("k", "metric"))
def mutual_knn(
    x: Float[Array, "n d"], y: Float[Array, "n e"], *, k: int = 10, metric: str = "cosine"
) -> Float[Array, ""]:
    """The mean share of the k nearest other samples that both spaces agree on.

    Args:
      x: `(n, d)`, floating point, finite.
      y: `(n, e)`; the widths may differ.
      k: static, from 1 to n - 1.
      metric: static, of `numerics.distances`.

    Returns:
      Scalar in [0, 1], in float32 at least; about `k / (n - 1)` for spaces that have nothing in common.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.

    Transformations: jit, vmap. The derivative is zero. O(n^2 (d + e)) time, memory as `numerics.distances.k_nearest`.
    References: Huh et al., The Platonic representation hypothesis, ICML 2024, arXiv:2405.07987, section 2.

    Examples:
      >>> import jax
      >>> from jaxinv.kernels import representations
      >>> x = jax.random.normal(jax.random.key(0), (40, 6))
      >>> representations.mutual_knn(x, 5 * x, k=3)
      Array(1., dtype=float32)
    """
    require_pair(x, y)
    _check_k(x, k)
    common = _num_common(k_nearest(x, k, metric=metric).rows, k_nearest(y, k, metric=metric).rows)
    return jnp.mean(common / k, dtype=accumulation_dtype(x, y))


def _retrieved(x, y, k):
    """Numbers `(n, k)` of the rows of y nearest to the rows of y and of x, nearest first."""
    require_pair(x, y, equal_width=True)
    _check_k(x, k)
    dtype = accumulation_dtype(x, y)
    x, y = (jax.lax.stop_gradient(unit_rows(z.astype(dtype))) for z in (x, y))

    def nearest(rows):
        return jax.lax.top_k(contract("rd,nd->rn", rows, y), k)[1]

    most = power_of_two_within(_TILE, y.shape[0])
    return tuple(over_rows(nearest, (rows,), most) for rows in (y, x))


def _num_common(first, second):
    """`(n,)`, how many numbers two rows of different ones share."""
    return jnp.sum(first[:, :, None] == second[:, None, :], axis=(1, 2))


def _check_k(x, k):
    if not 1 <= k < x.shape[0]:
        raise ValueError(f"k must be from 1 to n - 1 = {x.shape[0] - 1}, got {k}")
