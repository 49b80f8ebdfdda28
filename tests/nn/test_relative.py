"""The layer calls its kernel, holds anchors fixed, and computes in the dtype it is told."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels import representations as kernels
from jaxinv.nn import RelativeRepresentation

X, ANCHORS = jax.random.normal(jax.random.key(0), (2, 5, 3))


def test_it_is_the_kernel_standardised():
    layer = RelativeRepresentation(similarity="rbf", sigma=2.0, centre=True)
    found = kernels.relative(X, ANCHORS, similarity="rbf", sigma=2.0, centre=True)
    np.testing.assert_allclose(layer(X, ANCHORS), kernels.standardize(found), rtol=1e-6)
    np.testing.assert_array_equal(RelativeRepresentation(standardized=False)(X, ANCHORS), kernels.relative(X, ANCHORS))


def test_anchors_are_constants_unless_told_otherwise():
    def slope(layer):
        return jax.grad(lambda anchors: jnp.sum(layer(X, anchors) ** 3))(ANCHORS)

    np.testing.assert_array_equal(slope(RelativeRepresentation()), 0.0)
    assert np.any(np.abs(slope(RelativeRepresentation(detached=False))) > 0.1)


def test_dtype():
    assert RelativeRepresentation(dtype=jnp.bfloat16)(X, ANCHORS).dtype == jnp.bfloat16
    assert RelativeRepresentation()(X, ANCHORS).dtype == X.dtype
