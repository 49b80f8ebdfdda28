"""The experiment about noise as a source: its target and its sources."""

import jax
import numpy as np

from jaxinv.claims.shda_ktf import (
    ALPHAS,
    KINDS,
    LABELS_PER_CLASS,
    NUM_CLASSES,
    PICTURES,
    RATIOS,
    _alphas,
    _changed_pictures,
    _noise,
    _target,
)


def test_targets_have_few_labels_and_no_sample_twice():
    labelled, labels, unlabelled, truth = _target(0, 100)
    np.testing.assert_array_equal(labels, np.repeat(np.arange(NUM_CLASSES), LABELS_PER_CLASS))
    assert len(unlabelled) == len(truth) == 70
    assert len(np.unique(np.concatenate([labelled, unlabelled]), axis=0)) == 100
    other = _target(1, 100)[0]
    assert np.any(labelled != other)


def test_every_noise_source_is_another_one():
    sources = _noise(jax.random.key(0), np.array([0.5, 2.0], np.float32), 4, 3)
    assert sources.features.shape == (len(KINDS) + 2, 4 * NUM_CLASSES, 3)
    labels = np.repeat(np.arange(NUM_CLASSES), 4)
    np.testing.assert_array_equal(sources.labels[: len(KINDS)], np.tile(labels, (len(KINDS), 1)))
    for own in np.asarray(sources.labels[len(KINDS) :]):
        np.testing.assert_array_equal(own[own >= 0], labels[own >= 0])
        numbers = np.bincount(own[own >= 0], minlength=NUM_CLASSES)
        assert numbers.min() >= 1
        assert len(np.unique(numbers)) > 1
    assert len(np.unique(np.asarray(sources.features[:, 0, 0]))) == len(KINDS) + 2


def test_three_seeds_have_all_scaled_sources():
    drawn = np.concatenate([_alphas(seed, 34) for seed in range(3)])
    np.testing.assert_allclose(np.unique(drawn), ALPHAS)


def test_changes_of_pictures():
    generator = np.random.default_rng(0)
    labels = np.arange(40) % NUM_CLASSES
    digits, letters = ((generator.uniform(size=(40, 5)), labels) for _ in range(2))
    noise = generator.normal(size=(20, 5))
    found = _changed_pictures(0, (digits, letters), 2, noise)
    features = dict(zip(PICTURES, np.asarray(found.features), strict=True))
    own = dict(zip(PICTURES, np.asarray(found.labels), strict=True))
    plain = np.repeat(np.arange(NUM_CLASSES), 2)
    np.testing.assert_array_equal(own["digits"], plain)
    np.testing.assert_allclose(np.linalg.norm(features["digits"], axis=1), 1.0, rtol=1e-6)
    # Every class has another name, and no two the same.
    exchanged = own["digits, classes exchanged"].reshape(NUM_CLASSES, 2)
    assert np.all(exchanged[:, 0] == exchanged[:, 1])
    assert np.all(exchanged[:, 0] != np.arange(NUM_CLASSES))
    np.testing.assert_array_equal(np.unique(exchanged), np.arange(NUM_CLASSES))
    noise = noise - noise.mean(axis=0)
    unit = noise / np.linalg.norm(noise, axis=1, keepdims=True)
    np.testing.assert_allclose(features["digits, 25% noise"], 0.75 * features["digits"] + 0.25 * unit, atol=1e-6)
    assert np.any(own["digits, labels shuffled"] != plain)
    np.testing.assert_array_equal(np.sort(own["digits, labels shuffled"]), plain)
    for name in PICTURES:
        if name not in ("letters", "digits, not centred", *(f"digits, {r:.0%} noise" for r in RATIOS)):
            np.testing.assert_array_equal(features[name], features["digits"])
    # In the noise's rows nothing is shared, in pictures that are not centred much is.
    assert np.linalg.norm(features["digits, not centred"].mean(axis=0)) > 0.5
    assert np.linalg.norm(features["digits"].mean(axis=0)) < 0.2
