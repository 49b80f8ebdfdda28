"""TMI and the entropy estimate under it: an independent form, closed forms, laws, and what counts."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import psi
from sklearn.datasets import load_digits

from jaxinv.kernels.transferability.sample_scores.tmi import knn_entropy, tmi, tmi_per_class
from tests.symmetry import assert_equivariant, assert_not_equivariant
from tests.transferability import sample_references as references

FLOAT = jnp.result_type(float)
EXACT = 1e-10 if FLOAT.itemsize == 8 else 1e-5


def digits():
    """Pixels 0 .. 16 of digits, with one class of three samples and one of a single sample."""
    images, labels = load_digits(return_X_y=True)
    kept = np.ones(len(labels), bool)
    for digit, size in ((3, 3), (8, 1), (5, 40)):
        kept[np.flatnonzero(labels == digit)[size:]] = False
    return images[kept], labels[kept].astype(np.int32)


def gaussian(size=60, dim=3, seed=0):
    return np.random.default_rng(seed).normal(size=(size, dim)).astype(FLOAT)


def labelled(seed=0):
    """Six classes of 30, 20, 9, 3, 1 and 0 samples in four dimensions."""
    generator = np.random.default_rng(seed)
    labels = generator.permutation(np.repeat(np.arange(6), (30, 20, 9, 3, 1, 0)))
    return (3 * generator.normal(size=(len(labels), 4))).astype(FLOAT), labels


@pytest.mark.parametrize("k", [1, 3, 5])
def test_digits_equal_an_independent_form(k):
    images, labels = digits()
    result = tmi(images.astype(FLOAT), labels, num_classes=10, k=k)
    np.testing.assert_allclose(result.score, references.tmi(images, labels, k=k, min_dist=1.0), rtol=1e-5)
    # One class of three samples: dropped unless k < 3. The class of one sample is kept, with entropy 0.
    assert result.kept == (10 if k < 3 else 9)
    assert result.dropped_classes == (0 if k < 3 else 1)
    assert result.clamped_fraction == 0
    classes = tmi_per_class(images.astype(FLOAT), labels, num_classes=10, k=k)
    np.testing.assert_allclose(
        classes.entropy, references.entropies(images, labels, num_classes=10, k=k, min_dist=1.0), rtol=1e-5
    )


def test_small_pixels_are_clamped_altogether():
    images, labels = digits()
    result = tmi((images / 16).astype(FLOAT), labels, num_classes=10)
    # A GPU divides a number by itself to rounding.
    np.testing.assert_allclose(result.clamped_fraction, 1, rtol=1e-6)


@pytest.mark.parametrize("norm", ["max", "euclidean"])
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_entropy_of_a_gaussian(norm, dim):
    result = knn_entropy(5 * gaussian(4000, dim), norm=norm, min_dist=0.0)
    assert abs(result.score - dim / 2 * np.log(2 * np.pi * np.e * 25)) < 0.05
    assert result.clamped_fraction == 0


@pytest.mark.parametrize("norm", ["max", "euclidean"])
def test_entropy_of_a_uniform_square(norm):
    points = np.random.default_rng(0).uniform(0, 10, (4000, 2)).astype(FLOAT)
    assert abs(knn_entropy(points, norm=norm, min_dist=0.0).score - 2 * np.log(10)) < 0.03


@pytest.mark.parametrize("norm", ["max", "euclidean"])
def test_scaling_adds_the_log_of_the_scale_in_every_dimension(norm):
    points = gaussian()
    one, scaled = (knn_entropy(s * points, norm=norm, min_dist=0.0).score for s in (1.0, 7.0))
    np.testing.assert_allclose(scaled, one + 3 * np.log(7.0), EXACT)


def test_value_where_everything_is_clamped():
    result = knn_entropy(0.01 * gaussian(), k=2)
    np.testing.assert_allclose(result.score, psi(60) - psi(2) + 3 * np.log(2), EXACT)
    np.testing.assert_allclose(result.clamped_fraction, 1, rtol=1e-6)


def test_duplicates_without_a_least_distance_stay_finite():
    points = np.repeat(gaussian(20), 2, axis=0)
    result = knn_entropy(points, k=1, min_dist=0.0)
    assert np.isfinite(result.score)
    np.testing.assert_allclose(result.clamped_fraction, 1, rtol=1e-6)
    slope = jax.grad(lambda p: knn_entropy(p, k=1, min_dist=0.0).score)(points)
    np.testing.assert_array_equal(slope, 0)


@pytest.mark.parametrize("norm", ["max", "euclidean"])
def test_translation_and_order(norm):
    def entropy(points):
        return knn_entropy(points, norm=norm, min_dist=0.0).score

    points = jnp.asarray(gaussian())
    assert_equivariant(
        entropy,
        points,
        lambda key: jax.random.normal(key, (1, 3)),
        act_in=lambda step, p: p + jnp.broadcast_to(step, p.shape),
        exactness="exact",
    )
    for axis in (0, 1):
        assert_equivariant(
            entropy,
            points,
            lambda key, axis=axis: jax.random.permutation(key, points.shape[axis]),
            act_in=lambda order, p, axis=axis: jnp.take(p, order, axis=axis),
            exactness="exact",
        )


def test_rotation_changes_the_maximum_norm_only():
    def entropy(points, norm):
        return knn_entropy(points, norm=norm, min_dist=0.0).score

    sample = lambda key: jax.random.orthogonal(key, 3)  # noqa: E731
    points = jnp.asarray(gaussian())
    turn = lambda r, p: jnp.matmul(p, r, precision="highest")  # noqa: E731
    assert_equivariant(lambda p: entropy(p, "euclidean"), points, sample, act_in=turn, exactness="exact")
    assert_not_equivariant(lambda p: entropy(p, "max"), points, sample, act_in=turn, delta=1e-3)


def test_zero_columns_change_nothing_if_the_true_width_is_given():
    points, labels = labelled()
    padded = jnp.pad(points, ((0, 0), (0, 5)))
    for norm in ("max", "euclidean"):
        plain, wide = knn_entropy(points, norm=norm), knn_entropy(padded, norm=norm, valid_dim=4)
        np.testing.assert_allclose(wide.score, plain.score, EXACT)
    np.testing.assert_allclose(
        tmi(padded, labels, num_classes=6, valid_dim=4).score, tmi(points, labels, num_classes=6).score, EXACT
    )
    assert abs(tmi(padded, labels, num_classes=6).score - tmi(points, labels, num_classes=6).score) > 0.1


def test_a_pool_of_models_of_different_width():
    points, labels = labelled()
    pool = jnp.stack([points, points * jnp.array([[1.0, 2.0, 0.0, 0.0]])])
    scores = jax.vmap(lambda p, d: tmi(p, labels, num_classes=6, valid_dim=d).score)(pool, jnp.array([4, 2]))
    wanted = [tmi(points, labels, num_classes=6).score, tmi(pool[1, :, :2], labels, num_classes=6).score]
    np.testing.assert_allclose(scores, wanted, EXACT)


def test_entropy_is_the_official_mean_times_the_kept_classes():
    points, labels = labelled()
    official = tmi(points, labels, num_classes=6)
    entropy = tmi(points, labels, num_classes=6, normalise="entropy")
    assert official.kept == 4
    assert official.dropped_classes == 2
    np.testing.assert_allclose(entropy.score, official.kept * official.score, EXACT)
    classes = tmi_per_class(points, labels, num_classes=6)
    np.testing.assert_array_equal(classes.valid, [True, True, True, False, False, False])
    np.testing.assert_allclose(entropy.score, np.sum(classes.prior * classes.entropy), EXACT)
    # H(Z | Y) of one class is its entropy.
    one = knn_entropy(points[labels == 0])
    np.testing.assert_allclose(classes.entropy[0], one.score, EXACT)
    np.testing.assert_allclose(classes.clamped[0] / classes.num_samples[0], one.clamped_fraction, EXACT)


def test_absent_classes_change_nothing():
    points, labels = labelled()
    np.testing.assert_array_equal(tmi(points, labels, num_classes=6).score, tmi(points, labels, num_classes=9).score)


@pytest.mark.proves("masks", "transferability.tmi")
def test_a_mask_and_a_foreign_label_leave_samples_out():
    points, labels = labelled()
    kept = np.arange(len(labels)) % 4 != 0
    part = tmi(points[kept], labels[kept], num_classes=6)
    masked = tmi(points, labels, num_classes=6, mask=kept)
    foreign = tmi(points, np.where(kept, labels, -1), num_classes=6)
    np.testing.assert_allclose([masked.score, foreign.score], part.score, EXACT)
    np.testing.assert_allclose(knn_entropy(points, mask=kept).score, knn_entropy(points[kept]).score, EXACT)
    assert knn_entropy(points, mask=kept).num_samples == kept.sum()


def test_too_few_samples_have_a_defined_value():
    for size in (0, 1, 3):
        result = knn_entropy(jnp.ones((size, 2)))
        assert (result.score, result.clamped_fraction, result.valid) == (0, 0, False)
        result = tmi(jnp.ones((size, 2)), jnp.zeros(size, int), num_classes=2)
        assert (result.score, result.kept) == (0, size == 1)


def test_the_gradient_is_that_of_the_neighbour_pairs():
    # On a line at 0, 2, 5 with k = 1: distances 2, 2, 3; the entropy's slope is d/n sum of the slopes of their logs.
    slope = jax.grad(lambda p: knn_entropy(p, k=1).score)(jnp.array([[0.0], [2.0], [5.0]]))
    np.testing.assert_allclose(slope[:, 0], [-1 / 3, (1 - 1 / 3) / 3, 1 / 9], rtol=1e-5)


@pytest.mark.parametrize("sizes", [(512,) * 8, (4096, 0, 0, 0, 0, 0, 0, 0)])
def test_no_array_of_pairs_is_allocated(sizes):
    labels = jnp.repeat(jnp.arange(8), jnp.array(sizes), total_repeat_length=4096)
    features = jax.ShapeDtypeStruct((4096, 64), jnp.float32)
    memory = jax.jit(lambda f: tmi(f, labels, num_classes=8)).lower(features).compile().memory_analysis()
    assert memory is not None
    assert memory.temp_size_in_bytes < 4 * 4096**2 / 4
