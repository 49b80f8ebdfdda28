"""EqMotion's kernels: they turn and move with the world, and what one agent, coincidence, rest and padding give."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.fft import dct

from jaxinv.kernels import symmetrization as kernels
from tests.duties import FLOAT, X64, assert_finite
from tests.symmetrization.motion_cases import INTERACTIONS, LAYER, C, D, H, as_arrays, scene
from tests.symmetrization.test_vector_channels import normal, orthogonal
from tests.symmetry import assert_equivariant, assert_not_equivariant

EXACT = 1e-12 if X64 else 2e-5
NUM_TIMES = C


@jax.jit
def network(positions, mask=None):
    """Past to future by one layer of channels at all times: positions, and categories summed over the others."""
    params, interactions = as_arrays(LAYER, FLOAT), as_arrays(INTERACTIONS, FLOAT)
    start = kernels.motion_init(positions, mask=mask)
    h = jnp.concatenate([start.speeds, start.angles], axis=-1)
    categories = kernels.interaction_categories(interactions, h, start.positions, mask=mask)
    vectors = kernels.mix_about_mean(start.positions, normal(NUM_TIMES, C, seed=4), mask=mask)
    h, vectors = kernels.eqmotion_layer(params, h, vectors, start.velocities, categories, mask=mask)
    future = kernels.motion_from_channels(vectors, start.centre, mask=mask)
    # Of the first category only: over all of them the sum is 1.
    return future, jnp.concatenate([h, jnp.sum(categories[..., :1], axis=-2)], axis=-1)


def motions(d):
    """Draws of E(d) and an order of 4 agents."""

    def sample(key):
        return orthogonal(d)(key), jax.random.normal(key, (d,), FLOAT), jax.random.permutation(key, 4)

    return sample


def act(element, positions):
    turn, shift, order = element
    return kernels.transform_channels(positions, turn)[order] + shift[None, None]


@pytest.mark.parametrize("d", [2, 3])
def test_the_future_moves_along_and_scalars_do_not(d):
    past = normal(4, NUM_TIMES, d)
    assert_equivariant(
        lambda x: network(x)[0], past, motions(d), act_in=act, act_out=act, exactness="statistical", bound=EXACT
    )
    assert_equivariant(
        lambda x: network(x)[1],
        past,
        motions(d),
        act_in=act,
        act_out=lambda element, x: x[element[2]],
        exactness="statistical",
        bound=EXACT,
    )
    # Negative control: a shear is no motion.
    assert_not_equivariant(
        lambda x: network(x)[0],
        past,
        lambda key: jnp.eye(d, dtype=FLOAT) + 0.5 * jax.random.normal(key, (d, d), FLOAT),
        act_in=lambda shear, x: x @ shear,
        act_out=lambda shear, x: x @ shear,
        delta=1e-2,
    )


@pytest.mark.allow_nans
@pytest.mark.proves(
    "masks",
    "symmetrization.motion_init",
    "symmetrization.interaction_categories",
    "symmetrization.mix_about_mean",
    "symmetrization.eqmotion_layer",
    "symmetrization.motion_from_channels",
)
def test_padding_changes_nothing_whatever_it_holds():
    past = normal(3, NUM_TIMES, D)
    wanted = network(past)
    for filling in (np.nan, 1e30):
        padded = jnp.concatenate([past, jnp.full((2, NUM_TIMES, D), filling, FLOAT)])
        for found, one in zip(network(padded, jnp.arange(5) < 3), wanted, strict=True):
            np.testing.assert_allclose(found[:3], one, atol=EXACT)
            assert not np.any(found[3:])


def test_agents_in_one_place_stay_there():
    place = normal(D)
    past = jnp.broadcast_to(place, (3, NUM_TIMES, D))
    np.testing.assert_allclose(network(past)[0], past, atol=EXACT)


def test_singular_points_have_finite_derivatives():
    """One agent, at rest, coincident agents, straight ways and ways back, nobody there."""
    straight = jnp.arange(NUM_TIMES, dtype=FLOAT)[None, :, None] * normal(3, 1, D)
    back = jnp.asarray(np.cos(np.pi * np.arange(NUM_TIMES)), FLOAT)[None, :, None] * normal(3, 1, D)
    together = jnp.broadcast_to(normal(1, NUM_TIMES, D), (3, NUM_TIMES, D))
    gradient = jax.jit(jax.grad(lambda x, mask: sum(jnp.sum(y) for y in network(x, mask))))
    for past in (jnp.zeros((3, NUM_TIMES, D)), straight, back, together, normal(3, NUM_TIMES, D)):
        for mask in ([True, True, True], [True, False, False], [False, False, False]):
            assert_finite((network(past, jnp.asarray(mask)), gradient(past, jnp.asarray(mask))))
    assert_finite(jax.grad(lambda x: jnp.sum(network(x)[0]))(normal(1, NUM_TIMES, D)))


@pytest.mark.parametrize("n", [1, 2, 7])
def test_dct_is_that_of_scipy(n):
    matrix = kernels.dct_matrix(n)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(n), atol=1e-14)
    wanted = np.asarray(dct(np.eye(n), type=2, norm="ortho", axis=0))
    np.testing.assert_allclose(matrix, wanted, atol=1e-14)


def test_angles_are_exact_where_the_cosine_says_nothing():
    angle = 1e-4
    steps = np.array([[1.0, 0], [1, 0], [np.cos(angle), np.sin(angle)], [-1, 0], [0, 0], [0, 0]])
    past = jnp.asarray(np.concatenate([np.zeros((1, 2)), np.cumsum(steps, axis=0)])[None] / 64, FLOAT)
    found = np.asarray(kernels.motion_init(past).angles[0])
    # The way of float32 positions itself is exact to about 1e-7 of them.
    np.testing.assert_allclose(found[:3], [0, 0, 0], atol=1e-6)
    np.testing.assert_allclose(found[3:], [angle, np.pi - angle, 0, 0], atol=1e-5)


def test_categories_without_a_network_do_not_act():
    params, (h, vectors, _, shares) = (
        as_arrays(LAYER.inter, FLOAT),
        (jnp.asarray(x, FLOAT) for x in scene(np.random.default_rng(1))),
    )
    found = kernels.inter_agent_aggregate(params, h, vectors, shares)
    other = shares.at[..., -1].set(7.0)
    np.testing.assert_array_equal(kernels.inter_agent_aggregate(params, h, vectors, other), found)
    fewer = params._replace(categories=jax.tree.map(lambda x: x[:1], params.categories))
    assert float(jnp.max(jnp.abs(kernels.inter_agent_aggregate(fewer, h, vectors, shares) - found))) > 1e-3


def test_scalars_may_be_less_precise_than_vectors():
    h, vectors, velocities, shares = (jnp.asarray(x, jnp.float32) for x in scene(np.random.default_rng(2)))
    exact = kernels.eqmotion_layer(as_arrays(LAYER, jnp.float32), h, vectors, velocities, shares)
    found = kernels.eqmotion_layer(as_arrays(LAYER, jnp.bfloat16), h.astype(jnp.bfloat16), vectors, velocities, shares)
    assert [x.dtype for x in found] == [jnp.bfloat16, jnp.float32]
    for one, other in zip(found, exact, strict=True):
        np.testing.assert_allclose(np.asarray(one, np.float32), other, rtol=0, atol=0.1)


def test_pairs_of_features_and_differences_of_vectors_are_never_written():
    n = 64
    args = (jnp.ones((n, H)), jnp.ones((n, C, D)), jnp.ones((n, C, D)), jnp.ones((n, n, 2)))
    layer = jax.jit(functools.partial(kernels.eqmotion_layer, as_arrays(LAYER)))
    memory = layer.lower(*args).compile().memory_analysis()
    assert memory is not None
    width = LAYER.edge.receiver.shape[1]
    stated = FLOAT.itemsize * n**2 * (2 * (width + C) + 2 * H + 3 * C)
    assert memory.temp_size_in_bytes < 1.3 * stated
