"""Potential energy descent before its duties: forces, one step, the whole descent, moved samples, moved statistics."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxinv.kernels import transferability as kernels
from tests.duties import BadInput, Case
from tests.transferability import ped_references as references
from tests.transferability.cases import DIM, NUM_CLASSES, labelled_features, nothing

# Large steps, so that three are taken and the fourth is not.
SETTINGS: dict[str, Any] = {"nsigma": 1.2, "dt": 0.45, "max_steps": 4}


def balls(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Means `(6, 3)` and radii of balls of which some overlap."""
    return generator.normal(size=(6, 3)) + 4.0, generator.uniform(0.5, 2.0, size=6)


def _no_balls() -> tuple[np.ndarray, np.ndarray]:
    return np.zeros((0, 3)), np.zeros(0)


def _moving(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    features, labels = labelled_features(generator)
    return features, labels, generator.normal(size=(NUM_CLASSES, DIM))


def _shifted(features, labels, shift):
    return kernels.finalise(
        kernels.shift_classes(
            kernels.class_statistics(features, labels, NUM_CLASSES, per_class_gram=True),
            shift,
        )
    )


def _shift(features, labels):
    return kernels.ped_shift(kernels.class_statistics(features, labels, NUM_CLASSES), **SETTINGS)


def _moved(features, labels):
    return references.ped(features, labels, NUM_CLASSES, **SETTINGS)[0]


def _bad_balls(kernel) -> tuple[BadInput, ...]:
    return (
        BadInput(
            call=lambda: kernel(jnp.ones((3, 2), int), jnp.ones(3)),
            error=TypeError,
            message="means must be floating point, got dtype int",
        ),
        BadInput(
            call=lambda: kernel(jnp.ones((3, 2)), jnp.ones(2)),
            error=ValueError,
            message=r"radius must have shape \(3\), got \(2,\)",
        ),
        BadInput(
            call=lambda: kernel(jnp.ones((3, 2)), jnp.ones(3), present=jnp.ones(4, bool)),
            error=ValueError,
            message=r"present must have shape \(3\), got \(4,\)",
        ),
    )


def _no_samples() -> kernels.ClassStatistics:
    return kernels.init(3, 2)


CASES = [
    Case(
        name="transferability.ped_forces",
        function=lambda means, radius: kernels.ped_forces(means, radius, nsigma=0.8, strength=3.0),
        arguments=balls,
        # Steps so small that no pair moves by its whole overlap.
        reference=lambda means, radius: 2e6 * references.ped_displacement(means, radius, 0.8, 1e-3, 3.0),
        value=lambda result: result.force,
        differentiable=(0, 1),
        second_order=True,
        tolerance=(1e-5, 1e-9),
        empty=_no_balls,
        bad_input=_bad_balls(kernels.ped_forces),
    ),
    Case(
        name="transferability.ped_step",
        function=lambda means, radius: kernels.ped_step(means, radius, nsigma=0.8, dt=0.5, strength=20.0),
        arguments=balls,
        reference=lambda means, radius: references.ped_displacement(means, radius, 0.8, 0.5, 20.0),
        value=lambda result: result.displacement,
        differentiable=(0, 1),
        second_order=True,
        tolerance=(1e-5, 1e-10),
        empty=_no_balls,
        bad_input=_bad_balls(kernels.ped_step),
    ),
    Case(
        name="transferability.ped_shift",
        function=_shift,
        arguments=labelled_features,
        reference=lambda features, labels: references.class_shift(
            features, _moved(features, labels), labels, NUM_CLASSES
        ),
        value=lambda result: result.shift,
        second_order=True,
        tolerance=(1e-5, 1e-10),
        empty=nothing,
        bad_input=(
            BadInput(
                call=lambda: kernels.ped_shift(_no_samples(), jnp.ones(3)),
                error=ValueError,
                message=r"reference_std must have shape \(2\), got \(3,\)",
            ),
            BadInput(
                call=lambda: kernels.ped_shift(_no_samples(), jnp.ones(2, int)),
                error=TypeError,
                message="reference_std must be floating point, got dtype int",
            ),
            BadInput(
                call=lambda: kernels.ped_shift(_no_samples(), max_steps=0),
                error=ValueError,
                message="max_steps must be >= 1, got 0",
            ),
        ),
    ),
    Case(
        name="transferability.ped",
        function=lambda features, labels: kernels.ped(features, labels, num_classes=NUM_CLASSES, **SETTINGS),
        arguments=labelled_features,
        reference=_moved,
        value=lambda result: result.features,
        second_order=True,
        tolerance=(1e-5, 1e-12),
        low_precision=4e-3,
        low_result=jnp.bfloat16,
        empty=nothing,
        bad_input=(
            BadInput(
                call=lambda: kernels.ped(jnp.ones((3, 2)), jnp.zeros(4, int), num_classes=2),
                error=ValueError,
                message=r"labels must have shape \(3\), got \(4,\)",
            ),
        ),
    ),
    Case(
        name="transferability.shift_classes",
        function=_shifted,
        arguments=_moving,
        reference=lambda features, labels, shift: np.cov((features + shift[labels]).T, bias=True) * len(features),
        value=lambda moments: moments.scatter,
        differentiable=(0, 2),
        second_order=True,
        tolerance=(1e-5, 1e-10),
        empty=lambda: (*nothing(), np.ones((NUM_CLASSES, DIM))),
        bad_input=(
            BadInput(
                call=lambda: kernels.shift_classes(_no_samples(), jnp.ones((2, 2))),
                error=ValueError,
                message=r"shift must have shape \(3, 2\), got \(2, 2\)",
            ),
            BadInput(
                call=lambda: kernels.shift_classes(_no_samples(), jnp.ones((3, 2), int)),
                error=TypeError,
                message="shift must be floating point, got dtype int",
            ),
        ),
    ),
]
