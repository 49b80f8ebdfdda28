"""Representations: the same samples in two spaces, how alike these are, and how to pass from one to the other.

| kernels | what they give | unchanged by |
| --- | --- | --- |
| `relative`, `relative_products`, `subspace_relative`, `standardize` | similarities to anchors | see `relative` |
| `anchors_uniform`, `anchors_fps`, `anchors_kmeans`, `anchors_stratified` | which samples are anchors | |
| `linear_cka`, `rbf_cka` | centred kernel alignment | rotation, translation, scale |
| `debiased_cka`; `cka_init`, `cka_update`, `cka_finalise` | CKA without bias, of one batch or over many | the same |
| `participation_ratio` | how many directions one space uses | rotation, translation, scale |
| `svcca` | mean canonical correlation of leading directions | the same |
| `cca_mean_squared`, `pwcca` | canonical correlations of all directions | linear maps (`pwcca`: of y) |
| `procrustes_distance` | distance after the best rotation | rotation, translation, scale |
| `rsa` | agreement of dissimilarities | by the dissimilarity |
| `mean_cosine`, `topk_jaccard`, `mrr` | how well one space retrieves from the other | the same rotation of both |
| `mutual_knn` | shared neighbours | by the metric |
| `orthogonal_procrustes`, `linear_align` | maps from one space to the other | |
| `vicreg_invariance`, `vicreg_variance`, `vicreg_covariance`; `sie_loss` | losses of two views | a shift of all |
| `info_nce` | the contrastive loss | rotation, scale of each row |
| `hyper_linear_apply`, `pose_latent` | a linear map made from a latent; the turn between two poses | |
| `retrieval_ranks`, `mean_reciprocal_rank`, `hit_at`, `pre_error` | how well a prediction retrieves its view | |
| `r2_score_flat`, `r2_score_columns` | share of variance that is predicted | |

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
from jaxinv.kernels.representations.contrastive import info_nce
from jaxinv.kernels.representations.hyper_linear import hyper_linear_apply
from jaxinv.kernels.representations.kernel_cka import rbf_cka
from jaxinv.kernels.representations.linear_cka import LinearCKA, linear_cka
from jaxinv.kernels.representations.minibatch_cka import CKAState, cka_finalise, cka_init, cka_update, debiased_cka
from jaxinv.kernels.representations.participation_ratio import ParticipationRatio, participation_ratio
from jaxinv.kernels.representations.pose_latents import pose_latent
from jaxinv.kernels.representations.pose_retrieval import (
    hit_at,
    mean_reciprocal_rank,
    pre_error,
    retrieval_ranks,
)
from jaxinv.kernels.representations.regression_scores import r2_score_columns, r2_score_flat
from jaxinv.kernels.representations.relative import (
    SIMILARITIES,
    relative,
    relative_products,
    standardize,
    subspace_relative,
)
from jaxinv.kernels.representations.retrieval import mean_cosine, mrr, mutual_knn, topk_jaccard
from jaxinv.kernels.representations.rsa import DISSIMILARITIES, RSA, rsa
from jaxinv.kernels.representations.split_loss import SIELoss, sie_loss
from jaxinv.kernels.representations.vicreg import vicreg_covariance, vicreg_invariance, vicreg_variance

__all__ = [
    "DISSIMILARITIES",
    "RSA",
    "SIMILARITIES",
    "CKAState",
    "CanonicalCorrelations",
    "LinearAlignment",
    "LinearCKA",
    "ParticipationRatio",
    "ProcrustesDistance",
    "SIELoss",
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
    "hit_at",
    "hyper_linear_apply",
    "info_nce",
    "linear_align",
    "linear_cka",
    "mean_cosine",
    "mean_reciprocal_rank",
    "mrr",
    "mutual_knn",
    "orthogonal_procrustes",
    "participation_ratio",
    "pose_latent",
    "pre_error",
    "procrustes_distance",
    "pwcca",
    "r2_score_columns",
    "r2_score_flat",
    "rbf_cka",
    "relative",
    "relative_products",
    "retrieval_ranks",
    "rsa",
    "sie_loss",
    "standardize",
    "subspace_relative",
    "svcca",
    "topk_jaccard",
    "vicreg_covariance",
    "vicreg_invariance",
    "vicreg_variance",
]
