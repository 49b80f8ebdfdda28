"""Training many small networks of one architecture at once, and judging their features by a linear probe."""

from jaxinv.training.ensemble import (
    Ensemble,
    create_ensemble,
    ensemble_outputs,
    mask_logits,
    train_ensemble,
)
from jaxinv.training.probe import linear_probe

__all__ = ["Ensemble", "create_ensemble", "ensemble_outputs", "linear_probe", "mask_logits", "train_ensemble"]
