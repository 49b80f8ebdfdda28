"""Relative representations: what each is invariant to and what not, singular points, the published demonstration."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxinv.kernels import representations as kernels
from tests.duties import FLOAT, assert_finite
from tests.symmetry import assert_equivariant, assert_not_equivariant

DIM = 4


def clouds(num=9, num_anchors=6, dim=DIM):
    return jax.random.normal(jax.random.key(0), (num, dim)) + 0.5, jax.random.normal(
        jax.random.key(1), (num_anchors, dim)
    )


def rotation(key):
    return jax.random.orthogonal(key, DIM, dtype=FLOAT), jnp.zeros(DIM)


def scale(key):
    return jnp.exp(jax.random.normal(key)) * jnp.eye(DIM), jnp.zeros(DIM)


def translation(key):
    return jnp.eye(DIM), 2 * jax.random.normal(key, (DIM,))


def linear(key):
    return jnp.eye(DIM) + 0.2 * jax.random.normal(key, (DIM, DIM)), jnp.zeros(DIM)


MOVES = (rotation, scale, translation, linear)
INVARIANT = {
    "cosine": (rotation, scale),
    "geodesic": (rotation, scale),
    "inner": (rotation,),
    "euclidean": (rotation, translation),
    "rbf": (rotation, translation),
    "l1": (translation,),
    "lstsq": (rotation, scale, linear),
}


def move(affine, points):
    matrix, offset = affine
    return [jnp.matmul(one, matrix, precision="highest") + offset[None, :] for one in points]


@pytest.mark.parametrize(("similarity", "sample"), [*itertools.product(INVARIANT, MOVES)])
def test_invariances_and_the_matching_non_invariances(similarity, sample):
    def function(points):
        return kernels.relative(*points, similarity=similarity)

    options = {"act_in": move, "num_elements": 2}
    if sample in INVARIANT[similarity]:
        assert_equivariant(function, clouds(), sample, exactness="exact", **options)
    else:
        assert_not_equivariant(function, clouds(), sample, delta=1e-2, **options)


def test_cosines_know_no_length_and_centring_adds_translations():
    x, anchors = clouds()
    lengths = jnp.geomspace(1e-25, 1e25, len(x), dtype=FLOAT)[:, None]
    found = kernels.relative(x, anchors)
    np.testing.assert_allclose(kernels.relative(x * lengths, anchors), found, atol=1e-5)

    def centred(points):
        return kernels.relative(*points, centre=True)

    assert_equivariant(centred, (x, anchors), translation, act_in=move, exactness="exact", num_elements=2)


@pytest.mark.parametrize("similarity", kernels.SIMILARITIES)
def test_zero_vectors_coincident_points_and_equal_anchors(similarity):
    """Defined values, finite gradients, also for a single anchor where that is allowed."""
    anchors = jnp.array([[1.0, 0.0], [1.0, 0.0], [0.0, 0.0], [-2.0, 0.0]])
    x = jnp.array([[0.0, 0.0], [1.0, 0.0], [3.0, 0.0], [-1.0, 0.0]])
    for some in (anchors, anchors[:1]) if similarity != "lstsq" else (anchors,):
        value, gradient = jax.value_and_grad(
            lambda x, a: jnp.sum(kernels.relative(x, a, similarity=similarity)), argnums=(0, 1)
        )(x, some)
        assert_finite((value, gradient))
    if similarity == "cosine":
        expected = np.array([[0, 0, 0, 0], [1, 1, 0, -1], [1, 1, 0, -1], [-1, -1, 0, 1]])
        np.testing.assert_allclose(kernels.relative(x, anchors), expected)
    if similarity == "geodesic":
        np.testing.assert_allclose(kernels.relative(x[1], anchors, similarity=similarity), [1, 1, 0.5, 0], atol=1e-6)
    if similarity == "euclidean":
        np.testing.assert_array_equal(kernels.relative(x[1], anchors, similarity=similarity)[:2], [0, 0])


def test_the_order_of_anchors_is_part_of_the_representation():
    x, anchors = clouds()
    np.testing.assert_array_equal(kernels.relative(x, anchors[::-1]), kernels.relative(x, anchors)[:, ::-1])


def test_two_spaces_that_differ_by_a_rotation_meet():
    """1000 Gaussians of width 128, 300 anchors: absolute cosines about 0 (standard error 0.003), relative ones 1."""
    x = jax.random.normal(jax.random.key(0), (1000, 128))
    y = jnp.matmul(x, jax.random.orthogonal(jax.random.key(1), 128, dtype=FLOAT), precision="highest")
    anchors = kernels.anchors_uniform(jax.random.key(2), 1000, 300)
    assert abs(kernels.mean_cosine(x, y)) < 0.05
    relative1, relative2 = (kernels.relative(z, z[anchors]) for z in (x, y))
    np.testing.assert_allclose(kernels.mean_cosine(relative1, relative2), 1.0, atol=1e-5)
    assert kernels.mrr(x, y) < 0.05
    np.testing.assert_allclose(kernels.mrr(relative1, relative2), 1.0)


def test_anchors_are_different_samples():
    x = jnp.zeros((6, 2)).at[3:].set(1.0)
    np.testing.assert_array_equal(np.sort(kernels.anchors_fps(x, 6)), np.arange(6))
    np.testing.assert_array_equal(kernels.anchors_fps(x, 2), [0, 3])
    labels = jnp.array([0, 1, 1, 0, 5, 1])
    found = kernels.anchors_stratified(jax.random.key(0), labels, 3, num_classes=3)
    np.testing.assert_array_equal(found.found, [1, 1, 0, 1, 1, 1, 0, 0, 0])
    np.testing.assert_array_equal(np.sort(found.rows[:2]), [0, 3])
    np.testing.assert_array_equal(np.sort(found.rows[3:6]), [1, 2, 5])
    draws = jax.vmap(lambda key: kernels.anchors_uniform(key, 6, 2))(jax.random.split(jax.random.key(1), 300))
    assert jnp.all(draws[:, 0] != draws[:, 1])
    # Each of six is 1 of 600 draws in 6: 100, standard deviation 8.
    assert np.all(np.abs(np.bincount(np.ravel(draws), minlength=6) - 100) < 40)
