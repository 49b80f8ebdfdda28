"""Convolution over edges, fully connected product and linear map: symmetry, padding, blocks, memory, checks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental import checkify

from jaxinv.kernels import harmonics
from jaxinv.kernels import tensor_products as kernels
from tests.duties import FLOAT, X64
from tests.symmetry import assert_equivariant, assert_not_equivariant

ROUNDING = 1e-12 if X64 else 1e-5
PATHS = kernels.tensor_product_paths(1, 2, 2)


def normal(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), FLOAT)


def graph(num_edges=24, num_nodes=5, channels=2, seed=0):
    generator = np.random.default_rng(seed)
    senders, receivers = (jnp.asarray(generator.integers(0, num_nodes, num_edges), jnp.int32) for _ in range(2))
    return (
        normal(num_nodes, channels, 4),
        normal(num_edges, 3, seed=1),
        normal(num_edges, channels, len(PATHS), seed=2),
        senders,
        receivers,
    )


def convolve(x, vectors, weights, senders, receivers, **options):
    angular = harmonics.spherical_harmonics(vectors, 2)
    return kernels.channelwise_convolution(x, angular, weights, senders, receivers, **{"lmax_out": 2} | options)


def assert_close(found, wanted, bound=ROUNDING):
    wanted = np.asarray(wanted)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=bound * max(1.0, np.abs(wanted).max()))


def sample_rotation(key):
    matrix, _ = np.linalg.qr(np.asarray(jax.random.normal(key, (3, 3)), float))
    return jnp.asarray(matrix * np.linalg.det(matrix), FLOAT)


def turn_features(rotation, x):
    return harmonics.rotate(x, rotation)


def test_the_convolution_turns_with_features_and_edges():
    x, vectors, weights, senders, receivers = graph()

    def function(point):
        return convolve(point[0], point[1], weights, senders, receivers)

    def act(rotation, point):
        return harmonics.rotate(point[0], rotation), point[1] @ rotation.T

    arguments = {"sample": sample_rotation, "act_out": turn_features}
    assert_equivariant(function, (x, vectors), act_in=act, exactness="exact", **arguments)
    still = {"act_in": lambda rotation, point: (harmonics.rotate(point[0], rotation), point[1])}
    assert_not_equivariant(function, (x, vectors), delta=0.1, **still, **arguments)


def test_even_paths_keep_the_parity_and_odd_ones_turn_it():
    x, vectors, weights, senders, receivers = graph()
    flip = np.repeat([1.0, -1.0, 1.0], [1, 3, 5])
    for odd in (0, 1):
        kind = np.array([sum(path) % 2 == odd for path in PATHS])
        some = jnp.where(kind, weights, 0)
        found = convolve(x, vectors, some, senders, receivers)
        inverted = convolve(jnp.asarray(np.asarray(x) * flip[:4], FLOAT), -vectors, some, senders, receivers)
        assert_close(inverted, (-1) ** odd * np.asarray(found) * flip)
        assert float(jnp.abs(found).max()) > 0.1


def test_the_order_of_edges_and_nodes_does_not_matter():
    x, vectors, weights, senders, receivers = graph()
    wanted = convolve(x, vectors, weights, senders, receivers)
    order = np.argsort(receivers, kind="stable")
    edges = (vectors[order], weights[order], senders[order], receivers[order])
    assert_close(convolve(x, *edges, sorted_receivers=True), wanted)
    shuffled = np.random.default_rng(3).permutation(len(x))
    places = np.argsort(shuffled)
    moved = convolve(x[shuffled], vectors, weights, jnp.asarray(places)[senders], jnp.asarray(places)[receivers])
    assert_close(moved, wanted[shuffled])


@pytest.mark.allow_nans
def test_pads_change_nothing_whatever_they_hold():
    x, vectors, weights, senders, receivers = graph()
    wanted = convolve(x, vectors, weights, senders, receivers)

    def pad(array, value):
        return jnp.concatenate([array, jnp.full((3, *array.shape[1:]), value, array.dtype)])

    angular = harmonics.spherical_harmonics(vectors, 2)
    padded = (pad(angular, jnp.nan), pad(weights, jnp.nan), pad(senders, 99), pad(receivers, -1))

    def function(x, mask=None):
        return kernels.channelwise_convolution(x, *padded, lmax_out=2, mask=mask)

    mask = jnp.arange(27) < 24
    for options in ({"mask": mask}, {}):  # Indices out of range count as masked.
        assert_close(function(x, **options), wanted)
        gradient = jax.grad(lambda x, options=options: function(x, **options).sum())(x)
        assert_close(gradient, jax.grad(lambda x: convolve(x, vectors, weights, senders, receivers).sum())(x))
    more = convolve(jnp.pad(x, ((0, 2), (0, 0), (0, 0))), vectors, weights, senders, receivers)
    assert_close(more[:5], wanted)
    assert not np.any(more[5:])


def test_shared_weights_and_other_receivers():
    x, vectors, weights, senders, receivers = graph()
    shared = convolve(x, vectors, weights[:, :1], senders, receivers, num_receivers=7)
    wanted = convolve(x, vectors, jnp.repeat(weights[:, :1], 2, axis=1), senders, receivers)
    assert_close(shared[:5], wanted)
    assert shared.shape[0] == 7
    assert not np.any(shared[5:])


@pytest.mark.parametrize("taken", [lambda path: sum(path) % 2 == 0, lambda path: path[0] == 1 and path[2] == 1])
@pytest.mark.parametrize("sum_paths", [True, False])
def test_some_paths_are_all_with_weights_of_zero_for_the_others(taken, sum_paths):
    x, vectors, weights, senders, receivers = graph()
    places = np.flatnonzero([taken(path) for path in PATHS])
    columns = np.repeat([taken(path) for path in PATHS], [2 * path[2] + 1 for path in PATHS])

    def some(x, vectors, weights):
        paths = tuple(PATHS[place] for place in places)
        return convolve(x, vectors, weights[..., places], senders, receivers, paths=paths, sum_paths=sum_paths)

    def all_of_them(x, vectors, weights):
        kept = jnp.zeros_like(weights).at[..., places].set(weights[..., places])
        found = convolve(x, vectors, kept, senders, receivers, sum_paths=sum_paths)
        return found if sum_paths else found[..., columns]

    assert_close(some(x, vectors, weights), all_of_them(x, vectors, weights))
    gradients = (
        jax.jit(jax.grad(lambda *arguments, f=f: jnp.sum(f(*arguments) ** 2), argnums=(0, 1, 2)))(x, vectors, weights)
        for f in (some, all_of_them)
    )
    for found, wanted in zip(*gradients, strict=True):
        assert_close(found, wanted, 10 * ROUNDING)


def test_blocks_of_edges_give_the_whole_and_hold_no_array_of_all_messages():
    def program(num_edges):
        arguments = graph(num_edges, channels=16)
        x, vectors, weights, senders, receivers = arguments
        angular = harmonics.spherical_harmonics(vectors, 2)

        def loss(x, angular, weights):
            out = kernels.channelwise_convolution(x, angular, weights, senders, receivers, lmax_out=2, sum_paths=False)
            return jnp.sum(out**2), out

        gradient = jax.jit(jax.value_and_grad(loss, argnums=(0, 1, 2), has_aux=True))
        compiled = gradient.lower(x, angular, weights).compile()
        analysis = compiled.memory_analysis()
        assert analysis is not None
        return analysis.temp_size_in_bytes, compiled(x, angular, weights), arguments

    small, _, _ = program(4096)
    large, ((_, found), gradients), (x, vectors, weights, senders, receivers) = program(4 * 4096)
    columns = sum(2 * path[2] + 1 for path in PATHS)
    messages = 3 * 4096 * 16 * columns * FLOAT.itemsize
    # What grows with the edges is inputs and their gradients: 16 channels x 8 weights, of which some copies.
    assert large - small < 0.8 * messages
    half = np.arange(len(senders)) < len(senders) // 2
    parts = [convolve(x, vectors[k], weights[k], senders[k], receivers[k], sum_paths=False) for k in (half, ~half)]
    assert_close(found, parts[0] + parts[1], 5 * ROUNDING)
    assert all(np.isfinite(gradient).all() for gradient in gradients)


def test_the_checks_name_the_edge():
    indices = jnp.array([0, 2, 1])

    def check(senders, receivers, **options):
        error, _ = jax.jit(checkify.checkify(lambda a, b: kernels.check_edges(a, b, 3, **options)))(senders, receivers)
        error.throw()

    check(indices, indices)
    check(indices.at[1].set(7), indices, mask=jnp.array([True, False, True]))
    with pytest.raises(checkify.JaxRuntimeError, match=r"senders must be in 0 \.\. 2, got 3 at edge 1"):
        check(indices.at[1].set(3), indices)
    with pytest.raises(checkify.JaxRuntimeError, match=r"receivers must be in 0 \.\. 1, got 2 at edge 1"):
        check(indices, indices, num_receivers=2)
    with pytest.raises(checkify.JaxRuntimeError, match=r"receivers must ascend .* edge 2"):
        check(indices, indices, sorted_receivers=True)


def test_the_fully_connected_product_turns_with_its_factors_and_broadcasts():
    x1, x2, weights = normal(3, 2, 4), normal(3, 3, 9, seed=1), normal(len(PATHS), 2, 3, 4, seed=2)

    def function(point):
        return kernels.fully_connected_tensor_product(*point, weights, lmax_out=2)

    def act(rotation, point):
        return tuple(harmonics.rotate(x, rotation) for x in point)

    arguments = {"sample": sample_rotation, "act_out": turn_features}
    assert_equivariant(function, (x1, x2), act_in=act, exactness="exact", **arguments)
    assert_not_equivariant(
        function, (x1, x2), delta=0.1, act_in=lambda r, point: (act(r, point)[0], point[1]), **arguments
    )
    one = kernels.fully_connected_tensor_product(x1[:, None], x2[None], weights, lmax_out=2)
    assert one.shape == (3, 3, 4, 9)
    assert_close(one[np.arange(3), np.arange(3)], function((x1, x2)))


def test_slices_of_the_fully_connected_product_give_the_whole():
    x1, x2, weights = normal(3001, 8, 4), normal(3001, 8, 9, seed=1), normal(len(PATHS), 8, 8, 4, seed=2)

    def function(x1, x2):
        return kernels.fully_connected_tensor_product(x1, x2, weights, lmax_out=2)

    assert "scan" in str(jax.make_jaxpr(function)(x1, x2))
    some = slice(None, None, 500)
    assert_close(function(x1, x2)[some], function(x1[some], x2[some]))


def test_linear_commutes_with_rotations():
    x, weights = normal(3, 2, 9), normal(3, 2, 4, seed=1)
    arguments = {"sample": sample_rotation, "act_out": turn_features, "act_in": turn_features}
    assert_equivariant(lambda x: kernels.linear(x, weights), x, exactness="exact", **arguments)
    assert_not_equivariant(lambda x: jax.nn.relu(kernels.linear(x, weights)), x, delta=0.1, **arguments)
