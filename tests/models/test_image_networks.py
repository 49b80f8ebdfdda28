import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxinv.models import BagOfPatches, ConvNet, Mixer, MultilayerPerceptron, PatchConv

pytestmark = pytest.mark.usefixtures("full_precision")
WIDTHS = {MultilayerPerceptron: 128, ConvNet: 64, BagOfPatches: 96, Mixer: 48}


def pictures(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).uniform(size=shape).astype(np.float32))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("make", WIDTHS)
def test_call_is_head_of_features_and_widths_differ(make, channels):
    images = pictures(5, 16, 16) if channels == 1 else pictures(5, 16, 16, channels)
    network = make(num_classes=7, channels=channels, rngs=nnx.Rngs(0))
    features = network.features(images)
    assert features.shape == (5, WIDTHS[make])
    assert network(images).shape == (5, 7)
    np.testing.assert_allclose(network(images), network.head(features), rtol=1e-6)
    # One image does not see another.
    np.testing.assert_allclose(network.features(images[2:3])[0], features[2], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("make", WIDTHS)
def test_parameters_are_the_only_state_and_all_are_used(make):
    graphdef, params, rest = nnx.split(make(num_classes=3, rngs=nnx.Rngs(0)), nnx.Param, ...)
    assert not jax.tree.leaves(rest)

    def output(params):
        return jnp.sum(nnx.merge(graphdef, params, rest)(pictures(20, 16, 16)) ** 2)

    for gradient in jax.tree.leaves(jax.grad(output)(params)):
        assert float(jnp.max(jnp.abs(gradient))) > 0


@pytest.mark.parametrize(("stride", "size"), [(1, 6), (1, 7), (2, 6), (2, 7)])
def test_patch_conv_equals_a_convolution(stride, size):
    layer = PatchConv(2, 5, stride=stride, rngs=nnx.Rngs(0))
    bias = jnp.arange(5.0, dtype=jnp.float32)
    layer.linear.bias = nnx.Param(bias)
    x = pictures(3, size, size, 2)
    peer = jax.lax.conv_general_dilated(
        x,
        layer.linear.kernel[...].reshape(3, 3, 2, 5),
        (stride, stride),
        [(1, 1), (1, 1)],
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    ) + bias.reshape(1, 1, 1, 5)
    np.testing.assert_allclose(layer(x), peer, rtol=1e-4, atol=1e-5)


def test_bag_of_patches_ignores_where_patches_lie():
    network = BagOfPatches(num_classes=3, rngs=nnx.Rngs(0))
    tile = pictures(4, 4)
    images = np.full((2, 24, 24), 0.5, np.float32)
    images[0, 8:12, 8:12] = tile
    images[1, 12:16, 12:16] = tile
    features = network.features(jnp.asarray(images))
    np.testing.assert_allclose(features[0], features[1], rtol=1e-4, atol=1e-6)
    other = network.features(jnp.asarray(images) ** 2)
    assert float(jnp.max(jnp.abs(other - features))) > 1e-3


def test_conv_net_moves_with_its_picture_inside():
    network = ConvNet(num_classes=3, rngs=nnx.Rngs(0))
    images = np.full((2, 32, 32), 0.5, np.float32)
    tile = pictures(4, 4)
    images[0, 12:16, 12:16] = tile
    images[1, 16:20, 16:20] = tile  # by the product of the strides
    features = network.features(jnp.asarray(images))
    np.testing.assert_allclose(features[0], features[1], rtol=1e-4, atol=1e-6)
