"""Any module becomes invariant or equivariant, keeps its state, and trains; a regulariser holds bases and strengths."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from jaxinv.kernels import symmetrization as kernels
from jaxinv.kernels.lie_groups.sampling import haar_so
from jaxinv.nn.symmetrization import EquivarianceRegularizer, FrameAveraged
from tests.duties import FLOAT, X64
from tests.symmetry import assert_equivariant, assert_not_equivariant

N = 5
POINTS = jnp.asarray(np.random.default_rng(0).normal(size=(2, N, 2)) * [1, 3] + 1, FLOAT)


class Network(nnx.Module):
    """Of points and features, with dropout."""

    def __init__(self, rngs, dropout=0.0):
        options = {"precision": jax.lax.Precision.HIGHEST, "param_dtype": FLOAT, "rngs": rngs}
        self.first, self.last = nnx.Linear(3, 8, **options), nnx.Linear(8, 2, **options)
        self.dropout = nnx.Dropout(dropout, rngs=rngs) if dropout else None

    def __call__(self, points, features):
        hidden = jnp.tanh(self.first(jnp.concatenate([points, features], axis=-1)))
        if self.dropout is not None:
            hidden = self.dropout(hidden)
        return self.last(hidden)


FEATURES = jnp.asarray(np.random.default_rng(1).normal(size=(2, N, 1)), FLOAT)


@jax.jit
def act(g, points):
    rotation, shift = g
    return jnp.matmul(points, rotation.T, precision="highest") + shift


@jax.jit
def sample(key):
    turn, flip, shift = jax.random.split(key, 3)
    signs = jnp.stack([jax.random.rademacher(flip, (), FLOAT), jnp.ones((), FLOAT)])
    return haar_so(turn, (), 2, dtype=FLOAT) * signs[None], jax.random.normal(shift, (1, 1, 2), FLOAT)


def test_a_wrapped_module_is_equivariant():
    module = Network(nnx.Rngs(0))
    layer = FrameAveraged(module, "e", output="point")
    acting: dict[str, Any] = {"act_in": act, "act_out": act}
    average = jax.jit(lambda x: layer(x, FEATURES))
    assert_equivariant(average, POINTS, sample, exactness="exact", **acting)
    assert_not_equivariant(jax.jit(lambda x: module(x, FEATURES)), POINTS, sample, delta=0.05, **acting)


def test_options_reach_the_kernel():
    module, key, mask = Network(nnx.Rngs(0)), jax.random.key(1), jnp.arange(N) < N - 1

    @jax.jit
    def all_of(x):
        options = {"group": "e", "output": "point", "detached": False}
        layers = [FrameAveraged(module, **options, stacked=stacked) for stacked in (False, True)]
        found = [layer(x, FEATURES, mask=mask, key=drawn) for layer in layers for drawn in (None, key)]
        average = kernels.pca_frame_average
        return found, [average(module, x, FEATURES, **options, mask=mask, key=drawn) for drawn in (None, key)]

    (vmapped, one, stacked, one_stacked), wanted = all_of(POINTS)
    for found in ((vmapped, one), (stacked, one_stacked)):
        np.testing.assert_allclose(np.stack(found), np.stack(wanted), atol=1e-12 if X64 else 1e-5)
    assert np.abs(np.asarray(wanted[0]) - np.asarray(wanted[1])).max() > 1e-3


def test_modules_with_random_numbers_are_stacked():
    layer = FrameAveraged(Network(nnx.Rngs(0), dropout=0.5), "se", output="point", stacked=True)
    first, second = layer(POINTS, FEATURES), layer(POINTS, FEATURES)
    assert np.abs(np.asarray(first - second)).max() > 1e-3


def test_parameters_train():
    layer = FrameAveraged(Network(nnx.Rngs(0)), "e", output="point")
    graph, parameters = nnx.split(layer)

    @jax.jit
    def loss(parameters):
        return jnp.mean((nnx.merge(graph, parameters)(POINTS, FEATURES) - POINTS) ** 2)

    gradient = jax.grad(loss)(parameters)
    assert all(float(jnp.max(jnp.abs(leaf))) > 0 for leaf in jax.tree.leaves(gradient))
    stepped = jax.tree.map(lambda p, g: p - 0.01 * g, parameters, gradient)
    assert loss(stepped) < loss(parameters)


def test_the_regulariser():
    groups = [kernels.matrix_group("o", 3, axes=axes) for axes in ((0, 1), (0, 1, 2))]
    scalars = [kernels.tensor_representation(group, 0) for group in groups]
    bases = [
        {"kernel": kernels.equivariant_basis(g, g), "bias": kernels.equivariant_basis(s, g)}
        for g, s in zip(groups, scalars, strict=True)
    ]
    regularizer = EquivarianceRegularizer(bases, [2.0, 1.0])
    generator = np.random.default_rng(0)
    parameters = {"kernel": generator.normal(size=(3, 3)), "bias": generator.normal(size=3)}
    parameters = jax.tree.map(lambda x: jnp.asarray(x, FLOAT), parameters)
    found = regularizer(parameters)
    wanted = kernels.soft_equivariance(parameters, bases, jnp.array([2.0, 1.0], FLOAT))
    np.testing.assert_allclose(found.loss, wanted.loss, rtol=1e-6)
    regularizer.tune(found.penalties)
    ratio = (found.penalties[0] / found.penalties[1]) ** 2
    np.testing.assert_allclose(regularizer.strengths[...], np.array([2.0, float(ratio)]), rtol=1e-5)
    assert not jax.tree.leaves(nnx.state(regularizer, nnx.Param))
