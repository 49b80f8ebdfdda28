"""Linear CKA by an unbiased estimate of each of its terms, of one batch or summed over minibatches."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from jaxinv.kernels.numerics.gram import row_gram, weighted_gram
from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.safe import safe_divide
from jaxinv.kernels.numerics.validation import require_at_least
from jaxinv.kernels.representations.linear_cka import LinearCKA
from jaxinv.kernels.representations.rows import ROUNDING_UNITS, centred, require_pair


class CKAState(NamedTuple):
    """Sums over the batches seen so far; two states add field by field."""

    shared: Float[Array, ""]
    """Of the independence criterion (HSIC) of both representations."""
    own1: Float[Array, ""]
    """Of that of the first with itself."""
    own2: Float[Array, ""]
    rounding1: Float[Array, ""]
    """Of what rounding alone could give in the place of `own1`."""
    rounding2: Float[Array, ""]


def cka_init(dtype: DTypeLike = jnp.float32) -> CKAState:
    """The state before any batch.

    Args:
      dtype: float32 or float64, in which sums are kept.

    Returns:
      `CKAState` of zeros, for `cka_update`.
    """
    return CKAState(*(jnp.zeros((), dtype) for _ in CKAState._fields))


@jax.jit
def cka_update(state: CKAState, x: Float[Array, "n d"], y: Float[Array, "n e"]) -> CKAState:
    """Adds a batch of inputs under two representations.

    Args:
      state: from `cka_init`, an earlier `cka_update`, or a sum of such states.
      x: `(n, d)`, one row an input, n >= 4.
      y: `(n, e)`, the same inputs in the same order.

    Returns:
      The new state. Every batch weighs the same, so let them be of one size.

    Raises:
      TypeError: if an argument is not floating point.
      ValueError: if they are not two matrices with as many rows, or there are fewer than 4.

    Transformations: jit, vmap, grad. Each product on its smaller side: at most O(n (d + e)^2) time and O((d + e)^2)
      memory.

    References: Song et al., Feature selection via dependence maximization, JMLR 13 (2012), eq. (5), the unbiased
      estimate of HSIC; Nguyen, Raghu, Kornblith (2021), arXiv:2010.15327, eq. (2) and (3), its sums over minibatches.

    Examples:
      >>> import jax
      >>> from jaxinv.kernels import representations
      >>> batches = jax.random.normal(jax.random.key(0), (3, 16, 8))
      >>> state = representations.cka_init()
      >>> for x in batches:
      ...     state = representations.cka_update(state, x, 2 * x + 1)
      >>> representations.cka_finalise(state).score.round(4)
      Array(1., dtype=float32)
    """
    require_pair(x, y)
    require_at_least("rows of x", x.shape[0], 4)
    rounding1, rounding2 = _rounding(x), _rounding(y)
    # About their mean, which changes no HSIC.
    x, y = centred(x), centred(y)
    return CKAState(
        state.shared + _hsic(x, y),
        state.own1 + _hsic(x, x),
        state.own2 + _hsic(y, y),
        state.rounding1 + rounding1,
        state.rounding2 + rounding2,
    )


@jax.jit
def cka_finalise(state: CKAState) -> LinearCKA:
    """CKA over all batches: 0 on average for independent representations, whatever the size of a batch.

    Where `linear_cka` of a batch tends to 1 as columns outnumber rows, this does not. As a ratio of estimates it can
    leave [0, 1] by their error.

    Args:
      state: from `cka_update`, or a sum of such states.

    Returns:
      A `LinearCKA`, in the dtype of the state; collapsed, with score 0, if one side does not vary or there is no batch.

    Transformations: jit, vmap, grad (0 if collapsed).

    References: as `cka_update`.
    """
    collapsed = (state.own1 <= state.rounding1) | (state.own2 <= state.rounding2)
    own1, own2 = (jnp.where(collapsed, 1.0, own) for own in (state.own1, state.own2))
    return LinearCKA(jnp.where(collapsed, 0.0, safe_divide(state.shared, jnp.sqrt(own1) * jnp.sqrt(own2))), collapsed)


@jax.jit
def debiased_cka(x: Float[Array, "n d"], y: Float[Array, "n e"]) -> LinearCKA:
    """Linear CKA with unbiased estimates of its three terms: 0 on average for independent representations.

    As `cka_finalise` of one batch. It may be negative by chance, and is so returned; of a representation with itself
    it is 1. Rotations, translations and rescalings of either side change nothing.

    Args:
      x: `(n, d)`, one row an input, n >= 4.
      y: `(n, e)`, the same inputs in the same order.

    Returns:
      A `LinearCKA`, in float32 at least; collapsed, with score 0, if one side does not vary.

    Raises:
      TypeError: if an argument is not floating point.
      ValueError: if they are not two matrices with as many rows, or there are fewer than 4.

    Transformations: jit, vmap, grad. Each product on its smaller side, as `cka_update`.

    References: Song et al., JMLR 13 (2012), eq. (5); Kornblith et al. (2019), arXiv:1905.00414.

    Examples:
      >>> import jax
      >>> from jaxinv.kernels import representations
      >>> x, y = jax.random.normal(jax.random.key(0), (2, 64, 64))  # nothing in common
      >>> bool(abs(representations.debiased_cka(x, y).score) < 0.1)
      True
      >>> bool(representations.linear_cka(x, y).score > 0.4)
      True
    """
    return cka_finalise(cka_update(cka_init(accumulation_dtype(x, y)), x, y))


def _rounding(x):
    """Of the square of HSIC of `x` with itself: what rounding alone could give."""
    share = ROUNDING_UNITS * float(jnp.finfo(x.dtype).eps)
    x = x.astype(accumulation_dtype(x))
    noise = share**2 * jnp.mean(jnp.sum(x * x, axis=-1))
    return jax.lax.stop_gradient(noise**2)


def _hsic(x, y):
    """Of centred rows, whose Gram matrices without their diagonals have the row sums `-|x_i|^2` and `-|y_i|^2`."""
    size = x.shape[0]
    squares1, squares2 = jnp.sum(x * x, axis=1), jnp.sum(y * y, axis=1)
    if size <= min(x.shape[1], y.shape[1]):
        products = row_gram(x) * row_gram(y)
        common = jnp.sum(jnp.where(jnp.eye(size, dtype=bool), 0.0, products))
    else:
        cross = weighted_gram(x, x) if y is x else contract("nd,ne->de", x, y)
        common = jnp.sum(cross**2) - jnp.sum(squares1 * squares2)
    total = common + jnp.sum(squares1) * jnp.sum(squares2) / ((size - 1) * (size - 2))
    return (total - 2 * jnp.sum(squares1 * squares2) / (size - 2)) / (size * (size - 3))
