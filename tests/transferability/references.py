"""The statistics scores once more, dense and slow, in float64 numpy from their definitions."""

import numpy as np

from jaxinv.bench.families.transferability_peers import published_evidence


def _moments(features, labels, num_classes):
    truth = np.eye(num_classes)[labels]
    count = truth.sum(0)
    mean = features.mean(0)
    means = (truth.T @ features) / np.maximum(count, 1)[:, None]
    return truth, count, mean, means


def one_hot_columns(labels, num_classes):
    columns = np.eye(num_classes)[labels]
    return columns[:, columns.sum(0) > 0]


def log_evidence(features, target, alpha, beta):
    """`log N(t; 0, F F' / alpha + I / beta) / N` by the N x N determinant."""
    size = len(features)
    covariance = features @ features.T / alpha + np.eye(size) / beta
    _, log_det = np.linalg.slogdet(covariance)
    return -0.5 * (size * np.log(2 * np.pi) + log_det + target @ np.linalg.solve(covariance, target)) / size


def logme(features, labels, num_classes):
    """The maximum of the brute-force evidence, by scipy from several starts."""
    from scipy.optimize import minimize_scalar

    values, vectors = np.linalg.eigh(features @ features.T)
    values = np.maximum(values, 0)
    size, best = len(features), []
    for target in one_hot_columns(labels, num_classes).T:
        square = (vectors.T @ target) ** 2

        def loss(log_ratio, square=square):
            scale = 1 + values / np.exp(log_ratio)
            return 0.5 * (size * np.log(np.sum(square / scale) / size) + np.sum(np.log(scale)))

        grid = np.linspace(-32, 12, 89)
        at = grid[np.argmin([loss(point) for point in grid])]
        found = minimize_scalar(loss, bounds=(at - 0.5, at + 0.5), method="bounded", options={"xatol": 1e-12})
        best.append(-found.fun / size - 0.5 * (1 + np.log(2 * np.pi)))
    return np.mean(best)


def official_logme(features, labels, num_classes):
    """The algorithm of the authors' fixed-point code, its dropped term included, from the published formulas."""
    size, dim = features.shape
    left, singular, _ = np.linalg.svd(features, full_matrices=False)
    kept = singular > 1e-10
    left, sigma = left[:, kept], singular[kept] ** 2
    targets = one_hot_columns(labels, num_classes).T
    return np.mean([published_evidence(sigma, (left.T @ t) ** 2, t @ t, size, dim) for t in targets])


def h_score(features, labels, num_classes):
    _, _, _, means = _moments(features, labels, num_classes)
    return np.trace(np.linalg.pinv(np.cov(features.T), rcond=1e-10) @ np.cov(means[labels].T))


def shrinkage_h_score(features, labels, num_classes):
    from sklearn.covariance import ledoit_wolf

    _, _, _, means = _moments(features, labels, num_classes)
    covariance, shrinkage = ledoit_wolf(features)
    return (1 - shrinkage) * np.trace(np.linalg.solve(covariance, np.cov(means[labels].T)))


def bhattacharyya(features, labels, num_classes, covariance, volume=None):
    """GBC from explicit covariance matrices of every class."""
    dim = features.shape[1]
    means, covariances = [], []
    for c in range(num_classes):
        rows = features[labels == c]
        if not len(rows):
            continue
        full = np.cov(rows.T, bias=True).reshape(dim, dim)
        means.append(rows.mean(0))
        if covariance == "full":
            covariances.append(full + 1e-4 * np.eye(dim))
        elif covariance == "diagonal":
            covariances.append(np.diag(np.maximum(np.diag(full), 1e-4)))
        else:
            covariances.append(max(np.trace(full) / dim, 1e-4) * np.eye(dim))
    total = 0.0
    for i, (mean_i, cov_i) in enumerate(zip(means, covariances, strict=True)):
        for j, (mean_j, cov_j) in enumerate(zip(means, covariances, strict=True)):
            if i == j:
                continue
            middle, difference = (cov_i + cov_j) / 2, mean_i - mean_j
            log_dets = [np.linalg.slogdet(matrix)[1] for matrix in (middle, cov_i, cov_j)]
            term = 0.5 * (log_dets[0] - 0.5 * log_dets[1] - 0.5 * log_dets[2])
            term *= 1.0 if volume is None else volume / dim
            total += np.exp(-difference @ np.linalg.solve(middle, difference) / 8 - term)
    return -total


def _coding_rate(rows, epsilon):
    return 0.5 * np.linalg.slogdet(np.eye(rows.shape[1]) + rows.T @ rows / (len(rows) * epsilon))[1]


def transrate(features, labels, num_classes, weighting="proportional", epsilon=1e-4):
    centred = features - features.mean(0)
    groups = [centred[labels == c] for c in range(num_classes) if (labels == c).any()]
    weights = [len(rows) / len(features) if weighting == "proportional" else 1 / len(groups) for rows in groups]
    rates = [_coding_rate(rows, epsilon) for rows in groups]
    return _coding_rate(centred, epsilon) - np.dot(weights, rates)


def tmi_gaussian(features, labels, num_classes, epsilon=1e-4):
    total, dim = 0.0, features.shape[1]
    for c in range(num_classes):
        rows = features[labels == c]
        if len(rows):
            covariance = np.cov(rows.T, bias=True).reshape(dim, dim) + epsilon * np.eye(dim)
            total += len(rows) / len(features) * 0.5 * np.linalg.slogdet(2 * np.pi * np.e * covariance)[1]
    return total


def lfc(features, labels, num_classes):
    """Cosine of the N x N Gram matrices, with labels as +1 (same class) and -1 (another)."""
    size = len(features)
    centring = np.eye(size) - 1 / size
    gram = centring @ features @ features.T @ centring
    same = centring @ np.where(labels[:, None] == labels[None, :], 1.0, -1.0) @ centring
    return np.sum(gram * same) / (np.linalg.norm(gram) * np.linalg.norm(same))


def lda_probability(features, labels, num_classes, shrinkage=1e-3):
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage).fit(features, labels)
    column = {c: k for k, c in enumerate(model.classes_)}
    return model.predict_proba(features)[np.arange(len(labels)), [column[c] for c in labels]].mean()


def nearest_mean(features, labels, num_classes):
    _, _, mean, means = _moments(features, labels, num_classes)
    return np.sum((means[labels] - mean) ** 2) / np.sum((features - mean) ** 2)


def gcv(features, labels, num_classes, ridge):
    """GCV at one ridge by the explicit hat matrix, with an unpenalised intercept."""
    size = len(features)
    truth = np.eye(num_classes)[labels]
    centred = features - features.mean(0)
    hat = centred @ np.linalg.solve(centred.T @ centred + ridge * np.eye(features.shape[1]), centred.T) + 1 / size
    return size * np.sum((truth - hat @ truth) ** 2) / (size - np.trace(hat)) ** 2


def ridge_gcv(features, labels, num_classes):
    from scipy.optimize import minimize_scalar

    centred = features - features.mean(0)
    largest = np.log(np.linalg.eigvalsh(centred.T @ centred)[-1])
    grid = np.linspace(largest - 20, largest + 12, 65)
    at = grid[np.argmin([gcv(features, labels, num_classes, np.exp(point)) for point in grid])]
    found = minimize_scalar(
        lambda point: gcv(features, labels, num_classes, np.exp(point)),
        bounds=(at - 0.5, at + 0.5),
        method="bounded",
        options={"xatol": 1e-10},
    )
    return -float(found.fun)  # pyright: ignore[reportAttributeAccessIssue]


def intra_class_variance(features, labels, num_classes):
    rows = [features[labels == c] for c in range(num_classes)]
    return sum(len(r) / len(features) * np.sum(np.var(r, axis=0)) for r in rows if len(r))
