"""The matrix of sensitivities before its duties."""

import jax.numpy as jnp
import numpy as np

from jaxinv.kernels import transferability as kernels
from tests.duties import BadInput, Case
from tests.transferability.sensitivity_cases import KEY, sens_reference

NUM_MODELS, NUM_TRANSFORMATIONS = 3, 2


def _represent(weights, inputs):
    return jnp.tanh(jnp.matmul(inputs.reshape(inputs.shape[0], weights.shape[0]), weights, precision="highest"))


def _models_and_twins(generator: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Weights (3, 6, 4) and twin pictures (2, 10, 2, 3) of two transformations, one of them stronger."""
    weights = 0.5 * generator.normal(size=(NUM_MODELS, 6, 4))
    base = generator.normal(size=(10, 2, 3))
    strength = np.array([0.2, 0.6])[:, None, None, None]
    first, second = base + strength * generator.normal(size=(2, NUM_TRANSFORMATIONS, 10, 2, 3))
    return weights, first, second


def _sens_matrix(weights: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    def represent(model, inputs):
        return np.tanh(inputs.reshape(len(inputs), -1) @ model)

    return np.array(
        [
            [sens_reference("l2", represent(model, a), represent(model, b)) for a, b in zip(first, second, strict=True)]
            for model in weights
        ]
    )


CASES = [
    Case(
        name="transferability.sens_matrix",
        function=lambda weights, first, second: kernels.sens_matrix(_represent, weights, first, second, KEY),
        arguments=_models_and_twins,
        reference=_sens_matrix,
        differentiable=(0, 1, 2),
        second_order=True,
        empty=lambda: (np.zeros((3, 6, 4)), np.zeros((2, 0, 2, 3)), np.zeros((2, 0, 2, 3))),
        low_precision=None,
        bad_input=(
            BadInput(
                call=lambda: kernels.sens_matrix(
                    _represent, jnp.ones((3, 6, 4)), jnp.ones((2, 5, 6)), jnp.ones((2, 4, 6)), KEY
                ),
                error=ValueError,
                message=r"inputs2 must have shape \(2, 5, 6\), got \(2, 4, 6\)",
            ),
            BadInput(
                call=lambda: kernels.sens_matrix(_represent, jnp.ones((3, 6, 4)), jnp.ones(5), jnp.ones(5), KEY),
                error=ValueError,
                message=r"inputs1.ndim must be >= 2, got 1",
            ),
        ),
    ),
]
