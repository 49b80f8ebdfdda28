"""Layers of planar group convolutions: the kernels they call, their parameters, dtypes, and the variance they keep."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxinv.kernels import group_convolutions as kernels
from jaxinv.nn import planar, planar_fields
from tests.duties import FLOAT

P4, C8 = kernels.cyclic(4), kernels.cyclic(8)
IRREPS = (kernels.PlanarIrrep(0), kernels.PlanarIrrep(1))
STEERABLE = kernels.SteerableKernels(group=C8, irreps_in=IRREPS, irreps_out=IRREPS, size=3)
SPACING: dict[str, Any] = {"stride": 2, "dilation": 2, "padding": "CIRCULAR"}


def normal(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), FLOAT)


def drawn(**options) -> dict[str, Any]:
    return {"param_dtype": FLOAT, "rngs": nnx.Rngs(0)} | options


def make(name, **options) -> tuple[Any, jax.Array]:
    """A layer and an argument for it."""
    given, of_fields = drawn(**options), {key: value for key, value in options.items() if key == "dtype"}
    given_fields: dict[str, Any] = {"param_dtype": FLOAT} | of_fields
    if name == "lift":
        return planar.GridLift(2, 3, 3, P4, **given), normal(2, 7, 5, 2)
    if name == "convolution":
        return planar.GridConvolution(2, 3, 3, P4, **given), normal(2, 7, 5, 4, 2)
    if name == "separable":
        return planar.GridSeparableConvolution(2, 3, 3, P4, **given), normal(2, 7, 5, 4, 2)
    if name == "steerable":
        return planar.SteerableConvolution(2, 3, STEERABLE, **given), normal(2, 7, 5, 3, 2)
    if name == "regular norm":
        return planar_fields.RegularNormalization(2, P4, **given_fields), normal(2, 7, 5, 4, 2)
    if name == "irreps norm":
        return planar_fields.IrrepsNormalization(2, C8, IRREPS, **given_fields), normal(2, 7, 5, 3, 2)
    return planar_fields.NormNonlinearity(2, C8, IRREPS, **given), normal(7, 3, 2)


CONVOLUTIONS = ("lift", "convolution", "separable", "steerable")
LAYERS = (*CONVOLUTIONS, "regular norm", "irreps norm", "norm")


def expected(name, layer, x, **options):
    on_grid: dict[str, Any] = {"group": P4} | options
    if name == "lift":
        return kernels.grid_lift(x, layer.kernel[...], **on_grid)
    if name == "convolution":
        return kernels.grid_convolution(x, layer.kernel[...], **on_grid)
    if name == "separable":
        return kernels.grid_separable_convolution(x, layer.element_kernel[...], layer.spatial_kernel[...], **on_grid)
    if name == "steerable":
        return kernels.steerable_convolution(x, layer.coefficients[...], layer.bias[...], kernels=STEERABLE, **options)
    parameters = [layer.bias[...]] if name == "norm" else [layer.scale[...], layer.bias[...]]
    if name == "regular norm":
        return kernels.regular_normalization(x, *parameters, group=P4, **options)
    function = kernels.norm_nonlinearity if name == "norm" else kernels.irreps_normalization
    return function(x, *parameters, group=C8, irreps=IRREPS, **options)


@pytest.mark.parametrize("name", LAYERS)
def test_parameters_are_the_only_state_all_are_used_and_the_kernel_is_called(name):
    layer, x = make(name)
    graphdef, params, rest = nnx.split(layer, nnx.Param, ...)
    assert not jax.tree.leaves(rest)
    moved = jax.tree.map(lambda leaf: leaf + 0.3, params)
    changed = nnx.merge(graphdef, moved, rest)
    np.testing.assert_array_equal(changed(x), expected(name, changed, x))
    gradient = jax.jit(jax.grad(lambda p: jnp.sum(nnx.merge(graphdef, p, rest)(x) ** 3)))(moved)
    for leaf in jax.tree.leaves(gradient):
        assert float(jnp.max(jnp.abs(leaf))) > 0


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_options_reach_the_kernel(name):
    layer, x = make(name, channels_first=True, **SPACING)
    x = jnp.moveaxis(x, -1, 1) if name == "lift" else jnp.moveaxis(x, (-1, -2), (1, 2))
    found = layer(x)
    np.testing.assert_array_equal(found, expected(name, layer, x, channels_first=True, **SPACING))
    assert found.shape == (2, 3, 3 if name == "steerable" else 4, 4, 3)


@pytest.mark.parametrize("name", LAYERS)
def test_dtypes(name):
    layer, x = make(name, dtype=jnp.bfloat16)
    assert jax.eval_shape(layer, x).dtype == jnp.bfloat16
    assert {leaf.dtype for leaf in jax.tree.leaves(nnx.state(layer))} == {jnp.dtype(FLOAT)}


def test_a_bias_only_where_there_is_something_to_add_it_to():
    vectors = kernels.SteerableKernels(group=C8, irreps_in=IRREPS, irreps_out=IRREPS[1:], size=3)
    assert planar.SteerableConvolution(1, 1, vectors, rngs=nnx.Rngs(0)).bias is None
    assert planar.SteerableConvolution(1, 1, STEERABLE, use_bias=False, rngs=nnx.Rngs(0)).bias is None
    assert make("steerable")[0].bias[...].shape == (1, 3)


def test_norms_across_channels():
    for make_layer, x in (
        (lambda **options: planar_fields.RegularNormalization(2, P4, **options), normal(3, 3, 4, 2)),
        (lambda **options: planar_fields.IrrepsNormalization(2, C8, IRREPS, **options), normal(3, 3, 3, 2)),
    ):
        x = x * jnp.asarray([1.0, 10.0], FLOAT).reshape(1, 1, 1, 2)
        alone, together = (make_layer(across_channels=across)(x) for across in (False, True))
        np.testing.assert_allclose(jnp.std(alone, (0, 1, 2)), 1.0, atol=0.1)
        assert 0.1 < float(jnp.std(together[..., 0])) * 7 < 2.0


def test_layers_without_parameters():
    x = normal(9, 9, 8, 2)
    pool = planar.CosetPool(kernels.dihedral(4))(x)
    np.testing.assert_array_equal(pool, jnp.max(x, axis=-2, keepdims=True))
    half = {"group": kernels.dihedral(4), "subgroup": P4, "pool": "mean"}
    np.testing.assert_array_equal(planar.CosetPool(**half)(x), kernels.coset_pool(x, **half))
    blurred = {"stride": 4, "width": 0.5, "window": 3, "padding": "CIRCULAR"}
    np.testing.assert_array_equal(planar.AntialiasedPool(**blurred)(x), kernels.antialiased_pool(x, **blurred))
    first = jnp.moveaxis(x, (-1, -2), (0, 1))
    whole = planar.CosetPool(kernels.dihedral(4), channels_first=True)(first)
    np.testing.assert_array_equal(whole[:, 0], jnp.moveaxis(pool[..., 0, :], -1, 0))
    fields, gates = normal(4, 3, 2), normal(4, 2, 2, seed=1)
    found = planar_fields.GatedNonlinearity(C8, IRREPS, jnp.tanh)(fields, gates)
    np.testing.assert_array_equal(found, kernels.gated_nonlinearity(fields, gates, jnp.tanh, group=C8, irreps=IRREPS))
    still = planar_fields.TrivialNonlinearity(C8, IRREPS[:1], jnp.tanh)(fields[:, :1])
    np.testing.assert_array_equal(still, jnp.tanh(fields[:, :1]))
    found = planar_fields.FourierNonlinearity(C8, 1, jnp.tanh, samples=8)(fields)
    np.testing.assert_array_equal(
        found, kernels.fourier_nonlinearity(fields, jnp.tanh, group=C8, max_frequency=1, samples=8)
    )


def test_convolutions_about_keep_unit_variance():
    """Of independent numbers; of each irrep, though more kernels lead to some than to others."""
    x = normal(16, 16, 8)
    lifted = planar.GridLift(8, 32, 5, P4, rngs=nnx.Rngs(0))(x)
    field = normal(12, 12, 4, 8)
    full = planar.GridConvolution(8, 32, 3, P4, rngs=nnx.Rngs(0))(field)
    separable = planar.GridSeparableConvolution(8, 32, 3, P4, rngs=nnx.Rngs(0))(field)
    for y in (lifted, full, separable):
        assert 0.75 < float(jnp.mean(y**2)) < 1.25
    irreps_in = kernels.regular_irreps(kernels.dihedral(4))
    steerable = kernels.SteerableKernels(group=kernels.dihedral(4), irreps_in=irreps_in, irreps_out=irreps_in, size=5)
    y = planar.SteerableConvolution(8, 32, steerable, rngs=nnx.Rngs(0))(normal(12, 12, 8, 8))
    np.testing.assert_allclose(jnp.mean(y**2, axis=(0, 1, 3)), 1.0, atol=0.25)
    assert len(set(steerable.fan_in.tolist())) > 1
