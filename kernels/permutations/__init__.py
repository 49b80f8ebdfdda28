"""Functions of nodes that follow every renumbering: linear maps of tensors over them, of graphs or neighbourhoods.

| what | how |
| --- | --- |
| linear maps between orders 0, 1, 2 | `eq_0to0` .. `eq_2to2`; `basis_operations_2to2`, their dense reference |
| all linear maps, any order | `equality_patterns`, `permutation_basis` |
| neighbourhoods | `ego_subgraphs`; of many graphs side by side `ego_batch` |
| maps on them | `ego_maps`; `gather_rows`, `scatter_mean`, `graph_norm` |
| how far graphs are told apart | `wl_refine`, `wl_equivalent`, `automorphisms`; `skip_links`, `look_alikes` |

Maps work on tensors with nodes on their axes and channels last. What is on the host takes and gives numpy.
"""

from jaxinv.kernels.permutations.basis_operations import basis_operations_2to2
from jaxinv.kernels.permutations.ego_batches import EgoBatch, EgoCapacity, ego_batch
from jaxinv.kernels.permutations.ego_maps import EgoFeatures, Subgraphs, ego_maps
from jaxinv.kernels.permutations.ego_subgraphs import EgoSubgraphs, ego_subgraphs
from jaxinv.kernels.permutations.graph_norm import graph_norm
from jaxinv.kernels.permutations.linear_maps import (
    NUM_BIASES,
    NUM_OPERATIONS,
    eq_0to0,
    eq_0to1,
    eq_0to2,
    eq_1to0,
    eq_1to1,
    eq_1to2,
    eq_2to0,
    eq_2to1,
    eq_2to2,
)
from jaxinv.kernels.permutations.look_alikes import look_alikes, skip_links
from jaxinv.kernels.permutations.permutation_basis import equality_patterns, permutation_basis
from jaxinv.kernels.permutations.refinement import Automorphisms, automorphisms, wl_equivalent, wl_refine
from jaxinv.kernels.permutations.rows import ScatterMean, gather_rows, scatter_mean

__all__ = [
    "NUM_BIASES",
    "NUM_OPERATIONS",
    "Automorphisms",
    "EgoBatch",
    "EgoCapacity",
    "EgoFeatures",
    "EgoSubgraphs",
    "ScatterMean",
    "Subgraphs",
    "automorphisms",
    "basis_operations_2to2",
    "ego_batch",
    "ego_maps",
    "ego_subgraphs",
    "eq_0to0",
    "eq_0to1",
    "eq_0to2",
    "eq_1to0",
    "eq_1to1",
    "eq_1to2",
    "eq_2to0",
    "eq_2to1",
    "eq_2to2",
    "equality_patterns",
    "gather_rows",
    "graph_norm",
    "look_alikes",
    "permutation_basis",
    "scatter_mean",
    "skip_links",
    "wl_equivalent",
    "wl_refine",
]
