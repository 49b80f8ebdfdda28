"""The contrastive loss of two views."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.representations.rows import require_pair, unit_rows


@jax.jit
def info_nce(x: Float[Array, "n d"], y: Float[Array, "n d"], *, temperature: float = 0.1) -> Float[Array, ""]:
    """How hard it is to find a sample's other view among all other rows of both views, in nats: SimCLR's loss.

    The mean over all 2 n rows of `-log softmax(cosine / temperature)` at the other view, over the 2 n - 1 other rows.

    Args:
      x: `(n, d)`, at least one row.
      y: `(n, d)`, the same samples.
      temperature: positive, at least 1e-3.

    Returns:
      Scalar, in float32 at least; 0 for n = 1; `log(2 n - 1)` where all rows are the same or zero.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.

    Invariant to a rotation of both, and a positive scale for each row. Transformations: jit, vmap, jvp, vjp, any order.
    O(n^2 d) time, 4 n^2 numbers.
    References: Chen et al., A simple framework for contrastive learning, ICML 2020, arXiv:2002.05709, eq. (1).

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import representations
      >>> f"{representations.info_nce(jnp.ones((4, 2)), jnp.ones((4, 2))):.3f}"  # log 7
      '1.946'
    """
    require_pair(x, y, equal_width=True)
    num_samples = x.shape[0]
    if num_samples < 1:
        raise ValueError(f"x must have at least one row, got shape {x.shape}")
    dtype = accumulation_dtype(x, y)
    rows = unit_rows(jnp.concatenate([x.astype(dtype), y.astype(dtype)]))
    logits = contract("nd,md->nm", rows, rows) / temperature
    others = jnp.where(jnp.eye(2 * num_samples, dtype=bool), jnp.finfo(dtype).min / 2, logits)
    right = contract("nd,nd->n", rows, jnp.roll(rows, num_samples, axis=0)) / temperature
    return jnp.mean(jax.nn.logsumexp(others, axis=1) - right)
