"""Networks of planar group convolutions: symmetry with the ordinary network as control, state, sizes, training."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxinv.kernels.group_convolutions import O2, SO2, PointGroup, act_picture, cyclic, dihedral
from jaxinv.models.planar_network import PlanarResNet, SteerableNetwork
from jaxinv.training import create_ensemble, train_ensemble

pytestmark = pytest.mark.usefixtures("full_precision")
SMALL: dict[str, Any] = {"num_classes": 3, "channels": 3, "width": 8, "blocks": 1}
P4, P4M = cyclic(4), dihedral(4)


def on_grid(group: PointGroup, **options: Any):
    given: dict[str, Any] = SMALL | {"rngs": nnx.Rngs(0)} | options
    return PlanarResNet(group=group, **given)


def steerable(group: PointGroup, **options: Any):
    given: dict[str, Any] = SMALL | {"rngs": nnx.Rngs(0)} | options
    return SteerableNetwork(group=group, **given)


def pictures(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).uniform(size=shape), jnp.float32)


def features_of_all(network, images, group):
    """(order, B, width): of the pictures moved by every element, compiled as one program."""
    moved = [act_picture(images[..., None], element, group=group)[..., 0] for element in range(group.order)]
    return jax.jit(network.features)(jnp.concatenate(moved)).reshape(group.order, len(images), -1)


def change(found):
    return float(jnp.max(jnp.abs(found - found[:1])) / jnp.max(jnp.abs(found)))


@pytest.mark.parametrize(
    ("make", "group"),
    [
        (functools.partial(on_grid, P4), P4),
        (functools.partial(on_grid, P4M, blocks=2), P4M),
        (functools.partial(steerable, cyclic(8)), P4),
        (functools.partial(steerable, SO2, max_frequency=1, nonlinearity="gated"), P4),
        (functools.partial(steerable, O2, max_frequency=1, nonlinearity="norm"), P4M),
    ],
)
def test_features_do_not_change_under_all_elements(make, group):
    assert change(features_of_all(make(), pictures(2, 13, 13), group)) < 1e-5


def test_others_do_change_the_features():
    """The controls: the ordinary network, and rotations alone under a mirror."""
    images = pictures(2, 13, 13)
    assert change(features_of_all(on_grid(cyclic(1)), images, P4)) > 1e-2
    assert change(features_of_all(on_grid(P4), images, dihedral(1))) > 1e-2


def spots(angle, size=25, spread=2.0):
    """Pictures of smooth spots in a disc, turned by formula: nothing is interpolated."""
    generator = np.random.default_rng(0)
    at, height = generator.uniform(-5, 5, size=(12, 6, 2)), generator.uniform(0.2, 1, size=(12, 6, 1, 1))
    line = np.arange(size) - size // 2
    columns, rows = np.meshgrid(line, line)
    places = at @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]).T
    square = (columns - places[..., :1, None]) ** 2 + (rows - places[..., 1:, None]) ** 2
    return jnp.asarray(np.sum(height * np.exp(-square / (2 * spread**2)), axis=1), jnp.float32)


def test_eighth_turns_up_to_the_grid():
    """Of networks as drawn, of 16 and 32 numbers at a pixel; relative to the spread between pictures."""

    def error(network):
        still, moved = jnp.split(jax.jit(network.features)(jnp.concatenate([spots(0.0), spots(np.pi / 4)])), 2)
        return float(jnp.linalg.norm(moved - still) / jnp.linalg.norm(still - jnp.mean(still, 0, keepdims=True)))

    # Four draws of each gave 0.38 to 0.55.
    assert error(steerable(cyclic(8), channels=4, width=64)) < 2 / 3 * error(on_grid(cyclic(1), channels=16, width=64))


@pytest.mark.parametrize(
    "make",
    [
        functools.partial(on_grid, P4),
        functools.partial(steerable, SO2, max_frequency=1, nonlinearity="gated"),
        functools.partial(steerable, dihedral(2), nonlinearity="norm"),
    ],
)
def test_parameters_are_the_only_state_and_all_are_used(make):
    network = make(in_channels=2)
    graphdef, params, rest = nnx.split(network, nnx.Param, ...)
    assert not jax.tree.leaves(rest)
    images = pictures(4, 9, 9, 2)

    @jax.jit
    def outputs(params):
        network = nnx.merge(graphdef, params, rest)
        features = network.features(images)
        return network.head(features), (features, network(images))

    gradient, (features, logits) = jax.jit(
        jax.grad(lambda p: (jnp.sum(outputs(p)[0] ** 2), outputs(p)[1]), has_aux=True)
    )(params)
    for leaf in jax.tree.leaves(gradient):
        assert float(jnp.max(jnp.abs(leaf))) > 0
    assert features.shape == (4, 8)
    assert logits.shape == (4, 3)
    np.testing.assert_allclose(logits, network.head(features), rtol=1e-5, atol=1e-6)


def test_networks_stack_and_learn():
    """Which of two crosses a picture shows, from eight pictures."""
    ensemble = create_ensemble(lambda rngs: PlanarResNet(group=P4, **SMALL, rngs=rngs), [0, 1])
    images = np.zeros((2, 8, 9, 9), np.float32)
    labels = np.broadcast_to(np.arange(8) % 2, (2, 8))
    for i in range(8):
        arm = np.arange(2, 7)
        images[:, i, 4, arm] = 1 - i / 16
        images[:, i, arm, 4 if i % 2 else 2] = 1 - i / 16
    losses = []

    def loss(params):
        network = nnx.merge(ensemble.graphdef, params)
        chosen = jax.nn.log_softmax(network(images[0]))[np.arange(8), labels[0]]
        return -jnp.mean(chosen)

    trained = train_ensemble(ensemble, [(images, labels)] * 15, learning_rate=0.02)
    for params in (ensemble.params, trained.params):
        losses.append(jax.jit(jax.vmap(loss))(params))
    assert np.all(losses[1] < losses[0] / 2)


def test_sizes_that_break_the_symmetry_warn():
    with pytest.warns(UserWarning, match="stride 2 on 8 x 8 places"):
        jax.eval_shape(on_grid(P4).features, pictures(1, 8, 8))


def test_bad_input():
    with pytest.raises(ValueError, match="nonlinearity must be one of 'fourier', 'gated', 'norm', got 'relu'"):
        steerable(cyclic(4), nonlinearity="relu")
    with pytest.raises(ValueError, match="max_frequency must be given"):
        steerable(SO2)
    with pytest.raises(ValueError, match="group must map the grid of pixels to itself"):
        jax.eval_shape(on_grid(cyclic(8)).features, pictures(1, 9, 9))
