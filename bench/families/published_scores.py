"""The published scores that need samples, beside the algorithms of their public codes."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.bench.case import Case, Peer, Sizes, Work
from jaxinv.bench.families import published_scores_peers as peers
from jaxinv.kernels import transferability as kernels

NUM_CLASSES = 10
ONE = {"samples": 5000, "dim": 512}
SMALL = {"samples": 400, "dim": 32}


def _features(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    """Features with a falling spectrum that know something of their labels, on a scale where shrinkage tells."""
    num_samples, dim = sizes["samples"], sizes["dim"]
    labels = generator.permutation(np.arange(num_samples) % NUM_CLASSES).astype(np.int32)
    # So near each other that no score is 1 whatever it computes.
    means = 0.2 * generator.normal(size=(NUM_CLASSES, dim))
    scales = 0.5 / np.arange(1, dim + 1) ** 0.7
    return ((means[labels] + generator.normal(size=(num_samples, dim))) * scales + 0.1).astype(np.float32), labels


def _work(sizes: Sizes) -> Work:
    """Half a Gram matrix (it is symmetric), a Cholesky factor, and each sample read once."""
    samples, dim = sizes["samples"], sizes["dim"]
    return Work(flops=samples * dim**2 + dim**3 / 3, bytes=4 * samples * dim)


def _two_fits(sizes: Sizes) -> Work:
    one = _work(sizes)
    return Work(flops=2 * one.flops, bytes=one.bytes)


def _components(sizes: Sizes) -> Work:
    """The Gram matrix of the smaller side and its tridiagonal form."""
    low, high = sorted((sizes["samples"], sizes["dim"]))
    return Work(flops=high * low**2 + 4 / 3 * low**3, bytes=4 * low * high)


def _pairs(sizes: Sizes) -> Work:
    """Components, products of all pairs, and the comparisons of a sort."""
    pairs = sizes["samples"] ** 2 / 2
    components = _components(sizes)
    return Work(flops=components.flops + pairs * (2 * 32 + np.log2(pairs)), bytes=components.bytes)


def _score(name: str, kernel: Callable[..., Any], call: Callable[..., Any], **options: Any) -> Case:
    """A score of features and labels beside the public algorithm on the host."""
    peer = Peer(
        name=options.pop("peer"),
        kind="library" if options.pop("same_answer", True) else "another map",
        call=call,
        tolerance=options.pop("tolerance", 1e-3),
        modules=options.pop("modules"),
    )
    defaults: dict[str, Any] = {"sizes": (ONE,), "work": _work, "value": lambda result: result.score}
    return Case(
        family="transferability",
        name=name,
        kernel=kernel,
        arguments=_features,
        small=SMALL,
        peers=(peer,),
        **defaults | options,
    )


def _n_leep(features: jax.Array, labels: jax.Array) -> kernels.NLEEP:
    return kernels.n_leep(jax.random.key(0), features, labels, num_classes=NUM_CLASSES, num_restarts=1)


def _kernel_matrix(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    features, labels = _features(generator, {"samples": sizes["samples"], "dim": 64})
    return features @ features.T, labels


CASES = (
    _score(
        "sfda",
        lambda x, y: kernels.sfda(x, y, num_classes=NUM_CLASSES, compat="official"),
        peers.sfda,
        peer="published algorithm (numpy, scipy eigh)",
        modules=("scipy",),
        work=_two_fits,
        differentiable=(0,),
    ),
    _score(
        "sfda, true eigenvalue",
        lambda x, y: kernels.sfda(x, y, num_classes=NUM_CLASSES),
        peers.sfda_true,
        peer="numpy, scipy eigh",
        modules=("scipy",),
        work=_two_fits,
    ),
    _score(
        "parc",
        lambda x, y: kernels.parc(x, y, num_classes=NUM_CLASSES),
        peers.parc,
        peer="exact PCA (numpy), scipy spearmanr",
        modules=("scipy",),
        sizes=({"samples": 500, "dim": 512}, {"samples": 2000, "dim": 512}),
        work=_pairs,
    ),
    _score(
        "ncti",
        lambda x, y: kernels.ncti(x, y, num_classes=NUM_CLASSES),
        peers.ncti,
        peer="published algorithm (scikit-learn PCA, LDA)",
        modules=("sklearn",),
        work=_components,
        value=lambda result: jnp.stack([result.score, result.log_class_nuclear_norm]),
    ),
    _score(
        "etran",
        lambda x, y: kernels.etran(x, y, num_classes=NUM_CLASSES),
        peers.etran,
        peer="numpy, scipy eigh",
        modules=("scipy",),
    ),
    _score(
        "n_leep, one restart",
        _n_leep,
        peers.n_leep,
        peer="scikit-learn PCA, GaussianMixture (diagonal), LEEP",
        modules=("sklearn",),
        # Another random start, and as many rounds as it likes.
        same_answer=False,
        tolerance=None,
        sizes=({"samples": 2000, "dim": 128},),
        work=_components,
    ),
    Case(
        family="transferability",
        name="lgc",
        kernel=lambda kernel, y: kernels.lgc(kernel, y, num_classes=NUM_CLASSES),
        arguments=_kernel_matrix,
        sizes=({"samples": 5000},),
        small={"samples": 300},
        work=lambda sizes: Work(flops=6 * sizes["samples"] ** 2, bytes=4 * sizes["samples"] ** 2),
        value=lambda result: result.score,
        peers=(Peer(name="centred matrices (numpy)", kind="library", call=peers.lgc, tolerance=1e-3),),
        differentiable=(0,),
    ),
)
