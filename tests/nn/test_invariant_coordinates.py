"""Any module becomes invariant or equivariant; masks, drawn senses and dtypes reach it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxinv.kernels import symmetrization as kernels
from jaxinv.models.point_net import PointNet
from jaxinv.nn.invariant_coordinates import TransformationInvariant
from tests.duties import FLOAT, X64
from tests.symmetrization.test_invariant_coordinates import act, points_of, sample
from tests.symmetry import assert_equivariant, assert_not_equivariant

EXACT = 1e-12 if X64 else 1e-5
X = jnp.asarray(points_of(n=7), FLOAT)


def network(**types):
    return PointNet(3, 3, point_widths=(8, 8), head_widths=(6,), rngs=nnx.Rngs(0), **({"param_dtype": FLOAT} | types))


def test_a_wrapped_point_net_is_invariant():
    module = network()
    layer = TransformationInvariant(module)
    assert_equivariant(jax.jit(lambda x: layer(x)), X, sample, act_in=act, exactness="statistical", bound=10 * EXACT)
    assert_not_equivariant(jax.jit(lambda x: module(x)), X, sample, act_in=act, delta=0.1)
    gradient = jax.jit(jax.grad(lambda layer: jnp.sum(layer(X) ** 2)))(layer)
    assert all(float(jnp.max(jnp.abs(leaf))) > 0 for leaf in jax.tree.leaves(gradient))


def test_points_out_are_moved_back():
    layer = TransformationInvariant(jnp.sin, output="point", mode="average")
    wanted = kernels.tinv_equivariant(jnp.sin, X, mode="average", output="point")
    np.testing.assert_allclose(layer(X), wanted, atol=EXACT)
    with pytest.raises(ValueError, match="output must be one of"):
        TransformationInvariant(jnp.sin, output="tensor")


def test_options_reach_the_kernel():
    layer = TransformationInvariant(jnp.sin, mode="max", swaps=True, chiral=True, scale="radius", signs="none")
    wanted = kernels.tinv_apply(jnp.sin, X, mode="max", swaps=True, chiral=True, scale="radius", signs="none")
    np.testing.assert_array_equal(layer(X), wanted)
    key = jax.random.key(0)
    wanted = kernels.tinv_apply(jnp.sin, X, mode="random", key=key, chiral=True, scale="radius", signs="none")
    np.testing.assert_array_equal(layer(X, key=key), wanted)


def test_masked_points_change_nothing():
    module, mask = network(), jnp.arange(9) < 7
    padded = jnp.pad(X, ((0, 2), (0, 0)), constant_values=50)
    layer = TransformationInvariant(module)
    np.testing.assert_allclose(layer(padded, mask, mask=mask), layer(X), atol=10 * EXACT)
    np.testing.assert_allclose(module(padded, mask), module(X), atol=EXACT)
    assert np.all(np.isfinite(module(padded, jnp.zeros(9, bool))))
    order = np.random.default_rng(0).permutation(7)
    np.testing.assert_allclose(module(X[order]), module(X), atol=EXACT)


def test_dtypes():
    low = TransformationInvariant(network(dtype=jnp.bfloat16, param_dtype=jnp.bfloat16))(X.astype(jnp.bfloat16))
    assert low.dtype == jnp.bfloat16
    assert network()(X).dtype == FLOAT
