"""Transferability: how well a frozen representation will serve a target task. Higher scores are better, always.

`class_statistics` reads the samples once; scores that need only sums take its result. Scores that need the samples or
the source model's probabilities take those. `merge`, `update` and `all_reduce` add statistics over files and devices.
"""

from jaxinv.kernels.transferability.class_statistics import (
    ClassMoments,
    ClassStatistics,
    all_reduce,
    class_statistics,
    finalise,
    init,
    merge,
    recentre,
    update,
)
from jaxinv.kernels.transferability.discriminants import (
    Discriminant,
    DiscriminantScore,
    discriminant_score,
    lda,
    nearest_mean,
)
from jaxinv.kernels.transferability.gbc import GBC, gbc
from jaxinv.kernels.transferability.h_score import HScore, ShrinkageHScore, h_score, shrinkage_h_score
from jaxinv.kernels.transferability.intra_class_variance import IntraClassVariance, intra_class_variance
from jaxinv.kernels.transferability.leep import LEEP, check_source_predictions, leep
from jaxinv.kernels.transferability.lfc import LFC, lfc
from jaxinv.kernels.transferability.logme import LogME, logme
from jaxinv.kernels.transferability.nce import NCE, nce
from jaxinv.kernels.transferability.nearest_neighbours import KNN, knn
from jaxinv.kernels.transferability.pool import pool_statistics
from jaxinv.kernels.transferability.rank_agreement import (
    kendall_tau,
    pearson,
    regret,
    relative_at_k,
    top_k_recall,
    weighted_kendall_tau,
)
from jaxinv.kernels.transferability.ridge_gcv import RidgeGCV, ridge_gcv
from jaxinv.kernels.transferability.ridge_leave_one_out import RidgeLeaveOneOut, ridge_leave_one_out
from jaxinv.kernels.transferability.sensitivity import (
    LinearCKA,
    Sens,
    SensState,
    linear_cka,
    sens,
    sens_finalise,
    sens_init,
    sens_update,
)
from jaxinv.kernels.transferability.spectrum import Spectrum, scatter_spectrum
from jaxinv.kernels.transferability.tmi import TMI, KNNEntropy, TMIPerClass, knn_entropy, tmi, tmi_per_class
from jaxinv.kernels.transferability.transrate import GaussianTMI, TransRate, tmi_gaussian, transrate

__all__ = [
    "GBC",
    "KNN",
    "LEEP",
    "LFC",
    "NCE",
    "TMI",
    "ClassMoments",
    "ClassStatistics",
    "Discriminant",
    "DiscriminantScore",
    "GaussianTMI",
    "HScore",
    "IntraClassVariance",
    "KNNEntropy",
    "LinearCKA",
    "LogME",
    "RidgeGCV",
    "RidgeLeaveOneOut",
    "Sens",
    "SensState",
    "ShrinkageHScore",
    "Spectrum",
    "TMIPerClass",
    "TransRate",
    "all_reduce",
    "check_source_predictions",
    "class_statistics",
    "discriminant_score",
    "finalise",
    "gbc",
    "h_score",
    "init",
    "intra_class_variance",
    "kendall_tau",
    "knn",
    "knn_entropy",
    "lda",
    "leep",
    "lfc",
    "linear_cka",
    "logme",
    "merge",
    "nce",
    "nearest_mean",
    "pearson",
    "pool_statistics",
    "recentre",
    "regret",
    "relative_at_k",
    "ridge_gcv",
    "ridge_leave_one_out",
    "scatter_spectrum",
    "sens",
    "sens_finalise",
    "sens_init",
    "sens_update",
    "shrinkage_h_score",
    "tmi",
    "tmi_gaussian",
    "tmi_per_class",
    "top_k_recall",
    "transrate",
    "update",
    "weighted_kendall_tau",
]
