"""Equivariant linear maps on every neighbourhood by itself, and their means back on nodes and pairs of nodes."""

import functools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.numerics.validation import require_choice, require_shape
from jaxinv.kernels.permutations import linear_maps
from jaxinv.kernels.permutations.rows import gather_rows, scatter_mean

_MAPS = {f"{a}to{b}": getattr(linear_maps, f"eq_{a}to{b}") for a in (1, 2) for b in (0, 1, 2)}


class Subgraphs(NamedTuple):
    """v subgraphs of up to m nodes, as rows of tables of nodes and of pairs of nodes.

    Attributes:
      nodes: `(v, m)` integers, the centre first.
      pairs: `(v, m, m)` integers.
      mask: `(v, m)` bool, which nodes there are; rows of the others say nothing.
    """

    nodes: jax.Array | np.ndarray
    pairs: jax.Array | np.ndarray
    mask: jax.Array | np.ndarray


class EgoFeatures(NamedTuple):
    """What maps on subgraphs gave; without channels where no map leads to that order.

    Attributes:
      pairs: `(num_pairs, c)`, means over the subgraphs that hold both nodes.
      nodes: `(num_nodes, c)`, means over those that hold the node.
      centres: `(num_nodes, c)`, of order 0, at the centre of each subgraph.
    """

    pairs: jax.Array
    nodes: jax.Array
    centres: jax.Array


@functools.partial(jax.jit, static_argnames=("num_nodes", "normalize"))
def ego_maps(
    pairs: jax.Array,
    nodes: jax.Array | None,
    subgraphs: Sequence[Subgraphs],
    coefficients: Mapping[str, jax.Array],
    biases: Mapping[str, jax.Array],
    *,
    num_nodes: int,
    normalize: bool = True,
) -> EgoFeatures:
    """Cuts features out along subgraphs, maps each linearly, and averages what the maps give back on nodes and pairs.

    The pairs are a table, not a square: it holds those only that lie within some subgraph.

    Args:
      pairs: `(num_pairs, c_2)`, floating point.
      nodes: `(num_nodes, c_1)`, floating point, if there are features of nodes.
      subgraphs: one `Subgraphs` for each bucket of sizes.
      coefficients: by the name of the map, "1to0" to "2to2": `(buckets, B, c_in, c_out)`, weights of their own for each
        bucket. Channels of maps to the same order stand side by side, by name.
      biases: by the name of the map, `(buckets, biases, c_out)`; maps that are not named have none.
      num_nodes: static.
      normalize: static; see `eq_2to2`.

    Returns:
      `EgoFeatures`.

    Raises:
      TypeError, ValueError: wrong dtype or shape, no such map, a map from nodes without them, naming the argument.

    Equivariant to renumbering of the nodes, if rows move along. Memory: the rows of all subgraphs, `sum of m^2` of
    `c_2 + 3 c_out` numbers at most, and the tables; a map on the whole graph takes `n^2` rows.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Mitton and Murray-Smith, Subgraph permutation equivariant networks, arXiv:2111.11840.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import permutations
      >>> trace_and_sum = jnp.array([[[[0.0]], [[0.5]]]])  # one bucket; half the sum: edges
      >>> for graph in permutations.look_alikes()["ring of six, two triangles"]:
      ...     batch = permutations.ego_batch([graph])
      ...     pairs = jnp.asarray(batch.adjacency)[:, None]
      ...     options = {"num_nodes": 6, "normalize": False}
      ...     found = permutations.ego_maps(pairs, None, batch.subgraphs, {"2to0": trace_and_sum}, {}, **options)
      ...     print(found.centres[0])  # edges in the ego net of the first node
      [2.]
      [3.]
    """
    for name, weights in coefficients.items():
        require_choice("name in coefficients", name, tuple(_MAPS))
        require_shape(f"coefficients[{name!r}]", weights, (len(subgraphs), None, None, None))
        if name.startswith("1") and nodes is None:
            raise ValueError(f"nodes must be given for the map {name!r}")
    of_bucket = []
    for bucket, one in enumerate(subgraphs):
        cut = {"2": gather_rows(pairs, one.pairs, _both(one.mask))}
        if nodes is not None:
            cut["1"] = gather_rows(nodes, one.nodes, one.mask)
        of_bucket.append(
            {
                name: _MAPS[name](
                    cut[name[0]],
                    weights[bucket],
                    biases[name][bucket] if name in biases else None,
                    mask=jnp.asarray(one.mask),
                    normalize=normalize,
                )
                for name, weights in coefficients.items()
            }
        )

    def average(order, num_rows, rows):
        """Over subgraphs, of all maps to an order; `rows` are those of a subgraph and which are there."""
        names = sorted(name for name in coefficients if name.endswith(order))
        if not names:
            return jnp.zeros((num_rows, 0), pairs.dtype)
        values = [jnp.concatenate([found[name] for name in names], axis=-1) for found in of_bucket]
        index, mask = zip(*map(rows, subgraphs), strict=True)
        return scatter_mean(values, index, mask, num_rows=num_rows).mean

    return EgoFeatures(
        pairs=average("2", pairs.shape[0], lambda one: (one.pairs, _both(one.mask))),
        nodes=average("1", num_nodes, lambda one: (one.nodes, one.mask)),
        centres=average("0", num_nodes, lambda one: (one.nodes[:, 0], one.mask[:, 0])),
    )


def _both(mask):
    """Which pairs of nodes there are."""
    return mask[:, :, None] & mask[:, None, :]
