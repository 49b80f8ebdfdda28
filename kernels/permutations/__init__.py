"""Functions of nodes that follow every renumbering: linear maps of tensors over them, of graphs or neighbourhoods.

| what | how |
| --- | --- |
| linear maps between orders 0, 1, 2 | `eq_0to0` .. `eq_2to2`; `basis_operations_2to2`, their dense reference |
| all linear maps, any order | `equality_patterns`, `permutation_basis` |
| neighbourhoods | `ego_subgraphs`; of many graphs side by side `ego_batch` |
| maps on them | `ego_maps`; `gather_rows`, `scatter_mean`, `graph_norm` |
| scales of time series | `instance_norm`, `instance_denorm`, `train_scale`; pieces of them `sliding_windows` |
| each series a token | `variate_attention`, `encoder_layer` |
| forecasts | `repeat_last`, `rlinear`, `dlinear`; `forecast_errors` |
| subsets of a set | `subset_sums`, `superset_statistic`; `set_utility`, `fold_utility` |
| marginals of elements | `mean_field`, `mean_field_step`, `marginal_logits`, `sample_subsets`; `multilinear_exact` |
| their losses | `subset_nll`, `balanced_weight`; `elbo`, `bernoulli_entropy`; `sample_bernoulli`, of a copula too |
| the chosen subset | `topk_subset`; `jaccard`, `mean_jaccard` |
| how far graphs are told apart | `wl_refine`, `wl_equivalent`, `automorphisms`; `skip_links`, `look_alikes` |

Maps work on tensors with nodes on their axes and channels last; time series are `(..., times, variates)`. What is on
the host takes and gives numpy.
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
from jaxinv.kernels.permutations.subsets.losses import balanced_weight, bernoulli_entropy, elbo, subset_nll
from jaxinv.kernels.permutations.subsets.mean_field import (
    MeanField,
    marginal_logits,
    mean_field,
    mean_field_step,
    sample_subsets,
)
from jaxinv.kernels.permutations.subsets.multilinear import multilinear_exact
from jaxinv.kernels.permutations.subsets.relaxed import sample_bernoulli, sample_bernoulli_copula
from jaxinv.kernels.permutations.subsets.selection import jaccard, mean_jaccard, topk_subset
from jaxinv.kernels.permutations.subsets.sums import subset_sums, superset_statistic
from jaxinv.kernels.permutations.subsets.utility import SetUtilityParams, Utility, fold_utility, set_utility
from jaxinv.kernels.permutations.variates.encoder_layer import (
    Attention,
    AttentionParams,
    EncoderLayerParams,
    encoder_layer,
    variate_attention,
)
from jaxinv.kernels.permutations.variates.forecast_errors import ForecastErrors, forecast_errors
from jaxinv.kernels.permutations.variates.instance_norm import InstanceNorm, instance_denorm, instance_norm
from jaxinv.kernels.permutations.variates.linear_forecasts import dlinear, repeat_last, rlinear
from jaxinv.kernels.permutations.variates.windows import Windows, sliding_windows, train_scale

__all__ = [
    "NUM_BIASES",
    "NUM_OPERATIONS",
    "Attention",
    "AttentionParams",
    "Automorphisms",
    "EgoBatch",
    "EgoCapacity",
    "EgoFeatures",
    "EgoSubgraphs",
    "EncoderLayerParams",
    "ForecastErrors",
    "InstanceNorm",
    "MeanField",
    "ScatterMean",
    "SetUtilityParams",
    "Subgraphs",
    "Utility",
    "Windows",
    "automorphisms",
    "balanced_weight",
    "basis_operations_2to2",
    "bernoulli_entropy",
    "dlinear",
    "ego_batch",
    "ego_maps",
    "ego_subgraphs",
    "elbo",
    "encoder_layer",
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
    "fold_utility",
    "forecast_errors",
    "gather_rows",
    "graph_norm",
    "instance_denorm",
    "instance_norm",
    "jaccard",
    "look_alikes",
    "marginal_logits",
    "mean_field",
    "mean_field_step",
    "mean_jaccard",
    "multilinear_exact",
    "permutation_basis",
    "repeat_last",
    "rlinear",
    "sample_bernoulli",
    "sample_bernoulli_copula",
    "sample_subsets",
    "scatter_mean",
    "set_utility",
    "skip_links",
    "sliding_windows",
    "subset_nll",
    "subset_sums",
    "superset_statistic",
    "topk_subset",
    "train_scale",
    "variate_attention",
    "wl_equivalent",
    "wl_refine",
]
