"""Similarities of representations: their identities, invariances with controls, bias, and degenerate spaces."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
import scipy.spatial

from jaxinv.kernels import representations as kernels
from jaxinv.kernels.numerics.order_statistics import order_statistics
from tests.duties import FLOAT, X64, assert_finite
from tests.symmetry import assert_equivariant, assert_not_equivariant

EXACT = 1e-10 if X64 else 1e-5
# Wider than 4, up to where matrices are unrolled, which takes long to compile.
DIM = 5
TURNED = (kernels.linear_cka, kernels.rbf_cka, kernels.debiased_cka, kernels.svcca, kernels.procrustes_distance)
MAPPED = (kernels.cca_mean_squared,)
ALL = (*TURNED, *MAPPED, kernels.pwcca, kernels.rsa)


def score(function):
    return lambda x, y: function(x, y)[0]


def pair(num=30, dim=DIM):
    x = jax.random.normal(jax.random.key(0), (num, dim)) * jnp.linspace(0.5, 2.0, dim, dtype=FLOAT)[None, :]
    y = x[:, :2] @ jax.random.normal(jax.random.key(1), (2, dim))
    return x, y + jax.random.normal(jax.random.key(2), (num, dim))


def turn_scale_and_shift(key):
    keys = jax.random.split(key, 3)
    scale = jnp.exp(jax.random.normal(keys[0]))
    return scale * jax.random.orthogonal(keys[1], DIM, dtype=FLOAT), jax.random.normal(keys[2], (DIM,))


def stretch(key):
    return jnp.diag(jnp.exp(1.5 * jax.random.normal(key, (DIM,)))), jnp.zeros(DIM)


def move_second(affine, points):
    x, y = points
    matrix, offset = affine
    return x, jnp.matmul(y, matrix, precision="highest") + offset[None, :]


@pytest.mark.parametrize("function", [*TURNED, *MAPPED, kernels.pwcca])
def test_turning_scaling_and_shifting_one_of_them_changes_nothing(function):
    def of_points(points):
        return function(*points)[0]

    options = {"act_in": move_second, "num_elements": 2}
    assert_equivariant(of_points, pair(), turn_scale_and_shift, exactness="exact", **options)
    if function in TURNED:
        assert_not_equivariant(of_points, pair(), stretch, delta=1e-2, **options)
    else:
        assert_equivariant(of_points, pair(), stretch, exactness="statistical", bound=10 * EXACT, **options)


@pytest.mark.parametrize("function", ALL)
def test_a_representation_with_itself(function):
    x, _ = pair()
    found = function(x, x)
    if function is kernels.procrustes_distance:
        np.testing.assert_allclose(found.distance, 0.0, atol=EXACT)
        np.testing.assert_allclose(found.nuclear_norm, 1.0, rtol=EXACT)
    else:
        np.testing.assert_allclose(found.score, 1.0, rtol=EXACT)


@pytest.mark.parametrize("function", ALL)
def test_columns_of_zeros_change_nothing(function):
    x, y = pair()
    wanted = score(function)(x, y)
    if function is kernels.rsa:
        function = functools.partial(kernels.rsa, dissimilarity="cosine")
        wanted = score(function)(x, y)
    padded = jnp.pad(y, ((0, 0), (0, 3)))
    np.testing.assert_allclose(score(function)(x, padded), wanted, rtol=10 * EXACT)
    assert_finite(jax.grad(lambda y: score(function)(x, y))(padded))


@pytest.mark.parametrize("function", ALL)
@pytest.mark.parametrize("constant", [0.0, 3.7])
def test_a_constant_representation_scores_nothing(function, constant):
    """Up to rounding, with gradient 0; a single sample is constant too, where one is allowed."""
    x, _ = pair()
    same = jnp.full_like(x, constant)
    value, gradient = jax.value_and_grad(lambda y: score(function)(x, y))(same)
    assert_finite(gradient)
    assert value == 0
    if function is not kernels.debiased_cka:
        assert score(function)(x[:1], x[:1]) == 0


def test_debiased_cka_of_independent_representations_is_nothing_on_average_and_the_biased_one_is_much():
    """200 draws of 20 samples of width 10 and 12: within 3 standard errors of 0."""
    x, y = (jax.random.normal(jax.random.key(i), (200, 20, dim)) for i, dim in ((0, 10), (1, 12)))
    debiased = np.asarray(jax.vmap(kernels.debiased_cka)(x, y).score)
    assert abs(debiased.mean()) < 3 * debiased.std() / np.sqrt(200)
    assert debiased.min() < 0
    assert np.mean(jax.vmap(kernels.linear_cka)(x, y).score) > 0.3


def test_feature_form_and_gram_form_agree():
    """Rotated into more columns than rows, both forms of every kernel that has two."""
    x, y = pair(num=11)
    basis = jax.random.orthogonal(jax.random.key(3), 12, dtype=FLOAT)[:DIM]
    wide1, wide2 = (jnp.matmul(z, basis, precision="highest") for z in (x, y))
    for function in (kernels.linear_cka, kernels.debiased_cka, kernels.svcca, kernels.cca_mean_squared):
        np.testing.assert_allclose(score(function)(wide1, wide2), score(function)(x, y), rtol=10 * EXACT)
    gradients = [jax.grad(lambda z, w: score(kernels.svcca)(z, w))(*points) for points in ((x, y), (wide1, wide2))]
    np.testing.assert_allclose(jnp.matmul(gradients[1], basis.T, precision="highest"), gradients[0], atol=30 * EXACT)


def test_canonical_correlations_of_a_linear_map_are_one_and_lack_of_samples_shows():
    x, _ = pair()
    mapped = jnp.matmul(x, jax.random.normal(jax.random.key(3), (DIM, 6)), precision="highest")
    found = kernels.cca_mean_squared(x, mapped)
    np.testing.assert_allclose(found.correlations, 1.0, rtol=EXACT)
    np.testing.assert_array_equal(found.ranks, [DIM, DIM])
    assert found.forced == 0
    few = jax.random.normal(jax.random.key(4), (2, 8, 6))
    found = kernels.cca_mean_squared(*few)
    assert found.forced == 6 + 6 - 7
    np.testing.assert_allclose(found.correlations[:5], 1.0, rtol=EXACT)
    assert found.correlations[5] < 0.999


def test_gradients_at_equal_variances_and_equal_correlations():
    """Columns that are orthonormal: all variances equal; against central differences of a span that turns."""
    frame = jnp.linalg.qr(jax.random.normal(jax.random.key(0), (12, 6)))[0]
    frame = frame - jnp.mean(frame, axis=0, keepdims=True)
    x, y = frame[:, :3], frame[:, 3:] + 0.5 * frame[:, :3]
    direction = jax.random.normal(jax.random.key(1), x.shape)
    slope = jnp.vdot(jax.grad(lambda x: score(kernels.svcca)(x, y))(x), direction)
    step = 1e-5 if X64 else 1e-2
    ends = [score(kernels.svcca)(x + sign * step * direction, y) for sign in (1, -1)]
    np.testing.assert_allclose(slope, (ends[0] - ends[1]) / (2 * step), rtol=1e-6 if X64 else 2e-2)


def test_procrustes_beside_scipy():
    x, y = pair()
    found = kernels.procrustes_distance(x, y)
    disparity = scipy.spatial.procrustes(np.asarray(x), np.asarray(y))[2]
    np.testing.assert_allclose(1 - found.nuclear_norm**2, disparity, rtol=10 * EXACT)
    np.testing.assert_allclose(found.distance**2, 2 - 2 * found.nuclear_norm, rtol=10 * EXACT)
    rotation = scipy.linalg.orthogonal_procrustes(np.asarray(x), np.asarray(y))[0]
    np.testing.assert_allclose(kernels.orthogonal_procrustes(x, y), rotation, atol=10 * EXACT)


def test_aligners_undo_a_map():
    x, _ = pair()
    turn = jax.random.orthogonal(jax.random.key(3), DIM, dtype=FLOAT)
    turned = jnp.matmul(x, turn, precision="highest")
    np.testing.assert_allclose(kernels.orthogonal_procrustes(x, turned), turn, atol=EXACT)
    found = kernels.linear_align(x, 2 * turned + 1.0)
    np.testing.assert_allclose(found.matrix, 2 * turn, atol=10 * EXACT)
    np.testing.assert_allclose(found.offset, 1.0, atol=10 * EXACT)
    constant = kernels.linear_align(x.at[:, 1].set(0.1), turned)
    np.testing.assert_array_equal(constant.matrix[1], 0.0)


def test_retrieval_of_equal_and_of_unrelated_spaces():
    x, _ = pair(num=100)
    for function in (kernels.topk_jaccard, kernels.mrr, kernels.mutual_knn):
        np.testing.assert_allclose(function(x, x, k=4), 1.0)
        shuffled = jnp.roll(x, 7, axis=0)
        assert function(x, shuffled, k=4) < 0.15
    other = jnp.matmul(x, jax.random.orthogonal(jax.random.key(3), DIM, dtype=FLOAT), precision="highest")
    np.testing.assert_allclose(kernels.mutual_knn(x, other, k=4), 1.0, atol=0.01)
    assert kernels.mrr(x, other, k=4) < 0.5


def test_order_statistics_are_those_of_a_sort():
    numbers = jnp.array([0.0, -0.0, 3.0, 1e-30, 3.0, 7.0, 1e30])
    in_order = np.sort(np.asarray(numbers))
    for rank in range(len(numbers) - 1):
        np.testing.assert_array_equal(jnp.stack(order_statistics(numbers, rank)), in_order[rank : rank + 2])
    slope = jax.grad(lambda x: 2 * order_statistics(x, 5)[0] + order_statistics(x, 5)[1])(numbers)
    np.testing.assert_array_equal(slope, [0, 0, 0, 0, 0, 2, 1])
