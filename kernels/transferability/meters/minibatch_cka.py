"""Linear CKA from minibatches, by sums of an unbiased estimate, for sets whose Gram matrices are too large."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.safe import safe_divide
from jaxinv.kernels.numerics.validation import require_at_least, require_floating, require_shape
from jaxinv.kernels.transferability.meters.sensitivity import LinearCKA

# A relative distance below this many units of rounding is no distance.
_ROUNDING_UNITS = 8.0


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
    """The state before any batch: zeros of `dtype`, which is float32 or float64."""
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

    Transformations: jit, vmap, grad. O(n^2 (d + e)) time, O(n^2) memory.

    References: Song et al., Feature selection via dependence maximization, JMLR 13 (2012), eq. (5), the unbiased
      estimate of HSIC; Nguyen, Raghu, Kornblith (2021), arXiv:2010.15327, eq. (2) and (3), its sums over minibatches.
    """
    require_floating("x", x)
    require_floating("y", y)
    require_shape("x", x, (None, None))
    require_shape("y", y, (x.shape[0], None))
    require_at_least("rows of x", x.shape[0], 4)
    (gram1, rounding1), (gram2, rounding2) = _gram(x), _gram(y)
    return CKAState(
        state.shared + _hsic(gram1, gram2),
        state.own1 + _hsic(gram1, gram1),
        state.own2 + _hsic(gram2, gram2),
        state.rounding1 + rounding1,
        state.rounding2 + rounding2,
    )


@jax.jit
def cka_finalise(state: CKAState) -> LinearCKA:
    """CKA over all batches: 0 on average for independent representations, whatever the size of a batch.

    Where `linear_cka` of a batch tends to 1 as columns outnumber rows, this does not. As a ratio of estimates it can
    leave [0, 1] by their error. Collapsed, with score 0, if one side does not vary or there is no batch.
    """
    collapsed = (state.own1 <= state.rounding1) | (state.own2 <= state.rounding2)
    own1, own2 = (jnp.where(collapsed, 1.0, own) for own in (state.own1, state.own2))
    return LinearCKA(jnp.where(collapsed, 0.0, safe_divide(state.shared, jnp.sqrt(own1) * jnp.sqrt(own2))), collapsed)


def _gram(x):
    """Gram matrix without its diagonal, of rows about their mean (which changes no HSIC), and rounding's square."""
    rounding = _ROUNDING_UNITS * float(jnp.finfo(x.dtype).eps)
    x = x.astype(accumulation_dtype(x))
    centred = x - jnp.mean(x, axis=0, keepdims=True)
    gram = contract("nd,md->nm", centred, centred)
    noise = rounding**2 * jnp.mean(jnp.sum(x * x, axis=-1))
    return jnp.where(jnp.eye(x.shape[0], dtype=bool), 0.0, gram), jax.lax.stop_gradient(noise**2)


def _hsic(gram1, gram2):
    """Of symmetric matrices with a diagonal of zeros."""
    size = gram1.shape[0]
    sums1, sums2 = jnp.sum(gram1, axis=1), jnp.sum(gram2, axis=1)
    total = jnp.sum(gram1 * gram2) + jnp.sum(sums1) * jnp.sum(sums2) / ((size - 1) * (size - 2))
    return (total - 2 * jnp.sum(sums1 * sums2) / (size - 2)) / (size * (size - 3))
