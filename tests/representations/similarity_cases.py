"""Similarities of representations before their duties: each against the definition in float64 numpy and scipy."""

import itertools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg
from scipy.spatial.distance import pdist

from jaxinv.kernels import representations as kernels
from tests.duties import BadInput, Case

# Wider than 4, up to where matrices are unrolled, which takes long to compile.
NUM, WIDTH1, WIDTH2 = 14, 4, 5


def pair(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """14 samples with offsets, in spaces of widths 4 and 5 that share something."""
    x = generator.normal(size=(NUM, WIDTH1)) + 1.0
    mixed = x @ generator.normal(size=(WIDTH1, WIDTH2))
    return x, mixed * np.array([1.0, 0.6, 0.4, 0.3, 0.8]) + generator.normal(size=mixed.shape)


def of_equal_width(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """14 samples of width 3, and each of them moved."""
    x = generator.normal(size=(NUM, WIDTH1))
    return x, x + 0.4 * generator.normal(size=x.shape)


def gram_cka(gram1: np.ndarray, gram2: np.ndarray) -> float:
    """Alignment of Gram matrices, centred by explicit centring matrices."""
    centring = np.eye(len(gram1)) - 1 / len(gram1)
    gram1, gram2 = (centring @ gram @ centring for gram in (gram1, gram2))
    return float(np.sum(gram1 * gram2) / np.linalg.norm(gram1) / np.linalg.norm(gram2))


def cka_reference(x: np.ndarray, y: np.ndarray) -> float:
    """Of linear kernels."""
    return gram_cka(x @ x.T, y @ y.T)


def _participation_ratio(x: np.ndarray) -> float:
    """From the eigenvalues of the covariance."""
    eigenvalues = np.linalg.eigvalsh(np.cov(x.T))
    return eigenvalues.sum() ** 2 / np.sum(eigenvalues**2)


def _rbf_cka(x, y):
    def gram(z):
        squares = np.sum((z[:, None] - z[None]) ** 2, axis=-1)
        return np.exp(-squares / (2 * 0.7**2 * np.median(pdist(z, "sqeuclidean"))))

    return gram_cka(gram(x), gram(y))


def _hsic(x, y):
    """The U-statistic: a mean over all four different inputs."""
    gram1, gram2 = x @ x.T, y @ y.T
    tuples = itertools.permutations(range(len(x)), 4)
    return np.mean([gram1[i, j] * (gram2[i, j] + gram2[q, r] - 2 * gram2[i, q]) for i, j, q, r in tuples])


def _cka_of_batches(x: np.ndarray, y: np.ndarray) -> float:
    shared, own1, own2 = (
        sum(_hsic(a, b) for a, b in zip(first, second, strict=True)) for first, second in ((x, y), (x, x), (y, y))
    )
    return float(shared / np.sqrt(own1 * own2))


def _two_batches(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Two batches of 6 inputs under two representations, of widths 3 and 4, that share something."""
    x = generator.normal(size=(2, 6, 3)) + 1.0
    return x, np.concatenate([x[..., :2], generator.normal(size=(2, 6, 2))], axis=-1)


@jax.jit
def cka_of_batches(x: jax.Array, y: jax.Array) -> kernels.LinearCKA:
    """Of batches (B, n, d) and (B, n, e)."""
    state = kernels.cka_init(jnp.promote_types(x.dtype, jnp.float32))
    state = jax.lax.scan(lambda state, batch: (kernels.cka_update(state, *batch), None), state, (x, y))[0]
    return kernels.cka_finalise(state)


def correlations(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """By QR and SVD."""
    frames = [np.linalg.qr(z - z.mean(0))[0] for z in (x, y)]
    return np.linalg.svd(frames[0].T @ frames[1], compute_uv=False)


def _svcca(x, y):
    def leading(z):
        u, s, _ = np.linalg.svd(z - z.mean(0), full_matrices=False)
        share = np.cumsum(s**2) / np.sum(s**2)
        return (u * s)[:, : 1 + np.sum(share < 0.9)]

    return correlations(leading(x), leading(y)).mean()


def _pwcca(x, y):
    x, y = x - x.mean(0), y - y.mean(0)
    frame1, frame2 = np.linalg.qr(x)[0], np.linalg.qr(y)[0]
    turn, rho, _ = np.linalg.svd(frame1.T @ frame2, full_matrices=False)
    weights = np.sum(np.abs((frame1 @ turn).T @ x), axis=1)
    return np.sum(weights * rho) / weights.sum()


def _procrustes(x, y):
    """The distance, by scipy's rotation."""
    x, y = (np.pad(z - z.mean(0), ((0, 0), (0, WIDTH2 - z.shape[1]))) for z in (x, y))
    x, y = x / np.linalg.norm(x), y / np.linalg.norm(y)
    return np.linalg.norm(x @ scipy.linalg.orthogonal_procrustes(x, y)[0] - y)


def _rotation(x, y):
    u, _, vh = np.linalg.svd(x.T @ y, full_matrices=False)
    return u @ vh


def _linear_map(x, y):
    """Least squares with a column of ones and a row of the ridge's root a column."""
    augmented = np.hstack([x, np.ones((len(x), 1))])
    roots = np.hstack([np.sqrt(0.3) * np.eye(x.shape[1]), np.zeros((x.shape[1], 1))])
    targets = np.vstack([y, np.zeros((x.shape[1], y.shape[1]))])
    return np.linalg.lstsq(np.vstack([augmented, roots]), targets)[0]


def _rsa(metric: Any) -> Callable[[np.ndarray, np.ndarray], Any]:
    return lambda x, y: np.corrcoef(pdist(x, metric), pdist(y, metric))[0, 1]


def _nearest_of(points, queries, k):
    unit = [z / np.linalg.norm(z, axis=1, keepdims=True) for z in (queries, points)]
    return np.argsort(-unit[0] @ unit[1].T, axis=1)[:, :k]


def _topk_jaccard(x, y):
    wanted, found = _nearest_of(y, y, 4), _nearest_of(y, x, 4)
    return np.mean([len({*a} & {*b}) / len({*a} | {*b}) for a, b in zip(wanted, found, strict=True)])


def _mrr(x, y):
    ranks = [np.flatnonzero(row == i) for i, row in enumerate(_nearest_of(y, x, 4))]
    return np.mean([1 / (1 + rank[0]) if len(rank) else 0.0 for rank in ranks])


def _mutual_knn(x, y):
    near = [[[j for j in row if j != i][:3] for i, row in enumerate(_nearest_of(z, z, 4))] for z in (x, y)]
    return np.mean([len({*a} & {*b}) / 3 for a, b in zip(*near, strict=True)])


def bad_pair(function: Callable[..., Any], *more: BadInput, equal_width: bool = False) -> tuple[BadInput, ...]:
    """What every kernel of a pair refuses."""
    columns = 2 if equal_width else "any"
    return (
        BadInput(
            call=lambda: function(jnp.ones((6, 2)), jnp.ones((5, 2))),
            error=ValueError,
            message=rf"y must have shape \(6, {columns}\), got \(5, 2\)",
        ),
        BadInput(
            call=lambda: function(jnp.ones((6, 2), int), jnp.ones((6, 2))),
            error=TypeError,
            message="x must be floating point, got dtype int",
        ),
        *more,
    )


def _of_pair(name: str, function: Callable[..., Any], reference: Callable[..., Any], **options: Any) -> Case:
    arguments = options.pop("arguments", pair)
    more_bad = options.pop("more_bad", ())
    defaults: dict[str, Any] = {
        "differentiable": (0, 1),
        "second_order": True,
        "empty": lambda: (np.zeros((0, 3)), np.zeros((0, 4))),
        "bad_input": bad_pair(function, *more_bad, equal_width=arguments is of_equal_width),
    }
    return Case(
        name=f"representations.{name}",
        function=function,
        arguments=arguments,
        reference=reference,
        **defaults | options,
    )


def _retrieval(name: str, function: Callable[..., Any], reference: Callable[..., Any], **options: Any) -> Case:
    """Counts: no derivative."""
    too_many = BadInput(
        call=lambda: getattr(kernels, name)(jnp.ones((4, 2)), jnp.ones((4, 2)), k=4),
        error=ValueError,
        message="k must be from 1 to n - 1 = 3, got 4",
    )
    return _of_pair(
        name,
        function,
        reference,
        value=lambda result: result,
        differentiable=(),
        second_order=False,
        empty=None,
        more_bad=(too_many,),
        **options,
    )


def _canonical(name: str, function: Callable[..., Any], reference: Callable[..., Any], **options: Any) -> Case:
    empty = BadInput(
        call=lambda: function(jnp.ones((0, 2)), jnp.ones((0, 2))),
        error=ValueError,
        message="rows of x must be >= 1, got 0",
    )
    more_bad = (empty, *options.pop("more_bad", ()))
    return _of_pair(name, function, reference, second_order=False, empty=None, more_bad=more_bad, **options)


CASES = [
    _of_pair("linear_cka", kernels.linear_cka, cka_reference),
    _of_pair("rbf_cka", lambda x, y: kernels.rbf_cka(x, y, sigma_factor=0.7), _rbf_cka),
    _of_pair(
        "debiased_cka",
        kernels.debiased_cka,
        lambda x, y: _cka_of_batches(x[None], y[None]),
        arguments=lambda generator: tuple(batch[0] for batch in _two_batches(generator)),
        empty=None,
        more_bad=(
            BadInput(
                call=lambda: kernels.debiased_cka(jnp.ones((3, 2)), jnp.ones((3, 2))),
                error=ValueError,
                message="rows of x must be >= 4, got 3",
            ),
        ),
    ),
    Case(
        name="representations.participation_ratio",
        function=kernels.participation_ratio,
        arguments=lambda generator: pair(generator)[:1],
        reference=_participation_ratio,
        second_order=True,
        empty=lambda: (np.zeros((0, 3)),),
        bad_input=(
            BadInput(
                call=lambda: kernels.participation_ratio(jnp.ones((3, 2), int)),
                error=TypeError,
                message="x must be floating point, got dtype int",
            ),
            BadInput(
                call=lambda: kernels.participation_ratio(jnp.ones(3)),
                error=ValueError,
                message=r"x must have shape \(any, any\), got \(3,\)",
            ),
        ),
    ),
    Case(
        name="representations.cka_update",
        function=cka_of_batches,
        arguments=_two_batches,
        reference=_cka_of_batches,
        differentiable=(0, 1),
        second_order=True,
        empty=lambda: (np.zeros((0, 6, 3)), np.zeros((0, 6, 4))),
        bad_input=bad_pair(lambda x, y: kernels.cka_update(kernels.cka_init(), x, y)),
    ),
    _canonical("cca_mean_squared", kernels.cca_mean_squared, lambda x, y: np.mean(correlations(x, y) ** 2)),
    _canonical(
        "svcca",
        lambda x, y: kernels.svcca(x, y, variance_share=0.9),
        _svcca,
        more_bad=(
            BadInput(
                call=lambda: kernels.svcca(jnp.ones((6, 2)), jnp.ones((6, 2)), variance_share=0.0),
                error=ValueError,
                message=r"variance_share must be in \(0, 1\], got 0",
            ),
        ),
    ),
    _canonical("pwcca", kernels.pwcca, _pwcca),
    _of_pair("procrustes_distance", kernels.procrustes_distance, _procrustes, value=lambda result: result.distance),
    _of_pair(
        "orthogonal_procrustes",
        kernels.orthogonal_procrustes,
        _rotation,
        value=lambda result: result,
        tolerance=(1e-4, 1e-9),
    ),
    _of_pair(
        "linear_align",
        lambda x, y: kernels.linear_align(x, y, ridge=0.3),
        _linear_map,
        value=lambda result: jnp.concatenate([result.matrix, result.offset[None, :]]),
    ),
    *(
        _of_pair(
            f"rsa[{metric}]",
            lambda x, y, metric=metric: kernels.rsa(x, y, dissimilarity=metric),
            _rsa(metric),
            more_bad=(
                BadInput(
                    call=lambda: kernels.rsa(jnp.ones((6, 2)), jnp.ones((6, 2)), dissimilarity="l1"),
                    error=ValueError,
                    message="dissimilarity must be one of 'correlation', 'cosine', 'euclidean', got 'l1'",
                ),
            ),
        )
        for metric in kernels.DISSIMILARITIES
    ),
    _of_pair(
        "mean_cosine",
        kernels.mean_cosine,
        lambda x, y: np.mean(np.sum(x * y, 1) / np.linalg.norm(x, axis=1) / np.linalg.norm(y, axis=1)),
        arguments=of_equal_width,
        value=lambda result: result,
        empty=lambda: (np.zeros((0, 3)), np.zeros((0, 3))),
    ),
    _retrieval("topk_jaccard", lambda x, y: kernels.topk_jaccard(x, y, k=4), _topk_jaccard, arguments=of_equal_width),
    _retrieval("mrr", lambda x, y: kernels.mrr(x, y, k=4), _mrr, arguments=of_equal_width),
    _retrieval("mutual_knn", lambda x, y: kernels.mutual_knn(x, y, k=3), _mutual_knn),
]
