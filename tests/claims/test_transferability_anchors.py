"""The published table, the feature maps and the brute-force evidence of the experiment on the anchors."""

import numpy as np
import pytest
import scipy.stats

from jaxinv.claims.published_rankings import PUBLISHED_RANKINGS, SCORES
from jaxinv.claims.transferability_anchors import (
    CONTRADICTORY,
    RANDOM_WIDTHS,
    WIDTH,
    correlations,
    draw_feature_maps,
    log_evidence,
    off_by,
)


@pytest.mark.parametrize("dataset", [name for name in PUBLISHED_RANKINGS if name not in CONTRADICTORY])
def test_printed_correlations_of_the_h_score(dataset):
    printed = PUBLISHED_RANKINGS[dataset].correlations["H-score"]
    np.testing.assert_array_equal(np.round(correlations(dataset, "H-score"), 3), np.array(printed, np.float32))


@pytest.mark.parametrize("dataset", CONTRADICTORY)
def test_printed_correlations_that_contradict_their_table(dataset):
    """scipy says so too: no rounding of the columns explains a tenth."""
    assert off_by(dataset, "H-score").min() > 100


@pytest.mark.parametrize("score", SCORES)
def test_the_whole_table_as_scipy_has_it(score):
    for dataset, ranking in PUBLISHED_RANKINGS.items():
        pair = ranking.scores[score], ranking.accuracies
        assert len(pair[0]) == len(pair[1]) == 10
        wanted = [np.asarray(measure(*pair)[0]) for measure in (scipy.stats.pearsonr, scipy.stats.weightedtau)]
        np.testing.assert_allclose(correlations(dataset, score), wanted, atol=1e-4)


def test_evidence_is_the_density_of_the_targets():
    generator = np.random.default_rng(0)
    features, target = generator.normal(size=(7, 12)), generator.normal(size=7)
    covariance = features @ features.T / 2.0 + np.eye(7) / 3.0
    normal = scipy.stats.multivariate_normal(np.zeros(7), covariance)  # pyright: ignore[reportArgumentType]
    wanted = normal.logpdf(target) / 7
    np.testing.assert_allclose(log_evidence(features, target, 2.0, 3.0), wanted, rtol=1e-12)


def test_feature_maps_are_padded_with_zeros():
    features, widths, labels = draw_feature_maps(0, 50)
    assert features.shape == (20, 50, WIDTH)
    assert labels.shape == (50,)
    assert tuple(np.asarray(widths[: len(RANDOM_WIDTHS)])) == RANDOM_WIDTHS
    for one, width in zip(np.asarray(features), np.asarray(widths), strict=True):
        assert not one[:, width:].any()
        assert one[:, :width].any()
