"""Names as a reader knows them, for scores, measures of agreement and diagnostics."""

import re

_SCORES = {
    "logme": "LogME",
    "h_score": "H-score",
    "shrinkage_h_score": "H-score, shrunk",
    "lfc": "LFC",
    "lda": "LDA",
    "nearest_mean": "Nearest mean",
    "ridge_gcv": "Ridge GCV",
    "intra_class_variance": "Class variance",
    "gbc": "GBC",
    "gbc_diagonal": "GBC, diagonal",
    "gbc_full": "GBC, full",
    "transrate": "TransRate",
    "tmi": "TMI",
    "tmi_gaussian": "TMI, Gaussian",
    "knn": "k-NN",
    "ridge_leave_one_out": "Ridge LOO",
    "lda_probability": "LDA probability",
    "nearest_mean_probability": "Mean probability",
    "ped_logme": "LogME + PED",
    "sfda": "SFDA",
    "ped_sfda": "SFDA + PED",
    "n_leep": "N-LEEP",
    "parc": "PARC",
    "ncti": "NCTI",
    "etran": "ETran",
    "pactran_gaussian": "PACTran, Gaussian",
    "emms": "EMMS",
    "leep": "LEEP",
    "nce": "NCE",
    "pactran_dirichlet": "PACTran, Dirichlet",
    "pactran_gamma": "PACTran, Gamma",
}
_UNITS = {
    "logme": "nats per sample",
    "ped_logme": "nats per sample",
    "n_leep": "nats per sample",
    "pactran_dirichlet": "nats per sample",
    "pactran_gamma": "nats per sample",
    "pactran_gaussian": "nats per sample",
    "intra_class_variance": "squared feature units",
    "transrate": "nats",
    "tmi": "nats",
    "tmi_gaussian": "nats",
    "leep": "nats per sample",
    "nce": "nats per sample",
    "knn": "accuracy",
    "ridge_gcv": "−squared error",
    "ridge_leave_one_out": "−squared error",
}
_MEASURES = {"weighted_kendall_tau": "Weighted Kendall τ", "kendall_tau": "Kendall τ", "pearson": "Pearson r"}


def score_name(name: str) -> str:
    """`h_score` -> H-score; a score that is not known keeps its name, with spaces."""
    return _SCORES.get(name, spaced(name))


def score_label(name: str) -> str:
    """`logme` -> LogME (nats per sample), for the axis of a picture."""
    return f"{score_name(name)} ({_UNITS[name]})" if name in _UNITS else score_name(name)


def measure_name(name: str) -> str:
    """`relative_at_3` -> Rel@3, `top_3_recall` -> Top-3 recall."""
    if found := re.fullmatch(r"relative_at_(\d+)", name):
        return f"Rel@{found[1]}"
    if found := re.fullmatch(r"top_(\d+)_recall", name):
        return f"Top-{found[1]} recall"
    return _MEASURES.get(name, spaced(name).capitalize())


def spaced(name: str) -> str:
    """`clamped_fraction` -> clamped fraction."""
    return name.replace("_", " ")


def shortened(name: str, length: int = 34) -> str:
    """`name`, its middle left out where it is longer than a picture has room for."""
    if len(name) <= length:
        return name
    head = (length - 1) // 2
    return f"{name[:head]}…{name[head + 1 - length :]}"
