"""`jaxinv bench` as a user meets it."""

import json

import pytest

from jaxinv.bench import run as runs
from jaxinv.bench.record import read
from jaxinv.cli import main
from tests.bench.test_cases import RATES


@pytest.fixture(autouse=True)
def quick_rates(monkeypatch):
    """The device's rates take seconds to measure, and are not what is tested here."""
    monkeypatch.setattr(runs, "rates", lambda *, quick: RATES)


def bench(*options):
    main(("bench", "--quick", "--seconds", "0.01", *options))


def flat(text):
    return " ".join(text.split())


def test_a_run_prints_and_writes_and_is_held_to_its_baseline(tmp_path, capsys):
    baseline = tmp_path / "baseline.json"
    bench("--case", "leep", "--output", str(tmp_path), "--baseline", str(baseline), "--update-baseline")
    printed = capsys.readouterr().out
    assert runs.device_name() in printed
    assert "leep" in printed
    (records,) = tmp_path.glob("*.jsonl")
    assert [record.mode for record in read(records)] == ["forward", "vjp", "forward+vjp"]
    assert records.with_suffix(".html").read_text().startswith("<!DOCTYPE html>")
    guarded = json.loads(baseline.read_text())
    (rows,) = guarded.values()
    (row,) = rows
    reached = rows[row]["ratio"]
    # Factors of a thousand, so that no busy machine decides.
    rows[row]["ratio"] = reached / 1000
    baseline.write_text(json.dumps(guarded))
    bench("--case", "leep", "--baseline", str(baseline))
    assert f"ok: {row} against" in flat(capsys.readouterr().out)
    rows[row]["ratio"] = reached * 1000
    baseline.write_text(json.dumps(guarded))
    with pytest.raises(SystemExit) as ended:
        bench("--case", "leep", "--baseline", str(baseline))
    assert ended.value.code == 1
    assert f"WORSE: {row} against" in flat(capsys.readouterr().out)


def test_a_guarded_row_that_no_case_measures_is_lost_not_passed(tmp_path, capsys):
    row = {"against": "limit", "ratio": 1.0, "band": 0.5}
    baseline = tmp_path / "baseline.json"
    baseline.write_text(json.dumps({runs.device_name(): {"transferability: renamed samples=5 float32 forward": row}}))
    with pytest.raises(SystemExit) as ended:
        bench("--case", "leep", "--baseline", str(baseline))
    assert ended.value.code == 1
    assert "LOST: transferability: renamed" in flat(capsys.readouterr().out)


def test_a_peer_that_is_missing_is_named(tmp_path, capsys):
    case = runs.chosen(None, "leep")[0]
    name = f"transferability: leep {' '.join(f'{k}={v}' for k, v in case.small.items())} float32 forward"
    baseline = tmp_path / "baseline.json"
    baseline.write_text(json.dumps({runs.device_name(): {name: {"against": "gone", "ratio": 1.0, "band": 0.5}}}))
    with pytest.raises(SystemExit) as ended:
        bench("--case", "leep", "--baseline", str(baseline))
    assert ended.value.code == 2
    assert "is held against gone, which was not measured: is it installed?" in flat(capsys.readouterr().err)


def test_an_interrupted_run_keeps_what_it_has(tmp_path, monkeypatch):
    original = runs.measure
    two = runs.chosen(None, "leep") + runs.chosen(None, "weighted_kendall_tau")

    def interrupted(case, settings):
        if case.name == "weighted_kendall_tau":
            raise KeyboardInterrupt
        return original(case, settings)

    monkeypatch.setattr(runs, "measure", interrupted)
    monkeypatch.setattr(runs, "chosen", lambda family, case: two)
    with pytest.raises(SystemExit):
        bench("--output", str(tmp_path))
    (records,) = tmp_path.glob("*.jsonl")
    assert {record.case for record in read(records)} == {"leep"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("--family", "none"),
            "family: must be one of group_convolutions, graphs, harmonics, ",
        ),
        (("--case", "none"), "case: must be part of one of lift, kernels given"),
        (("--update-baseline",), "baseline: --update-baseline needs --baseline"),
    ],
)
def test_bad_input_ends_with_one_sentence(options, message, capsys):
    with pytest.raises(SystemExit) as ended:
        bench(*options)
    assert ended.value.code == 2
    assert message in flat(capsys.readouterr().err)
