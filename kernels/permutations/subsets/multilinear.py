"""The exact mean of a function of random subsets, by all of them."""

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.permutations.subsets.arguments import require_elements, require_vector
from jaxinv.kernels.permutations.subsets.sums import subset_sums
from jaxinv.kernels.permutations.subsets.utility import Utility

_MOST = 12


def multilinear_exact(utility: Utility, h: jax.Array, q: jax.Array) -> jax.Array:
    """E F(S) where element i is in S with probability `q_i`, independently: the multilinear extension of F.

    Its derivative by `q_i` is the mean of F(S with i) - F(S without i), which `marginal_logits` estimates.

    Args:
      utility: from sums over subsets `(..., D)` to `(...)`.
      h: `(n, D)`, floating point, n up to 12.
      q: `(n,)`, floating point, probabilities.

    Returns:
      A scalar, in float32 at least.

    Raises:
      TypeError, ValueError: wrong dtype or shape, more than 12 elements, naming the argument.

    Work and memory: `2^n` subsets. Transformations: jit, vmap, jvp, vjp, any order.
    References: Calinescu et al., Maximizing a monotone submodular function subject to a matroid constraint, 2011.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import permutations
      >>> def both(subsets):  # 1 where both elements are in
      ...     return subsets[..., 0] * subsets[..., 1]
      >>> permutations.multilinear_exact(both, jnp.eye(2), jnp.array([0.5, 0.25]))
      Array(0.125, dtype=float32)
    """
    h, _ = require_elements(h, None)
    if h.shape[0] > _MOST:
        raise ValueError(f"h must have at most {_MOST} elements, got {h.shape[0]}")
    q = require_vector("q", q, h.shape[0])
    dtype = accumulation_dtype(h, q)
    weights, subsets = jnp.ones(1, dtype), jnp.zeros((1, 0), dtype)
    for probability in q.astype(dtype):
        weights = jnp.concatenate([(1 - probability) * weights, probability * weights])
        is_in = jnp.repeat(jnp.arange(2, dtype=dtype), len(subsets))[:, None]
        subsets = jnp.concatenate([jnp.tile(subsets, (2, 1)), is_in], axis=1)
    return contract("s,s->", weights, utility(subset_sums(h, subsets)))
