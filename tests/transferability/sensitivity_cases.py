"""The invariance meter in each of its metrics against float64 numpy."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels import transferability as kernels
from tests.duties import BadInput, Case
from tests.representations.similarity_cases import cka_reference

NUM_PAIRS, DIM = 30, 5
KEY = jax.random.key(5)


def twins(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """30 x 5 representations with an offset, and those of their twins."""
    base = generator.normal(size=(NUM_PAIRS, DIM)) + 1.0
    return base + 0.3 * generator.normal(size=base.shape), base + 0.3 * generator.normal(size=base.shape)


def _distance(metric, a, b):
    if metric == "l2":
        return np.linalg.norm(a - b)
    if metric == "cosine":
        return 1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    return (a @ a + b @ b) / 2 - a @ b


def sens_reference(metric: str, first: np.ndarray, second: np.ndarray) -> float:
    """The definition, pair by pair; for CKA with centred N x N Grams."""
    if metric == "cka":
        return 1 - cka_reference(first, second)
    shift = int(jax.random.randint(KEY, (), 1, len(first)))
    other = np.roll(first, shift, axis=0)
    paired, shuffled = (sum(_distance(metric, a, b) for a, b in zip(first, x, strict=True)) for x in (second, other))
    return float(paired / shuffled)


def _sens(metric: str) -> Case:
    return Case(
        name=f"transferability.sens[{metric}]",
        function=lambda first, second: kernels.sens(first, second, KEY, metric=metric),
        arguments=twins,
        reference=lambda first, second: sens_reference(metric, first, second),
        differentiable=(0, 1),
        second_order=True,
        empty=lambda: (np.zeros((0, DIM)), np.zeros((0, DIM))),
        bad_input=(
            BadInput(
                call=lambda: kernels.sens(jnp.ones((3, 2)), jnp.ones((4, 2)), KEY, metric=metric),
                error=ValueError,
                message=r"representation2 must have shape \(3, 2\), got \(4, 2\)",
            ),
            BadInput(
                call=lambda: kernels.sens(jnp.ones((3, 2), int), jnp.ones((3, 2)), KEY, metric=metric),
                error=TypeError,
                message="representation1 must be floating point, got dtype int",
            ),
            BadInput(
                call=lambda: kernels.sens(jnp.ones((3, 2)), jnp.ones((3, 2)), KEY, metric="l1"),
                error=ValueError,
                message="metric must be one of 'l2', 'cosine', 'dot', 'cka', got 'l1'",
            ),
        ),
    )


CASES = [_sens(metric) for metric in ("l2", "cosine", "dot", "cka")]
