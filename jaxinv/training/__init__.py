"""Training many small networks of one architecture at once, and judging them: by probes, by the samples they need."""

from jaxinv.training.ensemble import (
    Ensemble,
    create_ensemble,
    ensemble_outputs,
    mask_logits,
    train_ensemble,
)
from jaxinv.training.full_batch import train_full_batch
from jaxinv.training.heterogeneous_adaptation import KtfFit, init_ktf, ktf_fit
from jaxinv.training.probe import linear_probe
from jaxinv.training.sample_complexity import learning_curves, log_log_slope, padded_size, sample_complexity
from jaxinv.training.trajectory_clustering import TrajectoryClusters, cluster_trajectories
from jaxinv.training.transferable_demonstrations import TransferabilityFit, fit_transferability

__all__ = [
    "Ensemble",
    "KtfFit",
    "TrajectoryClusters",
    "TransferabilityFit",
    "cluster_trajectories",
    "create_ensemble",
    "ensemble_outputs",
    "fit_transferability",
    "init_ktf",
    "ktf_fit",
    "learning_curves",
    "linear_probe",
    "log_log_slope",
    "mask_logits",
    "padded_size",
    "sample_complexity",
    "train_ensemble",
    "train_full_batch",
]
