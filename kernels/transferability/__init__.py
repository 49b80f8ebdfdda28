"""Transferability: how well a frozen representation will serve a target task. Higher scores are better, always.

`class_statistics` reads the samples once; scores that need only sums take its result. Scores that need the samples or
the source model's probabilities take those. `merge`, `update` and `all_reduce` add statistics over files and devices.
"""

from jaxinv.kernels.representations.linear_cka import LinearCKA, linear_cka
from jaxinv.kernels.representations.minibatch_cka import CKAState, cka_finalise, cka_init, cka_update
from jaxinv.kernels.transferability.adaptation.conditional_mmd import (
    ClassSums,
    ConditionalMMD,
    class_conditional_mmd,
    class_sums,
    mean_discrepancy,
)
from jaxinv.kernels.transferability.adaptation.contrastive_clustering import (
    SubtrajectoryPairs,
    cluster_loss,
    sequence_contrastive_loss,
    subtrajectory_pairs,
)
from jaxinv.kernels.transferability.adaptation.demonstration_weights import (
    SamplingDistribution,
    TransferabilityWeights,
    discriminator_loss,
    policy_loss,
    sampling_distribution,
    transferability_weights,
    weighted_sample,
)
from jaxinv.kernels.transferability.adaptation.knowledge_transfer import (
    KtfBatch,
    KtfLoss,
    KtfParams,
    discriminability,
    ktf_batch,
    ktf_logits,
    ktf_loss,
    ktf_project,
    transferability_gap,
)
from jaxinv.kernels.transferability.adaptation.noise_sources import (
    NOISE_KINDS,
    ClassGaussians,
    NoiseSource,
    make_noise_source,
    scaled_gaussians,
)
from jaxinv.kernels.transferability.ensembles.conditional_entropy import (
    conditional_entropy,
    disagreement_matrix,
    prediction_joint,
)
from jaxinv.kernels.transferability.ensembles.ensemble_leep import (
    EnsembleScore,
    e_leep,
    expected_predictions,
    iou_eep,
    ms_leep,
    soft_iou_eep,
)
from jaxinv.kernels.transferability.ensembles.ensemble_selection import (
    Selection,
    SubsetScores,
    all_subset_scores,
    exhaustive_selection,
    greedy_selection,
    least_bonus,
    osborn_score,
)
from jaxinv.kernels.transferability.ensembles.osborn import EnsembleCosts, OsbornTerms, ensemble_costs, osborn_terms
from jaxinv.kernels.transferability.ensembles.otce import OTCE, otce
from jaxinv.kernels.transferability.ensembles.transport import Coupling, coupled_sum, transport, transport_plan
from jaxinv.kernels.transferability.meters.sens_matrix import sens_matrix
from jaxinv.kernels.transferability.meters.sensitivity import (
    Sens,
    SensState,
    sens,
    sens_finalise,
    sens_init,
    sens_update,
)
from jaxinv.kernels.transferability.prediction_scores.leep import LEEP, check_source_predictions, leep
from jaxinv.kernels.transferability.prediction_scores.nce import NCE, nce
from jaxinv.kernels.transferability.rank_agreement import (
    kendall_tau,
    pearson,
    regret,
    relative_at_k,
    top_k_recall,
    weighted_kendall_tau,
)
from jaxinv.kernels.transferability.sample_scores.emms import EMMS, emms
from jaxinv.kernels.transferability.sample_scores.etran import Energy, ETran, energy, etran, etran_pool
from jaxinv.kernels.transferability.sample_scores.gaussian_mixture import GaussianMixture, gaussian_mixture
from jaxinv.kernels.transferability.sample_scores.lfc import LFC, lfc
from jaxinv.kernels.transferability.sample_scores.lgc import LGC, gradient_kernel, lgc
from jaxinv.kernels.transferability.sample_scores.n_leep import NLEEP, n_leep
from jaxinv.kernels.transferability.sample_scores.ncti import NCTI, ncti, ncti_pool
from jaxinv.kernels.transferability.sample_scores.nearest_neighbours import KNN, knn
from jaxinv.kernels.transferability.sample_scores.pactran import PACTran, pactran_dirichlet, pactran_gamma
from jaxinv.kernels.transferability.sample_scores.pactran_gaussian import PACTranGaussian, pactran_gaussian
from jaxinv.kernels.transferability.sample_scores.parc import PARC, parc
from jaxinv.kernels.transferability.sample_scores.ridge_leave_one_out import RidgeLeaveOneOut, ridge_leave_one_out
from jaxinv.kernels.transferability.sample_scores.sfda import SFDA, sfda
from jaxinv.kernels.transferability.sample_scores.tmi import (
    TMI,
    KNNEntropy,
    TMIPerClass,
    knn_entropy,
    tmi,
    tmi_per_class,
)
from jaxinv.kernels.transferability.statistics.class_shift import shift_classes
from jaxinv.kernels.transferability.statistics.class_statistics import (
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
from jaxinv.kernels.transferability.statistics.pool import pool_statistics
from jaxinv.kernels.transferability.statistics.sharded_statistics import reduce_shards, update_shards
from jaxinv.kernels.transferability.statistics.spectrum import Spectrum, scatter_spectrum
from jaxinv.kernels.transferability.statistics_scores.discriminants import (
    Discriminant,
    DiscriminantScore,
    discriminant_score,
    lda,
    nearest_mean,
)
from jaxinv.kernels.transferability.statistics_scores.gbc import GBC, gbc
from jaxinv.kernels.transferability.statistics_scores.h_score import HScore, ShrinkageHScore, h_score, shrinkage_h_score
from jaxinv.kernels.transferability.statistics_scores.intra_class_variance import (
    IntraClassVariance,
    intra_class_variance,
)
from jaxinv.kernels.transferability.statistics_scores.logme import LogME, logme
from jaxinv.kernels.transferability.statistics_scores.ped import (
    PedForces,
    PedShift,
    PedStep,
    ped_forces,
    ped_shift,
    ped_step,
)
from jaxinv.kernels.transferability.statistics_scores.ped_scores import Ped, ped, with_ped, with_ped_samples
from jaxinv.kernels.transferability.statistics_scores.ridge_gcv import RidgeGCV, ridge_gcv
from jaxinv.kernels.transferability.statistics_scores.transrate import GaussianTMI, TransRate, tmi_gaussian, transrate

__all__ = [
    "EMMS",
    "GBC",
    "KNN",
    "LEEP",
    "LFC",
    "LGC",
    "NCE",
    "NCTI",
    "NLEEP",
    "NOISE_KINDS",
    "OTCE",
    "PARC",
    "SFDA",
    "TMI",
    "CKAState",
    "ClassGaussians",
    "ClassMoments",
    "ClassStatistics",
    "ClassSums",
    "ConditionalMMD",
    "Coupling",
    "Discriminant",
    "DiscriminantScore",
    "ETran",
    "Energy",
    "EnsembleCosts",
    "EnsembleScore",
    "GaussianMixture",
    "GaussianTMI",
    "HScore",
    "IntraClassVariance",
    "KNNEntropy",
    "KtfBatch",
    "KtfLoss",
    "KtfParams",
    "LinearCKA",
    "LogME",
    "NoiseSource",
    "OsbornTerms",
    "PACTran",
    "PACTranGaussian",
    "Ped",
    "PedForces",
    "PedShift",
    "PedStep",
    "RidgeGCV",
    "RidgeLeaveOneOut",
    "SamplingDistribution",
    "Selection",
    "Sens",
    "SensState",
    "ShrinkageHScore",
    "Spectrum",
    "SubsetScores",
    "SubtrajectoryPairs",
    "TMIPerClass",
    "TransRate",
    "TransferabilityWeights",
    "all_reduce",
    "all_subset_scores",
    "check_source_predictions",
    "cka_finalise",
    "cka_init",
    "cka_update",
    "class_conditional_mmd",
    "class_statistics",
    "class_sums",
    "cluster_loss",
    "conditional_entropy",
    "coupled_sum",
    "disagreement_matrix",
    "discriminability",
    "discriminant_score",
    "discriminator_loss",
    "e_leep",
    "emms",
    "energy",
    "ensemble_costs",
    "etran",
    "etran_pool",
    "exhaustive_selection",
    "expected_predictions",
    "finalise",
    "gaussian_mixture",
    "gbc",
    "gradient_kernel",
    "greedy_selection",
    "h_score",
    "init",
    "intra_class_variance",
    "iou_eep",
    "kendall_tau",
    "knn",
    "knn_entropy",
    "ktf_batch",
    "ktf_logits",
    "ktf_loss",
    "ktf_project",
    "lda",
    "least_bonus",
    "leep",
    "lfc",
    "lgc",
    "linear_cka",
    "logme",
    "make_noise_source",
    "mean_discrepancy",
    "merge",
    "ms_leep",
    "n_leep",
    "nce",
    "ncti",
    "ncti_pool",
    "nearest_mean",
    "osborn_score",
    "osborn_terms",
    "otce",
    "pactran_dirichlet",
    "pactran_gamma",
    "pactran_gaussian",
    "parc",
    "pearson",
    "ped",
    "ped_forces",
    "ped_shift",
    "ped_step",
    "policy_loss",
    "pool_statistics",
    "prediction_joint",
    "recentre",
    "reduce_shards",
    "regret",
    "relative_at_k",
    "ridge_gcv",
    "ridge_leave_one_out",
    "sampling_distribution",
    "scaled_gaussians",
    "scatter_spectrum",
    "sens",
    "sens_finalise",
    "sens_init",
    "sens_matrix",
    "sens_update",
    "sequence_contrastive_loss",
    "sfda",
    "shift_classes",
    "shrinkage_h_score",
    "soft_iou_eep",
    "subtrajectory_pairs",
    "tmi",
    "tmi_gaussian",
    "tmi_per_class",
    "top_k_recall",
    "transferability_gap",
    "transferability_weights",
    "transport",
    "transport_plan",
    "transrate",
    "update",
    "update_shards",
    "weighted_kendall_tau",
    "weighted_sample",
    "with_ped",
    "with_ped_samples",
]
