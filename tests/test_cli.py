"""The command line as a user meets it: what it prints and writes, and exit code 2 with one sentence for bad input."""

import json
import pathlib
import subprocess
import sys
import tomllib

import numpy as np
import pytest

from jaxinv.cli import EXTRAS, main
from jaxinv.data import MissingPackage
from jaxinv.ranking import RankingResult, built_in_pool, pretrained_pool, text_pool

NUM_SAMPLES, NUM_CLASSES = 40, 3
ROOT = pathlib.Path(__file__).parents[1]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two models' features and labels, the working folder of the command."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    generator = np.random.default_rng(0)
    labels = np.arange(NUM_SAMPLES) % NUM_CLASSES
    good = np.eye(NUM_CLASSES)[labels] + 0.1 * generator.normal(size=(NUM_SAMPLES, NUM_CLASSES))
    np.save("good.npy", good.astype(np.float32))
    np.savez("noise.npz", features=generator.normal(size=(NUM_SAMPLES, 6)).astype(np.float32))
    np.save("y.npy", labels)
    return tmp_path


TOGETHER = ("--num-processes", "2", "--process-id", "1")
RANK = ("rank", "--features", "good.npy", "noise.npz", "--labels", "y.npy", "--scores", "logme", "lfc")


def test_rank_prints_the_table_and_writes_everything(folder, capsys):
    main(RANK)
    printed = capsys.readouterr().out
    assert printed.index("good") < printed.index("noise")
    written = json.loads(pathlib.Path("results/ranking.json").read_text())
    assert written["models"] == ["good", "noise"]
    assert written["scores"]["logme"][0] > written["scores"]["logme"][1]
    assert "good" in pathlib.Path("results/ranking.csv").read_text()
    assert pathlib.Path("results/report.html").read_text().startswith("<!DOCTYPE html>")


def test_pools_are_judged_in_a_league_and_all_but_the_first_may_be_missing(folder, capsys, monkeypatch):
    truth = np.linspace(0.5, 0.9, 8)
    results = [
        RankingResult(
            target=target,
            num_samples=9,
            num_classes=3,
            models=tuple("abcdefgh"),
            widths=(2,) * 8,
            scores={"logme": truth, "lfc": -truth},
            truths={"linear probe": truth},
            environment={"jaxinv": "0.1", "jax": "0.10", "precision": "float32", "devices": "1 x cpu"},
        )
        for target in ("digits", "faces")
    ]

    def missing(**options):
        raise MissingPackage("lz4 is not installed")

    monkeypatch.setattr(built_in_pool, "rank_built_in_pool", lambda **options: list(results))
    monkeypatch.setattr(pretrained_pool, "rank_pretrained_pool", missing)
    monkeypatch.setattr(text_pool, "rank_text_pool", missing)
    main(("rank",))
    captured = capsys.readouterr()
    assert captured.err.count("lz4 is not installed") == 2
    assert captured.out.index("logme") < captured.out.index("lfc")
    assert "1.00 to 1.00" in captured.out
    assert "| 1 | `logme` | 1.00" in pathlib.Path("results/league.md").read_text()
    assert json.loads(pathlib.Path("results/league.json").read_text())["leagues"][0]["targets"] == ["digits", "faces"]
    assert 'id="league"' in pathlib.Path("results/report.html").read_text()


def spoil_labels(value):
    labels = np.load("y.npy")
    labels[4] = value
    np.save("y.npy", labels)


def truncate():
    content = pathlib.Path("good.npy").read_bytes()
    pathlib.Path("good.npy").write_bytes(content[:-40])


def put_nan():
    features = np.load("good.npy")
    features[7, 1] = np.nan
    np.save("good.npy", features)


BAD = {
    "negative label": (lambda: spoil_labels(-1), RANK, ("y.npy", "-1")),
    "NaN": (put_nan, RANK, ("good.npy", "row 7")),
    "lengths": (lambda: np.save("y.npy", np.arange(39) % 3), RANK, ("good.npy", "40", "39")),
    "truncated file": (truncate, RANK, ("good.npy", "truncated")),
    "foreign file": (lambda: pathlib.Path("good.npy").write_text("not an array"), RANK, ("good.npy",)),
    "no samples": (lambda: np.save("good.npy", np.zeros((0, 3), np.float32)), RANK, ("good.npy",)),
    "integer features": (lambda: np.save("good.npy", np.ones((40, 3), int)), RANK, ("good.npy", "int")),
    "missing file": (lambda: pathlib.Path("noise.npz").unlink(), RANK, ("noise.npz",)),
    "unknown score": (lambda: None, (*RANK[:-1], "logmee"), ("logmee", "logme")),
    "no labels": (lambda: None, RANK[:4], ("labels",)),
    "labels alone": (lambda: None, ("rank", "--labels", "y.npy"), ("labels", "--features")),
    "foreign mesh": (lambda: None, (*RANK, "--mesh", "2x4"), ("mesh", "2x4", "models=2,data=4")),
    "large mesh": (lambda: None, (*RANK, "--mesh", "data=99"), ("mesh", "needs 99 devices")),
    "half a coordinator": (lambda: None, (*RANK, "--coordinator", "a:1"), ("num-processes", "--process-id")),
    "no port": (lambda: None, (*RANK, *TOGETHER, "--coordinator", "host"), ("coordinator", "'host'", "HOST:PORT")),
    "process-id": (
        lambda: None,
        (*RANK, *TOGETHER, "--coordinator", "a:1", "--process-id", "2"),
        ("process-id", "0..1"),
    ),
    "coordinator alone": (lambda: None, ("rank", "--coordinator", "a:1", *TOGETHER), ("coordinator", "--features")),
    "unknown claim": (lambda: None, ("claims", "run", "nonsense"), ("nonsense", "tmi")),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_exits_with_2_and_says_what_is_wrong(folder, capsys, name):
    spoil, command, words = BAD[name]
    spoil()
    with pytest.raises(SystemExit) as stopped:
        main(command)
    assert stopped.value.code == 2
    message = capsys.readouterr().err
    assert "jaxinv:" in message
    assert "Traceback" not in message
    for word in words:
        assert word in message
    written = pathlib.Path("results")
    assert not written.exists() or {path.name for path in written.iterdir()} <= {"state"}


def test_one_sample_of_a_class_is_noted(folder, capsys):
    spoil_labels(3)
    main(RANK)
    written = json.loads(pathlib.Path("results/ranking.json").read_text())
    assert any("3" in note and "sample" in note for note in written["notes"])


def test_debug_shows_the_traceback(folder):
    spoil_labels(-1)
    with pytest.raises(ValueError, match=r"y\.npy"):
        main((*RANK, "--debug"))


def test_claims_are_listed(folder, capsys):
    main(("claims",))
    printed = capsys.readouterr().out
    assert "tmi" in printed
    assert "invariance-in-transfer" in printed


def test_info_names_versions_and_devices(folder, capsys):
    main(("info",))
    printed = capsys.readouterr().out
    for name in ("jaxinv", "jaxlib", "flax", *EXTRAS):
        assert name in printed
    assert "cpu" in printed or "gpu" in printed


def test_extras_are_those_of_the_project():
    optional = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(EXTRAS) == set(optional) - {"docs", "test", "dev"}


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion_knows_commands_and_options(capsys, shell):
    with pytest.raises(SystemExit) as end:
        main(("completion", shell))
    assert not end.value.code
    printed = capsys.readouterr().out
    for word in ("rank", "claims", "bench", "features", "labels"):
        assert word in printed


def test_help_does_not_import_jax():
    code = (
        "import sys, contextlib\nfrom jaxinv.cli import main\n"
        "with contextlib.suppress(SystemExit): main(['--help'])\nprint('jax' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "rank" in done.stdout
    assert done.stderr.strip() == "False"
