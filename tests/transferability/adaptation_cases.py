"""Adaptation between domains and imitation across bodies, each against numpy: a line a kernel."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels import transferability as kernels
from tests.duties import FEATURES, BadInput, Case
from tests.transferability import adaptation_references as references

KEY = jax.random.key(3)
NUM_CLASSES, DIM, TARGET_DIM = 4, 3, 5
WEIGHTS = {"beta": 0.3, "mu": 0.7, "tau": 0.05}


def domains(generator: np.random.Generator, target_dim: int = DIM) -> tuple[np.ndarray, ...]:
    """Source and target, of which 5 samples have labels; class 2 is absent from the source, 3 from the labels."""
    source_labels = generator.permutation(np.repeat([0, 1, 3], (6, 4, 3))).astype(np.int32)
    labels = np.array([0, 1, 2, 0, 1], np.int32)
    return (
        generator.normal(size=(len(source_labels), DIM)) + source_labels[:, None],
        source_labels,
        generator.normal(size=(len(labels), target_dim)) + 0.5,
        labels,
        generator.normal(size=(7, target_dim)),
    )


def with_probabilities(generator: np.random.Generator) -> tuple[np.ndarray, ...]:
    """The arguments of `class_conditional_mmd`."""
    return *domains(generator), references.softmax(generator.normal(size=(7, NUM_CLASSES)))


def framework(generator: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Parameters that are not small, and the arguments of `ktf_batch`."""
    shapes = ((TARGET_DIM, DIM), (DIM,), (DIM, NUM_CLASSES), (NUM_CLASSES,))
    return *(generator.normal(size=shape) for shape in shapes), *domains(generator, TARGET_DIM)


def _loss(*arguments: Any) -> kernels.KtfLoss:
    batch = kernels.ktf_batch(*arguments[4:], num_classes=NUM_CLASSES)
    return kernels.ktf_loss(kernels.KtfParams(*arguments[:4]), batch, **WEIGHTS)


def _means(*arguments: Any) -> kernels.ConditionalMMD:
    features, membership, other_features, other_membership = arguments
    return kernels.mean_discrepancy(
        kernels.class_sums(features, membership), kernels.class_sums(other_features, other_membership)
    )


def _soft(generator: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Two domains with soft membership."""
    return tuple(
        array
        for size in (6, 8)
        for array in (
            generator.normal(size=(size, DIM)),
            references.softmax(generator.normal(size=(size, NUM_CLASSES))),
        )
    )


def _soft_reference(features, membership, other_features, other_membership) -> float:
    means = [
        membership.T @ features / membership.sum(0)[:, None]
        for features, membership in ((features, membership), (other_features, other_membership))
    ]
    marginal = np.sum((features.mean(0) - other_features.mean(0)) ** 2)
    return (marginal + np.sum((means[0] - means[1]) ** 2)) / (1 + NUM_CLASSES)


def _noise(alpha: Any) -> jax.Array:
    options = {"num_classes": 2, "samples_per_class": 3, "dim": 4}
    return kernels.make_noise_source(KEY, "scaled", alpha=alpha, **options).features


def _noise_reference(alpha) -> np.ndarray:
    """From two other values of alpha: means grow with it and deviations with its root."""
    plain, doubled = (np.asarray(_noise(jnp.asarray(a, float)), np.float64) for a in (1.0, 4.0))
    mean = (doubled - 2 * plain) / 2
    return alpha * mean + np.sqrt(alpha) * (plain - mean)


def _windows(trajectories: Any) -> jax.Array:
    pairs = kernels.subtrajectory_pairs(KEY, trajectories, length=3)
    return jnp.stack([pairs.first, pairs.second])


def _windows_reference(trajectories) -> np.ndarray:
    """Places read off a clock that runs along every trajectory."""
    clock = jnp.broadcast_to(jnp.arange(float(trajectories.shape[1]))[None, :, None], trajectories.shape)
    starts = np.asarray(_windows(clock))[:, :, 0, 0].astype(int)
    return np.stack([[one[s : s + 3] for one, s in zip(trajectories, row, strict=True)] for row in starts])


def _bad(call: Callable[[], Any], message: str, error: type[Exception] = ValueError) -> BadInput:
    return BadInput(call=call, error=error, message=message)


_SHORT = jnp.ones((3, 2)), jnp.zeros(3, int)

CASES = [
    Case(
        name="transferability.class_conditional_mmd",
        function=kernels.class_conditional_mmd,
        arguments=with_probabilities,
        reference=references.class_conditional_mmd,
        value=lambda result: jnp.stack(result[:3]),
        differentiable=(0, 2, 4, 5),
        second_order=True,
        tolerance=(1e-5, 1e-10),
        empty=lambda: tuple(a[:0] for a in with_probabilities(np.random.default_rng(0))),
        bad_input=(
            _bad(
                lambda: kernels.class_conditional_mmd(*_SHORT, *_SHORT, jnp.ones((4, 2)), jnp.ones((5, 2))),
                r"membership must have shape \(4, any\), got \(5, 2\)",
            ),
            _bad(
                lambda: kernels.class_conditional_mmd(
                    jnp.ones((3, 2)), jnp.zeros(4, int), *_SHORT, jnp.ones((4, 2)), jnp.ones((4, 2))
                ),
                r"labels of source must have shape \(3\), got \(4,\)",
            ),
            _bad(
                lambda: kernels.class_conditional_mmd(
                    jnp.ones((3, 2)), jnp.zeros(3), *_SHORT, jnp.ones((4, 2)), jnp.ones((4, 2))
                ),
                "labels of source must hold integers",
                TypeError,
            ),
        ),
    ),
    Case(
        name="transferability.mean_discrepancy",
        function=_means,
        arguments=_soft,
        reference=_soft_reference,
        value=lambda result: result.combined,
        differentiable=(0, 1, 2, 3),
        second_order=True,
        tolerance=(1e-5, 1e-10),
        empty=lambda: tuple(a[:0] for a in _soft(np.random.default_rng(0))),
        bad_input=(
            _bad(
                lambda: _means(jnp.ones((3, 2)), jnp.ones((3, 4)), jnp.ones((3, 2)), jnp.ones((3, 5))),
                r"target.total must have shape \(4, 2\), got \(5, 2\)",
            ),
            _bad(
                lambda: kernels.class_sums(jnp.ones((3, 2), int), jnp.ones((3, 4))),
                "features must be floating point",
                TypeError,
            ),
        ),
    ),
    Case(
        name="transferability.ktf_loss",
        function=_loss,
        arguments=framework,
        reference=lambda *arguments: references.ktf_loss(arguments[:4], *arguments[4:], *WEIGHTS.values()),
        value=jnp.stack,
        differentiable=(0, 1, 2, 3, 4, 6, 8),
        second_order=True,
        tolerance=(1e-5, 1e-10),
        empty=lambda: (
            *(a for a in framework(np.random.default_rng(0))[:4]),
            *(a[:0] for a in domains(np.random.default_rng(0), TARGET_DIM)),
        ),
        bad_input=(
            _bad(
                lambda: kernels.ktf_batch(*_SHORT, *_SHORT, jnp.ones((4, 3)), num_classes=2),
                r"unlabelled must have shape \(any, 2\), got \(4, 3\)",
            ),
            _bad(
                lambda: kernels.ktf_batch(*_SHORT, *_SHORT, jnp.ones((4, 2)), num_classes=0),
                "num_classes must be >= 1, got 0",
            ),
            _bad(
                lambda: kernels.ktf_batch(
                    jnp.ones((3, 2), int), jnp.zeros(3, int), *_SHORT, jnp.ones((4, 2)), num_classes=2
                ),
                "source must be floating point",
                TypeError,
            ),
            _bad(
                lambda: kernels.ktf_project(kernels.KtfParams(*(jnp.ones((2, 2)) for _ in range(4))), jnp.ones((4, 3))),
                r"target must have shape \(any, 2\), got \(4, 3\)",
            ),
            _bad(
                lambda: kernels.ktf_logits(kernels.KtfParams(*(jnp.ones((2, 2)) for _ in range(4))), jnp.ones((4, 3))),
                r"features must have shape \(any, 2\), got \(4, 3\)",
            ),
        ),
    ),
    Case(
        name="transferability.make_noise_source",
        function=_noise,
        value=lambda result: result,
        arguments=lambda generator: (generator.uniform(0.2, 3.0, ()),),
        reference=_noise_reference,
        second_order=True,
        tolerance=(1e-5, 1e-10),
        bad_input=(
            _bad(
                lambda: kernels.make_noise_source(KEY, "pink", num_classes=2, samples_per_class=3, dim=4),
                "kind must be one of 'gaussian', 'scaled', 'uniform', 'laplace', got 'pink'",
            ),
            _bad(
                lambda: kernels.make_noise_source(KEY, "uniform", num_classes=0, samples_per_class=3, dim=4),
                "num_classes must be >= 1, got 0",
            ),
            _bad(lambda: _noise(jnp.ones(2)), r"alpha must have shape \(\), got \(2,\)"),
            _bad(lambda: _noise(1), "alpha must be floating point", TypeError),
            _bad(
                lambda: kernels.scaled_gaussians(KEY, 1.0, num_classes=2, dim=0),
                "dim must be >= 1, got 0",
            ),
        ),
    ),
    Case(
        name="transferability.subtrajectory_pairs",
        function=_windows,
        arguments=lambda generator: (generator.normal(size=(4, 6, 2)),),
        reference=_windows_reference,
        empty=lambda: (np.zeros((0, 6, 2)),),
        bad_input=(
            _bad(
                lambda: kernels.subtrajectory_pairs(KEY, jnp.ones((4, 6, 2)), length=7),
                "length must be between 1 and the 6 steps of trajectories, got 7",
            ),
            _bad(
                lambda: kernels.subtrajectory_pairs(KEY, jnp.ones((4, 6)), length=2),
                r"trajectories must have shape \(any, any, any\), got \(4, 6\)",
            ),
        ),
        **FEATURES,
    ),
    Case(
        name="transferability.sequence_contrastive_loss",
        function=kernels.sequence_contrastive_loss,
        value=lambda result: result,
        arguments=lambda generator: (generator.normal(size=(8, 3)),),
        reference=references.contrastive_loss,
        second_order=True,
        tolerance=(1e-5, 1e-10),
        empty=lambda: (np.zeros((0, 3)),),
        bad_input=(
            _bad(
                lambda: kernels.sequence_contrastive_loss(jnp.ones((3, 2))),
                r"embeddings must have an even number of rows, two a trajectory, got shape \(3, 2\)",
            ),
            _bad(
                lambda: kernels.sequence_contrastive_loss(jnp.ones((4, 2), int)),
                "embeddings must be floating point",
                TypeError,
            ),
        ),
    ),
    Case(
        name="transferability.cluster_loss",
        function=kernels.cluster_loss,
        value=lambda result: result,
        arguments=lambda generator: (
            generator.normal(size=(6, 3)),
            generator.normal(size=(2, 3)),
            np.array([0, 1, -1, 1, 2, 0], np.int32),
        ),
        reference=references.cluster_loss,
        differentiable=(0, 1),
        second_order=True,
        tolerance=(1e-5, 1e-10),
        empty=lambda: (np.zeros((0, 3)), np.ones((2, 3)), np.zeros(0, np.int32)),
        bad_input=(
            _bad(
                lambda: kernels.cluster_loss(jnp.ones((4, 3)), jnp.ones((2, 2)), jnp.zeros(4, int)),
                r"centroids must have shape \(any, 3\), got \(2, 2\)",
            ),
            _bad(
                lambda: kernels.cluster_loss(jnp.ones((4, 3)), jnp.ones((0, 3)), jnp.zeros(4, int)),
                "number of centroids must be >= 1, got 0",
            ),
            _bad(
                lambda: kernels.cluster_loss(jnp.ones((4, 3)), jnp.ones((2, 3)), jnp.zeros(4)),
                "assignment must hold integers",
                TypeError,
            ),
        ),
    ),
    Case(
        name="transferability.discriminator_loss",
        function=lambda demonstrations, made, weight: kernels.discriminator_loss(
            demonstrations, made, demonstration_weight=weight
        ),
        value=lambda result: result,
        arguments=lambda generator: (
            generator.normal(size=6),
            generator.normal(size=4),
            np.array([1.0, 2.0, 0.0, 1.0, 0.5, 1.0]),
        ),
        reference=lambda demonstrations, made, weight: (
            -np.average(np.log(1 - references.sigmoid(demonstrations)), weights=weight)
            - np.mean(np.log(references.sigmoid(made)))
        ),
        differentiable=(0, 1, 2),
        second_order=True,
        tolerance=(1e-5, 1e-10),
        empty=lambda: (np.zeros(0), np.zeros(0), np.zeros(0)),
        bad_input=(
            _bad(
                lambda: kernels.discriminator_loss(jnp.ones((3, 2)), jnp.ones(3)),
                r"demonstration_logits must have shape \(any\), got \(3, 2\)",
            ),
            _bad(
                lambda: kernels.discriminator_loss(jnp.ones(3), jnp.ones(3), demonstration_weight=jnp.ones(4)),
                r"demonstration_weight must have shape \(3\), got \(4,\)",
            ),
        ),
    ),
    Case(
        name="transferability.policy_loss",
        function=kernels.policy_loss,
        value=lambda result: result,
        arguments=lambda generator: (generator.normal(size=6),),
        reference=lambda made: -np.mean(np.log(1 - references.sigmoid(made))),
        second_order=True,
        tolerance=(1e-5, 1e-10),
        empty=lambda: (np.zeros(0),),
        bad_input=(
            _bad(lambda: kernels.policy_loss(jnp.ones(3, int)), "policy_logits must be floating point", TypeError),
        ),
    ),
    Case(
        name="transferability.transferability_weights",
        function=kernels.transferability_weights,
        value=lambda result: result.weight,
        arguments=lambda generator: (generator.normal(size=(3, 5, 4)), np.array([0, 2, 2, -1, 0], np.int32)),
        reference=references.own_discriminator,
        second_order=True,
        tolerance=(1e-5, 1e-10),
        empty=lambda: (np.zeros((3, 0, 4)), np.zeros(0, np.int32)),
        bad_input=(
            _bad(
                lambda: kernels.transferability_weights(jnp.ones((3, 5, 4)), jnp.zeros(4, int)),
                r"cluster must have shape \(5\), got \(4,\)",
            ),
            _bad(
                lambda: kernels.transferability_weights(jnp.ones((0, 5, 4)), jnp.zeros(5, int)),
                "number of clusters must be >= 1, got 0",
            ),
        ),
    ),
    Case(
        name="transferability.sampling_distribution",
        function=kernels.sampling_distribution,
        value=lambda result: result.probabilities,
        arguments=lambda generator: (generator.uniform(size=(3, 4)),),
        reference=lambda weight: weight.ravel() / weight.sum(),
        second_order=True,
        tolerance=(1e-5, 1e-10),
        empty=lambda: (np.zeros((0, 4)),),
        bad_input=(
            _bad(
                lambda: kernels.sampling_distribution(jnp.ones(3)),
                r"weight must have shape \(any, any\), got \(3,\)",
            ),
        ),
    ),
    Case(
        name="transferability.weighted_sample",
        # What was drawn, for the duties look at floats.
        function=lambda probabilities: probabilities[kernels.weighted_sample(KEY, probabilities, num_samples=5)],
        value=lambda result: result,
        arguments=lambda generator: (np.eye(6)[generator.integers(6)],),
        reference=lambda probabilities: np.ones(5),
        differentiable=(),
        low_result=jnp.bfloat16,
        bad_input=(
            _bad(
                lambda: kernels.weighted_sample(KEY, jnp.ones(0), num_samples=5),
                "number of probabilities must be >= 1, got 0",
            ),
            _bad(
                lambda: kernels.weighted_sample(KEY, jnp.ones(3), num_samples=-1),
                "num_samples must be >= 0, got -1",
            ),
        ),
    ),
]
