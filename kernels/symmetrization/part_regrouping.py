"""A coarser partition from votes: parts whose points vote for one centre become one part."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.safe import safe_divide
from jaxinv.kernels.numerics.small_matrices import total
from jaxinv.kernels.numerics.validation import require_at_least
from jaxinv.kernels.symmetrization.clouds import point_shares, points_argument, without_masked
from jaxinv.kernels.symmetrization.part_assignments import soft_assignments
from jaxinv.kernels.symmetrization.part_mixture import PartMixture, fit_part_mixture
from jaxinv.kernels.symmetrization.partitions import membership


class Regrouping(NamedTuple):
    """A partition, and what it was taken from.

    Attributes:
      labels: `(n,)` int32, the likeliest part of each point; -1 for masked points.
      assignments: `(n, k)`, the probabilities of parts, for `assignment_uncertainty`.
      mixture: centres and proportions; 0 for parts that are no more.
    """

    labels: jax.Array
    assignments: jax.Array
    mixture: PartMixture


@jax.jit
def merge_parts(mixture: PartMixture, *, distance: float | jax.Array) -> PartMixture:
    """Parts whose centres are within a distance of each other, through others too, become one.

    Args:
      mixture: centres `(k, d)` and proportions `(k,)`; parts of proportion 0 are not there.
      distance: in the units of the centres.

    Returns:
      `PartMixture` of as many parts: the first of those that become one has their proportions together and the mean of
      their centres, the others have proportion 0.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap; jvp and vjp, any order, which parts become one counting as fixed.
    References: Atzmon et al., arXiv:2402.08529, sec. 3.
    """
    centres, proportions = points_argument("centres", mixture.centres), jnp.asarray(mixture.proportions)
    if proportions.shape != centres.shape[:1] or centres.ndim != 2:
        raise ValueError(f"mixture must have shapes (k, d) and (k,), got {centres.shape} and {proportions.shape}")
    num_parts, d = centres.shape
    square = total((centres[:, None, i] - centres[None, :, i]) ** 2 for i in range(d))
    there = proportions > 0
    near = (square <= distance**2) & there[:, None] & there[None, :] | jnp.eye(num_parts, dtype=bool)
    # Near through others: each squaring of the relation doubles the length of the ways.
    for _ in range((num_parts - 1).bit_length()):
        near = jnp.any(near[:, :, None] & near[None], axis=1)
    first = jax.lax.argmax(near, 1, jnp.int32)
    onto = jax.nn.one_hot(first, num_parts, dtype=accumulation_dtype(centres, proportions))
    together = contract("ij,i->j", onto, proportions)
    mean = safe_divide(contract("ij,i,id->jd", onto, proportions, centres), together[:, None])
    merged = jnp.where(together[:, None] > 0, mean, centres)
    return PartMixture(merged.astype(centres.dtype), together.astype(proportions.dtype))


@functools.partial(jax.jit, static_argnames=("num_parts", "num_steps"))
def regroup_parts(
    votes: jax.Array,
    labels: jax.Array,
    num_parts: int,
    *,
    sigma: float | jax.Array,
    num_steps: int = 30,
    mask: jax.Array | None = None,
) -> Regrouping:
    """The partition of a next layer: `fit_part_mixture` from the mean votes of parts, `merge_parts`, likeliest parts.

    Moves along with the votes, whatever motion that is: if all points of a true part vote for one place, its parts
    become one, and if places of true parts are apart by a few sigma, no part straddles two of them.

    Args:
      votes: `(n, d)`, floating point; for more clouds `jax.vmap`.
      labels: `(n,)` integers, the partition so far; points of labels outside 0 to `num_parts - 1` have no vote there.
      num_parts: static, 1 at least.
      sigma: above 0, in the units of the votes: the spread of votes for one centre. Centres up to sigma apart are one.
      num_steps: static, of the mixture.
      mask: `(n,)` bool, which points there are.

    Returns:
      `Regrouping` in up to `num_parts` parts.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap; jvp and vjp of assignments and mixture in the votes, of first order.
    References: Atzmon et al., Approximately piecewise E(3) equivariant point networks, arXiv:2402.08529.
    """
    votes = points_argument("votes", votes)
    require_at_least("num_parts", num_parts, 1)
    if votes.ndim != 2:
        raise ValueError(f"votes must have shape (n, d), got {votes.shape}")
    shares = point_shares(votes, mask, None)
    votes = without_masked(votes, mask)
    wide = jax.lax.stop_gradient(votes).astype(shares.dtype)
    of_parts = shares[:, None] * membership(labels, num_parts, votes, shares.dtype)
    proportions = jnp.sum(of_parts, axis=0)
    centres = safe_divide(contract("pk,pi->ki", of_parts, wide), proportions[:, None])
    mixture = fit_part_mixture(votes, centres, proportions, sigma=sigma, num_steps=num_steps, mask=mask)
    mixture = merge_parts(mixture, distance=sigma)
    assignments = soft_assignments(votes, *mixture, sigma=sigma)
    likeliest = jax.lax.argmax(assignments, 1, jnp.int32)
    return Regrouping(jnp.where(shares > 0, likeliest, -1), assignments, mixture)
