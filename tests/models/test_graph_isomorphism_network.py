"""One round of messages: by its formula, and blind to the numbering of the nodes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxinv.models import GraphIsomorphismNetwork
from tests.symmetry import assert_equivariant

pytestmark = pytest.mark.usefixtures("full_precision")
NETWORK = GraphIsomorphismNetwork(2, 5, rngs=nnx.Rngs(0))


def graph():
    generator = np.random.default_rng(0)
    upper = np.triu(generator.random((6, 6)) < 0.5, 1)
    return jnp.asarray(generator.normal(size=(6, 2)), jnp.float32), jnp.asarray(upper | upper.T, jnp.float32)


def test_formula():
    features, adjacency = (np.asarray(x, np.float64) for x in graph())
    network = GraphIsomorphismNetwork(2, 5, rngs=nnx.Rngs(0))
    network.own_weight[...] = jnp.asarray(0.5)
    kernel, bias = np.asarray(network.hidden.kernel[...], np.float64), np.arange(5.0)
    network.hidden.bias = nnx.Param(jnp.asarray(bias, jnp.float32))
    mixed = np.maximum((1.5 * features + adjacency @ features) @ kernel + bias[None], 0)
    np.testing.assert_allclose(network(*graph()), network.output(jnp.asarray(mixed, jnp.float32)), rtol=1e-4, atol=1e-5)


def test_numbering():
    def renumber(order, inputs):
        features, adjacency = inputs
        return features[order], adjacency[order][:, order]

    assert_equivariant(
        lambda inputs: NETWORK(*inputs),
        graph(),
        lambda key: jax.random.permutation(key, 6),
        act_in=renumber,
        act_out=lambda order, nodes: nodes[order],
        exactness="exact",
    )
