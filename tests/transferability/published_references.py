"""The published scores once more in float64 numpy, by the routes of their public codes: eigenproblems, loops, scipy."""

from typing import Any

import jax
import numpy as np
import scipy.linalg
import scipy.stats
from scipy.special import logsumexp, softmax
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from tests.transferability import sample_references


def largest_by_power_iteration(matrix):
    x = y = matrix.sum(1)
    for _ in range(3):
        y = matrix @ x / np.linalg.norm(matrix @ x)
        x = matrix @ y / np.linalg.norm(matrix @ y)
    return x @ matrix @ y


class Fisher:
    """Discriminant analysis by the generalised eigenproblem of shrunk covariances."""

    def __init__(self, features, labels, shrinkage=None, largest=lambda matrix: np.linalg.eigvalsh(matrix)[-1]):
        self.classes, index = np.unique(labels, return_inverse=True)
        self.prior = np.bincount(index) / len(labels)
        self.means = np.stack([features[labels == c].mean(0) for c in self.classes])
        covariances = [np.cov(features[labels == c].T, bias=True) for c in self.classes]
        within = np.einsum("c,cde->de", self.prior, covariances)
        self.shrinkage = max(np.exp(-5 * largest(within)), 1e-10) if shrinkage is None else shrinkage
        within = self.shrunk(within)
        between = self.shrunk(np.cov(features.T, bias=True)) - within
        vectors = scipy.linalg.eigh(between, within)[1]
        self.coefficients = self.means @ vectors @ vectors.T

    def shrunk(self, covariance):
        dim = len(covariance)
        return (1 - self.shrinkage) * covariance + self.shrinkage * np.trace(covariance) / dim * np.eye(dim)

    def probabilities(self, features):
        offset = np.log(self.prior) - 0.5 * np.sum(self.means * self.coefficients, axis=1)
        return softmax(features @ self.coefficients.T + offset, axis=1)


def true_probability(probabilities, labels):
    return probabilities[np.arange(len(labels)), np.unique(labels, return_inverse=True)[1]]


def sfda(features, labels, **options):
    first = Fisher(features, labels, **options)
    sure = true_probability(softmax(first.probabilities(features), axis=1), labels)
    mixed = np.empty_like(features)
    for i, label in enumerate(labels):
        others = first.means[first.classes != label].mean(0)
        mixed[i] = sure[i] * features[i] + (1 - sure[i]) * others
    second = Fisher(mixed, labels, shrinkage=first.shrinkage)
    return true_probability(second.probabilities(mixed), labels).mean()


def energy(features, share):
    energies = np.sort(np.asarray(logsumexp(features, axis=1)))
    return energies[: max(int(share * len(energies)), 1)].mean()


def etran(features, labels, share=0.005):
    fisher = Fisher(features, labels)
    return true_probability(fisher.probabilities(features), labels).mean(), energy(features, share)


def etran_by_nearest_mean(features, labels):
    """What the public code comes to: the eigenvectors that it multiplies are orthogonal."""
    classes, index = np.unique(labels, return_inverse=True)
    means = np.stack([features[labels == c].mean(0) for c in classes])
    logits = features @ means.T - 0.5 * np.sum(means**2, axis=1) + np.log(np.bincount(index) / len(labels))
    return true_probability(softmax(logits, axis=1), labels).mean()


def minmax(term):
    return (term - term.min()) / (term.max() - term.min())


def ncti(features, labels):
    """scikit-learn's PCA and LDA, as the public code takes them where the shrinkage does not vanish."""
    pca = PCA(min(64, *features.shape), svd_solver="full")
    scores = pca.fit_transform(features)
    shrinkage = np.exp(-pca.explained_variance_[:32].sum())
    assert shrinkage > 1e-10
    model = LinearDiscriminantAnalysis(solver="eigen", shrinkage=shrinkage)
    projected = model.fit_transform(scores, labels)
    probabilities = model.predict_proba(scores)
    norm = sum(np.linalg.norm(probabilities[labels == c], "nuc") for c in np.unique(labels))
    features_norm = np.linalg.norm(projected - projected.mean(0), "nuc")
    return np.array([true_probability(probabilities, labels).mean(), features_norm, np.log(norm)])


def components(features, num):
    """Principal components; the entry of greatest size of each is positive."""
    left, singular, _ = np.linalg.svd(features - features.mean(0), full_matrices=False)
    left, singular = left[:, :num], singular[:num]
    left, singular = left[:, singular > 1e-10 * singular[0]], singular[singular > 1e-10 * singular[0]]
    return left * np.sign(left[np.argmax(np.abs(left), axis=0), np.arange(left.shape[1])]) * singular


def parc(features, labels, num=32, signs: Any = 1):
    scores = signs * components(features, num)
    pairs = np.triu_indices(len(labels), 1)
    apart = 1 - np.corrcoef(scores / scores.std(0))
    differ = labels[:, None] != labels[None, :]
    return 100 * np.asarray(scipy.stats.spearmanr(apart[pairs], differ[pairs]))[0]


def k_means(key, features, *, num_components, num_rounds):
    """Lloyd's algorithm from centres drawn at the random levels of `kmeans` with one restart."""
    (key,) = jax.random.split(key, 1)
    levels = np.asarray(jax.random.uniform(key, (num_components,), np.float32), np.float64)
    centres = [features[int(levels[0] * len(features))]]
    for level in levels[1:]:
        apart = np.min([np.sum((features - c) ** 2, axis=1) for c in centres], axis=0)
        centres.append(features[np.searchsorted(np.cumsum(apart), level * apart.sum(), side="right")])
    centres = np.stack(centres)
    for _ in range(num_rounds):
        member = np.argmin([np.sum((features - c) ** 2, axis=1) for c in centres], axis=0)
        centres = np.stack([features[member == k].mean(0) if np.any(member == k) else c for k, c in enumerate(centres)])
    member = np.argmin([np.sum((features - c) ** 2, axis=1) for c in centres], axis=0)
    return np.eye(num_components)[member]


def gaussian_mixture(features, responsibilities, *, num_rounds, ridge):
    """Responsibilities after as many rounds, with scipy's normal density."""
    for _ in range(num_rounds + 1):
        log_joint = np.full(responsibilities.shape, -np.inf)
        for k, share in enumerate(responsibilities.T):
            if share.sum() == 0:
                continue
            mean = share @ features / share.sum()
            variance = share @ (features - mean) ** 2 / share.sum() + ridge
            density = scipy.stats.norm.logpdf(features, mean, np.sqrt(variance)).sum(1)
            log_joint[:, k] = np.log(share.mean()) + density
        responsibilities = softmax(log_joint, axis=1)
    return responsibilities


def n_leep(key, features, labels, *, num_components, num_restarts, num_rounds):
    pca = PCA(0.8, svd_solver="full")
    points = pca.fit_transform(features)
    ridge = 1e-4 * points.var(0).mean()
    scores = []
    for restart in jax.random.split(key, num_restarts):
        start = k_means(restart, points, num_components=num_components, num_rounds=10)
        shares = gaussian_mixture(points, start, num_rounds=num_rounds, ridge=ridge)
        scores.append(sample_references.leep(shares, labels))
    return np.mean(scores)


def lgc(kernel, labels):
    """The cosine of centred matrices, written out."""
    size = len(labels)
    centring = np.eye(size) - 1 / size
    truth = np.where(labels[:, None] == labels[None, :], 1.0, -1.0)
    a, b = centring @ kernel @ centring, centring @ truth @ centring
    return np.sum(a * b) / np.linalg.norm(a) / np.linalg.norm(b)


def tanh_kernel(weights, inputs):
    """Of the outputs `tanh(W x)`: the gradient of output k is `(1 - tanh^2) x` in row k of W."""
    slope = 1 - np.tanh(inputs @ weights.T) ** 2
    return (slope @ slope.T) * (inputs @ inputs.T)
