"""Peers of the transferability kernels: what people run today, and the published algorithms in numpy.

Host peers take one model's features, or a pool's and then loop; `pooled` makes the loop.
"""

from collections.abc import Callable
from typing import Any

import numpy as np


def pooled(score: Callable[..., Any]) -> Callable[..., np.ndarray]:
    """A score of (N, D) features also for a pool (M, N, D) with shared labels."""

    def over(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
        if features.ndim == 2:
            return np.asarray(score(features, labels))
        return np.stack([score(one, labels) for one in features])

    return over


def _truth(labels):
    return np.eye(labels.max() + 1)[labels]


def scatter(features, labels):
    """The centred Gram matrix."""
    centred = features - features.mean(0)
    return centred.T @ centred


def logme(features, labels):
    """The authors' fixed-point algorithm for N > D, from its published formulas, in float64 as theirs."""
    wide = features.astype(np.float64)
    num_samples, dim = wide.shape
    _, sigma, basis = np.linalg.svd(wide.T @ wide)
    left = (wide @ basis.T) / np.sqrt(sigma)
    targets = _truth(labels).T
    return np.mean([published_evidence(sigma, (left.T @ t) ** 2, t.sum(), num_samples, dim) for t in targets])


def published_evidence(sigma, square, length_of_target, num_samples, dim):
    """The authors' fixed point for one target, its dropped term for N <= D included; per sample.

    Args:
      sigma: `(r,)` squared singular values.
      square: `(r,)` squared components of the target along the left singular vectors.
      length_of_target: squared.
      num_samples: N.
      dim: D.
    """
    rest, alpha, beta, evidence = length_of_target - square.sum(), 1.0, 1.0, 0.0
    for _ in range(11):
        ratio = alpha / beta
        dof = (sigma / (sigma + ratio)).sum()
        length = (sigma * square / (sigma + ratio) ** 2).sum()
        error = (square / (1 + sigma / ratio) ** 2).sum() + rest
        alpha, beta = dof / (length + 1e-5), (num_samples - dof) / (error + 1e-5)
        evidence = dim * np.log(alpha) + num_samples * np.log(beta / (2 * np.pi))
        evidence = (evidence - np.log(alpha + beta * sigma).sum() - beta * error - alpha * length) / 2
        if abs(alpha / beta - ratio) / ratio <= 1e-3:
            break
    return evidence / num_samples


def _mean_of_class(features, labels):
    truth = _truth(labels)
    return (truth.T @ features / truth.sum(0)[:, None])[labels]


def h_score(features, labels):
    """The authors' code: covariances of the features and of the class means, and a pseudo-inverse."""
    between = np.cov(_mean_of_class(features, labels), rowvar=False)
    return np.trace(np.linalg.pinv(np.cov(features, rowvar=False), rcond=1e-15) @ between)


def shrinkage_h_score(features, labels):
    """Ledoit-Wolf from scikit-learn, and one solve."""
    from sklearn.covariance import ledoit_wolf

    covariance, shrinkage = ledoit_wolf(features)
    between = np.cov(_mean_of_class(features, labels), rowvar=False)
    return (1 - shrinkage) * np.trace(np.linalg.solve(covariance, between))


def gbc(features, labels):
    """Spherical: a mean and a variance a class, and all pairs."""
    groups = [features[labels == c] for c in range(labels.max() + 1)]
    means = np.stack([rows.mean(0) for rows in groups]).astype(np.float64)
    variance = np.array([rows.var(0, dtype=np.float64).mean() for rows in groups])
    middle = (variance[:, None] + variance[None, :]) / 2
    apart = np.sum((means[:, None] - means[None, :]) ** 2, -1) / middle / 8
    volume = 0.5 * features.shape[1] * np.log(middle / np.sqrt(variance[:, None] * variance[None, :]))
    return -np.sum(np.exp(-apart - volume) * (1 - np.eye(len(groups))))


def transrate(features, labels, epsilon=1e-4):
    """A log-determinant for all samples and one for each class."""

    def rate(rows):
        return 0.5 * np.linalg.slogdet(np.eye(rows.shape[1]) + rows.T @ rows / (len(rows) * epsilon))[1]

    centred = (features - features.mean(0)).astype(np.float64)
    groups = [centred[labels == c] for c in range(labels.max() + 1)]
    return rate(centred) - sum(len(rows) / len(centred) * rate(rows) for rows in groups)


def lda(features, labels):
    """scikit-learn's LDA by least squares, and the mean probability of the true class."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=1e-3).fit(features, labels)
    return model.predict_proba(features)[np.arange(len(labels)), labels].mean()


def ridge_gcv(features, labels):
    """scikit-learn's RidgeCV over 25 ridges: leave-one-out error of each, where ours is generalised and continuous."""
    from sklearn.linear_model import RidgeCV

    return RidgeCV(alphas=np.logspace(-3, 6, 25)).fit(features, _truth(labels)).best_score_


def knn(features, labels):
    """scikit-learn's brute force over all cores, the sample itself left out."""
    from sklearn.neighbors import NearestNeighbors

    near = NearestNeighbors(n_neighbors=2, algorithm="brute", n_jobs=-1).fit(features)
    found = near.kneighbors(features, return_distance=False)
    other = np.where(found[:, 0] == np.arange(len(labels)), found[:, 1], found[:, 0])
    return np.mean(labels[other] == labels)


def knn_torch(features, labels):
    """torch's cdist and topk, on the device that torch has."""
    import torch  # pyright: ignore[reportMissingImports]

    device = "cuda" if torch.cuda.is_available() else "cpu"
    points = torch.as_tensor(features, device=device)
    apart = torch.cdist(points, points)
    apart.fill_diagonal_(torch.inf)
    other = torch.topk(apart, 1, largest=False).indices[:, 0].cpu().numpy()
    return np.mean(labels[other] == labels)


def knn_tree(features, labels):
    """scipy's k-d tree over all cores."""
    from scipy.spatial import KDTree

    other = np.asarray(KDTree(features).query(features, 2, workers=-1)[1])
    return np.mean(labels[np.where(other[:, 0] == np.arange(len(labels)), other[:, 1], other[:, 0])] == labels)


def tmi_tree(features, labels, k=3):
    """The authors' way: a k-d tree a class in the maximum norm."""
    from scipy.spatial import KDTree
    from scipy.special import digamma

    total, dim = 0.0, features.shape[1]
    for c in range(labels.max() + 1):
        rows = features[labels == c]
        apart = np.maximum(KDTree(rows).query(rows, k + 1, p=np.inf, workers=-1)[0][:, -1], 1.0)
        entropy = digamma(len(rows)) - digamma(k) + dim * np.log(2) + dim * np.mean(np.log(apart))
        total += len(rows) / len(features) * entropy
    return total / (labels.max() + 1)


def leep(probabilities, labels):
    """The authors' formula."""
    joint = _truth(labels).T @ probabilities / len(labels)
    conditional = joint / joint.sum(0)
    return np.mean(np.log(np.sum(probabilities * conditional[labels], axis=1)))


def weighted_tau(scores, accuracies):
    """scipy's."""
    from scipy.stats import weightedtau

    return weightedtau(accuracies, scores)[0]
