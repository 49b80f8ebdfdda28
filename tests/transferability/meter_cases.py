"""The matrix of sensitivities, and CKA from minibatches, before their duties."""

import itertools

import jax
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


def _two_batches(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Two batches of 6 inputs under two representations, of widths 3 and 4, that share something."""
    x = generator.normal(size=(2, 6, 3)) + 1.0
    return x, np.concatenate([x[..., :2], generator.normal(size=(2, 6, 2))], axis=-1)


@jax.jit
def cka_of_batches(x: jax.Array, y: jax.Array) -> kernels.LinearCKA:
    """Of batches (B, n, d) and (B, n, e)."""
    state = kernels.cka_init(jnp.promote_types(x.dtype, jnp.float32))
    state = jax.lax.scan(lambda state, batch: (kernels.cka_update(state, *batch), None), state, (x, y))[0]
    return kernels.cka_finalise(state)


def _hsic(x, y):
    """The U-statistic: a mean over all four different inputs."""
    gram1, gram2 = x @ x.T, y @ y.T
    tuples = itertools.permutations(range(len(x)), 4)
    return np.mean([gram1[i, j] * (gram2[i, j] + gram2[q, r] - 2 * gram2[i, q]) for i, j, q, r in tuples])


def _cka(x: np.ndarray, y: np.ndarray) -> float:
    shared, own1, own2 = (
        sum(_hsic(a, b) for a, b in zip(first, second, strict=True)) for first, second in ((x, y), (x, x), (y, y))
    )
    return float(shared / np.sqrt(own1 * own2))


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
    Case(
        name="transferability.cka_update",
        function=cka_of_batches,
        arguments=_two_batches,
        reference=_cka,
        differentiable=(0, 1),
        second_order=True,
        empty=lambda: (np.zeros((0, 6, 3)), np.zeros((0, 6, 4))),
        bad_input=(
            BadInput(
                call=lambda: kernels.cka_update(kernels.cka_init(), jnp.ones((3, 2)), jnp.ones((3, 2))),
                error=ValueError,
                message="rows of x must be >= 4, got 3",
            ),
            BadInput(
                call=lambda: kernels.cka_update(kernels.cka_init(), jnp.ones((4, 2)), jnp.ones((5, 2))),
                error=ValueError,
                message=r"y must have shape \(4, any\), got \(5, 2\)",
            ),
        ),
    ),
]
