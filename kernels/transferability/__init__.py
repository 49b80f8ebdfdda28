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
from jaxinv.kernels.transferability.lfc import LFC, lfc
from jaxinv.kernels.transferability.logme import LogME, logme
from jaxinv.kernels.transferability.ridge_gcv import RidgeGCV, ridge_gcv
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
from jaxinv.kernels.transferability.transrate import GaussianTMI, TransRate, tmi_gaussian, transrate

__all__ = [
    "GBC",
    "LFC",
    "ClassMoments",
    "ClassStatistics",
    "Discriminant",
    "DiscriminantScore",
    "GaussianTMI",
    "HScore",
    "IntraClassVariance",
    "LinearCKA",
    "LogME",
    "RidgeGCV",
    "Sens",
    "SensState",
    "ShrinkageHScore",
    "Spectrum",
    "TransRate",
    "all_reduce",
    "class_statistics",
    "discriminant_score",
    "finalise",
    "gbc",
    "h_score",
    "init",
    "intra_class_variance",
    "lda",
    "lfc",
    "linear_cka",
    "logme",
    "merge",
    "nearest_mean",
    "recentre",
    "ridge_gcv",
    "scatter_spectrum",
    "sens",
    "sens_finalise",
    "sens_init",
    "sens_update",
    "shrinkage_h_score",
    "tmi_gaussian",
    "transrate",
    "update",
]
