"""Could the generators of the graphs at hand have made other graphs? The distance of the nearest mixture says how well.

Graphs to train on are parted into groups in several ways, such as all together, by their source, or by topology. Each
group gives a graphon, a basis; the mixtures of the bases of one partition are what it can generate.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from jaxinv.kernels.graphs.adjacency import require_graphs, require_square
from jaxinv.kernels.graphs.gromov_wasserstein import entropic_gw
from jaxinv.kernels.graphs.sort_and_smooth import graphon_sas
from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.validation import require_at_least, require_floating, require_integer, require_shape

# Of Adam, as published for this problem.
_DECAY, _SQUARE_DECAY, _TINY = 0.9, 0.99, 1e-8


class GraphonBases(NamedTuple):
    """A graphon a group."""

    bases: Float[Array, "g b b"]
    present: Bool[Array, "g"]
    """False for a group without a graph, whose basis is 0."""


class Mixture(NamedTuple):
    """The mixture found nearest to a target."""

    weights: Float[Array, "b"]
    """On the simplex."""
    distance: Float[Array, ""]
    """Gromov-Wasserstein distance of the mixture from the target, an upper bound of the least one."""
    trace: Float[Array, "s"]
    """The distance before each step, and so that of the mean of the bases first."""


class Feasibility(NamedTuple):
    """How well the nearest mixture could have generated the target."""

    score: Float[Array, ""]
    """Minus the least distance, <= 0; higher is better."""
    partition: Int[Array, ""]
    """Whose mixture that is."""
    weights: Float[Array, "p b"]
    distances: Float[Array, "p"]
    """Of the nearest mixture of every partition."""
    mean_distances: Float[Array, "p"]
    """Of the mean of the bases of every partition."""


@functools.partial(jax.jit, static_argnames=("num_groups", "block_size"))
def graphon_bases(
    adjacency: Float[Array, "k n n"],
    group: Int[Array, "k"],
    num_nodes: Int[Array, "k"] | None = None,
    *,
    num_groups: int,
    block_size: int | None = None,
) -> GraphonBases:
    """`graphon_sas` of every group of graphs.

    Args:
      adjacency: `(K, N, N)` from `align_by_degree`, floating point.
      group: `(K,)` integers; graphs outside `0 .. num_groups - 1` are left out.
      num_nodes: as for `graphon_sas`.
      num_groups: G, static, >= 1.
      block_size: as for `graphon_sas`, static.

    Returns:
      GraphonBases of `(G, B, B)`, in float32 at least.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.

    Transformations: jit, vmap (over partitions: groups batched, graphs shared), jvp, vjp, any order.
    References: Cao and Xu (W2PGNN), KDD 2023, arXiv:2303.16458.
    """
    require_graphs(adjacency)
    require_integer("group", group)
    require_shape("group", group, adjacency.shape[:1])
    require_at_least("num_groups", num_groups, 1)
    members = jax.nn.one_hot(group, num_groups, dtype=accumulation_dtype(adjacency), axis=0)

    def basis(weight):
        return graphon_sas(adjacency, num_nodes, block_size=block_size, graph_weight=weight)

    return GraphonBases(jax.vmap(basis)(members), jnp.sum(members, axis=1) > 0)


@functools.partial(jax.jit, static_argnames=("num_steps", "num_outer", "num_inner"))
def fit_mixture(
    bases: Float[Array, "b r r"],
    target: Float[Array, "s s"],
    *,
    mask: Bool[Array, "b"] | None = None,
    epsilon: Float[Array, ""] | float = 0.02,
    learning_rate: Float[Array, ""] | float = 0.2,
    num_steps: int = 100,
    num_outer: int = 10,
    num_inner: int = 10,
) -> Mixture:
    """The convex combination of bases that is nearest to a target, by Adam on the logits of its weights.

    Descends from the mean of the bases on the squared Gromov-Wasserstein distance, the plan a constant in each
    gradient, and keeps the best of all mixtures on the way and of the bases themselves.

    Args:
      bases: `(B, r, r)`, symmetric, floating point, finite.
      target: `(s, s)`, likewise; another size is as good.
      mask: `(B,)`, the bases that count; default all. One at least should.
      epsilon: of `entropic_gw`.
      learning_rate: of Adam; a logit moves by about as much in a step. Published code has 0.05, which in 100 steps does
        not take the weight from bases that should have none.
      num_steps: static, >= 1; each takes one `entropic_gw`.
      num_outer: of `entropic_gw`, static.
      num_inner: likewise.

    Returns:
      Mixture, in float32 at least; masked bases have the weight 0.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.

    Transformations: jit, vmap (over bases and over targets). A search: the derivative is zero.
    References: Cao and Xu (W2PGNN), KDD 2023, arXiv:2303.16458; Kingma and Ba, ICLR 2015.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import graphs
      >>> bases = jnp.stack([graphs.synthesize_graphon(kind, 12) for kind in (0, 6)])
      >>> found = graphs.fit_mixture(bases, 0.3 * bases[0] + 0.7 * bases[1])
      >>> [round(float(weight), 1) for weight in found.weights]
      [0.3, 0.7]
    """
    require_floating("bases", bases)
    require_shape("bases", bases, (None, None, None))
    require_at_least("number of bases", bases.shape[0], 1)
    require_shape("bases", bases, (bases.shape[0], bases.shape[1], bases.shape[1]))
    require_square("target", target)
    require_at_least("num_steps", num_steps, 1)
    num_bases = bases.shape[0]
    dtype = accumulation_dtype(bases, target)
    bases, target = jax.lax.stop_gradient((bases.astype(dtype), target.astype(dtype)))
    if mask is None:
        mask = jnp.ones(num_bases, bool)
    require_shape("mask", mask, (num_bases,))

    def cost(weights):
        mixed = contract("b,bij->ij", weights, bases)
        return entropic_gw(mixed, target, epsilon=epsilon, num_outer=num_outer, num_inner=num_inner).value

    def weights_of(logits):
        return jax.nn.softmax(jnp.where(mask, logits, float(jnp.finfo(dtype).min) / 4))

    def step(state, number):
        logits, mean, square = state
        value, gradient = jax.value_and_grad(lambda logits: cost(weights_of(logits)))(logits)
        mean = _DECAY * mean + (1 - _DECAY) * gradient
        square = _SQUARE_DECAY * square + (1 - _SQUARE_DECAY) * gradient**2
        unbiased = jnp.sqrt(square / (1 - _SQUARE_DECAY**number))
        moved = logits - learning_rate * mean / (1 - _DECAY**number) / (unbiased + _TINY)
        return (moved, mean, square), (weights_of(logits), value)

    nothing = jnp.zeros(num_bases, dtype)
    _, (tried, values) = jax.lax.scan(step, (nothing, nothing, nothing), jnp.arange(1, num_steps + 1, dtype=dtype))
    alone = jnp.eye(num_bases, dtype=dtype)
    far = float(jnp.finfo(dtype).max)
    candidates = jnp.concatenate([tried, alone])
    costs = jnp.concatenate([values, jnp.where(mask, jax.vmap(cost)(alone), far)])
    best = jnp.argmin(costs)
    return Mixture(candidates[best], jnp.sqrt(costs[best]), jnp.sqrt(values))


@functools.partial(jax.jit, static_argnames=("num_steps", "num_outer", "num_inner"))
def feasibility(
    bases: Float[Array, "p b r r"],
    target: Float[Array, "s s"],
    *,
    mask: Bool[Array, "p b"] | None = None,
    epsilon: Float[Array, ""] | float = 0.02,
    learning_rate: Float[Array, ""] | float = 0.2,
    num_steps: int = 100,
    num_outer: int = 10,
    num_inner: int = 10,
) -> Feasibility:
    """How well graphs to pre-train on cover the generator of others: minus the distance of the nearest mixture.

    Args:
      bases: `(P, B, r, r)`, those of P partitions of the graphs to pre-train on, from `graphon_bases`; floating point.
      target: `(s, s)`, the graphon of the other graphs, from the same estimator.
      mask: `(P, B)`, the bases that count, for partitions of fewer groups than B; default all.
      epsilon: as for `fit_mixture`.
      learning_rate: likewise.
      num_steps: likewise, static.
      num_outer: likewise, static.
      num_inner: likewise, static.

    Returns:
      Feasibility, in float32 at least.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.

    Invariant to the order of partitions and of bases, where no two are as good.
    Transformations: jit, vmap (over sets of bases and over targets). A search: the derivative is zero.
    References: Cao and Xu (W2PGNN), KDD 2023, arXiv:2303.16458.
    """
    require_floating("bases", bases)
    require_shape("bases", bases, (None, None, None, None))
    require_at_least("number of partitions", bases.shape[0], 1)
    if mask is None:
        mask = jnp.ones(bases.shape[:2], bool)
    require_shape("mask", mask, bases.shape[:2])
    fit = functools.partial(
        fit_mixture,
        target=target,
        epsilon=epsilon,
        learning_rate=learning_rate,
        num_steps=num_steps,
        num_outer=num_outer,
        num_inner=num_inner,
    )
    mixtures = jax.vmap(lambda bases, mask: fit(bases, mask=mask))(bases, mask)
    best = jnp.argmin(mixtures.distance)
    return Feasibility(-mixtures.distance[best], best, mixtures.weights, mixtures.distance, mixtures.trace[:, 0])
