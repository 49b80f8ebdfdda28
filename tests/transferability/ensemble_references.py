"""Transport, ensembles, PACTran and EMMS once more, from their definitions in float64 numpy."""

import itertools

import numpy as np
import scipy.optimize
from scipy.special import digamma, gammaln, logsumexp, softmax, xlogy


def squared_distances(source, target):
    return np.sum((source[:, None] - target[None, :]) ** 2, axis=-1)


def regularization(source, target, epsilon):
    """In units of the mean squared distance of the clouds, each about its mean."""
    return epsilon * squared_distances(source - source.mean(0), target - target.mean(0)).mean()


def entropic_plan(source, target, epsilon):
    """Sinkhorn as it was first written: the kernel matrix scaled until both marginals are met."""
    costs = squared_distances(source - source.mean(0), target - target.mean(0))
    kernel = np.exp(-costs / regularization(source, target, epsilon))
    n, m = costs.shape
    right, plan = np.ones(m), kernel
    for _ in range(20_000):
        left = 1 / n / (kernel @ right)
        right = 1 / m / (kernel.T @ left)
        plan = left[:, None] * kernel * right
        if np.abs(plan.sum(1) - 1 / n).sum() < 1e-13:
            break
    return plan


def quadratic_plan(source, target, epsilon):
    """Alternation with the threshold of each row by sorting, as for a projection on the simplex."""
    costs = squared_distances(source - source.mean(0), target - target.mean(0))
    gamma = regularization(source, target, epsilon)

    def potential(heights):
        ordered = np.sort(heights, axis=1)
        number = np.arange(1, heights.shape[1] + 1)
        candidates = (heights.shape[1] * gamma + np.cumsum(ordered, axis=1)) / number
        last = np.sum(candidates > ordered, axis=1) - 1
        return candidates[np.arange(len(heights)), last]

    n, m = costs.shape
    g, plan = np.zeros(m), costs
    for _ in range(5000):
        f = potential(costs - g)
        g = potential(costs.T - f)
        plan = np.maximum(f[:, None] + g - costs, 0) / gamma / n / m
        if np.abs(plan.sum(1) - 1 / n).sum() < 1e-13:
            break
    return plan


def transport_cost(source, target, plan):
    return float(np.sum(plan * squared_distances(source, target)))


def conditional_entropy(joint):
    """H(row | column) by the chain rule, H(A, B) - H(B)."""
    joint = joint / joint.sum()
    return float(-np.sum(xlogy(joint, joint)) + np.sum(xlogy(joint.sum(0), joint.sum(0))))


def osborn_terms(source, source_labels, target, target_labels, epsilon, of="source"):
    """W_D, and W_T = H(source label | target label), or H(target label | source label), pair by pair."""
    plan = entropic_plan(source, target, epsilon)
    joint = np.zeros((source_labels.max() + 1, target_labels.max() + 1))
    for i, j in itertools.product(range(len(source)), range(len(target))):
        joint[source_labels[i], target_labels[j]] += plan[i, j]
    return transport_cost(source, target, plan), conditional_entropy(joint if of == "source" else joint.T)


def disagreement(predictions, weight, num_classes):
    matrix = np.zeros((len(predictions),) * 2)
    for i, j in itertools.product(range(len(predictions)), repeat=2):
        joint = np.zeros((num_classes, num_classes))
        np.add.at(joint, (predictions[i], predictions[j]), weight)
        matrix[i, j] = conditional_entropy(joint)
    return matrix


def subset_cost(unary, pairwise, models):
    return sum(unary[i] for i in models) + sum(pairwise[i, j] for i, j in itertools.permutations(models, 2))


def expected_predictions(probabilities, labels, num_classes):
    joint = np.zeros((num_classes, probabilities.shape[1]))
    for row, label in zip(probabilities, labels, strict=True):
        joint[label] += row
    return probabilities @ (joint / joint.sum(0)).T


def ms_leep(predictions, labels):
    return np.mean([np.mean(np.log(p[np.arange(len(labels)), labels])) for p in predictions])


def e_leep(predictions, labels):
    return np.mean(np.log(predictions.mean(0)[np.arange(len(labels)), labels]))


def mean_overlap(claimed, labels):
    """Of claims `(N, C)` in [0, 1] and the truth, over the classes that are present."""
    overlaps = []
    for c in np.unique(labels):
        claim, truth = claimed[:, c], (labels == c).astype(float)
        overlaps.append(np.sum(claim * truth) / np.sum(claim + truth - claim * truth))
    return np.mean(overlaps)


def _variational(probabilities, labels, concentration, rounds, drive):
    """Expected counts `(classes present, Cs)`, prior, and the divergence of q from the source's probabilities."""
    classes, position, count = np.unique(labels, return_inverse=True, return_counts=True)
    prior = concentration * count[:, None] / len(labels)

    def counts(q):
        return np.stack([q[position == c].sum(0) for c in range(len(classes))])

    q = probabilities
    for _ in range(rounds):
        push = drive(prior + counts(q))
        q = np.stack([softmax(np.log(s) + push[c]) for s, c in zip(probabilities, position, strict=True)])
    return counts(q), prior, np.sum(q * (np.log(q) - np.log(probabilities)))


def pactran_dirichlet(probabilities, labels, concentration=1.0, rounds=10):
    counts, prior, divergence = _variational(
        probabilities, labels, concentration, rounds, lambda a: digamma(a) - digamma(a.sum(0))
    )
    alpha = prior + counts
    gained = np.sum(gammaln(alpha) - gammaln(prior)) - np.sum(gammaln(alpha.sum(0)) - gammaln(prior.sum()))
    return (gained - divergence) / len(labels)


def pactran_gamma(probabilities, labels, concentration=1.0, rounds=10):
    counts, prior, divergence = _variational(probabilities, labels, concentration, rounds, digamma)
    alpha = prior + counts
    normaliser = np.log(probabilities @ alpha.sum(0)).sum()
    return (np.sum(gammaln(alpha) - gammaln(prior)) - divergence - normaliser) / len(labels)


def pactran_gaussian(features, labels, scale=1.0, variance=100.0):
    """The classifier by scipy, polished by full Newton steps, and the whole Hessian's trace."""
    x = features - features.mean(0)
    n, d = x.shape
    truth = (labels[:, None] == np.unique(labels)).astype(float)
    k = truth.shape[1]
    ridge = 1 / (scale * n)

    def loss(theta):
        w, b = theta[: d * k].reshape(d, k), theta[d * k :]
        logits = x @ w + b
        value = np.mean(logsumexp(logits, axis=1) - np.sum(truth * logits, axis=1)) + ridge / 2 * np.sum(w**2)
        error = (softmax(logits, axis=1) - truth) / n
        return value, np.concatenate([(x.T @ error + ridge * w).ravel(), error.sum(0)])

    theta = scipy.optimize.minimize(loss, np.zeros(d * k + k), jac=True, method="L-BFGS-B").x
    lifted, hessian = np.hstack([x, np.ones((n, 1))]), np.eye(d * k)
    for _ in range(20):
        p = softmax(x @ theta[: d * k].reshape(d, k) + theta[d * k :], axis=1)
        inner = np.einsum("nc,ce->nce", p, np.eye(k)) - p[:, :, None] * p[:, None, :]
        hessian = np.einsum("nd,ne,ncf->dcef", lifted, lifted, inner).reshape(d * k + k, -1) / n
        hessian[: d * k, : d * k] += ridge * np.eye(d * k)
        theta = theta - np.linalg.pinv(hessian, rcond=1e-12) @ loss(theta)[1]
    trace = np.trace(hessian[: d * k, : d * k]) - ridge * d * k
    return -loss(theta)[0] - k * variance / (2 * n) * np.log1p(scale * n * trace / (k * d))


def emms(features, embeddings, rounds=1):
    """With numpy's least squares, and the simplex's nearest point by bisection of its threshold."""
    standard = lambda z: (z - z.mean(0)) / z.std(0)  # noqa: E731
    x, y = standard(features), standard(embeddings)
    flat = y.reshape(-1, y.shape[2])
    mixture, fitted = np.full(y.shape[2], 1 / y.shape[2]), x
    for _ in range(rounds):
        fitted = x @ np.linalg.lstsq(x, y @ mixture, rcond=None)[0]
        best = np.linalg.lstsq(flat, fitted.ravel(), rcond=None)[0]
        low, high = best.min() - 1, best.max()
        for _ in range(200):
            middle = (low + high) / 2
            low, high = (middle, high) if np.maximum(best - middle, 0).sum() > 1 else (low, middle)
        mixture = np.maximum(best - low, 0)
    return -np.mean((fitted - y @ mixture) ** 2)
