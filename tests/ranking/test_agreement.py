"""Agreement of scores with the truth."""

import numpy as np

from jaxinv.ranking.agreement import MEASURES, agreement_with_truth

TRUTH = np.array([0.5, 0.6, 0.7, 0.9])


def test_perfect_reversed_and_missing_scores():
    found = agreement_with_truth(
        {"good": TRUTH * 2, "bad": -TRUTH, "partly": np.array([1.0, np.nan, 3.0, 2.0]), "none": np.full(4, np.nan)},
        TRUTH,
    )
    assert list(found) == ["good", "bad", "partly"]
    assert all(set(values) == set(MEASURES) for values in found.values())
    close = {"weighted_kendall_tau": 1, "kendall_tau": 1, "pearson": 1, "relative_at_1": 1, "top_3_recall": 1}
    for measure, value in (close | {"regret": 0}).items():
        np.testing.assert_allclose(found["good"][measure], value, atol=1e-6)
    np.testing.assert_allclose(found["bad"]["kendall_tau"], -1, atol=1e-6)
    np.testing.assert_allclose(found["bad"]["regret"], 0.4, atol=1e-6)
    np.testing.assert_allclose(found["partly"]["kendall_tau"], 1 / 3, atol=1e-6)
    np.testing.assert_allclose(found["partly"]["regret"], 0.2, atol=1e-6)


def test_one_model_is_no_error():
    found = agreement_with_truth({"only": np.array([1.0])}, np.array([0.5]))
    assert found["only"]["regret"] == 0
