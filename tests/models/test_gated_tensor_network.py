"""A network of tensors: as symmetric as its linear maps, and regularised by bases of its channels."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from flax import nnx

from jaxinv.kernels.symmetrization import equivariance_penalties, matrix_group, project_equivariant
from jaxinv.models.gated_tensor_network import GatedTensorNetwork, Tensors
from jaxinv.training import create_ensemble
from tests.duties import FLOAT
from tests.symmetry import assert_equivariant, assert_not_equivariant

pytestmark = pytest.mark.usefixtures("full_precision")
ABOUT_Z = matrix_group("o", 3, axes=(0, 1))
GENERATOR = np.random.default_rng(0)
INPUTS, OUTPUTS = Tensors(2, 2, 0), Tensors(1, 1, 1)
X = Tensors(*(jnp.asarray(GENERATOR.normal(size=(3, c, 3**order)), FLOAT) for order, c in enumerate(INPUTS)))


@functools.cache
def network():
    """With biases, in the precision of the suite."""
    made = create_ensemble(
        lambda rngs: GatedTensorNetwork(INPUTS, OUTPUTS, hidden=Tensors(2, 1, 2), depth=1, rngs=rngs), [0]
    )
    params = jax.tree.map(
        lambda p: jnp.asarray(np.asarray(p[0]) + 0.2 * GENERATOR.normal(size=p.shape[1:]), FLOAT), made.params
    )
    return nnx.merge(made.graphdef, params)


def symmetric():
    """The same with its linear maps projected."""
    made, bases = nnx.clone(network()), network().bases(ABOUT_Z)
    projected = jax.jit(lambda parameters: jax.tree.map(project_equivariant, parameters, bases))(made.parameters())
    for layer, values in zip(made.layers, projected, strict=True):
        for kind in ("weights", "biases"):
            for key, param in getattr(layer, kind).items():
                param[...] = values[kind][key]
    return made


def act(g, x):
    g = jnp.asarray(g, FLOAT)
    return Tensors(x.scalars, x.vectors @ g.T, x.matrices @ jnp.kron(g, g).T)


def act_on_array(g, array):
    """On the outputs side by side."""
    scalars, vectors, matrices = jnp.split(array, [1, 4], axis=-1)
    return jnp.concatenate(act(g, Tensors(scalars, vectors, matrices)), axis=-1)


def sample(dimension, key):
    g = np.eye(3)
    generator = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    g[:dimension, :dimension] = scipy.stats.ortho_group.rvs(dimension, random_state=generator)
    return g


def flat(model):
    def function(x):
        return jnp.concatenate([part[:, 0] for part in model(x)], axis=-1)

    return jax.jit(function)


def test_equivariant_maps_make_an_equivariant_network():
    moving = {"act_in": act, "act_out": act_on_array}
    about_z = functools.partial(sample, 2)
    made = flat(symmetric())
    assert_equivariant(made, X, about_z, exactness="exact", **moving)
    # Not more symmetric than asked for; and not symmetric at all with free maps.
    assert_not_equivariant(made, X, functools.partial(sample, 3), delta=0.05, **moving)
    assert_not_equivariant(flat(network()), X, about_z, delta=0.05, **moving)


def test_penalties_vanish_on_equivariant_parameters_alone():
    bases = [network().bases(ABOUT_Z)]
    penalties = jax.jit(lambda parameters: equivariance_penalties(parameters, bases)[0])
    assert penalties(network().parameters()) > 0.1
    assert penalties(symmetric().parameters()) < 1e-10


def test_a_linear_map_is_a_matrix_of_blocks():
    layer = network().layers[0]
    found = jax.jit(layer)(X)
    # Scalars and their gates, vectors and the factors of products, matrices.
    assert [part.shape for part in found] == [(3, 5, 1), (3, 5, 3), (3, 2, 9)]
    for order_out, part in enumerate(found):
        wanted = np.broadcast_to(np.asarray(layer.biases[f"{order_out}"][...]), part.shape).copy()
        for order_in in range(2):
            weights = np.asarray(layer.weights[f"{order_in}{order_out}"][...])
            for channel_out, row in enumerate(weights):
                for channel_in, block in enumerate(row):
                    wanted[:, channel_out] += np.asarray(X[order_in])[:, channel_in] @ block.T
        np.testing.assert_allclose(part, wanted, rtol=1e-4, atol=1e-5)
