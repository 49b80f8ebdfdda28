"""The experiment about ensembles: what its networks learn from, and what counts as the truth."""

import numpy as np

from jaxinv.claims.osborn import POOL, SOURCE_CLASSES, TRIPLES, draw_sources, team_accuracy


def test_every_network_learns_five_digits_from_its_own_pictures():
    generator = np.random.default_rng(0)
    labels = np.arange(200) % 10
    images = np.zeros((200, 16, 16), np.float32)
    # A bar whose length tells the digit.
    for i, label in enumerate(labels):
        images[i, 2:14, 3 : 4 + label] = 1
    sources = draw_sources(images, labels, 90, generator)
    assert sources.images.shape == (POOL, 90, 16, 16)
    assert sources.images.min() >= 0
    assert sources.images.max() <= 1
    for pictures, names in zip(sources.images, sources.labels, strict=True):
        assert set(names) == set(range(SOURCE_CLASSES))
        # Names follow the digits: longer bars, more light.
        light = [pictures[names == name].sum() / np.sum(names == name) for name in range(SOURCE_CLASSES)]
        assert np.all(np.diff(light) > 0)
    # Contrasts, angles and noise differ between networks.
    assert np.ptp(sources.images.max(axis=(1, 2, 3))) > 0.1
    again = draw_sources(images, labels, 90, np.random.default_rng(0))
    np.testing.assert_array_equal(again.images, sources.images)


def test_truth_is_the_accuracy_of_the_averaged_predictions():
    labels = np.array([0, 1])
    right, wrong = np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([[0.3, 0.7], [0.9, 0.1]])
    unsure = np.array([[0.6, 0.4], [0.6, 0.4]])
    accuracy = team_accuracy(np.stack([right, wrong, unsure]), labels, np.array([[0, 1], [0, 2], [1, 2]]))
    # Means of the first and second: (.6, .4) and (.55, .45).
    np.testing.assert_array_equal(accuracy, [0.5, 1.0, 0.0])
    assert len(TRIPLES) == 56
    assert len({tuple(triple) for triple in TRIPLES}) == 56
