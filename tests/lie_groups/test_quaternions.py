"""Quaternions where a choice is to be made."""

import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.lie_groups import quaternions, so3
from tests.duties import FLOAT, X64
from tests.lie_groups.quaternion_cases import unit

EXACT = 1e-12 if X64 else 1e-6


def test_the_sign_is_the_same_of_both_and_defined_everywhere():
    half_turns = np.array([[1, 2, -3, 0], [1, -2, 0, 0], [-1, 0, 0, 0], [0, 0, 0, 0], [0.5, 0.5, 0.5, 0.5]])
    q = jnp.asarray(half_turns, FLOAT)
    wanted = half_turns * np.array([-1, -1, -1, 1, 1])[:, None]
    np.testing.assert_array_equal(quaternions.canonical(q), wanted)
    np.testing.assert_array_equal(quaternions.canonical(-q), wanted)


def test_small_angles_lose_no_digit():
    """`1 - <a, b>^2` as it stands would be 0 here, or negative."""
    a = jnp.asarray([[0, 0, 0, 1.0]], FLOAT)
    b = jnp.asarray([[1e-5, 0, 0, np.sqrt(1 - 1e-10)]], FLOAT)
    np.testing.assert_allclose(quaternions.squared_sine(a, b), [1e-10], rtol=1e-5)
    np.testing.assert_array_equal(quaternions.squared_sine(a, -a), [0])


def test_products_are_those_of_matrices():
    a, b = jnp.asarray(unit(np.random.default_rng(0), 2, 5), FLOAT)
    found = quaternions.to_matrix(quaternions.multiply(a, quaternions.conjugate(b)))
    wanted = so3.compose(quaternions.to_matrix(a), so3.inverse(quaternions.to_matrix(b)))
    np.testing.assert_allclose(found, wanted, atol=10 * EXACT)
