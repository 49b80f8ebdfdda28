"""Layers of affine convolutions: the kernels they call, their samples, dtypes, and the variance they keep."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxinv.kernels import group_convolutions as kernels
from jaxinv.kernels.lie_groups.sampling import PolarSamples
from jaxinv.nn.affine import AffineConvolution, AffineLift, AffineSampler, AffineToPlane, GroupPool
from tests.duties import FLOAT

M, CHANNELS, SIZE, GROUP = 3, 2, 3, "gl"
OPTIONS: dict[str, Any] = {"width": 8, "num_hidden": 1, "param_dtype": FLOAT}


def samples(num=M, seed=0, group=GROUP) -> PolarSamples:
    return AffineSampler(num, group, dtype=FLOAT)(nnx.Rngs(seed))


def pictures(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), FLOAT)


def make(name, **options) -> tuple[Any, tuple[Any, ...]]:
    """A layer and arguments for it."""
    given: dict[str, Any] = OPTIONS | {"rngs": nnx.Rngs(0)} | options
    f = pictures(2, 5, 5, M, CHANNELS, seed=1)
    if name == "lift":
        return AffineLift(CHANNELS, 4, SIZE, GROUP, **given), (pictures(2, 5, 5, CHANNELS), samples())
    given["num_samples"] = M
    if name == "convolution":
        return AffineConvolution(CHANNELS, 4, SIZE, GROUP, **given), (f, samples(), samples(2, seed=1))
    return AffineToPlane(CHANNELS, 4, SIZE, GROUP, **given), (f, samples())


def expected(name, layer, arguments, weighted):
    x, into, *out = arguments
    log_weight = into.log_weight if weighted else None
    options = {"group": GROUP, "size": SIZE, "padding": "VALID"}
    if name == "lift":
        return kernels.affine_lift(x, layer.network(), into.inverse, **options)
    if name == "convolution":
        return kernels.affine_convolution(x, layer.network(), into.element, out[0].inverse, log_weight, **options)
    return kernels.affine_to_plane(x, layer.network(), into.inverse, log_weight, **options)


@pytest.mark.parametrize(
    ("name", "weighted"),
    [("lift", False), ("convolution", False), ("convolution", True), ("to plane", False), ("to plane", True)],
)
def test_calls_its_kernel(name, weighted):
    layer, arguments = make(name, **({"weighted": True} if weighted else {}))
    found = layer(*arguments)
    np.testing.assert_array_equal(found, expected(name, layer, arguments, weighted))
    if weighted:
        assert float(jnp.max(jnp.abs(found - expected(name, layer, arguments, False)))) > 1e-3


@pytest.mark.parametrize("name", ["lift", "convolution", "to plane"])
def test_parameters_are_the_only_state_and_all_are_used(name):
    layer, arguments = make(name)
    graphdef, params, rest = nnx.split(layer, nnx.Param, ...)
    assert not jax.tree.leaves(rest)
    gradient = jax.jit(jax.grad(lambda p: jnp.sum(nnx.merge(graphdef, p, rest)(*arguments) ** 2)))(params)
    for leaf in jax.tree.leaves(gradient):
        assert float(jnp.max(jnp.abs(leaf))) > 0


@pytest.mark.parametrize("name", ["lift", "convolution", "to plane"])
def test_dtypes(name):
    layer, arguments = make(name, dtype=jnp.bfloat16)
    found = layer(*arguments)
    assert found.dtype == jnp.bfloat16
    assert layer.network.last[...].dtype == FLOAT
    assert layer.network(jnp.bfloat16).last.dtype == jnp.bfloat16


def test_samples_are_new_each_time_and_inverse_to_each_other():
    sampler, rngs = AffineSampler(4, "sl", dtype=FLOAT), nnx.Rngs(samples=1)
    first, second = sampler(rngs), sampler(rngs)
    assert float(jnp.max(jnp.abs(first.element - second.element))) > 0.01
    for found in (first, second):
        product = jnp.einsum("mab,mbc->mac", found.element, found.inverse, precision="highest")
        np.testing.assert_allclose(product, np.tile(np.eye(2), (4, 1, 1)), atol=1e-5)
    again = sampler(nnx.Rngs(samples=1))
    np.testing.assert_array_equal(again.element, first.element)


def test_pools():
    x, found = pictures(2, 3, 3, M, CHANNELS), samples()
    np.testing.assert_array_equal(GroupPool()(x, found), jnp.max(x, axis=-2))
    np.testing.assert_array_equal(GroupPool("mean")(x, found), kernels.group_pool(x, pool="mean"))
    weighted = GroupPool("mean", weighted=True)(x, found)
    np.testing.assert_array_equal(weighted, kernels.group_pool(x, found.log_weight, pool="mean"))
    assert float(jnp.max(jnp.abs(weighted - GroupPool("mean")(x, found)))) > 1e-3


def test_a_convolution_about_keeps_unit_variance():
    """Of independent features of unit variance, for rotations: others weigh by their volume. The disc leaves 21/25."""
    layer = AffineConvolution(8, 8, 5, "so", num_samples=8, rngs=nnx.Rngs(0))
    found = samples(8, group="so")
    out = layer(pictures(2, 12, 12, 8, 8), found, found)
    assert 0.3 < float(jnp.var(out)) < 2.0
