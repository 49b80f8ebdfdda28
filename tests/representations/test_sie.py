"""Losses of two views where they are exact, and over devices; maps made from latents; random retrieval."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec

from jaxinv.kernels import representations as kernels
from jaxinv.kernels.lie_groups.quaternions import to_matrix
from tests.duties import FLOAT, X64, assert_finite
from tests.lie_groups.quaternion_cases import unit
from tests.representations.sie_cases import covariance

EXACT = 1e-10 if X64 else 1e-5


def normal(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), FLOAT)


@pytest.mark.parametrize(("num", "width"), [(9, 4), (4, 9), (5, 5), (2, 7)])
def test_covariance_on_the_samples_side_is_that_of_the_columns(num, width):
    x = normal(num, width)
    np.testing.assert_allclose(kernels.vicreg_covariance(x), covariance(np.asarray(x, float)), rtol=10 * EXACT)
    np.testing.assert_allclose(kernels.vicreg_covariance(x + 3), kernels.vicreg_covariance(x), rtol=100 * EXACT)


def test_what_costs_nothing():
    """Whitened columns have no covariance, and those of deviation 1 at least no missing variance."""
    x = normal(20, 4) + 2
    u = np.linalg.qr(np.asarray(x - jnp.mean(x, 0, keepdims=True), float))[0]
    white = jnp.asarray(u * np.sqrt(19), FLOAT)
    assert kernels.vicreg_covariance(white) < EXACT
    assert kernels.vicreg_variance(1.01 * white) == 0
    assert kernels.vicreg_variance(0.5 * white) > 0.2


def test_collapse_has_a_bounded_slope():
    x = jnp.ones((4, 6), FLOAT)
    for function in (kernels.vicreg_variance, kernels.vicreg_covariance):
        value, slope = jax.value_and_grad(function)(x)
        assert_finite((value, slope))
    np.testing.assert_allclose(kernels.vicreg_variance(x), 0.495, rtol=1e-5)
    np.testing.assert_allclose(kernels.info_nce(x, x), np.log(7), rtol=1e-5)
    assert_finite(jax.grad(kernels.info_nce)(0 * x, 0 * x))
    np.testing.assert_allclose(kernels.info_nce(x[:1], x[:1]), 0, atol=EXACT)


@pytest.mark.parametrize("width", [3, 11])
@pytest.mark.proves("devices", "representations.sie_loss")
def test_samples_split_over_devices_are_all_heard(width):
    """Values and gradients of the whole loss, with covariances on either side."""
    mesh = jax.make_mesh((2,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    arrays = tuple(0.5 * normal(8, width, seed=seed) for seed in range(5))
    rows = PartitionSpec("data")
    split = jax.shard_map(
        lambda *local: kernels.sie_loss(*local, axis_name="data").loss,
        mesh=mesh,
        in_specs=(rows,) * 5,
        out_specs=PartitionSpec(),
    )
    found = jax.jit(jax.value_and_grad(split, argnums=(0, 2, 4)))(*arrays)
    wanted = jax.value_and_grad(lambda *whole: kernels.sie_loss(*whole).loss, argnums=(0, 2, 4))(*arrays)
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=10 * EXACT)


def test_maps_are_linear_in_the_latent_and_never_written():
    weights, z, x = normal(3, 20, 30), normal(8, 3, seed=1), normal(8, 20, seed=2)
    apply = kernels.hyper_linear_apply
    np.testing.assert_allclose(apply(weights, -2 * z, x), -2 * apply(weights, z, x), atol=100 * EXACT)
    np.testing.assert_array_equal(apply(weights, 0 * z, x), 0)
    # The products of z and x, beside a matrix for each sample.
    held = jax.jit(apply).lower(weights, z, x).compile().memory_analysis()
    assert held is not None
    assert held.temp_size_in_bytes <= 2 * 8 * 3 * 20 * FLOAT.itemsize + 1024 < 8 * 20 * 30 * FLOAT.itemsize


@pytest.mark.parametrize("latent", ["quaternion", "matrix", "products"])
def test_the_turn_of_the_world_leads_to_the_second_pose(latent):
    """Only up to a linear map for products; the body's side does not."""
    first, second = jnp.asarray(unit(np.random.default_rng(0), 2, 40), FLOAT)
    if latent == "matrix":
        turn = kernels.pose_latent(first, second, relation="world", latent=latent).reshape(-1, 3, 3)
        np.testing.assert_allclose(turn @ to_matrix(first), to_matrix(second), atol=EXACT)
        turn = kernels.pose_latent(first, second, latent=latent).reshape(-1, 3, 3)
        assert float(jnp.max(jnp.abs(turn @ to_matrix(first) - to_matrix(second)))) > 0.1
    else:
        z = kernels.pose_latent(first, second, relation="world", latent=latent)
        matrices = kernels.pose_latent(first, second, relation="world", latent="matrix")
        left = np.linalg.lstsq(np.asarray(z), np.asarray(matrices), rcond=None)[1]
        assert (np.max(left) < EXACT) == (latent == "products")


def test_random_predictions_retrieve_at_random():
    """The mean of 1 / rank of 50 equally likely ranks is H_50 / 50, its deviation 0.166 over the root of queries."""
    predicted, gallery = normal(1500, 8), normal(30, 50, 8, seed=1)
    group, target = jnp.repeat(jnp.arange(30), 50), jnp.tile(jnp.arange(50), 30)
    ranks = kernels.retrieval_ranks(predicted, gallery, group, target)
    inverse = 1 / np.arange(1, 51)
    bound = 3 * inverse.std() / np.sqrt(1500)
    assert abs(float(kernels.mean_reciprocal_rank(ranks)) - inverse.mean()) < bound
    assert 0.06 < kernels.hit_at(ranks, k=5) < 0.14
    own = gallery.reshape(-1, 8)
    assert kernels.hit_at(kernels.retrieval_ranks(own, gallery, group, target)) == 1


def test_ties_count_by_index():
    group, target = jnp.zeros(4, jnp.int32), jnp.arange(4)
    ranks = kernels.retrieval_ranks(jnp.ones((4, 2), FLOAT), jnp.ones((1, 4, 2), FLOAT), group, target)
    np.testing.assert_array_equal(ranks, [1, 2, 3, 4])
    np.testing.assert_allclose(kernels.mean_reciprocal_rank(ranks), (1 + 1 / 2 + 1 / 3 + 1 / 4) / 4, rtol=1e-6)
    assert kernels.mean_reciprocal_rank(ranks[:0]) == kernels.hit_at(ranks[:0]) == 0


def test_columns_with_means_of_their_own_score_flat():
    """Knowing the columns' means alone scores near 1 by one way, and 0 by the other."""
    target = 0.1 * normal(50, 2) + jnp.asarray([[0.0, 5.0]], FLOAT)
    means = jnp.broadcast_to(jnp.mean(target, 0, keepdims=True), target.shape)
    assert kernels.r2_score_flat(means, target) > 0.99
    assert abs(float(kernels.r2_score_columns(means, target))) < 1e-3
    assert kernels.r2_score_flat(target, jnp.full_like(target, 0.1)) == 0
