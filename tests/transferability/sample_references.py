"""The sample-based scores once more, one sample at a time, in float64 numpy from their definitions."""

import numpy as np
from scipy.spatial import KDTree
from scipy.special import gammaln, psi


def leep(probabilities, labels):
    classes, sources = np.unique(labels), range(probabilities.shape[1])
    joint = {(c, z): probabilities[labels == c, z].sum() / len(labels) for c in classes for z in sources}
    marginal = [sum(joint[c, z] for c in classes) for z in sources]
    total = 0.0
    for theta, label in zip(probabilities, labels, strict=True):
        total += np.log(sum(joint[label, z] / marginal[z] * theta[z] for z in sources if marginal[z] > 0))
    return total / len(labels)


def nce(probabilities, labels):
    predicted = probabilities.argmax(1)
    total = 0.0
    for label, source in zip(labels, predicted, strict=True):
        total += np.log(np.sum((labels == label) & (predicted == source)) / np.sum(predicted == source))
    return total / len(labels)


def knn_entropy(features, *, k, norm, min_dist):
    """Kozachenko and Leonenko with scipy's k-d tree; the sample itself is the first of its neighbours."""
    size, dim = features.shape
    order = {"max": np.inf, "euclidean": 2}[norm]
    radius = np.maximum(KDTree(features).query(features, k + 1, p=order)[0][:, -1], min_dist)
    volume = dim * np.log(2) if norm == "max" else dim / 2 * np.log(np.pi) - gammaln(dim / 2 + 1)
    return psi(size) - psi(k) + volume + dim * np.mean(np.log(radius))


def entropies(features, labels, *, num_classes, k, min_dist):
    """Per-class entropy; 0 where there are not more than k samples."""
    rows = [features[labels == c] for c in range(num_classes)]
    return np.array([knn_entropy(r, k=k, norm="max", min_dist=min_dist) if len(r) > k else 0.0 for r in rows])


def tmi(features, labels, *, k, min_dist):
    """Mean of p_c h_c over the classes that are present, those with 2 .. k samples left out."""
    terms = []
    for c in np.unique(labels):
        rows = features[labels == c]
        if len(rows) == 1:
            terms.append(0.0)
        elif len(rows) > k:
            terms.append(len(rows) / len(labels) * knn_entropy(rows, k=k, norm="max", min_dist=min_dist))
    return np.mean(terms)


def knn(features, labels, *, k, metric):
    if metric == "cosine":
        features = features / np.linalg.norm(features, axis=1, keepdims=True)
    right = 0
    for i in range(len(labels)):
        apart = np.linalg.norm(features - features[i], axis=1)
        others = [j for j in np.argsort(apart, kind="stable") if j != i]
        right += np.bincount(labels[others[:k]]).argmax() == labels[i]
    return right / len(labels)


def ridge_leave_one_out(features, labels, *, num_classes, share=1e-3):
    """N explicit refits with an unpenalised intercept, at the ridge that all samples give."""
    centred = features - features.mean(0)
    ridge = share * np.sum(centred**2)
    truth = np.eye(num_classes)[labels]
    error = 0.0
    for i in range(len(labels)):
        rest = np.arange(len(labels)) != i
        mean, target_mean = features[rest].mean(0), truth[rest].mean(0)
        x, t = features[rest] - mean, truth[rest] - target_mean
        weights = np.linalg.solve(x.T @ x + ridge * np.eye(features.shape[1]), x.T @ t)
        error += np.sum((truth[i] - target_mean - (features[i] - mean) @ weights) ** 2)
    return -error / len(labels)


def top_k_recall(scores, truth, k):
    by_score, by_truth = (set(np.argsort(-values, kind="stable")[:k]) for values in (scores, truth))
    return len(by_score & by_truth) / k
