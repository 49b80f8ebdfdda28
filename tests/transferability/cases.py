"""The statistics scores, each on unbalanced classes, one of them absent, with an offset: a line a kernel."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels import transferability as kernels
from tests.duties import BadInput, Case
from tests.transferability import references

NUM_SAMPLES, DIM, NUM_CLASSES = 31, 5, 4


def labelled_features(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """31 x 5 features that know something of their labels 0, 1, 3; class 2 is absent."""
    labels = generator.permutation(np.repeat([0, 1, 3], (14, 11, 6)))
    means = generator.normal(size=(NUM_CLASSES, DIM))
    scales = np.array([1.0, 0.5, 2.0, 1.0, 0.3])
    return means[labels] + scales * generator.normal(size=(NUM_SAMPLES, DIM)) + 2.0, labels.astype(np.int32)


def nothing() -> tuple[np.ndarray, np.ndarray]:
    """No samples at all."""
    return np.zeros((0, DIM)), np.zeros(0, np.int32)


def _statistics(features: Any, labels: Any, per_class_gram: bool = False) -> kernels.ClassStatistics:
    return kernels.class_statistics(features, labels, NUM_CLASSES, per_class_gram=per_class_gram)


def _score(
    name: str, score: Callable[..., Any], reference: Callable[..., Any], *, grams: bool = False, **options
) -> Case:
    bad = list(options.pop("bad_input", ()))
    if grams:
        plain = lambda: score(_statistics(jnp.ones((3, 2)), jnp.zeros(3, int)))  # noqa: E731
        bad.append(BadInput(call=plain, error=ValueError, message=r"per.class.[Gg]ram"))
    wrong = lambda: score(_statistics(jnp.ones((3, 2)), jnp.zeros(4, int)))  # noqa: E731
    bad.append(BadInput(call=wrong, error=ValueError, message=r"labels must have shape \(3\), got \(4,\)"))
    return Case(
        name=f"transferability.{name}",
        function=lambda features, labels: score(_statistics(features, labels, grams)),
        arguments=labelled_features,
        reference=lambda features, labels: reference(features, labels, NUM_CLASSES),
        empty=nothing,
        bad_input=tuple(bad),
        **options,
    )


def _unknown(call: Callable[..., Any], message: str) -> tuple[BadInput, ...]:
    statistics = lambda: _statistics(jnp.ones((3, 2)), jnp.zeros(3, int))  # noqa: E731
    return (BadInput(call=lambda: call(statistics()), error=ValueError, message=message),)


def _lda_probability(statistics: kernels.ClassStatistics, features: jax.Array, labels: jax.Array) -> Any:
    return kernels.discriminant_score(features, labels, kernels.lda(statistics))


CASES = [
    Case(
        name="transferability.class_statistics",
        function=lambda features, labels: kernels.finalise(_statistics(features, labels)),
        value=lambda moments: moments.scatter,
        arguments=labelled_features,
        reference=lambda features, labels: np.cov(features.T, bias=True) * len(features),
        second_order=True,
        empty=nothing,
        bad_input=(
            BadInput(
                call=lambda: kernels.class_statistics(jnp.ones((3, 2), int), jnp.zeros(3, int), 2),
                error=TypeError,
                message="features must be floating point, got dtype int",
            ),
            BadInput(
                call=lambda: kernels.class_statistics(jnp.ones((3, 2)), jnp.zeros(3), 2),
                error=TypeError,
                message="labels must hold integers, got dtype float",
            ),
            BadInput(
                call=lambda: kernels.class_statistics(jnp.ones(3), jnp.zeros(3, int), 2),
                error=ValueError,
                message=r"features must have shape \(any, any\), got \(3,\)",
            ),
            BadInput(
                call=lambda: kernels.class_statistics(jnp.ones((3, 2)), jnp.zeros(3, int), 0),
                error=ValueError,
                message="num_classes must be >= 1, got 0",
            ),
            BadInput(
                call=lambda: kernels.class_statistics(
                    jnp.ones((3, 2)), jnp.zeros(3, int), 2, sample_weight=jnp.ones(4)
                ),
                error=ValueError,
                message=r"sample_weight must have shape \(3\), got \(4,\)",
            ),
        ),
    ),
    Case(
        name="transferability.pool_statistics",
        function=lambda features, labels: jax.vmap(kernels.finalise)(
            kernels.pool_statistics(jnp.stack([features, 2 * features]), labels, NUM_CLASSES)
        ),
        value=lambda moments: moments.scatter,
        arguments=labelled_features,
        reference=lambda features, labels: np.stack(
            [factor * np.cov(features.T, bias=True) * len(features) for factor in (1, 4)]
        ),
        second_order=True,
        empty=nothing,
        bad_input=(
            BadInput(
                call=lambda: kernels.pool_statistics(jnp.ones((3, 2)), jnp.zeros(3, int), 2),
                error=ValueError,
                message=r"features must have shape \(any, any, any\), got \(3, 2\)",
            ),
            BadInput(
                call=lambda: kernels.pool_statistics(
                    jnp.ones((4, 3, 2)), jnp.zeros(3, int), 2, valid_dim=jnp.ones(3, int)
                ),
                error=ValueError,
                message=r"valid_dim must have shape \(4\), got \(3,\)",
            ),
        ),
    ),
    _score(
        "logme",
        kernels.logme,
        references.logme,
        diagnostics_tolerance=(1e-2, 1e-6),
        bad_input=_unknown(
            lambda s: kernels.logme(s, compat="old"), "compat must be one of 'None', 'official', got 'old'"
        ),
    ),
    _score("h_score", kernels.h_score, references.h_score, second_order=True),
    _score("shrinkage_h_score", kernels.shrinkage_h_score, references.shrinkage_h_score, second_order=True),
    _score(
        "gbc",
        kernels.gbc,
        lambda f, y, c: references.bhattacharyya(f, y, c, "spherical"),
        second_order=True,
        bad_input=_unknown(lambda s: kernels.gbc(s, covariance="round"), "covariance must be one of .*, got 'round'"),
    ),
    _score(
        "gbc[diagonal]",
        lambda statistics: kernels.gbc(statistics, covariance="diagonal"),
        lambda f, y, c: references.bhattacharyya(f, y, c, "diagonal"),
        second_order=True,
    ),
    _score(
        "gbc[full]",
        lambda statistics: kernels.gbc(statistics, covariance="full"),
        lambda f, y, c: references.bhattacharyya(f, y, c, "full"),
        grams=True,
        second_order=True,
    ),
    _score(
        "transrate",
        kernels.transrate,
        references.transrate,
        grams=True,
        second_order=True,
    ),
    _score(
        "tmi_gaussian",
        kernels.tmi_gaussian,
        references.tmi_gaussian,
        grams=True,
        second_order=True,
        diagnostics_tolerance=(1e-4, 1e-10),
    ),
    _score("lfc", kernels.lfc, references.lfc, second_order=True),
    _score("nearest_mean", kernels.nearest_mean, references.nearest_mean, second_order=True),
    _score("ridge_gcv", kernels.ridge_gcv, references.ridge_gcv, diagnostics_tolerance=(1e-2, 1e-6)),
    _score("intra_class_variance", kernels.intra_class_variance, references.intra_class_variance, second_order=True),
    Case(
        name="transferability.lda",
        function=lambda features, labels: _lda_probability(_statistics(features, labels), features, labels),
        arguments=labelled_features,
        reference=lambda features, labels: references.lda_probability(features, labels, NUM_CLASSES),
        second_order=True,
        empty=nothing,
        bad_input=(
            BadInput(
                call=lambda: _lda_probability(
                    _statistics(jnp.ones((3, 2)), jnp.zeros(3, int)), jnp.ones((3, 4)), jnp.zeros(3, int)
                ),
                error=ValueError,
                message=r"features must have shape \(any, 2\), got \(3, 4\)",
            ),
        ),
    ),
]
