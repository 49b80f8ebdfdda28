"""RankingResult: order, round trips, atomic writing."""

import json
import os

import numpy as np
import pytest

from jaxinv.ranking import InputError, RankingResult
from jaxinv.ranking.atomic import atomic_write


@pytest.fixture
def result():
    return RankingResult(
        target="digits",
        num_samples=600,
        num_classes=10,
        models=("a", 'b, "wide"', "c"),
        widths=(8, 16, 8),
        attributes={"architecture": ("mlp", "cnn", "mlp")},
        scores={"logme": np.array([0.1, np.nan, 1 / 3]), "leep": np.array([-1.0, -0.5, -1.0])},
        diagnostics={"logme": {"rounds": np.array([3.0, 4.0, 5.0])}},
        truths={"linear probe": np.array([0.5, 0.6, 0.7])},
        agreement={"linear probe": {"logme": {"kendall_tau": 1.0, "pearson": float("nan")}}},
        sensitivity={"rotation": np.array([0.2, 0.3, 0.4])},
        environment={"jax": "0.10"},
        timings={"scores": 1.5},
        notes=("a note",),
    )


def test_order_is_best_first_with_nan_last_and_ties_stable(result):
    assert result.order().tolist() == [2, 0, 1]
    assert result.order("leep").tolist() == [1, 0, 2]
    with pytest.raises(InputError, match="logme, leep"):
        result.order("gbc")


def test_json_round_trip_keeps_every_digit(result, tmp_path):
    path = result.to_json(tmp_path / "new" / "result.json")
    json.loads(path.read_text(), parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    again = RankingResult.from_json(path)
    for name in ("target", "num_samples", "models", "widths", "attributes", "environment", "timings", "notes"):
        assert getattr(again, name) == getattr(result, name)
    for name in ("scores", "diagnostics", "truths", "agreement", "sensitivity"):
        np.testing.assert_equal(getattr(again, name), getattr(result, name))


def test_csv_is_sorted_and_lossless(result, tmp_path):
    lines = result.to_csv(tmp_path / "result.csv").read_text().splitlines()
    assert lines[0] == (
        "rank,model,width,architecture,logme,leep,truth: linear probe,sensitivity: rotation,logme.rounds"
    )
    assert lines[1] == f"1,c,8,mlp,{1 / 3!r},-1.0,0.7,0.4,5.0"
    assert lines[3] == '3,"b, ""wide""",16,cnn,,-0.5,0.6,0.3,4.0'


@pytest.mark.parametrize("text", ["", "{", '{"a": 1}', "[1]", '{"format": "jaxinv ranking 0"}'])
def test_foreign_json_is_refused(tmp_path, text):
    path = tmp_path / "foreign.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"foreign\.json"):
        RankingResult.from_json(path)


def test_columns_must_have_one_entry_a_model(result):
    with pytest.raises(ValueError, match="logme"):
        RankingResult(
            target="t", num_samples=1, num_classes=2, models=("a",), widths=(3,), scores={"logme": np.zeros(2)}
        )


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")

    def write():
        with atomic_write(path) as file:
            file.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]
    with atomic_write(path) as file:
        file.write(b"new")
    assert path.read_text() == "new"
