"""The classifier of graphs: blind to numbering and padding, graphs by themselves, compiled once for all layers."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxinv.kernels.permutations import EgoCapacity, ego_batch, look_alikes, skip_links
from jaxinv.models import Spen
from tests.symmetry import assert_equivariant, assert_not_equivariant

pytestmark = pytest.mark.usefixtures("full_precision")
SIZES = (2, 6)
ROOM = EgoCapacity(20, 160, (4, 16))


def network(num_layers=4, **options):
    made = Spen(3, 2, len(SIZES), num_channels=4, num_layers=num_layers, num_hidden=(5,), rngs=nnx.Rngs(0), **options)
    # Else norms take off all of the mean, and labels alone tell the nodes of a ring apart.
    for one in (made.first.pair_norm, made.first.node_norm):
        one.mean_scale[...] *= 0.5
    return made


NETWORK = network()


@functools.partial(jax.jit, static_argnames=("num_graphs",))
def logits(batch, num_graphs=3):
    return NETWORK(batch, num_graphs=num_graphs)


def graphs():
    """A path hung on a ring, a node by itself, and a random one; with labels."""
    generator = np.random.default_rng(0)
    tailed = np.zeros((7, 7), bool)
    tailed[:5, :5] = skip_links(5, (1,))
    for i, j in ((4, 5), (5, 6)):
        tailed[i, j] = tailed[j, i] = True
    upper = np.triu(generator.random((6, 6)) < 0.5, 1)
    adjacency = [tailed, np.zeros((1, 1), bool), upper | upper.T]
    return adjacency, [generator.integers(0, 3, len(one)) for one in adjacency]


def of_graphs(adjacency, labels):
    return logits(ego_batch(adjacency, labels, sizes=SIZES, capacity=ROOM))


def test_the_numbering_of_nodes_says_nothing():
    adjacency, labels = graphs()

    def renumber(order, point):
        order = np.asarray(order)
        moved = [point[0][0][np.ix_(order, order)], *point[0][1:]]
        return moved, [point[1][0][order], *point[1][1:]]

    def other_labels(order, point):
        return point[0], renumber(order, point)[1]

    sample = lambda key: jax.random.permutation(key, 7)  # noqa: E731
    point = (adjacency, labels)
    assert_equivariant(lambda p: of_graphs(*p), point, sample, act_in=renumber, exactness="exact")
    # Negative control: labels that move without their nodes.
    assert_not_equivariant(lambda p: of_graphs(*p), point, sample, act_in=other_labels, delta=1e-3)


def test_graphs_in_a_batch_are_as_if_alone():
    adjacency, labels = graphs()
    together = of_graphs(adjacency, labels)
    for i in (0, 2):
        np.testing.assert_allclose(of_graphs([adjacency[i]], [labels[i]])[0], together[i], atol=1e-5)
    # In another order.
    turned = of_graphs(adjacency[::-1], labels[::-1])
    np.testing.assert_allclose(turned[::-1], together, atol=1e-5)
    exact = NETWORK(ego_batch(adjacency, labels, sizes=SIZES), num_graphs=3)
    np.testing.assert_allclose(exact, together, atol=1e-5)


def test_it_tells_apart_what_messages_cannot():
    ring, triangles = next(iter(look_alikes().values()))
    found = logits(ego_batch([ring, triangles], sizes=SIZES, capacity=ROOM))
    assert float(jnp.abs(found[0] - found[1]).max()) > 1e-3


def test_trains_and_leaves_out_features():
    batch = ego_batch(*graphs(), sizes=SIZES, capacity=ROOM)
    graph, state = nnx.split(NETWORK)

    @jax.jit
    def gradient(state, key):
        def loss(state):
            found = nnx.merge(graph, state)(batch, num_graphs=3, key=key)
            return jnp.sum(jax.nn.logsumexp(found, axis=-1)) - jnp.sum(found[:, 0])

        return jax.value_and_grad(loss)(state)

    (first, found), (second, _) = (gradient(state, jax.random.key(seed)) for seed in (0, 1))
    assert first != second
    for leaf in jax.tree.leaves(found):
        assert bool(jnp.all(jnp.isfinite(leaf)))
    for part in (found["first"], found["inner"], found["last"]):
        assert all(bool(jnp.any(leaf != 0)) for leaf in jax.tree.leaves(part.get("maps", part)))


def test_low_precision():
    batch = ego_batch(*graphs(), sizes=SIZES, capacity=ROOM)
    found = jax.jit(lambda: network(dtype=jnp.bfloat16)(batch, num_graphs=3))()
    assert found.dtype == jnp.bfloat16
    wanted = np.asarray(logits(batch))
    np.testing.assert_allclose(np.asarray(found, np.float32), wanted, atol=0.1 * np.abs(wanted).max())


def test_compile_work_does_not_grow_with_depth():
    batch = ego_batch(*graphs(), sizes=SIZES, capacity=ROOM)

    def equations(num_layers):
        shapes = nnx.eval_shape(lambda: network(num_layers))
        graph, state = nnx.split(shapes)
        return str(jax.make_jaxpr(lambda s: nnx.merge(graph, s)(batch, num_graphs=3))(state)).count(" = ")

    assert equations(3) == equations(8) > equations(2)


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="num_layers must be >= 2"):
        Spen(1, 2, 1, num_layers=1, rngs=nnx.Rngs(0))
    with pytest.raises(ValueError, match="num_channels must be even, got 3"):
        Spen(1, 2, 1, num_channels=3, rngs=nnx.Rngs(0))
