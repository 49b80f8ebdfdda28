"""Claims: verdicts follow from checks, checks from numbers, and every experiment runs in its quick form."""

import json

import jax.numpy as jnp
import numpy as np
import pytest

from jaxinv.claims import CLAIMS, Check, ClaimResult, Row, run_claim
from jaxinv.claims.batches import random_batches
from jaxinv.claims.claim import holds_in_every_seed, mean_row, spread
from jaxinv.claims.tmi import NUM_CLASSES, collapse

TRAINED = ("group-convolutions", "invariance-in-transfer", "lie-group-decompositions", "tmi")


def result(*passed: bool) -> ClaimResult:
    checks = tuple(Check(f"statement {i}", p, "measured") for i, p in enumerate(passed))
    return ClaimResult(name="some", seeds=2, seconds=1.0, rows=(Row("label", 0.5, "text"),), checks=checks)


@pytest.mark.parametrize(
    ("passed", "verdict"),
    [((True, True), "reproduced"), ((True, False), "partly"), ((False, False), "not reproduced")],
)
def test_verdict_follows_from_the_checks(passed, verdict):
    assert result(*passed).verdict == verdict


def test_a_check_needs_every_seed():
    assert holds_in_every_seed("a > b", [0.1, 0.2, 0.01]).passed
    check = holds_in_every_seed("a > b", [0.5, 0.5, -0.01])
    assert not check.passed
    assert check.measured.startswith("+0.330 ±")
    assert check.measured.endswith("positive in 2 of 3")
    assert not holds_in_every_seed("a > b", [0.0]).passed


def test_spread_is_the_t_interval():
    """Mean of 1, 2, 3: standard error 1 / sqrt(3), and the 97.5 % quantile of t with 2 degrees of freedom is 4.303."""
    assert spread([1, 2, 3]) == f"± {4.30265 / np.sqrt(3):.3f} (seeds: 1.000 2.000 3.000)"
    assert mean_row("x", [0.25]) == Row("x", 0.25, "(one seed)")


def test_json(tmp_path):
    content = json.loads(result(True, False).to_json(tmp_path / "claim.json").read_text())
    assert content["verdict"] == "partly"
    assert content["rows"] == [{"label": "label", "value": 0.5, "text": "text"}]
    assert content["checks"][1] == {"statement": "statement 1", "passed": False, "measured": "measured"}
    assert content["environment"]["jax"]


def test_unknown_claim_and_seeds():
    with pytest.raises(ValueError, match=f"no claim 'tim'; the claims are: {', '.join(CLAIMS)}"):
        run_claim("tim")
    with pytest.raises(ValueError, match="seeds must be >= 1, got 0"):
        run_claim("tmi", seeds=0)


@pytest.mark.parametrize("name", list(CLAIMS))
def test_quick_run(name):
    heard = []
    found = run_claim(name, seeds=2, quick=True, progress=heard.append)
    assert found.name == name
    assert found.seeds == 2
    assert heard
    if name in TRAINED:
        assert any("step 4 of 4" in text for text in heard)
    assert found.checks
    for row in found.rows:
        assert np.isfinite(row.value)
        if "accuracy" in row.label:
            assert 0 <= row.value <= 1
    for check in found.checks:
        positive = int(check.measured.split("positive in ")[1][0])
        assert check.passed == (positive == 2)


def test_batches_stay_within_their_network():
    images = np.arange(2 * 10).reshape(2, 10, 1)
    drawn = list(random_batches(images, images[..., 0], limits=[10, 3], steps=40, batch_size=5, seed=0))
    assert len(drawn) == 40
    for pictures, labels in drawn:
        np.testing.assert_array_equal(pictures[..., 0], labels)
    seen = [np.unique([labels[network] for _, labels in drawn]) for network in range(2)]
    np.testing.assert_array_equal(seen[0], np.arange(10))
    np.testing.assert_array_equal(seen[1], [10, 11, 12])


def test_collapse_is_the_share_of_variance_within_classes():
    """Against the law of total variance, and at both ends."""
    generator = np.random.default_rng(0)
    features = generator.normal(size=(60, 4))
    labels = generator.integers(0, 3, 60)
    within = sum(np.sum(labels == c) * features[labels == c].var(axis=0).sum() for c in range(3))

    def penalty(features, labels):
        features = jnp.asarray(features, jnp.float32)
        return collapse(features, features, jnp.asarray(labels))

    share = within / (60 * features.var(axis=0).sum())
    np.testing.assert_allclose(penalty(features, labels), share, 1e-5)
    np.testing.assert_allclose(penalty(7 * features, labels), share, 1e-5)
    np.testing.assert_allclose(penalty(np.eye(NUM_CLASSES)[labels], labels), 0.0, atol=1e-6)
    np.testing.assert_allclose(penalty(features, 0 * labels), 1.0, 1e-6)
