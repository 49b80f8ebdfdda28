"""Peers of the similarities of representations: the published algorithms in numpy and torch, written anew."""

import numpy as np


def linear_cka(x, y):
    """By features."""
    x, y = x - x.mean(0), y - y.mean(0)
    return np.sum((x.T @ y) ** 2) / np.linalg.norm(x.T @ x) / np.linalg.norm(y.T @ y)


def _centred(gram):
    means = gram.mean(0)
    return gram - means[None, :] - means[:, None] + means.mean()


def gram_cka(x, y):
    """By Gram matrices, centred by their means."""
    gram1, gram2 = _centred(x @ x.T), _centred(y @ y.T)
    return np.sum(gram1 * gram2) / np.linalg.norm(gram1) / np.linalg.norm(gram2)


def linear_cka_torch(x, y):
    """By features, on the device that torch has."""
    import torch  # pyright: ignore[reportMissingImports]

    device = "cuda" if torch.cuda.is_available() else "cpu"
    x, y = (torch.as_tensor(z, device=device) for z in (x, y))
    x, y = x - x.mean(0), y - y.mean(0)
    return float((x.T @ y).square().sum() / torch.linalg.norm(x.T @ x) / torch.linalg.norm(y.T @ y))


def participation_ratio(x):
    """As it is mostly written: by the eigenvalues of the smaller of covariance and Gram matrix."""
    x = x - x.mean(0)
    eigenvalues = np.linalg.eigvalsh(x @ x.T if len(x) < x.shape[1] else x.T @ x)
    return eigenvalues.sum() ** 2 / np.sum(eigenvalues**2)


def _hsic(gram1, gram2):
    n = len(gram1)
    sums1, sums2 = gram1.sum(0), gram2.sum(0)
    total = np.sum(gram1 * gram2) + sums1.sum() * sums2.sum() / (n - 1) / (n - 2) - 2 / (n - 2) * sums1 @ sums2
    return total / (n * (n - 3))


def debiased_cka(x, y):
    """By Gram matrices without their diagonals; in float64, for the sums of uncentred ones cancel."""
    grams = [z.astype(np.float64) @ z.T.astype(np.float64) for z in (x, y)]
    for gram in grams:
        np.fill_diagonal(gram, 0)
    return _hsic(*grams) / np.sqrt(_hsic(grams[0], grams[0]) * _hsic(grams[1], grams[1]))


def minibatch_cka(x, y):
    """Of batches (B, n, d): the three terms added up before the ratio."""
    terms = np.zeros(3)
    for batch in zip(x, y, strict=True):
        grams = [z @ z.T for z in batch]
        for gram in grams:
            np.fill_diagonal(gram, 0)
        terms += _hsic(*grams), _hsic(grams[0], grams[0]), _hsic(grams[1], grams[1])
    return terms[0] / np.sqrt(terms[1] * terms[2])


def rbf_cka(x, y):
    """With squared distances by the expanded square."""

    def gram(z):
        squares = np.sum(z * z, axis=1)
        apart = np.maximum(squares[:, None] + squares[None, :] - 2 * z @ z.T, 0)
        median = np.median(apart[np.triu_indices(len(z), 1)])
        return _centred(np.exp(-apart / (2 * median)))

    gram1, gram2 = gram(x), gram(y)
    return np.sum(gram1 * gram2) / np.linalg.norm(gram1) / np.linalg.norm(gram2)


def svcca(x, y, share=0.99):
    """By decompositions of the centred matrices."""

    def leading(z):
        u, s, _ = np.linalg.svd(z - z.mean(0), full_matrices=False)
        return u[:, : 1 + np.sum(np.cumsum(s**2) < share * np.sum(s**2))]

    return np.linalg.svd(leading(x).T @ leading(y), compute_uv=False).mean()


def relative(x, anchors):
    """Cosines."""
    x, anchors = (z / np.linalg.norm(z, axis=1, keepdims=True) for z in (x, anchors))
    return x @ anchors.T


def relative_torch(x, anchors):
    """Cosines, as the authors' code has them, on the device that torch has."""
    import torch  # pyright: ignore[reportMissingImports]

    device = "cuda" if torch.cuda.is_available() else "cpu"
    x, anchors = (torch.nn.functional.normalize(torch.as_tensor(z, device=device), dim=-1) for z in (x, anchors))
    return (x @ anchors.T).cpu().numpy()


def anchors_fps(x, num_anchors):
    """The distance of all samples from each new anchor."""
    chosen, apart = [0], np.full(len(x), np.inf, x.dtype)
    for _ in range(num_anchors - 1):
        apart = np.minimum(apart, np.sum((x - x[chosen[-1]]) ** 2, axis=1))
        chosen.append(int(np.argmax(apart)))
    return x[chosen]
