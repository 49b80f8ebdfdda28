"""Which k models of a pool form the best ensemble, from the costs of models and of pairs of them.

The cost of a subset E is `sum_{i in E} unary_i + sum_{i, j in E} pairwise_ij`, and f(E) is minus that. With pairwise
costs >= 0, f is submodular, but with costs >= 0 it falls with every model added: its maximum is the empty set, and no
guarantee holds for it. Among subsets of k models, `g(E) = f(E) + c |E|` has the same best one for every c; for c so
large that no gain is negative (`least_bonus`), g is monotone and submodular with g({}) = 0, and the greedy choice has
`g(greedy) >= (1 - 1/e) g(best)` (Nemhauser, Wolsey, Fisher, Math. Programming 14 (1978)).
"""

import functools
import itertools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.numerics.precision import contract
from jaxinv.kernels.numerics.validation import require_at_least, require_floating, require_shape
from jaxinv.kernels.transferability.ensembles.osborn import EnsembleCosts

_MOST_SUBSETS = 10_000_000


class SubsetScores(NamedTuple):
    """Every subset of k models.

    Attributes:
      score: `(S,)`, minus the cost; higher is better.
      models: `(S, k)`, the models of each subset, ascending; subsets in lexicographic order.
    """

    score: jax.Array
    models: jax.Array


class Selection(NamedTuple):
    """A chosen ensemble.

    Attributes:
      score: `()`, minus its cost.
      models: `(k,)`; ascending if chosen exhaustively, in the order of choice if greedily.
      gains: `(k,)`, what each model of that order adds to the score.
    """

    score: jax.Array
    models: jax.Array
    gains: jax.Array


@jax.jit
def osborn_score(costs: EnsembleCosts, subset: jax.Array) -> jax.Array:
    """Minus the cost of one subset.

    Args:
      costs: from `ensemble_costs`.
      subset: `(M,)` bool, the models in it.

    Returns:
      `()`, in the dtype of the costs; higher is better. 0 for the empty subset.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.

    Transformations: jit, vmap (over subsets), jvp, vjp, second order in the costs.
    """
    num_models = _checked(costs)
    require_shape("subset", subset, (num_models,))
    member = subset.astype(costs.unary.dtype)
    return -(contract("i,i->", member, costs.unary) + contract("i,ij,j->", member, costs.pairwise, member))


@functools.partial(jax.jit, static_argnames=("size",))
def all_subset_scores(costs: EnsembleCosts, *, size: int) -> SubsetScores:
    """The score of every subset of `size` models.

    Args:
      costs: from `ensemble_costs`.
      size: k, static, 1 to M.

    Returns:
      SubsetScores of `comb(M, k)` subsets, in the dtype of the costs.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument; more than ten million subsets.

    Transformations: jit, vmap (over targets), jvp, vjp, second order in the costs.
    """
    num_models = _checked(costs, size)
    models = _subset_table(num_models, size)
    # A pair of places at a time: nothing of size S x k x k.
    score = -jnp.sum(costs.unary[models], axis=1)
    for i, j in itertools.permutations(range(size), 2):
        score = score - costs.pairwise[models[:, i], models[:, j]]
    return SubsetScores(score=score, models=jnp.asarray(models))


@functools.partial(jax.jit, static_argnames=("size",))
def exhaustive_selection(costs: EnsembleCosts, *, size: int) -> Selection:
    """The best of all subsets of `size` models.

    Args:
      costs: from `ensemble_costs`.
      size: k, static, 1 to M.

    Returns:
      Selection; the first in lexicographic order if several are best.

    Raises:
      TypeError, ValueError: as `all_subset_scores`.

    Transformations: jit, vmap (over targets).

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import transferability as tf
      >>> domain, task = jnp.array([1.0, 1.1, 2.0]), jnp.array([0.5, 0.5, 0.9])
      >>> disagreement = jnp.array([[0.0, 0.2, 0.1], [0.2, 0.0, 0.1], [0.1, 0.1, 0.0]])
      >>> costs = tf.ensemble_costs(domain, task, disagreement, standardize=False)
      >>> tf.exhaustive_selection(costs, size=2).models
      Array([0, 1], dtype=int32)
    """
    subsets = all_subset_scores(costs, size=size)
    best = jnp.argmax(subsets.score)
    models = subsets.models[best]
    return Selection(score=subsets.score[best], models=models, gains=_gains(costs, models))


@functools.partial(jax.jit, static_argnames=("size",))
def greedy_selection(costs: EnsembleCosts, *, size: int) -> Selection:
    """`size` models, each the one that adds most to those before it.

    The guarantee holds for `g(E) = score(E) + c |E|`, c from `least_bonus`, and not for the score itself:
    `g(greedy) >= (1 - 1/e) g(best)` if no cost of a pair is negative.

    Args:
      costs: from `ensemble_costs`.
      size: k, static, 1 to M.

    Returns:
      Selection, in the order of choice; of models that add as much, the first. Time `O(k M)`.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.

    Transformations: jit, vmap (over targets).
    References: Nemhauser, Wolsey, Fisher, Math. Programming 14 (1978); Vimal K B et al. (2023), arXiv:2309.02429.
    """
    num_models = _checked(costs, size)
    both_ways = costs.pairwise + costs.pairwise.T
    never = float(jnp.finfo(costs.unary.dtype).min)

    def choose(state, _):
        gains, free = state
        model = jnp.argmax(jnp.where(free, gains, never))
        chosen = jnp.arange(num_models) == model
        return (gains - both_ways[model], free & ~chosen), (model, gains[model])

    _, (models, gains) = jax.lax.scan(choose, (-costs.unary, jnp.ones(num_models, bool)), length=size)
    return Selection(score=jnp.sum(gains), models=models, gains=gains)


@jax.jit
def least_bonus(costs: EnsembleCosts) -> jax.Array:
    """The smallest c >= 0 with which `g(E) = score(E) + c |E|` never falls when a model is added.

    Args:
      costs: from `ensemble_costs`.

    Returns:
      `()`, in the dtype of the costs; 0 for an empty pool.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.

    Transformations: jit, vmap (over targets).
    """
    _checked(costs)
    both_ways = costs.pairwise + costs.pairwise.T
    return jnp.max(costs.unary + jnp.sum(both_ways, axis=0), initial=0.0)


def _gains(costs, models):
    """What each model adds to those before it."""
    both_ways = (costs.pairwise + costs.pairwise.T)[models[:, None], models[None, :]]
    return -costs.unary[models] - jnp.sum(jnp.tril(both_ways, -1), axis=1)


def _checked(costs, size=None):
    """The number of models."""
    require_floating("costs.unary", costs.unary)
    require_shape("costs.unary", costs.unary, (None,))
    num_models = costs.unary.shape[0]
    require_floating("costs.pairwise", costs.pairwise)
    require_shape("costs.pairwise", costs.pairwise, (num_models, num_models))
    if size is not None:
        require_at_least("size", size, 1)
        if size > num_models:
            raise ValueError(f"size must be <= the {num_models} models of the pool, got {size}")
    return num_models


@functools.lru_cache(maxsize=16)
def _subset_table(num_models: int, size: int) -> np.ndarray:
    number = math.comb(num_models, size)
    if number > _MOST_SUBSETS:
        raise ValueError(f"size: {number} subsets of {size} of {num_models} models are too many; select greedily")
    table = np.array(list(itertools.combinations(range(num_models), size)), np.int32)
    table.flags.writeable = False
    return table
