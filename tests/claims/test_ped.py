"""The pools of the experiment on potential energy: contraction moves class means, and nothing else."""

import numpy as np

from jaxinv.claims.ped import CONTRACTIONS, NUM_CLASSES, WIDTH, draw_pool


def test_contraction_pulls_class_means_together_and_keeps_the_classes():
    contracted, plain = (draw_pool(0, 60, 40, contracted=flag) for flag in (True, False))
    labels = np.asarray(plain.labels)
    np.testing.assert_array_equal(contracted.labels, labels)
    np.testing.assert_array_equal(contracted.reference_std, plain.reference_std)
    assert contracted.features.shape == (8, 60, WIDTH)
    pulled = np.asarray(plain.features - contracted.features)
    for c in range(NUM_CLASSES):
        rows = pulled[:, labels == c]
        np.testing.assert_allclose(rows, np.broadcast_to(rows[:, :1], rows.shape), atol=1e-5)
    # The first extractor has no noise, so that what its means lose is a share of what they are.
    first = np.asarray(plain.features)[0]
    means = np.stack([first[labels == c].mean(0) for c in range(NUM_CLASSES)]) - first.mean(0)
    share = np.sum(pulled[0] * means[labels]) / np.sum(means[labels] ** 2)
    np.testing.assert_allclose(pulled[0], share * means[labels], atol=1e-4)
    assert np.min(np.abs(1 - share - np.array(CONTRACTIONS))) < 1e-4
