"""`rank_files`: the whole way from files to a result, killed and taken up again."""

import os
import signal
import subprocess
import sys
import textwrap
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
import pytest

from jaxinv.ranking import InputError
from jaxinv.ranking.rank import rank_files

ROWS, CLASSES = 90, 3
SCORED = ("logme", "lfc", "leep")


@pytest.fixture
def folder(tmp_path):
    """Three models of two widths, better and better, in three kinds of files."""
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.arange(ROWS) % CLASSES)
    for i, (name, width) in enumerate({"weak": 4, "middle": 7, "strong": 4}.items()):
        signal_rows = np.eye(CLASSES, width)[labels]
        features = (i * 2 * signal_rows + rng.normal(size=(ROWS, width))).astype(np.float32)
        probabilities = rng.dirichlet(np.ones(CLASSES), ROWS) + 2 * i * np.eye(CLASSES)[labels]
        np.save(tmp_path / f"p{i}.npy", probabilities / probabilities.sum(1, keepdims=True))
        if name == "weak":
            np.save(tmp_path / "weak.npy", features)
        elif name == "middle":
            np.savez_compressed(tmp_path / "middle.npz", features=features)
        else:
            np.savez(tmp_path / "strong.npz", features=np.asfortranarray(features))
    (tmp_path / "labels.csv").write_text("\n".join(map(str, labels)))
    (tmp_path / "truth.txt").write_text("0.4\n0.7\n0.9\n")
    return tmp_path


def rank(folder, **options):
    arguments = {
        "features": [folder / "weak.npy", folder / "middle.npz", folder / "strong.npz"],
        "labels": folder / "labels.csv",
        "source_probabilities": [folder / f"p{i}.npy" for i in range(3)],
        "output": folder / "out",
        "scores": SCORED,
    }
    return rank_files(**(arguments | options))


def test_better_features_come_first(folder):
    result = rank(folder, truth=folder / "truth.txt", max_samples=40)
    assert (result.target, result.num_samples, result.num_classes) == ("labels", ROWS, CLASSES)
    assert result.models == ("weak", "middle", "strong")
    assert result.widths == (4, 7, 4)
    assert list(result.scores) == list(SCORED)
    for name in SCORED:
        assert result.order(name).tolist() == [2, 1, 0]
        np.testing.assert_allclose(result.agreement["given"][name]["kendall_tau"], 1, rtol=1e-6)
    assert result.truths["given"].tolist() == [0.4, 0.7, 0.9]
    assert result.notes == ("leep see 40 of 90 samples, in class proportions.",)
    assert result.environment["jax"]


def test_an_array_in_a_file_gives_its_whole_name(folder):
    arrays: dict[str, Any] = {f"layer.{i}": np.random.default_rng(i).normal(size=(ROWS, 4)) for i in (1, 2)}
    np.savez(folder / "net.npz", **arrays)
    paths = [folder / f"net.npz:{name}" for name in arrays]
    result = rank(folder, features=paths, source_probabilities=(), scores=["lfc"])
    assert result.models == ("net:layer.1", "net:layer.2")


def test_scores_that_grow_with_the_width_are_named(folder):
    result = rank(folder, source_probabilities=(), scores=["logme", "tmi_gaussian", "tmi"])
    assert all(np.isfinite(values).all() for values in result.scores.values())
    assert result.notes[-1].startswith("tmi_gaussian and tmi grow with the width")


def test_chunks_change_the_result_by_rounding_only(folder):
    one = rank(folder, chunk_rows=7, output=folder / "one")
    other = rank(folder, output=folder / "other")
    for name in SCORED:
        np.testing.assert_allclose(one.scores[name], other.scores[name], rtol=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"features": []}, "features: no file given"),
        ({"scores": ["logmee"]}, "Did you mean 'logme'"),
        ({"source_probabilities": ()}, "leep needs"),
        ({"max_samples": 1}, "max_samples: must be at least 2, got 1"),
        ({"chunk_rows": 0}, "chunk_rows: must be at least 1, got 0"),
        ({"names": ["a"]}, "names: 1 names for 3"),
        ({"names": ["a", "b", "a"]}, "2 models are called 'a'"),
        ({"num_classes": 2}, "out of range for 2 classes"),
        ({"mesh": SimpleNamespace(shape={"models": 1, "data": 91})}, "mesh: data=91 is more than the 90 samples"),
    ],
)
def test_bad_arguments_are_refused(folder, options, message):
    with pytest.raises(InputError, match=message):
        rank(folder, **options)
    assert not (folder / "out").exists()


def write_short(folder):
    np.save(folder / "weak.npy", np.ones((ROWS - 1, 2)))


def write_percent(folder):
    (folder / "truth.txt").write_text("40\n70\n90\n")


def write_few_truths(folder):
    (folder / "truth.txt").write_text("0.4\n0.5\n")


def write_short_probabilities(folder):
    np.save(folder / "p1.npy", np.full((4, 2), 0.5))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (write_short, r"weak\.npy: 89 rows, but .*labels\.csv has 90 labels"),
        (write_percent, r"truth\.txt: accuracies must be numbers in \[0, 1\]. Divide"),
        (write_few_truths, r"truth\.txt: 2 accuracies for 3 models"),
        (write_short_probabilities, r"p1\.npy: 4 rows, but"),
    ],
)
def test_files_that_do_not_fit_each_other_are_refused(folder, spoil, message):
    spoil(folder)
    with pytest.raises(InputError, match=message):
        rank(folder, truth=folder / "truth.txt")
    assert not (folder / "out").exists()


def test_models_of_one_file_name_need_names(folder):
    (folder / "other").mkdir()
    np.save(folder / "other" / "weak.npy", np.load(folder / "weak.npy"))
    features = [folder / "weak.npy", folder / "other" / "weak.npy"]
    options = {"features": features, "source_probabilities": (), "scores": ["lfc"]}
    with pytest.raises(InputError, match=r"weak\.npy, .*weak\.npy: 2 models are called 'weak'"):
        rank(folder, **options)
    result = rank(folder, names=["a/b", "../c"], **options)
    assert result.models == ("a/b", "../c")
    assert result.scores["lfc"][0] == result.scores["lfc"][1]
    assert sorted(os.listdir(folder / "out" / "state")) == ["..%2Fc.npz", "a%2Fb.npz"]


def test_an_output_that_is_no_folder_is_refused(folder):
    (folder / "out").write_text("a file")
    with pytest.raises(InputError, match=r"output: .*out cannot be made a folder"):
        rank(folder)


def test_a_run_killed_by_the_system_goes_on_and_gives_the_same_table(folder):
    """SIGKILL in the middle of the second model: the first is not read again, the second goes on, the bits agree."""
    script = f"""
        import os, pathlib, signal
        import jax
        from jaxinv.ranking import streaming
        from jaxinv.ranking.feature_files import MatrixFile
        from jaxinv.ranking.rank import rank_files
        jax.config.update("jax_disable_most_optimizations", True)  # as here: bits are a compiler's own
        streaming.SAVE_SECONDS = 0.0
        original = MatrixFile.chunks
        def chunks(self, chunk_rows, *, start=0):
            for number, chunk in enumerate(original(self, chunk_rows, start=start)):
                if self.path.name == "middle.npz" and number == 3:
                    os.kill(os.getpid(), signal.SIGKILL)
                yield chunk
        MatrixFile.chunks = chunks
        folder = pathlib.Path({str(folder)!r})
        rank_files([folder / "weak.npy", folder / "middle.npz", folder / "strong.npz"], folder / "labels.csv",
                   [folder / f"p{{i}}.npy" for i in range(3)], output=folder / "out", scores={SCORED!r}, chunk_rows=10)
    """
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    state = folder / "out" / "state"
    assert sorted(os.listdir(state)) == ["middle.npz", "weak.npz"]
    with np.load(state / "middle.npz") as stored:
        assert stored["rows_done"] == 30
    first = (state / "weak.npz").stat().st_mtime_ns
    resumed = rank(folder, chunk_rows=10)
    assert (state / "weak.npz").stat().st_mtime_ns == first
    unbroken = rank(folder, chunk_rows=10, output=folder / "unbroken")
    if jax.default_backend() == "gpu":
        # Each process times XLA's candidates for a matrix product anew, and may choose another one.
        for name, scores in unbroken.scores.items():
            np.testing.assert_allclose(resumed.scores[name], scores, rtol=1e-5)
    else:
        tables = [r.to_csv(folder / f"{i}.csv").read_bytes() for i, r in enumerate((resumed, unbroken))]
        assert tables[0] == tables[1]
