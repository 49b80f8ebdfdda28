"""The scores that need samples or source probabilities, and the rank agreement: a line a kernel."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.stats

from jaxinv.kernels.transferability.prediction_scores.leep import leep
from jaxinv.kernels.transferability.prediction_scores.nce import nce
from jaxinv.kernels.transferability.rank_agreement import (
    kendall_tau,
    pearson,
    regret,
    relative_at_k,
    top_k_recall,
    weighted_kendall_tau,
)
from jaxinv.kernels.transferability.sample_scores.nearest_neighbours import knn
from jaxinv.kernels.transferability.sample_scores.ridge_leave_one_out import ridge_leave_one_out
from jaxinv.kernels.transferability.sample_scores.tmi import knn_entropy, tmi, tmi_per_class
from tests.duties import BadInput, Case
from tests.transferability import sample_references as references

NUM_SAMPLES, DIM, NUM_CLASSES, NUM_SOURCES, NUM_MODELS = 31, 5, 5, 6, 12


def labelled_features(generator: np.random.Generator, dim: int = DIM) -> tuple[np.ndarray, np.ndarray]:
    """Classes of 14, 11, 3, 0 and 3 samples, interleaved, on features with an offset."""
    labels = generator.permutation(np.repeat([0, 1, 2, 4], (14, 11, 3, 3)))
    means = generator.normal(size=(NUM_CLASSES, dim))
    return means[labels] + 1.5 * generator.normal(size=(NUM_SAMPLES, dim)) + 2.0, labels.astype(np.int32)


def source_predictions(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of 6 source classes, and labels."""
    probabilities = np.exp(2 * generator.normal(size=(NUM_SAMPLES, NUM_SOURCES)))
    labels = generator.permutation(np.repeat([0, 1, 2, 4], (14, 11, 3, 3)))
    return probabilities / probabilities.sum(1, keepdims=True), labels.astype(np.int32)


def ranked_models(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Scores with ties of some use for accuracies with ties; quarters, which every dtype holds exactly."""
    accuracies = generator.integers(1, 9, NUM_MODELS) / 4
    return np.round(4 * accuracies + 4 * generator.normal(size=NUM_MODELS)) / 4, accuracies


def _sample_case(name: str, kernel: Callable[..., Any], reference: Callable[..., Any], **options: Any) -> Case:
    """A kernel of features (or probabilities) and labels; `options` go to the case."""
    first = "source_probabilities" if kernel in (leep, nce) else "features"
    columns = NUM_SOURCES if kernel in (leep, nce) else DIM
    bad = (
        _bad(
            lambda: kernel(jnp.ones((3, 2), int), jnp.zeros(3, int), num_classes=2), TypeError, f"{first} must be float"
        ),
        _bad(
            lambda: kernel(jnp.ones(3), jnp.zeros(3, int), num_classes=2), ValueError, rf"{first} must have shape \(any"
        ),
        _bad(lambda: kernel(jnp.ones((3, 2)), jnp.zeros(3), num_classes=2), TypeError, "labels must hold integers"),
        _bad(
            lambda: kernel(jnp.ones((3, 2)), jnp.zeros(4, int), num_classes=2), ValueError, r"labels must have .*\(4,\)"
        ),
        _bad(
            lambda: kernel(jnp.ones((3, 2)), jnp.zeros(3, int), num_classes=0), ValueError, "num_classes must be >= 1"
        ),
    )
    return Case(
        name=f"transferability.{name}",
        function=options.pop("function", functools.partial(kernel, num_classes=NUM_CLASSES)),
        arguments=options.pop("arguments", labelled_features),
        reference=reference,
        empty=lambda: (np.zeros((0, columns)), np.zeros(0, np.int32)),
        bad_input=bad + options.pop("bad_input", ()),
        **options,
    )


def _bad(call: Callable[[], Any], error: type[Exception], message: str) -> BadInput:
    return BadInput(call=call, error=error, message=message)


def _bad_option(kernel: Callable[..., Any], message: str, **options: Any) -> BadInput:
    return _bad(lambda: kernel(jnp.ones((3, 2)), jnp.zeros(3, int), num_classes=2, **options), ValueError, message)


def _entropy_case(norm: str) -> Case:
    def unknown():
        return knn_entropy(jnp.ones((3, 2)), norm="taxi")

    return Case(
        name=f"transferability.knn_entropy[{norm}]",
        function=functools.partial(knn_entropy, norm=norm),
        arguments=lambda generator: labelled_features(generator)[:1],
        reference=functools.partial(references.knn_entropy, k=3, norm=norm, min_dist=1.0),
        second_order=True,
        empty=lambda: (np.zeros((0, DIM)),),
        bad_input=(
            _bad(unknown, ValueError, "norm must be one of 'max', 'euclidean', got 'taxi'"),
            _bad(lambda: knn_entropy(jnp.ones((3, 2)), k=0), ValueError, "k must be >= 1, got 0"),
            _bad(lambda: knn_entropy(jnp.ones(3)), ValueError, r"features must have shape \(any, any\), got \(3,\)"),
            _bad(
                lambda: knn_entropy(jnp.ones((3, 2)), mask=jnp.ones(4, bool)), ValueError, r"mask must have shape \(3\)"
            ),
        ),
    )


def _agreement_case(name: str, kernel: Callable[..., jax.Array], reference: Callable[..., Any], **options: Any) -> Case:
    return Case(
        name=f"transferability.{name}",
        function=kernel,
        value=lambda value: value,
        arguments=ranked_models,
        reference=reference,
        tolerance=(1e-5, 1e-12),
        bad_input=(
            _bad(lambda: kernel(jnp.ones(3, int), jnp.ones(3)), TypeError, "scores must be floating point"),
            _bad(lambda: kernel(jnp.ones(3), jnp.ones(3, int)), TypeError, "accuracies must be floating point"),
            _bad(lambda: kernel(jnp.ones(3), jnp.ones(4)), ValueError, r"accuracies must have shape \(3\), got \(4,\)"),
            _bad(lambda: kernel(jnp.ones((3, 1)), jnp.ones(3)), ValueError, r"scores must have shape \(any\)"),
            *options.pop("bad_input", ()),
        ),
        **options,
    )


def _no_models() -> tuple[np.ndarray, np.ndarray]:
    return np.zeros(0), np.zeros(0)


TOO_MANY = tuple(
    (
        _bad(lambda f=f: f(jnp.ones(3), jnp.ones(3), k=4), ValueError, "scores must hold >= 4 models, got 3"),
        _bad(lambda f=f: f(jnp.ones(3), jnp.ones(3), k=0), ValueError, "k must be >= 1, got 0"),
    )
    for f in (relative_at_k, top_k_recall)
)

CASES = [
    _sample_case("leep", leep, references.leep, arguments=source_predictions, second_order=True),
    _sample_case("nce", nce, references.nce, arguments=source_predictions, differentiable=()),
    _sample_case(
        "tmi",
        tmi,
        lambda features, labels: references.tmi(features, labels, k=3, min_dist=1.0),
        second_order=True,
        bad_input=(
            _bad_option(tmi, "k must be >= 1, got 0", k=0),
            _bad_option(tmi, "normalise must be one of 'official', 'entropy', got 'none'", normalise="none"),
            _bad_option(tmi, r"mask must have shape \(3\), got \(4,\)", mask=jnp.ones(4, bool)),
        ),
    ),
    _sample_case(
        "tmi_per_class",
        tmi_per_class,
        lambda features, labels: references.entropies(features, labels, num_classes=NUM_CLASSES, k=3, min_dist=1.0),
        value=lambda classes: classes.entropy,
        second_order=True,
    ),
    _entropy_case("max"),
    _entropy_case("euclidean"),
    *(
        _sample_case(
            f"knn[{metric}, {k}]",
            knn,
            functools.partial(references.knn, k=k, metric=metric),
            function=functools.partial(knn, num_classes=NUM_CLASSES, k=k, metric=metric),
            differentiable=(),
            bad_input=(
                _bad_option(knn, "k must be >= 1, got 0", k=0),
                _bad_option(knn, "metric must be one of 'euclidean', 'cosine', got 'taxi'", metric="taxi"),
                _bad_option(knn, r"mask must have shape \(3\), got \(4,\)", mask=jnp.ones(4, bool)),
            ),
        )
        for metric, k in (("euclidean", 1), ("cosine", 4))
    ),
    _sample_case(
        "ridge_leave_one_out",
        ridge_leave_one_out,
        functools.partial(references.ridge_leave_one_out, num_classes=NUM_CLASSES),
        second_order=True,
    ),
    _sample_case(
        "ridge_leave_one_out[wide]",
        ridge_leave_one_out,
        functools.partial(references.ridge_leave_one_out, num_classes=NUM_CLASSES),
        arguments=lambda generator: labelled_features(generator, dim=40),
        second_order=True,
    ),
    _agreement_case(
        "weighted_kendall_tau",
        weighted_kendall_tau,
        lambda scores, truth: scipy.stats.weightedtau(scores, truth)[0],
        differentiable=(),
        empty=_no_models,
    ),
    _agreement_case(
        "kendall_tau",
        kendall_tau,
        lambda scores, truth: scipy.stats.kendalltau(scores, truth)[0],
        differentiable=(),
        empty=_no_models,
    ),
    _agreement_case(
        "pearson",
        pearson,
        lambda scores, truth: np.corrcoef(scores, truth)[0, 1],
        differentiable=(0, 1),
        second_order=True,
        empty=_no_models,
    ),
    _agreement_case(
        "relative_at_k",
        lambda scores, truth, k=3: relative_at_k(scores, truth, k=k),
        lambda scores, truth: max(truth[np.argsort(-scores, kind="stable")[:3]]) / max(truth),
        differentiable=(),
        bad_input=TOO_MANY[0],
    ),
    _agreement_case(
        "top_k_recall",
        lambda scores, truth, k=3: top_k_recall(scores, truth, k=k),
        lambda scores, truth: references.top_k_recall(scores, truth, 3),
        differentiable=(),
        bad_input=TOO_MANY[1],
    ),
    _agreement_case(
        "regret",
        regret,
        lambda scores, truth: max(truth) - truth[np.argmax(scores)],
        differentiable=(),
        bad_input=(_bad(lambda: regret(jnp.ones(0), jnp.ones(0)), ValueError, "scores must hold >= 1 models"),),
    ),
]
