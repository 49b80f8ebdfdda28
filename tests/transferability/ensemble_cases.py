"""Transport, OSBORN and its selections, the ensemble scores, PACTran and EMMS: a line a kernel."""

import functools
import itertools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.transferability import (
    Coupling,
    EnsembleCosts,
    all_subset_scores,
    conditional_entropy,
    coupled_sum,
    disagreement_matrix,
    e_leep,
    emms,
    ensemble_costs,
    exhaustive_selection,
    expected_predictions,
    greedy_selection,
    iou_eep,
    ms_leep,
    osborn_score,
    osborn_terms,
    otce,
    pactran_dirichlet,
    pactran_gamma,
    pactran_gaussian,
    prediction_joint,
    soft_iou_eep,
    transport,
    transport_plan,
)
from tests.duties import BadInput, Case
from tests.transferability import ensemble_references as references

NUM_SOURCE, NUM_TARGET, DIM, NUM_CLASSES, NUM_SOURCES, NUM_MODELS = 12, 15, 4, 4, 5, 6
EPSILON = 0.5
# Where alternation ends shows in differences of the cost.
EXACT: dict[str, Any] = {"epsilon": EPSILON, "tolerance": 1e-13}


def clouds(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """12 and 15 points in 4 dimensions, apart."""
    source, target = (generator.normal(size=(size, DIM)) for size in (NUM_SOURCE, NUM_TARGET))
    return source, target * np.array([1.0, 0.5, 2.0, 1.0]) + 0.5


def labelled_clouds(generator: np.random.Generator) -> tuple[np.ndarray, ...]:
    """The same with labels of 5 source and 4 target classes."""
    source, target = clouds(generator)
    return (
        source,
        generator.permutation(np.arange(NUM_SOURCE) % NUM_SOURCES).astype(np.int32),
        target,
        generator.permutation(np.arange(NUM_TARGET) % NUM_CLASSES).astype(np.int32),
    )


def labelled_features(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """31 x 4 features that know something of their labels 0, 1, 3."""
    labels = generator.permutation(np.repeat([0, 1, 3], (14, 11, 6)))
    return generator.normal(size=(NUM_CLASSES, DIM))[labels] + generator.normal(size=(31, DIM)), labels.astype(np.int32)


def source_predictions(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of 5 source classes, and labels 0, 1, 3."""
    labels = generator.permutation(np.repeat([0, 1, 3], (14, 11, 6)))
    probabilities = np.exp(1.5 * generator.normal(size=(len(labels), NUM_SOURCES)))
    return probabilities / probabilities.sum(1, keepdims=True), labels.astype(np.int32)


def pool_predictions(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Expected predictions of three models, and the labels."""
    labels = source_predictions(generator)[1]
    models = [generator.permutation(source_predictions(generator)[0]) for _ in range(3)]
    return np.stack([references.expected_predictions(p, labels, NUM_CLASSES) for p in models]), labels


def pool_costs(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Costs of 6 models and of their pairs, in eighths, which every dtype holds exactly."""
    unary, pairwise = generator.integers(1, 20, NUM_MODELS) / 8, generator.integers(0, 12, (NUM_MODELS,) * 2) / 8
    return unary, pairwise * ~np.eye(NUM_MODELS, dtype=bool)


def label_embeddings(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Features, and three embeddings of their labels, in 6 columns."""
    features, labels = labelled_features(generator)
    embeddings = np.stack([generator.normal(size=(NUM_CLASSES, 6))[labels] for _ in range(3)], axis=-1)
    return features, embeddings + 0.1 * generator.normal(size=embeddings.shape)


def _bad(call: Callable[[], Any], error: type[Exception], message: str) -> BadInput:
    return BadInput(call=call, error=error, message=message)


def _refused(kernel: Callable[..., Any], *wrong: tuple[tuple[Any, ...], type[Exception], str]) -> tuple[BadInput, ...]:
    """Calls with these arguments must fail."""
    return tuple(_bad(functools.partial(kernel, *arguments), error, message) for arguments, error, message in wrong)


def _transport_case(regularizer: str, plan: Callable[..., np.ndarray]) -> Case:
    def with_option(**options):
        return lambda: transport(jnp.ones((3, 2)), jnp.ones((3, 2)), **options)

    return Case(
        name=f"transferability.transport[{regularizer}]",
        function=lambda source, target: _cost_and_plan(transport(source, target, regularizer=regularizer, **EXACT)),
        value=lambda result: result[0],
        arguments=clouds,
        reference=lambda source, target: references.transport_cost(source, target, plan(source, target, EPSILON)),
        differentiable=(0, 1),
        second_order=True,
        empty=lambda: (np.zeros((0, DIM)), np.ones((3, DIM))),
        bad_input=(
            *_refused(
                transport,
                ((jnp.ones((3, 2), int), jnp.ones((3, 2))), TypeError, "source must be floating point"),
                ((jnp.ones((3, 2)), jnp.ones((3, 4))), ValueError, r"target must have shape \(any, 2\), got \(3, 4\)"),
            ),
            _bad(with_option(regularizer="l1"), ValueError, "regularizer must be one of 'entropic', 'quadratic'"),
            _bad(with_option(batch_size=0), ValueError, "batch_size must be >= 1, got 0"),
            _bad(with_option(max_iterations=0), ValueError, "max_iterations must be >= 1, got 0"),
            _bad(
                with_option(source_weight=jnp.ones(4)), ValueError, r"source_weight must have shape \(3\), got \(4,\)"
            ),
        ),
    )


def _cost_and_plan(coupling: Coupling) -> tuple[jax.Array, jax.Array]:
    """Without the marginal error, which is rounding."""
    return coupling.cost, transport_plan(coupling)


def _label_case(name: str, kernel: Callable[..., Any], reference: Callable[..., Any], **options: Any) -> Case:
    """A kernel of source and target features and labels."""
    kernel = functools.partial(kernel, num_source_classes=NUM_SOURCES, num_classes=NUM_CLASSES)
    points, labels = jnp.ones((3, 2)), jnp.zeros(3, int)
    return Case(
        name=f"transferability.{name}",
        # Without the marginal error, which is rounding.
        function=lambda *arguments: kernel(*arguments, **EXACT)[:3],
        value=lambda result: result[0],
        arguments=labelled_clouds,
        reference=reference,
        differentiable=(0, 2),
        second_order=True,
        empty=lambda: (np.zeros((0, DIM)), np.zeros(0, np.int32), np.ones((3, DIM)), np.zeros(3, np.int32)),
        bad_input=(
            *_refused(
                kernel,
                ((points, jnp.zeros(4, int), points, labels), ValueError, r"source_labels must have shape \(3\)"),
                ((points, labels, points, points[:, 0]), TypeError, "target_labels must hold integers"),
                ((points, labels, jnp.ones(3), labels), ValueError, r"target_features must have shape \(any, any\)"),
            ),
            *options.pop("bad_input", ()),
        ),
        **options,
    )


def _prediction_case(name: str, kernel: Callable[..., Any], reference: Callable[..., Any], **options: Any) -> Case:
    """A kernel of source probabilities and labels."""
    kernel = functools.partial(kernel, num_classes=NUM_CLASSES)
    return Case(
        name=f"transferability.{name}",
        function=kernel,
        arguments=source_predictions,
        reference=reference,
        empty=lambda: (np.zeros((0, NUM_SOURCES)), np.zeros(0, np.int32)),
        bad_input=(
            *_refused(
                kernel,
                ((jnp.ones((3, 2), int), jnp.zeros(3, int)), TypeError, "source_probabilities must be floating point"),
                ((jnp.ones((3, 2)), jnp.zeros(4, int)), ValueError, r"labels must have shape \(3\), got \(4,\)"),
            ),
            *options.pop("bad_input", ()),
        ),
        second_order=True,
        **options,
    )


def _pool_case(name: str, kernel: Callable[..., Any], reference: Callable[..., Any], **options: Any) -> Case:
    """A kernel of the expected predictions of a pool, and labels."""
    wrong = functools.partial(kernel, jnp.ones((2, 3, 4)), jnp.zeros(3, int))
    return Case(
        name=f"transferability.{name}",
        function=kernel,
        arguments=pool_predictions,
        reference=reference,
        empty=lambda: (np.zeros((2, 0, NUM_CLASSES)), np.zeros(0, np.int32)),
        bad_input=(
            *_refused(
                kernel,
                ((jnp.ones((3, 2)), jnp.zeros(3, int)), ValueError, r"predictions must have shape \(any, any, any\)"),
                ((jnp.ones((2, 3, 4)), jnp.zeros(2, int)), ValueError, r"labels must have shape \(3\), got \(2,\)"),
            ),
            _bad(lambda: wrong(subset=jnp.ones(3, bool)), ValueError, r"subset must have shape \(2\), got \(3,\)"),
            _bad(lambda: wrong(sample_weight=jnp.ones(2)), ValueError, r"sample_weight must have shape \(3\)"),
        ),
        **options,
    )


def _selection_case(name: str, kernel: Callable[..., Any], value: Callable[..., Any], reference: Callable[..., Any]):
    """A kernel of the costs of a pool that chooses three models."""

    def of_size(size):
        return lambda: kernel(EnsembleCosts(jnp.ones(4), jnp.ones((4, 4))), size=size)

    differentiable = (0, 1) if kernel is all_subset_scores else ()
    return Case(
        name=f"transferability.{name}",
        function=lambda unary, pairwise: kernel(EnsembleCosts(unary, pairwise), size=3),
        value=value,
        arguments=pool_costs,
        reference=reference,
        differentiable=differentiable,
        second_order=True,
        tolerance=(1e-6, 1e-12),
        low_precision=None,
        bad_input=(
            _bad(of_size(0), ValueError, "size must be >= 1, got 0"),
            _bad(of_size(5), ValueError, "size must be <= the 4 models of the pool, got 5"),
        ),
    )


def _all_costs(unary, pairwise):
    return np.array([references.subset_cost(unary, pairwise, e) for e in itertools.combinations(range(NUM_MODELS), 3)])


def _greedy_gains(unary, pairwise):
    chosen, gains = [], []
    for _ in range(3):
        cost = references.subset_cost(unary, pairwise, chosen)
        rest = [i for i in range(len(unary)) if i not in chosen]
        gain = [cost - references.subset_cost(unary, pairwise, [*chosen, i]) for i in rest]
        gains.append(max(gain))
        chosen.append(rest[int(np.argmax(gain))])
    return np.array(gains)


def _scaled_costs(domain, task, disagreement):
    different = ~np.eye(NUM_MODELS, dtype=bool)
    unary = domain / domain.std() + task / task.std()
    return np.vstack([unary, disagreement / disagreement[different].std() * different])


def pool_terms(generator: np.random.Generator) -> tuple[np.ndarray, ...]:
    """W_D and W_T of 6 models, and their disagreement."""
    unary, pairwise = pool_costs(generator)
    return 50 * unary, generator.uniform(0.5, 1.5, NUM_MODELS), pairwise


CASES = [
    _transport_case("entropic", references.entropic_plan),
    _transport_case("quadratic", references.quadratic_plan),
    Case(
        name="transferability.coupled_sum",
        function=lambda source, target: coupled_sum(transport(source, target, **EXACT), source, target),
        value=lambda value: value,
        arguments=clouds,
        reference=lambda source, target: source.T @ references.entropic_plan(source, target, EPSILON) @ target,
        differentiable=(0, 1),
        second_order=True,
        bad_input=(
            _bad(
                lambda: coupled_sum(transport(jnp.ones((3, 2)), jnp.ones((4, 2))), jnp.ones((2, 1)), jnp.ones((4, 1))),
                ValueError,
                r"source_values must have shape \(3, any\), got \(2, 1\)",
            ),
        ),
    ),
    Case(
        name="transferability.conditional_entropy",
        function=conditional_entropy,
        value=lambda value: value,
        arguments=lambda generator: (generator.uniform(0.1, 1, (4, 3)),),
        reference=references.conditional_entropy,
        second_order=True,
        empty=lambda: (np.zeros((0, 3)),),
        bad_input=(
            *_refused(conditional_entropy, ((jnp.ones(3),), ValueError, r"joint must have shape \(any, any\)")),
            _bad(lambda: conditional_entropy(jnp.ones((3, 2)), given="b"), ValueError, "given must be one of"),
        ),
    ),
    _prediction_case(
        "prediction_joint[soft]",
        functools.partial(prediction_joint, soft=True),
        lambda p, y: p.T @ np.eye(NUM_CLASSES)[y] / len(y),
        value=lambda joint: joint,
    ),
    Case(
        name="transferability.disagreement_matrix",
        function=lambda predictions, weight: disagreement_matrix(
            predictions, num_classes=NUM_CLASSES, sample_weight=weight
        ),
        value=lambda matrix: matrix,
        arguments=lambda generator: (
            generator.integers(0, NUM_CLASSES, (3, 20)).astype(np.int32),
            generator.integers(1, 9, 20) / 8,
        ),
        reference=functools.partial(references.disagreement, num_classes=NUM_CLASSES),
        differentiable=(1,),
        second_order=True,
        empty=lambda: (np.zeros((3, 0), np.int32), np.zeros(0)),
        bad_input=_refused(
            functools.partial(disagreement_matrix, num_classes=NUM_CLASSES),
            ((jnp.ones((3, 2)),), TypeError, "predictions must hold integers"),
            ((jnp.ones(3, int),), ValueError, r"predictions must have shape \(any, any\)"),
        ),
    ),
    _label_case(
        "osborn_terms",
        osborn_terms,
        lambda *arguments: -sum(references.osborn_terms(*arguments, epsilon=EPSILON)),
        bad_input=(
            _bad(
                lambda: osborn_terms(*_three(), num_source_classes=2, num_classes=2, given="both"),
                ValueError,
                "given must be one of 'target', 'source', got 'both'",
            ),
            _bad(
                lambda: osborn_terms(*_three(), num_source_classes=0, num_classes=2),
                ValueError,
                "num_source_classes must be >= 1, got 0",
            ),
        ),
    ),
    _label_case("otce", otce, lambda *arguments: -references.osborn_terms(*arguments, epsilon=EPSILON, of="target")[1]),
    Case(
        name="transferability.ensemble_costs",
        function=ensemble_costs,
        value=lambda costs: jnp.concatenate([costs.unary[None], costs.pairwise]),
        arguments=pool_terms,
        reference=_scaled_costs,
        differentiable=(0, 1, 2),
        second_order=True,
        empty=lambda: (np.zeros(0), np.zeros(0), np.zeros((0, 0))),
        bad_input=(
            *_refused(
                ensemble_costs,
                ((jnp.ones(3), jnp.ones(4), jnp.ones((3, 3))), ValueError, r"task must have shape \(3\), got \(4,\)"),
                ((jnp.ones(3), jnp.ones(3), jnp.ones((3, 2))), ValueError, r"disagreement must have shape \(3, 3\)"),
            ),
            _bad(
                lambda: ensemble_costs(jnp.ones(3), jnp.ones(3), jnp.ones((3, 3)), pairs="all"),
                ValueError,
                "pairs must be one of 'ordered', 'upper', got 'all'",
            ),
            _bad(
                lambda: ensemble_costs(jnp.ones(3), jnp.ones(3), jnp.ones((3, 3)), weights=(1.0, -1.0, 1.0)),
                ValueError,
                "weights: that of task must be >= 0",
            ),
        ),
    ),
    Case(
        name="transferability.osborn_score",
        function=lambda unary, pairwise: osborn_score(EnsembleCosts(unary, pairwise), jnp.arange(NUM_MODELS) % 2 == 0),
        value=lambda score: score,
        arguments=pool_costs,
        reference=lambda unary, pairwise: -references.subset_cost(unary, pairwise, (0, 2, 4)),
        differentiable=(0, 1),
        second_order=True,
        tolerance=(1e-6, 1e-12),
        low_precision=None,
        bad_input=_refused(
            osborn_score,
            ((EnsembleCosts(jnp.ones(3), jnp.ones((3, 3))), jnp.ones(2, bool)), ValueError, "subset must have shape"),
            ((EnsembleCosts(jnp.ones(3), jnp.ones((3, 2))), jnp.ones(3, bool)), ValueError, "costs.pairwise must have"),
        ),
    ),
    _selection_case("all_subset_scores", all_subset_scores, lambda s: s.score, lambda *c: -_all_costs(*c)),
    _selection_case("exhaustive_selection", exhaustive_selection, lambda s: s.score, lambda *c: -_all_costs(*c).min()),
    _selection_case("greedy_selection", greedy_selection, lambda s: s.gains, _greedy_gains),
    _prediction_case(
        "expected_predictions",
        expected_predictions,
        functools.partial(references.expected_predictions, num_classes=NUM_CLASSES),
        value=lambda predictions: predictions,
    ),
    _pool_case("ms_leep", ms_leep, references.ms_leep, second_order=True),
    _pool_case("e_leep", e_leep, references.e_leep, second_order=True),
    _pool_case(
        "iou_eep",
        iou_eep,
        lambda p, y: references.mean_overlap(np.eye(NUM_CLASSES)[p.mean(0).argmax(1)], y),
        differentiable=(),
    ),
    _pool_case("soft_iou_eep", soft_iou_eep, lambda p, y: references.mean_overlap(p.mean(0), y), second_order=True),
    _prediction_case("pactran_dirichlet", pactran_dirichlet, references.pactran_dirichlet),
    _prediction_case("pactran_gamma", pactran_gamma, references.pactran_gamma),
    Case(
        name="transferability.pactran_gaussian",
        function=functools.partial(pactran_gaussian, num_classes=NUM_CLASSES),
        arguments=labelled_features,
        reference=references.pactran_gaussian,
        second_order=True,
        empty=lambda: (np.zeros((0, DIM)), np.zeros(0, np.int32)),
        bad_input=_refused(
            functools.partial(pactran_gaussian, num_classes=2),
            ((jnp.ones((3, 2), int), jnp.zeros(3, int)), TypeError, "features must be floating point"),
            ((jnp.ones((3, 2)), jnp.zeros(4, int)), ValueError, r"labels must have shape \(3\), got \(4,\)"),
        ),
    ),
    Case(
        name="transferability.emms",
        function=emms,
        arguments=label_embeddings,
        reference=references.emms,
        differentiable=(0, 1),
        second_order=True,
        empty=lambda: (np.zeros((0, DIM)), np.zeros((0, 6, 3))),
        bad_input=(
            *_refused(
                emms,
                ((jnp.ones((3, 2)), jnp.ones((3, 2))), ValueError, r"label_embeddings must have shape \(3, any, any\)"),
                ((jnp.ones((3, 2)), jnp.ones((3, 2, 0))), ValueError, "label_embeddings: axis 2 must be >= 1, got 0"),
            ),
            _bad(
                lambda: emms(jnp.ones((3, 2)), jnp.ones((3, 2, 1)), num_rounds=0),
                ValueError,
                "num_rounds must be >= 1, got 0",
            ),
        ),
    ),
]


def _three() -> tuple[Any, ...]:
    return jnp.ones((3, 2)), jnp.zeros(3, int), jnp.ones((3, 2)), jnp.zeros(3, int)
