"""How many directions a representation uses: known values, invariances with a control, both forms, nothing at all."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxinv.kernels.representations import participation_ratio
from tests.duties import FLOAT, X64, assert_finite

EXACT = 1e-10 if X64 else 1e-5


def cloud(num=40, dim=5):
    return jax.random.normal(jax.random.key(0), (num, dim)) * jnp.linspace(0.5, 2.0, dim, dtype=FLOAT)[None, :]


def turned(x):
    return jnp.matmul(x, jax.random.orthogonal(jax.random.key(1), x.shape[1], dtype=FLOAT), precision="highest")


@pytest.mark.parametrize("directions", [1, 2, 4])
def test_directions_of_equal_variance_are_counted(directions):
    corners = jnp.concatenate([jnp.eye(directions, 6, dtype=FLOAT), -jnp.eye(directions, 6, dtype=FLOAT)])
    np.testing.assert_allclose(participation_ratio(corners).score, directions, rtol=EXACT)


def test_turning_scaling_and_shifting_change_nothing_and_stretching_does():
    x = cloud()
    wanted = participation_ratio(x).score
    for moved in (turned(x), 1e4 * x, x + 3.0):
        np.testing.assert_allclose(participation_ratio(moved).score, wanted, rtol=10 * EXACT)
    assert abs(participation_ratio(x.at[:, -1].multiply(5.0)).score - wanted) > 0.1 * wanted


def test_the_form_by_samples_is_the_form_by_features():
    """The same points turned into more columns than rows."""
    x = cloud(num=9)
    wide = turned(jnp.pad(x, ((0, 0), (0, 7))))
    np.testing.assert_allclose(participation_ratio(wide).score, participation_ratio(x).score, rtol=10 * EXACT)


@pytest.mark.parametrize("x", [jnp.full((5, 3), 3.7), jnp.ones((1, 3)), jnp.zeros((4, 2))], ids=["same", "one", "zero"])
def test_without_variance_there_is_no_direction(x):
    found = participation_ratio(x)
    assert found.score == 0
    assert found.collapsed
    assert_finite(jax.grad(lambda x: participation_ratio(x).score)(x))
