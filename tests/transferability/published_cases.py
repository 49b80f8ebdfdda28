"""The published scores that need samples, before their duties: a line a kernel."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.transferability.sample_scores.etran import energy, etran, etran_pool
from jaxinv.kernels.transferability.sample_scores.gaussian_mixture import gaussian_mixture
from jaxinv.kernels.transferability.sample_scores.lgc import gradient_kernel, lgc
from jaxinv.kernels.transferability.sample_scores.n_leep import n_leep
from jaxinv.kernels.transferability.sample_scores.ncti import ncti, ncti_pool
from jaxinv.kernels.transferability.sample_scores.parc import parc
from jaxinv.kernels.transferability.sample_scores.sfda import sfda
from tests.duties import BadInput, Case
from tests.transferability import published_references as references
from tests.transferability.sample_cases import DIM, NUM_CLASSES, NUM_SAMPLES, labelled_features

NUM_MODELS = 6
CLUSTERS: dict[str, Any] = {"num_components": 7, "num_restarts": 2, "num_rounds": 3}
SEED = 3


def key() -> jax.Array:
    """The same for the kernel and its reference."""
    return jax.random.key(SEED)


def small_features(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Labelled features whose shrinkage is neither 1 nor nothing."""
    features, labels = labelled_features(generator)
    return 0.3 * features, labels


def memberships(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Features, and responsibilities of four components of which the last is empty."""
    shares = np.exp(2 * generator.normal(size=(NUM_SAMPLES, 4)))
    shares[:, 3] = 0
    return labelled_features(generator)[0], shares / shares.sum(1, keepdims=True)


def kernel_and_labels(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A kernel matrix with an offset."""
    features, labels = labelled_features(generator)
    return features @ features.T / 10 + 1, labels


def tanh_layer(weights: jax.Array, sample: jax.Array) -> jax.Array:
    """`tanh(W x)`."""
    return jnp.tanh(weights @ sample)


def _bad(call: Callable[[], Any], error: type[Exception], message: str) -> BadInput:
    return BadInput(call=call, error=error, message=message)


def _score_case(name: str, score: Callable[..., Any], reference: Callable[..., Any], **options: Any) -> Case:
    """A score of features and labels; `options` go to the case."""
    call = functools.partial(score, num_classes=2)
    weights = "sample_weight" if score in (sfda, n_leep) else "mask"
    arguments = (key(),) if score is n_leep else ()
    bad = (
        _bad(lambda: call(*arguments, jnp.ones((3, 2), int), jnp.zeros(3, int)), TypeError, "features must be float"),
        _bad(lambda: call(*arguments, jnp.ones((3, 2)), jnp.zeros(3)), TypeError, "labels must hold integers"),
        _bad(lambda: call(*arguments, jnp.ones((3, 2)), jnp.zeros(4, int)), ValueError, r"labels must have .*\(4,\)"),
        _bad(
            lambda: call(*arguments, jnp.ones((3, 2)), jnp.zeros(3, int), **{weights: jnp.ones(4)}),
            ValueError,
            rf"{weights} must have shape \(3\), got \(4,\)",
        ),
        _bad(
            lambda: score(*arguments, jnp.ones((3, 2)), jnp.zeros(3, int), num_classes=0),
            ValueError,
            "num_classes must be >= 1",
        ),
    )
    return Case(
        name=f"transferability.{name}",
        function=options.pop("function", functools.partial(score, num_classes=NUM_CLASSES)),
        arguments=small_features,
        reference=reference,
        empty=lambda: (np.zeros((0, DIM)), np.zeros(0, np.int32)),
        bad_input=bad + options.pop("bad_input", ()),
        **options,
    )


def _bad_option(score: Callable[..., Any], message: str, **options: Any) -> BadInput:
    arguments = (key(),) if score is n_leep else ()
    return _bad(
        lambda: score(*arguments, jnp.ones((3, 2)), jnp.zeros(3, int), num_classes=2, **options), ValueError, message
    )


def _pool_case(name: str, combine: Callable[..., jax.Array], num_terms: int, reference: Callable[..., Any]) -> Case:
    """A combination of terms over a pool."""
    first = "energies" if combine is etran_pool else "probabilities"
    rest = [jnp.ones(3)] * (num_terms - 1)
    return Case(
        name=f"transferability.{name}",
        function=combine,
        arguments=lambda generator: tuple(generator.normal(size=(num_terms, NUM_MODELS))),
        reference=reference,
        value=lambda value: value,
        differentiable=tuple(range(num_terms)),
        second_order=True,
        tolerance=(1e-5, 1e-12),
        bad_input=(
            _bad(lambda: combine(jnp.ones(3, int), *rest), TypeError, f"{first} must be floating point"),
            _bad(lambda: combine(jnp.ones(4), *rest), ValueError, r"must have shape \(4\), got \(3,\)"),
            _bad(lambda: combine(*[jnp.ones(0)] * num_terms), ValueError, "models in .* must be >= 1, got 0"),
        ),
    )


CASES = [
    _score_case(
        "sfda",
        sfda,
        references.sfda,
        second_order=True,
        bad_input=(_bad_option(sfda, "compat must be one of 'None', 'official', got 'old'", compat="old"),),
    ),
    Case(
        name="transferability.energy",
        function=functools.partial(energy, share=0.3),
        arguments=lambda generator: small_features(generator)[:1],
        reference=functools.partial(references.energy, share=0.3),
        second_order=True,
        empty=lambda: (np.zeros((0, DIM)),),
        bad_input=(
            _bad(lambda: energy(jnp.ones((3, 2), int)), TypeError, "features must be floating point"),
            _bad(lambda: energy(jnp.ones((3, 2)), tail="middle"), ValueError, "tail must be one of 'bottom', 'top'"),
            _bad(lambda: energy(jnp.ones((3, 2)), mask=jnp.ones(4, bool)), ValueError, r"mask must have shape \(3\)"),
        ),
    ),
    _score_case(
        "etran",
        etran,
        references.etran,
        value=lambda result: jnp.stack([result.score, result.energy]),
        second_order=True,
        bad_input=(_bad_option(etran, "compat must be one of 'None', 'official', got 'old'", compat="old"),),
    ),
    _pool_case(
        "etran_pool",
        etran_pool,
        2,
        lambda low, probability: 0.15 * references.minmax(low) + 0.85 * references.minmax(probability),
    ),
    _score_case(
        "ncti",
        ncti,
        references.ncti,
        value=lambda result: jnp.stack([result.score, result.feature_nuclear_norm, result.log_class_nuclear_norm]),
        differentiable=(),
    ),
    _pool_case(
        "ncti_pool",
        ncti_pool,
        3,
        lambda *terms: np.array([1, 1, -1]) @ np.stack([references.minmax(term) for term in terms]),
    ),
    _score_case(
        "parc",
        parc,
        functools.partial(references.parc, num=4),
        function=functools.partial(parc, num_classes=NUM_CLASSES, num_components=4),
        differentiable=(),
        bad_input=(_bad_option(parc, "num_components must be >= 1, got 0", num_components=0),),
    ),
    Case(
        name="transferability.gaussian_mixture",
        function=functools.partial(gaussian_mixture, num_rounds=2, ridge=1e-3),
        arguments=memberships,
        reference=functools.partial(references.gaussian_mixture, num_rounds=2, ridge=1e-3),
        value=lambda result: result.responsibilities,
        differentiable=(0, 1),
        second_order=True,
        diagnostics_tolerance=(1e-4, 1e-10),
        low_precision=1e-3,
        empty=lambda: (np.zeros((0, DIM)), np.zeros((0, 4))),
        bad_input=(
            _bad(
                lambda: gaussian_mixture(jnp.ones((3, 2)), jnp.ones((4, 2)), num_rounds=1),
                ValueError,
                r"responsibilities must have shape \(3, any\), got \(4, 2\)",
            ),
            _bad(
                lambda: gaussian_mixture(jnp.ones((3, 2)), jnp.ones((3, 2)), num_rounds=0),
                ValueError,
                "num_rounds must be >= 1, got 0",
            ),
            _bad(
                lambda: gaussian_mixture(
                    jnp.ones((3, 2)), jnp.ones((3, 2)), num_rounds=1, sample_weight=jnp.ones(3, int)
                ),
                TypeError,
                "sample_weight must be floating point",
            ),
        ),
    ),
    _score_case(
        "n_leep",
        n_leep,
        lambda features, labels: references.n_leep(key(), features, labels, **CLUSTERS),
        function=lambda features, labels: n_leep(key(), features, labels, num_classes=NUM_CLASSES, **CLUSTERS),
        differentiable=(),
        diagnostics_tolerance=(1e-4, 1e-10),
        bad_input=(
            _bad_option(n_leep, "num_restarts must be >= 1, got 0", num_restarts=0),
            _bad_option(n_leep, "num_components must be >= 1, got 0", num_components=0),
            _bad_option(n_leep, "max_dim must be >= 1, got 0", max_dim=0),
        ),
    ),
    Case(
        name="transferability.lgc",
        function=functools.partial(lgc, num_classes=NUM_CLASSES),
        arguments=kernel_and_labels,
        reference=references.lgc,
        second_order=True,
        empty=lambda: (np.zeros((0, 0)), np.zeros(0, np.int32)),
        bad_input=(
            _bad(lambda: lgc(jnp.ones((3, 3), int), jnp.zeros(3, int), num_classes=2), TypeError, "kernel must be"),
            _bad(
                lambda: lgc(jnp.ones((3, 2)), jnp.zeros(3, int), num_classes=2),
                ValueError,
                r"kernel must have shape \(3, 3\), got \(3, 2\)",
            ),
        ),
    ),
    Case(
        name="transferability.gradient_kernel",
        function=functools.partial(gradient_kernel, tanh_layer, rows=4),
        arguments=lambda generator: (generator.normal(size=(2, 3)), generator.normal(size=(6, 3))),
        reference=references.tanh_kernel,
        value=lambda value: value,
        differentiable=(0, 1),
        second_order=True,
        low_precision=2e-2,
        empty=lambda: (np.zeros((2, 3)), np.zeros((0, 3))),
        bad_input=(
            _bad(
                lambda: gradient_kernel(tanh_layer, jnp.ones((2, 3)), jnp.ones((4, 3)), rows=0),
                ValueError,
                "rows must be >= 1, got 0",
            ),
        ),
    ),
]
