"""Which part each point belongs to, from a vote for the centre of its part."""

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.ranks import with_equal_ranks
from jaxinv.kernels.numerics.safe import safe_divide
from jaxinv.kernels.numerics.small_matrices import total
from jaxinv.kernels.numerics.validation import require_floating
from jaxinv.kernels.symmetrization.clouds import points_argument


@jax.jit
def soft_assignments(
    votes: jax.Array, centres: jax.Array, proportions: jax.Array, *, sigma: float | jax.Array
) -> jax.Array:
    """Probabilities of parts under a mixture of isotropic Gaussians: `pi_j N(y; mu_j, sigma^2)`, normalised.

    Args:
      votes: `(..., n, d)`, floating point.
      centres: `(..., k, d)`; leading axes broadcast.
      proportions: `(..., k)`, not negative; parts of 0 get probability 0 (of all parts where all are 0: equal ones).
      sigma: above 0, in the units of the votes; the smaller, the nearer to one-hot rows.

    Returns:
      `(..., n, k)`, rows adding up to 1, in the common dtype; the likeliest part is `jnp.argmax`, the first of equals.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Atzmon et al., arXiv:2402.08529, eq. (10).
    """
    votes, centres = points_argument("votes", votes), points_argument("centres", centres)
    proportions = jnp.asarray(proportions)
    require_floating("proportions", proportions)
    d, num_parts = votes.shape[-1], centres.shape[-2]
    if centres.shape[-1] != d:
        raise ValueError(f"centres must have shape (..., k, {d}), got {centres.shape}")
    if proportions.shape[-1:] != (num_parts,):
        raise ValueError(f"proportions must have shape (..., {num_parts}), got {proportions.shape}")
    result_dtype = jnp.result_type(votes, centres, proportions)
    dtype = accumulation_dtype(votes, centres, proportions)
    y, mu, pi = with_equal_ranks(*(x.astype(dtype) for x in (votes, centres, proportions[..., None, :])))
    y, mu, width = y[..., :, None, :], mu[..., None, :, :], jnp.asarray(sigma, dtype)
    present = pi > 0
    # From the nearest centre on, which keeps a logit of order 1 whatever the width: the nearest for the nearest is 0.
    square = jnp.where(present, total((y[..., i] - mu[..., i]) ** 2 for i in range(d)), jnp.finfo(dtype).max)
    place = jax.lax.argmin(jax.lax.stop_gradient(square), square.ndim - 1, jnp.int32)
    chosen = jax.nn.one_hot(place, num_parts, dtype=dtype)[..., None]
    nearest = jax.lax.stop_gradient(jnp.sum(chosen * mu, axis=-2, keepdims=True))
    farther = total(
        ((nearest[..., i] - mu[..., i]) / width) * ((2 * y[..., i] - mu[..., i] - nearest[..., i]) / width)
        for i in range(d)
    )
    most = 0.25 * float(jnp.finfo(dtype).max)
    logits = jnp.where(present, jnp.log(jnp.where(present, pi, 1)) - jnp.minimum(farther / 2, most), -most)
    above = logits - jax.lax.stop_gradient(jnp.max(logits, axis=-1, keepdims=True))
    # Computed anew in another fusion a large one may come out above 0; not `minimum`, whose derivative at 0 is 1/2.
    likelihoods = jnp.exp(jnp.where(above > 0, 0, above))
    return safe_divide(likelihoods, jnp.sum(likelihoods, axis=-1, keepdims=True)).astype(result_dtype)
