"""The transferability kernels beside their peers."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.bench.case import Case, Peer, Sizes, Work
from jaxinv.bench.families import transferability_peers as peers
from jaxinv.kernels import transferability as kernels

NUM_CLASSES = 10
ONE = {"samples": 5000, "dim": 512}
POOLS = (ONE, {"models": 8, **ONE}, {"models": 64, **ONE})
SMALL = {"samples": 600, "dim": 32}
SWEEP = {"samples": (500, 1500, 5000, 15_000, 50_000), "dim": (64, 128, 256, 512, 1024, 2048)}


def _features(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    """Features (N, D), or those of a pool (M, N, D), that know something of their labels; labels shared."""
    num_samples, dim = sizes["samples"], sizes["dim"]
    labels = generator.permutation(np.arange(num_samples) % NUM_CLASSES).astype(np.int32)
    means = 0.3 * generator.normal(size=(NUM_CLASSES, dim))
    mixing = generator.normal(size=(dim, dim)) / dim**0.5
    features = ((means[labels] + generator.normal(size=(num_samples, dim))) @ mixing + 0.5).astype(np.float32)
    if "models" in sizes:
        scales = np.geomspace(0.5, 2.0, sizes["models"], dtype=np.float32)
        features = features * scales[:, None, None]
    return features, labels


def _statistics(features: jax.Array, labels: jax.Array, per_class_gram: bool = False) -> kernels.ClassStatistics:
    return kernels.class_statistics(features, labels, NUM_CLASSES, per_class_gram=per_class_gram)


def _pool_statistics(features: jax.Array, labels: jax.Array, per_class_gram: bool = False) -> kernels.ClassStatistics:
    """Of one model or of a pool."""
    if features.ndim == 2:
        return _statistics(features, labels, per_class_gram)
    return kernels.pool_statistics(features, labels, NUM_CLASSES, per_class_gram=per_class_gram)


def _over_pool(score: Callable[..., Any]) -> Callable[..., Any]:
    """The same for the statistics of a pool, in one vmapped pass."""
    return lambda statistics: score(statistics) if statistics.gram.ndim == 2 else jax.vmap(score)(statistics)


def _gram(features: jax.Array, labels: jax.Array) -> jax.Array:
    return jnp.einsum("...nd,...ne->...de", features, features, precision="highest")


def _gram_and_eigh(features: jax.Array, labels: jax.Array) -> Any:
    return jnp.linalg.eigh(_gram(features, labels))


def _all_scores(features: jax.Array, labels: jax.Array) -> jax.Array:
    """Nine scores that need no per-class Gram, of one model or of a pool, with one shared eigendecomposition."""
    statistics = _pool_statistics(features, labels)
    if features.ndim == 2:
        return _nine_scores((statistics, kernels.scatter_spectrum(statistics)))
    # The eigendecompositions in a batch, the rest model by model: batched LAPACK calls that XLA may run at once can
    # block each other on a CPU.
    return jax.lax.map(_nine_scores, (statistics, jax.vmap(kernels.scatter_spectrum)(statistics)))


def _nine_scores(inputs: tuple[kernels.ClassStatistics, kernels.Spectrum]) -> jax.Array:
    statistics, spectrum = inputs
    alone = (
        kernels.h_score,
        kernels.shrinkage_h_score,
        kernels.gbc,
        kernels.lfc,
        kernels.lda,
        kernels.nearest_mean,
        kernels.intra_class_variance,
    )
    scores = [score(statistics).score for score in alone]
    scores += [score(statistics, spectrum=spectrum).score for score in (kernels.logme, kernels.ridge_gcv)]
    return jnp.stack(scores)


def _work(*, eigh: bool = False, gram: bool = True) -> Callable[[Sizes], Work]:
    """Half a Gram matrix (it is symmetric), each sample read once, and the 4/3 D^3 of a tridiagonal form."""

    def work(sizes: Sizes) -> Work:
        models, samples, dim = sizes.get("models", 1), sizes["samples"], sizes["dim"]
        flops = samples * dim**2 if gram else 2 * samples * dim
        return Work(
            flops=models * (flops + (4 / 3 * dim**3 if eigh else 0)), bytes=4 * models * samples * dim + 4 * samples
        )

    return work


def _pairs(sizes: Sizes) -> Work:
    samples, dim = sizes["samples"], sizes["dim"]
    return Work(flops=samples**2 * dim, bytes=4 * samples * dim)


def _pairs_within(sizes: Sizes) -> Work:
    samples, dim = sizes["samples"], sizes["dim"]
    return Work(flops=samples**2 / NUM_CLASSES * dim, bytes=4 * samples * dim)


def _score(name: str, score: Callable[..., Any], *, grams: bool = False, eigh: bool = False, **options: Any) -> Case:
    """A score from statistics that are taken in the same call."""
    defaults: dict[str, Any] = {"sizes": (ONE,), "differentiable": (0,), "work": _work(eigh=eigh)}
    return Case(
        family="transferability",
        name=name,
        kernel=lambda x, y: _over_pool(score)(_pool_statistics(x, y, grams)),
        arguments=_features,
        small=SMALL,
        value=lambda result: result.score,
        **defaults | options,
    )


def _host(name: str, call: Callable[..., Any], tolerance: float | None, *modules: str, **options: Any) -> Peer:
    options = {"kind": "library", "models": 2} | options
    return Peer(name=name, call=peers.pooled(call), tolerance=tolerance, modules=modules, **options)


GRAM = Peer(name="bare Gram (XLA)", kind="floor", call=_gram, compiled=True)
GRAM_AND_EIGH = Peer(name="bare Gram and eigh (XLA)", kind="floor", call=_gram_and_eigh, compiled=True)


def _stream(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    return kernels.init(NUM_CLASSES, sizes["dim"], per_class_gram=True), *_features(generator, sizes)


def _probabilities(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    labels = generator.integers(0, NUM_CLASSES, sizes["samples"]).astype(np.int32)
    logits = generator.normal(size=(sizes["samples"], sizes["source classes"]))
    logits[np.arange(len(labels)), labels % sizes["source classes"]] += 2
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return probabilities.astype(np.float32), labels


def _ranking(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    accuracies = generator.normal(size=sizes["models"]).astype(np.float32)
    return (accuracies + generator.normal(size=sizes["models"])).astype(np.float32), accuracies


CASES = (
    Case(
        family="transferability",
        name="class_statistics",
        kernel=_pool_statistics,
        arguments=_features,
        sizes=POOLS,
        small=SMALL,
        work=_work(),
        value=_over_pool(lambda statistics: kernels.finalise(statistics).scatter),
        peers=(GRAM, _host("centred Gram (numpy)", peers.scatter, 1e-5)),
        differentiable=(0,),
        dtypes=("float32", "bfloat16"),
        sweep=SWEEP,
    ),
    Case(
        family="transferability",
        name="update with class Grams",
        kernel=kernels.update,
        arguments=_stream,
        sizes=(ONE, {"samples": 5000, "dim": 2048}),
        small=SMALL,
        work=_work(),
        value=lambda statistics: statistics.gram,
        peers=(Peer(name="bare Gram (XLA)", kind="floor", call=lambda _, x, y: _gram(x, y), compiled=True),),
        donated=True,
        large_result=True,
    ),
    Case(
        family="transferability",
        name="all statistics scores",
        kernel=_all_scores,
        arguments=_features,
        sizes=(ONE, {"models": 8, **ONE}),
        small=SMALL,
        work=_work(eigh=True),
        peers=(GRAM_AND_EIGH,),
    ),
    _score(
        "logme",
        kernels.logme,
        eigh=True,
        sizes=POOLS,
        peers=(GRAM_AND_EIGH, _host("published algorithm (numpy, float64)", peers.logme, 1e-3)),
        dtypes=("float32", "bfloat16"),
        sweep=SWEEP,
    ),
    _score("h_score", kernels.h_score, peers=(GRAM, _host("published algorithm (numpy)", peers.h_score, 1e-3))),
    _score(
        "shrinkage_h_score",
        kernels.shrinkage_h_score,
        peers=(GRAM, _host("scikit-learn ledoit_wolf, numpy solve", peers.shrinkage_h_score, 1e-3, "sklearn")),
    ),
    _score(
        "gbc",
        kernels.gbc,
        work=_work(gram=False),
        peers=(_host("published formula (numpy)", peers.gbc, 1e-3),),
    ),
    _score(
        "transrate",
        kernels.transrate,
        grams=True,
        peers=(GRAM, _host("published formula (numpy, float64)", peers.transrate, 1e-3)),
    ),
    Case(
        family="transferability",
        name="lda probability",
        kernel=lambda x, y: kernels.discriminant_score(x, y, kernels.lda(_statistics(x, y))).score,
        arguments=_features,
        sizes=(ONE,),
        small=SMALL,
        work=_work(),
        peers=(GRAM, _host("scikit-learn lsqr", peers.lda, 1e-3, "sklearn")),
    ),
    _score(
        "ridge_gcv",
        kernels.ridge_gcv,
        eigh=True,
        peers=(GRAM_AND_EIGH, _host("scikit-learn RidgeCV, 25 ridges", peers.ridge_gcv, None, "sklearn")),
    ),
    Case(
        family="transferability",
        name="knn",
        kernel=lambda x, y: kernels.knn(x, y, num_classes=NUM_CLASSES),
        arguments=_features,
        sizes=(ONE,),
        small=SMALL,
        work=_pairs,
        value=lambda result: result.score,
        peers=(
            _host("scikit-learn brute", peers.knn, 2e-3, "sklearn"),
            _host("torch cdist, topk", peers.knn_torch, 2e-3, "torch"),
            _host("scipy KDTree", peers.knn_tree, 2e-3, "scipy", slow=True),
        ),
        sweep={"samples": (500, 1500, 5000, 15_000)},
    ),
    Case(
        family="transferability",
        name="tmi",
        kernel=lambda x, y: kernels.tmi(x, y, num_classes=NUM_CLASSES),
        arguments=_features,
        sizes=(ONE, {"samples": 5000, "dim": 64}),
        small=SMALL,
        work=_pairs_within,
        value=lambda result: result.score,
        peers=(_host("scipy KDTree a class", peers.tmi_tree, 1e-4, "scipy"),),
        differentiable=(0,),
    ),
    Case(
        family="transferability",
        name="leep",
        kernel=lambda p, y: kernels.leep(p, y, num_classes=NUM_CLASSES),
        arguments=_probabilities,
        sizes=({"samples": 5000, "source classes": 100},),
        small={"samples": 500, "source classes": 10},
        work=lambda sizes: Work(
            flops=6 * sizes["samples"] * sizes["source classes"], bytes=4 * sizes["samples"] * sizes["source classes"]
        ),
        value=lambda result: result.score,
        peers=(_host("published formula (numpy)", peers.leep, 1e-4),),
        differentiable=(0,),
    ),
    Case(
        family="transferability",
        name="weighted_kendall_tau",
        kernel=kernels.weighted_kendall_tau,
        arguments=_ranking,
        sizes=({"models": 64}, {"models": 1000}),
        small={"models": 32},
        work=lambda sizes: Work(flops=sizes["models"] * np.log2(sizes["models"]), bytes=8 * sizes["models"]),
        peers=(
            Peer(name="scipy weightedtau", kind="library", call=peers.weighted_tau, modules=("scipy",), tolerance=1e-4),
        ),
    ),
)
