"""A classifier of graphs whose layers are equivariant linear maps on every ego net (SPEN).

Features live on nodes and on the pairs of nodes that share an ego net. Each layer cuts them out along the ego nets,
maps each by weights that depend on its size, and averages the results back; then come ELU and GraphNorm. The last layer
gives one vector for each ego net, whose mean over the graph a small dense network reads.

Not as published: half of the channels of nodes and pairs come from each of the two maps that lead there, so that all
inner layers have one shape and compile once.

References: Mitton and Murray-Smith, Subgraph permutation equivariant networks, arXiv:2111.11840.
"""

import itertools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from jaxinv.kernels.numerics.validation import require_at_least
from jaxinv.kernels.permutations import EgoBatch, scatter_mean
from jaxinv.nn.permutations import EgoMaps, GraphNorm


class Spen(nnx.Module):
    """Graphs to logits of each."""

    def __init__(
        self,
        num_labels: int,
        num_classes: int,
        num_buckets: int,
        *,
        num_channels: int = 64,
        num_layers: int = 5,
        num_hidden: Sequence[int] = (256, 128),
        dropout: float = 0.5,
        normalize: bool = True,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters.

        Args:
          num_labels: of nodes; nodes of other labels count as having none.
          num_classes: of the logits.
          num_buckets: of sizes of ego nets, as in the batches.
          num_channels: of nodes, pairs and ego nets, even.
          num_layers: 2 at least.
          num_hidden: widths of the dense layers of the readout.
          dropout: share of hidden features that training leaves out.
          normalize: divides sums over the nodes of an ego net by their number.
          dtype: of features; by default that of the parameters.
          param_dtype: of the parameters.
          rngs: for the parameters.

        Raises:
          ValueError: fewer than two layers, an odd number of channels.
        """
        require_at_least("num_layers", num_layers, 2)
        if num_channels % 2:
            raise ValueError(f"num_channels must be even, got {num_channels}")
        types: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype}
        maps: dict[str, Any] = {"num_buckets": num_buckets, "normalize": normalize, **types}
        both = {2: num_channels, 1: num_channels}
        self.first = _Layer({2: num_labels}, both, **maps, rngs=rngs)

        @nnx.split_rngs(splits=num_layers - 2)
        @nnx.vmap(in_axes=0, out_axes=0)
        def inner(rngs: nnx.Rngs) -> _Layer:
            return _Layer(both, both, **maps, rngs=rngs)

        self.inner = inner(rngs) if num_layers > 2 else None
        self.last = EgoMaps(both, {0: num_channels}, **maps, rngs=rngs)
        widths = (num_channels, *num_hidden)
        self.hidden = nnx.List([nnx.Linear(*pair, **types, rngs=rngs) for pair in itertools.pairwise(widths)])
        self.dropout = nnx.Dropout(dropout)
        self.head = nnx.Linear(widths[-1], num_classes, **types, rngs=rngs)
        self.num_labels = num_labels

    def __call__(self, batch: EgoBatch, *, num_graphs: int, key: jax.Array | None = None) -> jax.Array:
        """Logits of each graph.

        Args:
          batch: from `ego_batch`, with as many buckets as there are weights for.
          num_graphs: static, of the batch; graphs that are not in it are as if they had features 0.
          key: in training, for dropout.

        Returns:
          `(num_graphs, num_classes)`.

        Invariant to the numbering of the nodes. Transformations: jit, vmap over batches of one shape, grad.
        """
        batch = jax.tree.map(jnp.asarray, batch)
        num_nodes = batch.labels.shape[0]
        features = self.first(_inputs(batch, self.num_labels), None, batch, num_graphs)
        if self.inner is not None:
            graphdef, states = nnx.split(self.inner)

            def step(features, state):
                pairs, nodes = features
                return nnx.merge(graphdef, state)(pairs, nodes, batch, num_graphs), None

            features, _ = jax.lax.scan(step, features, states)
        centres = self.last(*features, batch.subgraphs, num_nodes=num_nodes).centres
        read = scatter_mean([centres], [batch.node_graph], [batch.node_graph >= 0], num_rows=num_graphs).mean
        keys = [None] * len(self.hidden) if key is None else jax.random.split(key, len(self.hidden))
        for dense, dropped in zip(self.hidden, keys, strict=True):
            read = self.dropout(jax.nn.elu(dense(read)), deterministic=key is None, rngs=dropped)
        return self.head(read)


class _Layer(nnx.Module):
    """Maps on ego nets, ELU, GraphNorm, on nodes and pairs."""

    def __init__(self, num_in, num_out, num_buckets, *, normalize, dtype, param_dtype, rngs: nnx.Rngs):
        types = {"dtype": dtype, "param_dtype": param_dtype}
        self.maps = EgoMaps(num_in, num_out, num_buckets, normalize=normalize, **types, rngs=rngs)
        self.pair_norm, self.node_norm = (GraphNorm(num_out[order], param_dtype=param_dtype) for order in (2, 1))

    def __call__(self, pairs, nodes, batch: EgoBatch, num_graphs: int):
        found = self.maps(pairs, nodes, batch.subgraphs, num_nodes=batch.labels.shape[0])
        pair_graph, node_graph = jnp.asarray(batch.pair_graph), jnp.asarray(batch.node_graph)
        return (
            self.pair_norm(jax.nn.elu(found.pairs), pair_graph, num_graphs=num_graphs),
            self.node_norm(jax.nn.elu(found.nodes), node_graph, num_graphs=num_graphs),
        )


def _inputs(batch: EgoBatch, num_labels: int) -> jax.Array:
    """`(num_pairs, num_labels)`: the adjacency over the roots of the degrees, and labels on the diagonal."""
    there = batch.pair_graph >= 0
    adjacency = jnp.where(there, batch.adjacency, 0)
    degree = jnp.zeros(batch.labels.shape[0], adjacency.dtype).at[batch.rows].add(adjacency)
    both = degree[batch.rows] * degree[batch.columns]
    scaled = adjacency / jnp.sqrt(jnp.where(both > 0, both, 1))
    labels = jax.nn.one_hot(batch.labels[batch.rows], num_labels, dtype=adjacency.dtype)
    return jnp.where((there & (batch.rows == batch.columns))[:, None], labels, 0) + scaled[:, None]
