"""The largest value by its place: values, and the derivative, at ties too."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.numerics.largest import largest
from tests.duties import FLOAT


def test_values_and_derivatives():
    x = jnp.asarray(np.random.default_rng(0).normal(size=(3, 5, 2)), FLOAT)
    for axis in (0, 1, -1):
        np.testing.assert_array_equal(largest(x, axis), np.max(x, axis=axis))
    gradient = jax.grad(lambda x: jnp.sum(largest(x, 1)))
    np.testing.assert_array_equal(gradient(x), x == jnp.max(x, axis=1, keepdims=True))
    # One of equal values gets the whole derivative.
    np.testing.assert_array_equal(gradient(jnp.zeros((1, 3, 1), FLOAT))[0, :, 0], [1, 0, 0])
