"""Couplings of weighted nodes that are monotone in a given order."""

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import contract


def degree_order(graph: jax.Array, weight: jax.Array) -> jax.Array:
    """`(n,)`: nodes of `graph` `(n, n)` by descending degree, its neighbours counted by `weight` `(n,)`."""
    return jnp.argsort(-contract("ij,j->i", graph, weight), stable=True)


def monotone_plan(
    source_weight: jax.Array, target_weight: jax.Array, source_order: jax.Array, target_order: jax.Array
) -> jax.Array:
    """`(n, m)`: the coupling of two weights of the same sum that takes both sides in their orders, first to first."""
    source, target = source_weight[source_order], target_weight[target_order]
    source_stops, target_stops = jnp.cumsum(source)[:, None], jnp.cumsum(target)[None, :]
    starts = jnp.maximum(source_stops - source[:, None], target_stops - target[None, :])
    plan = jax.nn.relu(jnp.minimum(source_stops, target_stops) - starts)
    return jnp.zeros_like(plan).at[source_order[:, None], target_order[None, :]].set(plan)
