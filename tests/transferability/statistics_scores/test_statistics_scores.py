"""What the papers say of each statistics score: closed forms, bounds, symmetries, and the published code's bugs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxinv.kernels import transferability as kernels
from tests.duties import FLOAT, X64
from tests.symmetry import assert_equivariant, assert_not_equivariant
from tests.transferability import references
from tests.transferability.cases import NUM_CLASSES, labelled_features


def statistics_of(features, labels, num_classes=NUM_CLASSES):
    features = jnp.asarray(features, FLOAT)
    return kernels.class_statistics(features, jnp.asarray(labels, jnp.int32), num_classes, per_class_gram=True)


def wide(num_samples=30, dim=80, num_classes=3, seed=0):
    generator = np.random.default_rng(seed)
    labels = generator.permutation(np.arange(num_samples) % num_classes)
    return generator.normal(size=(num_samples, dim)) + generator.normal(size=(num_classes, dim))[labels], labels


@pytest.mark.parametrize(("num_samples", "dim", "offset"), [(60, 7, 0.0), (30, 80, 0.0), (60, 7, 5.0), (25, 25, 1.0)])
def test_logme_is_the_log_evidence_at_its_alpha_and_beta(num_samples, dim, offset):
    features, labels = wide(num_samples, dim)
    features = features + offset
    found = kernels.logme(statistics_of(features, labels, 3))
    for c in range(3):
        target = (labels == c).astype(float)
        brute = references.log_evidence(features, target, float(found.alpha[c]), float(found.beta[c]))
        np.testing.assert_allclose(found.evidence[c], brute, rtol=1e-9 if X64 else 1e-4)
    np.testing.assert_allclose(found.score, references.logme(features, labels, 3), rtol=1e-9 if X64 else 1e-4)
    # Wide features can interpolate: the best noise is none, at the end of the range.
    assert bool(found.converged.all()) or num_samples < dim


def test_logme_beats_the_fixed_point_for_wide_features():
    features, labels = wide()
    right = float(kernels.logme(statistics_of(features, labels, 3)).score)
    official = float(kernels.logme(statistics_of(features, labels, 3), compat="official").score)
    np.testing.assert_allclose(official, references.official_logme(features, labels, 3), rtol=1e-7 if X64 else 1e-3)
    assert official - right > 0.05, "the published code's dropped term should show for N < D"


def test_logme_official_agrees_for_tall_features():
    features, labels = wide(90, 6)
    right = float(kernels.logme(statistics_of(features, labels, 3)).score)
    official = float(kernels.logme(statistics_of(features, labels, 3), compat="official").score)
    np.testing.assert_allclose(official, references.official_logme(features, labels, 3), rtol=1e-7 if X64 else 1e-3)
    assert 0 <= right - official < 1e-4 or not X64


def test_logme_with_a_class_of_two_and_with_features_that_say_all():
    features, labels = wide(32, 60)
    labels = np.where(np.arange(32) < 2, 2, labels % 2)
    assert np.isfinite(kernels.logme(statistics_of(features, labels, 3)).score)
    perfect = kernels.logme(statistics_of(np.eye(3)[labels], labels, 3))
    assert np.isfinite(perfect.score)
    assert float(perfect.score) > float(kernels.logme(statistics_of(features, labels, 3)).score)


def test_logme_shares_one_spectrum_between_label_sets():
    features, labels = labelled_features(np.random.default_rng(0))
    other = np.random.default_rng(1).permutation(labels)
    spectrum = kernels.scatter_spectrum(statistics_of(features, labels))
    for y in (labels, other):
        statistics = statistics_of(features, y)
        np.testing.assert_allclose(
            kernels.logme(statistics, spectrum=spectrum).score,
            kernels.logme(statistics).score,
            rtol=1e-9 if X64 else 1e-4,
        )


def rotation(dim):
    return lambda key: jax.random.orthogonal(key, dim, dtype=FLOAT)


def turn(matrix, features):
    return jnp.matmul(features, matrix, precision="highest")


ROTATION_INVARIANT = {
    "logme": kernels.logme,
    "h_score": kernels.h_score,
    "shrinkage_h_score": kernels.shrinkage_h_score,
    "gbc": kernels.gbc,
    "transrate": kernels.transrate,
    "lfc": kernels.lfc,
    "lda": kernels.lda,
    "nearest_mean": kernels.nearest_mean,
    "ridge_gcv": kernels.ridge_gcv,
    "intra_class_variance": kernels.intra_class_variance,
    "tmi_gaussian": kernels.tmi_gaussian,
}


@pytest.mark.parametrize("name", ROTATION_INVARIANT)
def test_rotations_change_nothing(name):
    features, labels = labelled_features(np.random.default_rng(0))
    function = lambda x: ROTATION_INVARIANT[name](statistics_of(x, labels)).score  # noqa: E731
    # float32: the score's own error, 1e-4, is what a rotation shows.
    exactness, bound = ("exact", None) if X64 else ("statistical", 1e-4)
    assert_equivariant(
        function, jnp.asarray(features, FLOAT), rotation(5), act_in=turn, exactness=exactness, bound=bound
    )


def test_diagonal_gbc_is_not_rotation_invariant():
    features, labels = labelled_features(np.random.default_rng(0))
    function = lambda x: kernels.gbc(statistics_of(x, labels), covariance="diagonal").score  # noqa: E731
    assert_not_equivariant(function, jnp.asarray(features, FLOAT), rotation(5), act_in=turn, delta=0.05)


def affine(key):
    key_matrix, key_shift = jax.random.split(key)
    matrix = jax.random.normal(key_matrix, (5, 5), FLOAT) + 2 * jnp.eye(5, dtype=FLOAT)
    return matrix, jax.random.normal(key_shift, (1, 5), FLOAT)


def act_affinely(element, features):
    return jnp.matmul(features, element[0], precision="highest") + element[1]


def test_h_score_is_invariant_to_affine_maps_and_its_shrinkage_is_not():
    features, labels = labelled_features(np.random.default_rng(0))
    point = jnp.asarray(features, FLOAT)
    exactness, bound = ("exact", None) if X64 else ("statistical", 1e-3)
    plain = lambda x: kernels.h_score(statistics_of(x, labels)).score  # noqa: E731
    shrunk = lambda x: kernels.shrinkage_h_score(statistics_of(x, labels)).score  # noqa: E731
    assert_equivariant(plain, point, affine, act_in=act_affinely, exactness=exactness, bound=bound)
    assert_not_equivariant(shrunk, point, affine, act_in=act_affinely, delta=0.02)


def test_h_score_is_bounded_and_degenerate_for_wide_features():
    features, labels = labelled_features(np.random.default_rng(0))
    found = kernels.h_score(statistics_of(features, labels))
    assert 0 < float(found.score) < 2
    assert not bool(found.degenerate)
    few = kernels.h_score(statistics_of(*wide(20, 40), 3))
    assert bool(few.degenerate)
    np.testing.assert_allclose(few.score, 2.0, rtol=1e-8 if X64 else 1e-3)


def test_h_score_of_dependent_and_constant_columns_is_that_of_the_rest():
    features, labels = labelled_features(np.random.default_rng(0))
    redundant = np.concatenate([features, features[:, :2] + features[:, 2:4], np.full((len(labels), 1), 7.3)], axis=1)
    np.testing.assert_allclose(
        kernels.h_score(statistics_of(redundant, labels)).score,
        kernels.h_score(statistics_of(features, labels)).score,
        rtol=1e-8 if X64 else 1e-3,
    )


def test_gbc_reaches_both_its_bounds():
    features, labels = wide(60, 4)
    same = np.concatenate([features] * 3)
    identical = kernels.gbc(statistics_of(same, np.repeat([0, 1, 2], 60), 3))
    np.testing.assert_allclose(identical.score, -6.0, rtol=1e-8 if X64 else 1e-4)
    apart = kernels.gbc(statistics_of(features + 200.0 * labels[:, None], labels, 3))
    assert -1e-12 < float(apart.score) <= 0


def test_gbc_official_counts_the_volume_once():
    features, labels = labelled_features(np.random.default_rng(0))
    wanted = references.bhattacharyya(features, labels, NUM_CLASSES, "spherical", volume=1.0)
    found = kernels.gbc(statistics_of(features, labels), compat="official").score
    np.testing.assert_allclose(found, wanted, rtol=1e-9 if X64 else 1e-4)
    assert abs(float(found - kernels.gbc(statistics_of(features, labels)).score)) > 1e-3


def test_transrate_by_uniform_weights():
    features, labels = labelled_features(np.random.default_rng(0))
    found = kernels.transrate(statistics_of(features, labels), weighting="uniform").score
    np.testing.assert_allclose(
        found, references.transrate(features, labels, NUM_CLASSES, "uniform"), rtol=1e-9 if X64 else 1e-4
    )
    assert abs(float(found - kernels.transrate(statistics_of(features, labels)).score)) > 0.005


def test_lda_equals_scikit_learn_on_real_data():
    from sklearn.datasets import load_wine
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    features, labels = load_wine(return_X_y=True)
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.05).fit(features, labels)
    found = kernels.lda(statistics_of(features, labels, 3), shrinkage=0.05)
    logits = (features - np.asarray(found.centre)) @ np.asarray(found.coefficients).T + np.asarray(found.intercept)
    wanted = model.decision_function(features)
    difference = (logits - logits[:, :1]) - (wanted - wanted[:, :1])
    assert np.abs(difference).max() < (1e-8 if X64 else 1e-2) * np.abs(wanted).max()


def test_nearest_mean_classifies_by_distance():
    features, labels = labelled_features(np.random.default_rng(0))
    discriminant = kernels.nearest_mean(statistics_of(features, labels))
    means = np.stack([features[labels == c].mean(0) if (labels == c).any() else np.full(5, 1e9) for c in range(4)])
    nearest = np.argmin(((features[:, None] - means[None]) ** 2).sum(-1), axis=1)
    found = kernels.discriminant_score(jnp.asarray(features, FLOAT), jnp.asarray(labels), discriminant)
    np.testing.assert_allclose(found.accuracy, (nearest == labels).mean(), rtol=1e-6)


@pytest.mark.parametrize("name", ROTATION_INVARIANT)
def test_degenerate_sets_have_finite_values_and_gradients(name):
    score = ROTATION_INVARIANT[name]
    generator = np.random.default_rng(0)
    constant = np.full((6, 3), 2.5)
    one_class = (generator.normal(size=(6, 3)), np.zeros(6, int))
    singletons = (generator.normal(size=(4, 3)), np.arange(4))
    duplicates = (np.repeat(generator.normal(size=(3, 3)), 2, axis=0), np.repeat([0, 1, 2], 2))
    equal_columns = (np.repeat(generator.normal(size=(9, 1)), 3, axis=1), np.arange(9) % 3)
    for features, labels in [(constant, np.arange(6) % 2), one_class, singletons, duplicates, equal_columns]:
        value, gradient = jax.value_and_grad(lambda x, y=labels: score(statistics_of(x, y)).score)(
            jnp.asarray(features, FLOAT)
        )
        assert np.isfinite(value)
        assert np.isfinite(gradient).all()
