"""Layers of permutations: the kernel they call, dtypes, and that they train."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxinv import nn
from jaxinv.kernels import permutations as kernels
from tests.duties import FLOAT

MASK = jnp.arange(5) < 4
RING = kernels.ego_batch([kernels.skip_links(5, (1,))])


def normal(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), FLOAT)


@pytest.mark.parametrize("orders", [(0, 0), (0, 2), (1, 0), (2, 2)], ids=str)
def test_linear_is_its_kernel(orders):
    order_in, order_out = orders
    layer: Any = nn.PermutationLinear(order_in, order_out, 3, 4, normalize=False, rngs=nnx.Rngs(0))
    layer.bias[...] = normal(*layer.bias.shape, seed=1)
    x = normal(*[5] * order_in, 3)
    kernel = getattr(kernels, f"eq_{order_in}to{order_out}")
    options = {} if orders == (0, 0) else {"mask": MASK}
    given = options | ({"normalize": False} if order_in else {})
    np.testing.assert_array_equal(layer(x, **options), kernel(x, layer.kernel[...], layer.bias[...], **given))
    low = nn.PermutationLinear(order_in, order_out, 3, 4, use_bias=False, dtype=jnp.bfloat16, rngs=nnx.Rngs(0))
    assert low.bias is None
    assert low.kernel[...].dtype == jnp.float32
    assert low(x, **options).dtype == jnp.bfloat16


def test_ego_maps_are_their_kernel_and_train():
    layer = nn.EgoMaps({2: 3, 1: 2}, {2: 4, 1: 2, 0: 6}, 1, rngs=nnx.Rngs(0))
    pairs, nodes = normal(len(RING.adjacency), 3), normal(5, 2, seed=1)
    found = layer(pairs, nodes, RING.subgraphs, num_nodes=5)
    assert [one.shape for one in found] == [(len(pairs), 4), (5, 2), (5, 6)]
    weights = {name: one[...] for name, one in layer.coefficients.items()}
    wanted = kernels.ego_maps(pairs, nodes, RING.subgraphs, weights, {}, num_nodes=5)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, other)
    graph, state = nnx.split(layer)

    @jax.jit
    def loss(state):
        found = nnx.merge(graph, state)(pairs, nodes, RING.subgraphs, num_nodes=5)
        return sum(jnp.sum(one**2) for one in found)

    for gradient in jax.tree.leaves(jax.grad(loss)(state)):
        assert bool(jnp.any(gradient != 0))
    low = nn.EgoMaps({2: 3}, {1: 2}, 1, use_bias=False, dtype=jnp.bfloat16, rngs=nnx.Rngs(0))
    assert low(pairs, None, RING.subgraphs, num_nodes=5).nodes.dtype == jnp.bfloat16
    with pytest.raises(ValueError, match="num_out must divide into 2 parts, got 3 for order 1"):
        nn.EgoMaps({2: 3, 1: 2}, {1: 3}, 1, rngs=nnx.Rngs(0))


def test_norm_of_one_graph():
    x = normal(6, 2) + 3
    norm = nn.GraphNorm(2)
    found = norm(x, jnp.zeros(6, int), num_graphs=1)
    np.testing.assert_allclose(found, (x - x.mean(0)[None]) / jnp.sqrt(x.var(0) + 1e-5)[None], atol=1e-4)
    assert norm(x.astype(jnp.bfloat16), jnp.zeros(6, int), num_graphs=1).dtype == jnp.bfloat16
