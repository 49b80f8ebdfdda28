"""Centres of parts from votes for them: a mixture of Gaussians by EM, with the derivative of its fixed point."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.safe import safe_divide
from jaxinv.kernels.numerics.validation import require_at_least, require_floating
from jaxinv.kernels.symmetrization.clouds import point_shares, points_argument, without_masked
from jaxinv.kernels.symmetrization.part_assignments import soft_assignments


class PartMixture(NamedTuple):
    """Centres `(k, d)` and proportions `(k,)`, which add up to 1; 0 for parts that no vote is near to."""

    centres: jax.Array
    proportions: jax.Array


@functools.partial(jax.jit, static_argnames=("num_steps",))
def fit_part_mixture(
    votes: jax.Array,
    centres: jax.Array,
    proportions: jax.Array,
    *,
    sigma: float | jax.Array,
    num_steps: int = 30,
    mask: jax.Array | None = None,
) -> PartMixture:
    """Steps of expectation and maximisation for isotropic Gaussians of one known width.

    Args:
      votes: `(n, d)`, floating point; for more clouds `jax.vmap`.
      centres: `(k, d)`, where to start.
      proportions: `(k,)`, not negative; parts of 0 stay at 0 where they are.
      sigma: above 0, in the units of the votes.
      num_steps: static, 1 at least; the likelihood falls in none of them.
      mask: `(n,)` bool, which votes there are.

    Returns:
      `PartMixture`, in the common dtype.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Without the authors' repulsion of centres; their merging is `merge_parts`.
    Transformations: jit, vmap; jvp and vjp in the votes, of first order, by the implicit function theorem: right where
    the steps have converged, 0 with respect to the start.
    References: Atzmon et al., arXiv:2402.08529, sec. 3.
    """
    votes, centres, proportions = points_argument("votes", votes), jnp.asarray(centres), jnp.asarray(proportions)
    require_floating("centres", centres)
    require_floating("proportions", proportions)
    require_at_least("num_steps", num_steps, 1)
    if votes.ndim != 2:
        raise ValueError(f"votes must have shape (n, d), got {votes.shape}")
    if centres.ndim != 2 or centres.shape[1] != votes.shape[1]:
        raise ValueError(f"centres must have shape (k, {votes.shape[1]}), got {centres.shape}")
    if proportions.shape != centres.shape[:1]:
        raise ValueError(f"proportions must have shape ({centres.shape[0]},), got {proportions.shape}")
    result_dtype = jnp.result_type(votes, centres, proportions)
    dtype = accumulation_dtype(votes, centres, proportions)
    shares = point_shares(votes, mask, None).astype(dtype)
    wide = without_masked(votes, mask).astype(dtype)

    def step(votes, mixture):
        belongs = shares[:, None] * soft_assignments(votes, *mixture, sigma=sigma)
        mass = jnp.sum(belongs, axis=0)
        mean = safe_divide(contract("pk,pi->ki", belongs, votes), mass[:, None])
        return PartMixture(jnp.where(mass[:, None] > 0, mean, mixture.centres), mass)

    fixed_votes = jax.lax.stop_gradient(wide)
    start = jax.lax.stop_gradient(PartMixture(centres.astype(dtype), proportions.astype(dtype)))
    found = jax.lax.fori_loop(0, num_steps, lambda _, mixture: step(fixed_votes, mixture), start)
    point, shaped = ravel_pytree(jax.lax.stop_gradient(found))

    def after(point):
        return ravel_pytree(step(fixed_votes, shaped(point)))[0]

    # x = step(votes, x): dx = (1 - dstep/dx)^-1 dstep/dvotes. A little more than 1, for centres that coincide.
    rest = (1 + 1e-6) * jnp.eye(point.size, dtype=dtype) - jax.lax.stop_gradient(jax.jacfwd(after)(point))
    stepped = ravel_pytree(step(wide, shaped(point)))[0]
    # 0, but for its derivative.
    moved = jnp.linalg.solve(rest, stepped - jax.lax.stop_gradient(stepped))
    return jax.tree.map(lambda leaf: leaf.astype(result_dtype), shaped(point + moved))
