"""The network of affine convolutions and the ordinary one."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxinv.kernels.lie_groups.sampling import PolarSamples
from jaxinv.models.affine_network import AffineNetwork, PlainNetwork

pytestmark = pytest.mark.usefixtures("full_precision")
SMALL: dict[str, Any] = {"num_classes": 3, "size": 3, "hidden": 8}


def affine(**options: Any):
    options = SMALL | {"num_samples": 3, "channels": 4, "width": 6, "rngs": nnx.Rngs(0)} | options
    return AffineNetwork(**options)


def plain(**options):
    return PlainNetwork(**SMALL | {"channels": 4, "rngs": nnx.Rngs(0)} | options)


def pictures(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).uniform(size=shape), jnp.float32)


def features(network, images, samples, **options):
    """Compiled as one program."""
    return jax.jit(lambda images, samples: network.features(images, samples, **options))(images, samples)


def num_parameters(network):
    return sum(leaf.size for leaf in jax.tree.leaves(nnx.state(network, nnx.Param)))


@pytest.mark.parametrize(("make", "channels"), [(affine, 1), (plain, 3)])
def test_call_is_head_of_features_and_pictures_do_not_see_each_other(make, channels):
    network = make(in_channels=channels)
    images = pictures(3, 11, 10) if channels == 1 else pictures(3, 11, 10, channels)
    samples = network.draw(nnx.Rngs(1))
    found = features(network, images, samples)
    assert found.shape == (3, 8)
    logits = jax.jit(lambda images, samples: network(images, samples))(images, samples)
    np.testing.assert_allclose(logits, network.head(found), rtol=1e-4, atol=1e-6)
    mixed = images.at[jnp.array([0, 2])].set(0.3)
    np.testing.assert_allclose(features(network, mixed, samples)[1], found[1], rtol=1e-4, atol=1e-6)
    assert float(jnp.max(jnp.abs(found[0] - found[1]))) > 1e-3


@pytest.mark.parametrize("make", [affine, plain])
def test_parameters_are_the_only_state_and_all_are_used(make):
    network = make()
    graphdef, params, rest = nnx.split(network, nnx.Param, ...)
    assert not jax.tree.leaves(rest)
    samples, images = network.draw(nnx.Rngs(1)), pictures(4, 10, 10)
    gradient = jax.jit(jax.grad(lambda p: jnp.sum(nnx.merge(graphdef, p, rest)(images, samples) ** 2)))(params)
    for leaf in jax.tree.leaves(gradient):
        assert float(jnp.max(jnp.abs(leaf))) > 0


def turned_list(num_quarters=4):
    """Quarter-turns: a list that each of them maps to itself."""
    angle = np.arange(num_quarters) * np.pi / 2
    cosine, sine = np.round(np.cos(angle)), np.round(np.sin(angle))
    element = np.stack([np.stack([cosine, -sine], -1), np.stack([sine, cosine], -1)], -2).astype(np.float32)
    return PolarSamples(jnp.asarray(element), jnp.asarray(element.swapaxes(1, 2)), jnp.zeros(num_quarters))


def change(network, samples, images):
    moved = jnp.rot90(images, axes=(1, 2))
    still, turned = jnp.split(features(network, jnp.concatenate([images, moved]), samples), 2)
    return float(jnp.max(jnp.abs(turned - still)) / jnp.max(jnp.abs(still)))


def test_quarter_turns_change_nothing_where_the_elements_are_quarter_turns():
    """Exactly: the largest value over group and pixels is that of the same numbers in another order."""
    images = pictures(2, 12, 12)
    quarters = turned_list()
    assert change(affine(group="gl"), (quarters, quarters), images) < 1e-5
    # The controls: two of the four, and ordinary kernels.
    half = turned_list(2)
    assert change(affine(group="gl"), (half, half), images) > 1e-2
    assert change(plain(), (), images) > 1e-2


def test_new_elements_each_pass_and_the_block_keeps_the_lifts():
    network = affine()
    rngs = nnx.Rngs(1)
    first, second = network.draw(rngs), network.draw(rngs)
    assert len(first) == 2
    elements = [samples.element for samples in (*first, *second)]
    for i, one in enumerate(elements):
        for other in elements[:i]:
            assert float(jnp.max(jnp.abs(one - other))) > 0.01
    assert not plain().draw(rngs)


def test_dropout_only_with_a_stream():
    network = affine(dropout=0.5, hidden=64)
    images, samples = pictures(2, 10, 10), network.draw(nnx.Rngs(1))
    still = features(network, images, samples)
    np.testing.assert_array_equal(features(affine(hidden=64, dropout=0.0), images, samples), still)
    dropped = jax.jit(lambda x, samples: network.features(x, samples, rngs=nnx.Rngs(2)))(images, samples)
    assert 0.2 < float(jnp.mean(dropped == 0)) < 0.8
    np.testing.assert_allclose(jnp.where(dropped == 0, still, dropped / 2), still, rtol=1e-4, atol=1e-6)


def test_norms_by_channel_take_a_constant_background_away():
    """Of the first layer: what is added to a whole picture changes nothing. Norms over all channels keep it."""
    images = pictures(2, 12, 12)
    quarters = turned_list()

    def change_by_background(norm):
        network = affine(norm=norm)
        found = features(network, jnp.concatenate([images, images + 0.5]), (quarters, quarters))
        return float(jnp.max(jnp.abs(found[:2] - found[2:])) / jnp.max(jnp.abs(found)))

    assert change_by_background("channel") < 1e-4
    assert change_by_background("layer") > 1e-2


def test_an_unknown_norm():
    with pytest.raises(ValueError, match="norm must be one of 'layer', 'channel', got 'batch'"):
        affine(norm="batch")


def test_sizes_of_the_papers_network_and_of_the_ordinary_one():
    """As many parameters as the ordinary network with `channels sqrt(width) / size` channels, to 10 %."""
    paper = nnx.eval_shape(lambda: AffineNetwork(num_classes=10, rngs=nnx.Rngs(0)))
    channels = round(40 * 60**0.5 / 5)
    ordinary = nnx.eval_shape(lambda: PlainNetwork(num_classes=10, channels=channels, rngs=nnx.Rngs(0)))
    assert 300_000 < num_parameters(paper) < 400_000
    assert num_parameters(ordinary) == pytest.approx(num_parameters(paper), rel=0.1)
