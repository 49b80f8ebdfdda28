"""How well scores order models whose true accuracies are known."""

from collections.abc import Mapping

import numpy as np

from jaxinv.kernels.transferability import rank_agreement as kernels

MEASURES = {
    "weighted_kendall_tau": kernels.weighted_kendall_tau,
    "kendall_tau": kernels.kendall_tau,
    "pearson": kernels.pearson,
    "relative_at_1": lambda scores, truth: kernels.relative_at_k(scores, truth, k=1),
    "relative_at_3": lambda scores, truth: kernels.relative_at_k(scores, truth, k=min(3, len(scores))),
    "top_3_recall": lambda scores, truth: kernels.top_k_recall(scores, truth, k=min(3, len(scores))),
    "regret": kernels.regret,
}


def agreement_with_truth(scores: Mapping[str, np.ndarray], truth: np.ndarray) -> dict[str, dict[str, float]]:
    """Every measure of agreement of every score with the truth.

    Args:
      scores: arrays (M,); models where a score is NaN are left out for it, and a score that is NaN throughout is left
        out.
      truth: (M,) accuracies.

    Returns:
      score -> measure -> value.
    """
    agreement = {}
    for name, values in scores.items():
        known = np.isfinite(values)
        if known.any():
            pair = values[known], truth[known]
            agreement[name] = {measure: float(compute(*pair)) for measure, compute in MEASURES.items()}
    return agreement
