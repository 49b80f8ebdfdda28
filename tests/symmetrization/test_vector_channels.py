"""Vector channels: they turn with the world, masks and padding count for nothing, singular points are defined."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxinv.kernels import symmetrization as kernels
from tests.duties import FLOAT, X64, assert_finite
from tests.symmetry import assert_equivariant, assert_not_equivariant

EXACT = 1e-12 if X64 else 1e-5


def normal(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), FLOAT)


def orthogonal(d):
    """Draws of O(d), reflections among them."""

    def sample(key):
        q, _ = jnp.linalg.qr(jax.random.normal(key, (d, d), FLOAT))
        return q * jax.random.rademacher(key, (1, d), FLOAT)

    return sample


def network(state):
    """A layer of each kind, `(N, C, D)` to `(N, 3, D)`, of vectors and of external ones."""
    vectors, world = state
    centred, mean = kernels.centre_channels(vectors)
    mixed = kernels.with_external(centred, normal(4, 3, seed=1), world)
    bent = kernels.vector_relu(mixed, kernels.channel_mix(mixed, normal(5, 5, seed=2)))
    gram, norm = kernels.gram_invariants(bent)
    distance = kernels.pairwise_channel_distance(vectors).sum((-2, -1))
    moved = kernels.channel_mix(bent, (gram / norm[..., None])[..., :3]) * distance[..., None, None]
    pull = kernels.pairwise_channel_difference(moved).sum(-3)
    return kernels.channel_mix(pull, jnp.eye(3, dtype=FLOAT)) + mean[None, None]


def turn(element, state):
    return jax.tree.map(lambda x: kernels.transform_channels(x, element), state)


@pytest.mark.parametrize("d", [2, 3])
def test_layers_turn_with_their_vectors(d):
    state = normal(4, 4, d), normal(2, d, seed=3)
    assert_equivariant(jax.jit(network), state, orthogonal(d), act_in=turn, act_out=turn, exactness="exact")
    # Negative control: the world's vectors stay where they are.
    assert_not_equivariant(
        jax.jit(network),
        state,
        orthogonal(d),
        act_in=lambda element, s: (turn(element, s[0]), s[1]),
        act_out=turn,
        delta=1e-2,
    )


def test_a_cross_product_is_axial():
    axial = jnp.asarray([False, False, True])

    def crossed(vectors):
        return jnp.concatenate([vectors, jnp.cross(vectors[:, :1], vectors[:, 1:])], axis=-2)

    def act(element, vectors):
        return kernels.transform_channels(vectors, element, axial=axial[: vectors.shape[-2]])

    vectors = normal(4, 2, 3)
    assert_equivariant(crossed, vectors, orthogonal(3), act_in=act, act_out=act, exactness="exact")
    # Negative control: as a polar vector it does not turn with the others.
    assert_not_equivariant(
        crossed,
        vectors,
        orthogonal(3),
        act_in=act,
        act_out=lambda element, v: kernels.transform_channels(v, element),
        delta=0.1,
    )


def test_the_mean_moves_along():
    vectors, shift = normal(4, 3, 2), normal(2, seed=1)
    centred, mean = kernels.centre_channels(vectors)
    moved, moved_mean = kernels.centre_channels(vectors + shift[None, None])
    np.testing.assert_allclose(moved, centred, atol=EXACT)
    np.testing.assert_allclose(moved_mean, mean + shift, atol=EXACT)


@pytest.mark.allow_nans
@pytest.mark.proves(
    "masks",
    "symmetrization.masked_channel_mean",
    "symmetrization.centre_channels",
    "symmetrization.pairwise_channel_difference",
    "symmetrization.pairwise_channel_distance",
)
def test_masked_agents_change_nothing_whatever_they_hold():
    vectors, mask = normal(2, 3, 2, 3), jnp.asarray([True, True, True, False, False])
    for filling in (np.nan, 1e30):
        padded = jnp.concatenate([vectors, jnp.full((2, 2, 2, 3), filling)], axis=1)
        np.testing.assert_allclose(
            kernels.masked_channel_mean(padded, mask=mask), kernels.masked_channel_mean(vectors), atol=EXACT
        )
        centred, _ = kernels.centre_channels(padded, mask=mask)
        np.testing.assert_allclose(centred[:, :3], kernels.centre_channels(vectors)[0], atol=EXACT)
        assert not np.any(centred[:, 3:])
        for pairwise in (kernels.pairwise_channel_difference, kernels.pairwise_channel_distance):
            found = np.asarray(pairwise(padded, mask=mask))
            np.testing.assert_allclose(found[:, :3, :3], pairwise(vectors), atol=EXACT)
            assert not found[:, 3:].any()
            assert not found[:, :, 3:].any()


def test_singular_points_have_finite_derivatives():
    """One agent, none, coincident agents, all masked, all zero."""
    for vectors in (normal(1, 2, 3), jnp.zeros((0, 2, 3)), jnp.ones((3, 2, 3)), jnp.zeros((3, 2, 3))):
        mask = jnp.zeros(len(vectors), bool)

        def everything(vectors, mask=mask):
            of_masks = [
                kernels.pairwise_channel_distance(vectors),
                kernels.pairwise_channel_distance(vectors, mask=mask),
                *kernels.centre_channels(vectors, mask=mask),
                *kernels.gram_invariants(vectors),
                kernels.vector_relu(vectors, -vectors),
            ]
            return sum(jnp.sum(x) for x in of_masks)

        gradient = jax.grad(everything)
        assert_finite((gradient(vectors), jax.jvp(gradient, (vectors,), (jnp.ones_like(vectors),))))
    assert kernels.gram_invariants(jnp.zeros((2, 3)))[1] == 1
    np.testing.assert_array_equal(kernels.masked_channel_mean(jnp.ones((3, 2, 3)), mask=jnp.zeros(3, bool)), 0)


def test_vector_relu_is_the_identity_on_one_side_and_almost_flat_on_the_other():
    q, k = normal(50, 3), normal(50, 3, seed=1)
    found = np.asarray(kernels.vector_relu(q, k, eps=0.1), np.float64)
    along, square = np.sum(np.asarray(q * k, np.float64), -1), np.sum(np.asarray(k, np.float64) ** 2, -1)
    positive = along >= 0
    assert 10 < positive.sum() < 40
    np.testing.assert_array_equal(found[positive], q[positive])
    left = np.sum(found * k, -1)[~positive]
    np.testing.assert_allclose(left, (along * 0.1 / (square + 0.1))[~positive], atol=10 * EXACT)


def test_a_matrix_for_each_agent():
    vectors, weight = normal(4, 3, 2), normal(4, 3, 5, seed=1)
    wanted = jnp.stack([kernels.channel_mix(v, w) for v, w in zip(vectors, weight, strict=True)])
    np.testing.assert_allclose(kernels.channel_mix(vectors, weight), wanted, atol=EXACT)
    np.testing.assert_allclose(
        kernels.channel_mix(vectors[0], weight)[2], kernels.channel_mix(vectors[0], weight[2]), atol=EXACT
    )
