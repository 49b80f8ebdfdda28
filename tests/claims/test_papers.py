"""What `docs/papers.toml` records of the claims fits the registry, the verdicts' rule, and the README."""

import collections
import pathlib
import tomllib

from jaxinv.claims import CLAIMS

ROOT = pathlib.Path(__file__).parents[2]
RECORD = tomllib.loads((ROOT / "docs" / "papers.toml").read_text())


def verdict(passed: int, checks: int) -> str:
    return "reproduced" if passed == checks else "partly" if passed else "not reproduced"


def test_every_claim_has_a_recorded_result_and_no_planned_paper_has_a_claim():
    assert set(RECORD["results"]) == set(CLAIMS)
    assert not set(RECORD["planned"]) & set(CLAIMS)


def test_verdicts_follow_from_the_checks():
    for name, result in RECORD["results"].items():
        assert result["verdict"] == verdict(result["passed"], result["checks"]), name
        assert 0 <= result["passed"] <= result["checks"], name


def test_the_readme_counts_them():
    counts = collections.Counter(result["verdict"] for result in RECORD["results"].values())
    said = " ".join((ROOT / "README.md").read_text().split())
    assert f"Of {len(CLAIMS)} that are built, {counts['reproduced']} are reproduced, {counts['partly']} partly" in said
