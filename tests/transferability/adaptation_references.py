"""Dense references of adaptation and imitation: float64 numpy, loops as the papers write them."""

import numpy as np


def class_conditional_mmd(ps, ys, pl, yl, pu, prob_u) -> np.ndarray:
    """Marginal, conditional and combined, class by class; a class that a domain does not have is skipped."""
    marginal = np.sum((ps.mean(0) - np.concatenate([pl, pu]).mean(0)) ** 2)
    terms = []
    for c in range(prob_u.shape[1]):
        weight = np.concatenate([yl == c, prob_u[:, c]])
        if (ys == c).any() and weight.sum() > 0:
            target = np.concatenate([pl, pu]).T @ weight / weight.sum()
            terms.append(np.sum((ps[ys == c].mean(0) - target) ** 2))
    return np.array([marginal, np.sum(terms), (marginal + np.sum(terms)) / (1 + len(terms))])


def unit_rows(x) -> np.ndarray:
    """Rows of length 1."""
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def softmax(logits) -> np.ndarray:
    """Along the last axis."""
    exponentials = np.exp(logits - logits.max(-1, keepdims=True))
    return exponentials / exponentials.sum(-1, keepdims=True)


def ktf_loss(params, ps, ys, xl, yl, xu, beta, mu, tau) -> np.ndarray:
    """Total, labelled and source cross-entropy, combined MMD and penalty."""
    projection, projection_bias, classifier, classifier_bias = params

    def project(x):
        hidden = unit_rows(x) @ projection + projection_bias
        return unit_rows(np.where(hidden > 0, hidden, 0.2 * hidden))

    def probabilities(x):
        return softmax(x @ classifier + classifier_bias)

    ps, pl, pu = unit_rows(ps), project(xl), project(xu)
    target, source = (-np.mean(np.log(probabilities(x)[np.arange(len(y)), y])) for x, y in ((pl, yl), (ps, ys)))
    gap = class_conditional_mmd(ps, ys, pl, yl, pu, probabilities(pu))[2]
    penalty = (np.sum(projection**2) + np.sum(classifier**2)) / 2
    return np.array([target + beta * source + mu * gap + tau * penalty, target, source, gap, penalty])


def contrastive_loss(z) -> float:
    """The double loop over anchors and the others."""
    cosine = unit_rows(z) @ unit_rows(z).T
    losses = []
    for i in range(0, len(z), 2):
        positive = np.exp(cosine[i, i + 1])
        negatives = sum(np.exp(cosine[i, j]) for j in range(len(z)) if j not in (i, i + 1))
        losses.append(-np.log(positive / (positive + negatives)))
    return float(np.mean(losses))


def cluster_loss(z, centroids, assignment) -> float:
    """Half the mean squared distance, of those that have a cluster."""
    own = [np.sum((x - centroids[a]) ** 2) for x, a in zip(z, assignment, strict=True) if 0 <= a < len(centroids)]
    return float(np.mean(own) / 2)


def sigmoid(logits) -> np.ndarray:
    """D of log(D / (1 - D))."""
    return 1 / (1 + np.exp(-logits))


def own_discriminator(logits, cluster) -> np.ndarray:
    """D of each transition by the discriminator of its cluster."""
    return np.stack(
        [sigmoid(logits[k, m]) if 0 <= k < len(logits) else 0 * logits[0, m] for m, k in enumerate(cluster)]
    )
