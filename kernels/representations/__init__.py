"""Representations: the same samples in two spaces, how alike these are, and how to pass from one to the other.

| kernels | what they give | unchanged by |
| --- | --- | --- |
| `relative`, `relative_products`, `subspace_relative`, `standardize` | similarities to anchors | see `relative` |
| `anchors_uniform`, `anchors_fps`, `anchors_kmeans`, `anchors_stratified` | which samples are anchors | |
| `linear_cka`, `rbf_cka` | centred kernel alignment | rotation, translation, scale |
| `debiased_cka`; `cka_init`, `cka_update`, `cka_finalise` | CKA without bias, of one batch or over many | the same |
| `svcca` | mean canonical correlation of leading directions | the same |
| `cca_mean_squared`, `pwcca` | canonical correlations of all directions | linear maps (`pwcca`: of y) |
| `procrustes_distance` | distance after the best rotation | rotation, translation, scale |
| `rsa` | agreement of dissimilarities | by the dissimilarity |
| `mean_cosine`, `topk_jaccard`, `mrr` | how well one space retrieves from the other | the same rotation of both |
| `mutual_knn` | shared neighbours | by the metric |
| `orthogonal_procrustes`, `linear_align` | maps from one space to the other | |

Rows are samples, the same in both spaces and in the same order. A high CKA does not mean that one network's decoder
understands the other's encoder: a rotation leaves CKA at 1, and the decoder at a loss.
"""

from jaxinv.kernels.representations.alignment import (
    LinearAlignment,
    ProcrustesDistance,
    linear_align,
    orthogonal_procrustes,
    procrustes_distance,
)
from jaxinv.kernels.representations.anchors import (
    StratifiedAnchors,
    anchors_fps,
    anchors_kmeans,
    anchors_stratified,
    anchors_uniform,
)
from jaxinv.kernels.representations.canonical_correlations import (
    CanonicalCorrelations,
    cca_mean_squared,
    pwcca,
    svcca,
)
from jaxinv.kernels.representations.kernel_cka import rbf_cka
from jaxinv.kernels.representations.linear_cka import LinearCKA, linear_cka
from jaxinv.kernels.representations.minibatch_cka import CKAState, cka_finalise, cka_init, cka_update, debiased_cka
from jaxinv.kernels.representations.relative import (
    SIMILARITIES,
    relative,
    relative_products,
    standardize,
    subspace_relative,
)
from jaxinv.kernels.representations.retrieval import mean_cosine, mrr, mutual_knn, topk_jaccard
from jaxinv.kernels.representations.rsa import DISSIMILARITIES, RSA, rsa

__all__ = [
    "DISSIMILARITIES",
    "RSA",
    "SIMILARITIES",
    "CKAState",
    "CanonicalCorrelations",
    "LinearAlignment",
    "LinearCKA",
    "ProcrustesDistance",
    "StratifiedAnchors",
    "anchors_fps",
    "anchors_kmeans",
    "anchors_stratified",
    "anchors_uniform",
    "cca_mean_squared",
    "cka_finalise",
    "cka_init",
    "cka_update",
    "debiased_cka",
    "linear_align",
    "linear_cka",
    "mean_cosine",
    "mrr",
    "mutual_knn",
    "orthogonal_procrustes",
    "procrustes_distance",
    "pwcca",
    "rbf_cka",
    "relative",
    "relative_products",
    "rsa",
    "standardize",
    "subspace_relative",
    "svcca",
    "topk_jaccard",
]
