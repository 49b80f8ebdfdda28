"""Peers of transport, ensembles, PACTran and EMMS: what people run today, and the published algorithms in numpy.

The regulariser of transport peers is 0.05 of the mean squared distance of the centred clouds, as the kernel takes it.
"""

import itertools
import warnings

import numpy as np


def _centred(source, target):
    return source - source.mean(0), target - target.mean(0)


def _regularization(source, target):
    return 0.05 * ((source**2).sum(1).mean() + (target**2).sum(1).mean())


def _shift(source, target):
    return ((source.mean(0) - target.mean(0)) ** 2).sum()


def exact_transport(source, target):
    """POT's network simplex: the plan without a regulariser."""
    import ot

    uniform = np.full(len(source), 1 / len(source))
    return ot.emd2(uniform, uniform, ot.dist(source.astype(np.float64), target.astype(np.float64)))


def ott_sinkhorn(source, target):
    """ott-jax, with the kernel's threshold on the marginals."""
    import jax
    import jax.numpy as jnp

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="JAXopt is no longer maintained", category=DeprecationWarning)
        from ott.geometry import pointcloud
        from ott.solvers import linear

    with jax.numpy_rank_promotion("allow"):
        shift = _shift(source, target)
        source, target = _centred(source, target)
        geometry = pointcloud.PointCloud(source, target, epsilon=_regularization(source, target))
        plan = linear.solve(geometry, threshold=1e-5, max_iterations=2000).matrix
        return jnp.sum(plan * jnp.asarray(geometry.cost_matrix)) + shift


def pot_sinkhorn(source, target):
    """POT's Sinkhorn in the log domain."""
    import ot

    shift = _shift(source, target)
    source, target = _centred(source, target)
    uniform = np.full(len(source), 1 / len(source), np.float32)
    costs = np.asarray(ot.dist(source, target))
    regularization = float(_regularization(source, target))
    plan = ot.sinkhorn(uniform, uniform, costs, regularization, method="sinkhorn_log", stopThr=1e-6)
    return np.sum(np.asarray(plan) * costs) + shift


def pot_quadratic(source, target):
    """POT's smooth dual by L-BFGS; its regulariser is not relative to the marginals."""
    import ot

    shift = _shift(source, target)
    source, target = (x.astype(np.float64) for x in _centred(source, target))
    uniform = np.full(len(source), 1 / len(source))
    costs = np.asarray(ot.dist(source, target))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        plan = ot.smooth.smooth_ot_dual(
            uniform, uniform, costs, _regularization(source, target) * costs.size, reg_type="l2", numItermax=2000
        )
    return np.sum(np.asarray(plan) * costs) + shift


def disagreement(predictions):
    """A contingency table for every pair of models."""
    number, classes = len(predictions), predictions.max() + 1
    matrix = np.zeros((number, number))
    for i, j in itertools.permutations(range(number), 2):
        joint = np.bincount(predictions[i] * classes + predictions[j], minlength=classes**2).reshape(classes, classes)
        joint = joint / joint.sum()
        ratio = np.where(joint > 0, joint / np.maximum(joint.sum(0), 1e-30), 1.0)
        matrix[i, j] = -np.sum(joint * np.log(ratio))
    return matrix


def subset_scores(unary, pairwise):
    """Minus the cost of every triple."""
    return np.array(
        [-unary[list(e)].sum() - pairwise[np.ix_(e, e)].sum() for e in itertools.combinations(range(len(unary)), 3)]
    )


def pactran_fit(features, labels):
    """The loss at the end of the published optimisation."""
    import scipy.optimize
    from scipy.special import logsumexp, softmax

    x = features.astype(np.float64)
    x = x - x.mean(0)
    truth = np.eye(labels.max() + 1)[labels]
    (n, d), k = x.shape, truth.shape[1]

    def loss(theta):
        w, b = theta[: d * k].reshape(d, k), theta[d * k :]
        logits = x @ w + b
        error = (softmax(logits, axis=1) - truth) / n
        value = np.mean(logsumexp(logits, axis=1) - np.sum(truth * logits, axis=1)) + np.sum(w**2) / (2 * n)
        return value, np.concatenate([(x.T @ error + w / n).ravel(), error.sum(0)])

    start = np.zeros(d * k + k)
    return scipy.optimize.minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 100}, tol=1e-6).fun


def pactran_dirichlet(probabilities, labels):
    """Ten rounds, and the bound of the last."""
    from scipy.special import digamma, gammaln, logsumexp

    s = probabilities.astype(np.float64)
    truth = np.eye(labels.max() + 1)[labels]
    prior = truth.mean(0)[:, None]
    log_q = log_s = np.log(s)
    q = s
    for _ in range(10):
        alpha = prior + truth.T @ q
        logits = log_s + truth @ digamma(alpha) - digamma(alpha.sum(0))
        log_q = logits - logsumexp(logits, axis=1, keepdims=True)
        q = np.exp(log_q)
    alpha = prior + truth.T @ q
    gained = np.sum(gammaln(alpha) - gammaln(prior)) - np.sum(gammaln(alpha.sum(0)) - gammaln(prior.sum()))
    return (gained - np.sum(q * (log_q - log_s))) / len(labels)


def emms(features, embeddings):
    """Two least squares and a sparsemax."""

    def standard(z):
        return (z - z.mean(0)) / z.std(0)

    x, y = standard(features), standard(embeddings)
    number = y.shape[2]
    fitted = x @ np.linalg.lstsq(x, y.mean(2), rcond=None)[0]
    best = np.linalg.lstsq(y.reshape(-1, number), fitted.ravel(), rcond=None)[0]
    ordered = np.sort(best)[::-1]
    thresholds = (np.cumsum(ordered) - 1) / np.arange(1, number + 1)
    mixture = np.maximum(best - thresholds[ordered > thresholds][-1], 0)
    return -np.mean((fitted - y @ mixture) ** 2)
