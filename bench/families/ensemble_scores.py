"""Transport, the choice of ensembles, PACTran and EMMS beside their peers."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from jaxinv.bench.case import Case, Peer, Sizes, Work
from jaxinv.bench.families import ensemble_scores_peers as peers
from jaxinv.kernels import transferability as kernels

NUM_CLASSES = 10
EPSILON = 0.05
TEAM = 3


def _clouds(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    """Two clouds (N, D) of two scales, apart."""
    source, target = generator.normal(size=(2, sizes["samples"], sizes["dim"])).astype(np.float32)
    return source, 0.7 * target + 0.3


def _features(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    labels = (np.arange(sizes["samples"]) % NUM_CLASSES).astype(np.int32)
    means = generator.normal(size=(NUM_CLASSES, sizes["dim"]))
    spread = 2 * generator.normal(size=(sizes["samples"], sizes["dim"]))
    return ((means[labels] + spread) / sizes["dim"] ** 0.5).astype(np.float32), labels


def _embedded(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    features, labels = _features(generator, sizes)
    embeddings = generator.normal(size=(NUM_CLASSES, 64, 3))[labels].astype(np.float32)
    return features, embeddings


def _probabilities(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    labels = generator.integers(0, NUM_CLASSES, sizes["samples"]).astype(np.int32)
    logits = generator.normal(size=(sizes["samples"], sizes["source classes"]))
    logits[np.arange(len(labels)), labels % sizes["source classes"]] += 2
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return probabilities.astype(np.float32), labels


def _predictions(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    return (generator.integers(0, NUM_CLASSES, (sizes["models"], sizes["samples"])).astype(np.int32),)


def _costs(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    models = sizes["models"]
    pairwise = generator.uniform(size=(models, models)) * ~np.eye(models, dtype=bool)
    return generator.uniform(size=models).astype(np.float32), pairwise.astype(np.float32)


def _distances(sizes: Sizes) -> Work:
    """The distances, and one pass over them in each direction."""
    samples, dim = sizes["samples"], sizes["dim"]
    return Work(flops=2 * samples**2 * dim + 8 * samples**2, bytes=8 * samples * dim)


def _passes(*, columns: str, operations: int) -> Callable[[Sizes], Work]:
    def work(sizes: Sizes) -> Work:
        numbers = sizes["samples"] * sizes[columns]
        return Work(flops=operations * numbers, bytes=4 * numbers)

    return work


def _transport(name: str, peer: Peer, **options: Any) -> Case:
    return Case(
        family="transferability",
        name=name,
        kernel=lambda x, y: kernels.transport(x, y, epsilon=EPSILON, **options),
        arguments=_clouds,
        sizes=({"samples": 1000, "dim": 128},),
        small={"samples": 100, "dim": 16},
        work=_distances,
        value=lambda coupling: coupling.cost,
        peers=(peer, EXACT_PLAN),
        differentiable=(0,),
    )


def _library(name: str, call: Callable[..., Any], tolerance: float | None, *modules: str, **options: Any) -> Peer:
    return Peer(name=name, kind="library", call=call, tolerance=tolerance, modules=modules, **options)


EXACT_PLAN = Peer(
    name="POT exact (emd2, float64)", kind="another map", call=peers.exact_transport, modules=("ot",), slow=True
)

CASES = (
    _transport("transport", _library("ott-jax Sinkhorn", peers.ott_sinkhorn, 1e-3, "ott", compiled=True)),
    _transport("transport in batches", _library("POT Sinkhorn", peers.pot_sinkhorn, 1e-3, "ot"), batch_size=250),
    _transport(
        "quadratic transport",
        _library("POT smooth dual (scipy L-BFGS, float64)", peers.pot_quadratic, 1e-3, "ot"),
        regularizer="quadratic",
    ),
    Case(
        family="transferability",
        name="disagreement_matrix",
        kernel=lambda predictions: kernels.disagreement_matrix(predictions, num_classes=NUM_CLASSES),
        arguments=_predictions,
        sizes=({"models": 22, "samples": 5000},),
        small={"models": 5, "samples": 200},
        work=lambda sizes: Work(
            flops=sizes["models"] ** 2 * sizes["samples"], bytes=4 * sizes["models"] * sizes["samples"]
        ),
        peers=(Peer(name="numpy, pair by pair", kind="dense", call=peers.disagreement, tolerance=1e-3),),
    ),
    Case(
        family="transferability",
        name="all triples of a pool",
        kernel=lambda unary, pairwise: kernels.all_subset_scores(kernels.EnsembleCosts(unary, pairwise), size=TEAM),
        arguments=_costs,
        sizes=({"models": 22}, {"models": 60}),
        small={"models": 8},
        work=lambda sizes: Work(flops=9 * math.comb(sizes["models"], TEAM), bytes=4 * math.comb(sizes["models"], TEAM)),
        value=lambda subsets: subsets.score,
        peers=(Peer(name="Python loop over subsets", kind="dense", call=peers.subset_scores, tolerance=1e-4),),
    ),
    Case(
        family="transferability",
        name="pactran_gaussian",
        kernel=lambda x, y: kernels.pactran_gaussian(x, y, num_classes=NUM_CLASSES),
        arguments=_features,
        sizes=({"samples": 2000, "dim": 128},),
        small={"samples": 200, "dim": 16},
        work=_passes(columns="dim", operations=4 * NUM_CLASSES),
        value=lambda result: result.fit,
        peers=(_library("scipy L-BFGS, at most 100 steps (float64)", peers.pactran_fit, 1e-2, "scipy"),),
        differentiable=(0,),
    ),
    Case(
        family="transferability",
        name="pactran_dirichlet",
        kernel=lambda p, y: kernels.pactran_dirichlet(p, y, num_classes=NUM_CLASSES),
        arguments=_probabilities,
        sizes=({"samples": 5000, "source classes": 100},),
        small={"samples": 300, "source classes": 10},
        work=_passes(columns="source classes", operations=10 * 2 * 4),
        value=lambda result: result.score,
        peers=(
            Peer(
                name="published rounds (numpy, float64)", kind="library", call=peers.pactran_dirichlet, tolerance=1e-3
            ),
        ),
        differentiable=(0,),
    ),
    Case(
        family="transferability",
        name="emms",
        kernel=kernels.emms,
        arguments=_embedded,
        sizes=({"samples": 5000, "dim": 512},),
        small={"samples": 300, "dim": 16},
        work=lambda sizes: Work(flops=sizes["samples"] * sizes["dim"] ** 2, bytes=4 * sizes["samples"] * sizes["dim"]),
        value=lambda result: result.score,
        peers=(Peer(name="published algorithm (numpy lstsq)", kind="library", call=peers.emms, tolerance=1e-3),),
        differentiable=(0,),
    ),
)
