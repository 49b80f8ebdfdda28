"""The experiment about noise as a source: its target and its sources."""

import jax
import numpy as np

from jaxinv.claims.shda_ktf import KINDS, LABELS_PER_CLASS, NUM_CLASSES, _sources, _target


def test_targets_have_few_labels_and_no_sample_twice():
    labelled, labels, unlabelled, truth = _target(0, 100)
    np.testing.assert_array_equal(labels, np.repeat(np.arange(NUM_CLASSES), LABELS_PER_CLASS))
    assert len(unlabelled) == len(truth) == 70
    assert len(np.unique(np.concatenate([labelled, unlabelled]), axis=0)) == 100
    other = _target(1, 100)[0]
    assert np.any(labelled != other)


def test_every_source_is_another_one_but_the_first():
    sources = _sources(jax.random.key(0), 2, 3, (0.5, 2.0))
    assert sources.features.shape == (1 + len(KINDS) + 2, 2 * NUM_CLASSES, 3)
    np.testing.assert_array_equal(sources.labels, np.tile(np.repeat(np.arange(NUM_CLASSES), 2), (6, 1)))
    np.testing.assert_array_equal(sources.features[0], sources.features[1])
    assert len(np.unique(np.asarray(sources.features[1:, 0, 0]))) == len(KINDS) + 2
