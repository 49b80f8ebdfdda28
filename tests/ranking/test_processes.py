"""Two processes on this machine that rank together, and what is left of them when one is killed."""

import contextlib
import signal
import socket
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

from jaxinv.ranking import processes

ROWS, CLASSES, CHUNK = 90, 3, 10
HEARTBEAT = 10
MARGIN = 60  # seconds beyond it that a loaded machine may take
WORKER = f"""
import os, signal, sys
from jaxinv import cli

together = cli.Rank._rank_together


def in_the_child(self):
    import jax
    from jaxinv.ranking import processes, streaming
    from jaxinv.ranking.feature_files import MatrixFile

    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_disable_most_optimizations", True)
    processes.HEARTBEAT_SECONDS = {HEARTBEAT}
    streaming.SAVE_SECONDS = 0.0
    original = MatrixFile.chunks

    def chunks(self, chunk_rows, *, start=0):
        for number, chunk in enumerate(original(self, chunk_rows, start=start)):
            if self.path.name == "b.npy" and number == 2:
                os.kill(os.getpid(), signal.SIGKILL)
            yield chunk

    if sys.argv[1] == "dies":
        MatrixFile.chunks = chunks
    together(self)


cli.Rank._rank_together = in_the_child
cli.main(sys.argv[2:])
"""


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    labels = np.arange(ROWS) % CLASSES
    np.save(tmp_path / "y.npy", labels)
    for name, strength in (("a", 1), ("b", 3)):
        features = strength * np.eye(CLASSES, 4)[labels] + rng.normal(size=(ROWS, 4))
        np.save(tmp_path / f"{name}.npy", features.astype(np.float32))
    return tmp_path


def start(folder, *fates, output="out"):
    """One process for each fate ("lives" or "dies"), each with half the rows of both models."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        coordinator = f"127.0.0.1:{free.getsockname()[1]}"
    command = f"rank --features a.npy b.npy --labels y.npy --scores lfc --chunk-rows {CHUNK} --output {output}"
    command += f" --mesh data={len(fates)} --coordinator {coordinator} --num-processes {len(fates)} --process-id"
    return [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, fate, *command.split(), str(process)],
            cwd=folder,
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for process, fate in enumerate(fates)
    ]


def finish(started):
    """Exit codes and what was printed to stderr."""
    printed = [process.communicate(timeout=200) for process in started]
    return [process.returncode for process in started], [text[1] for text in printed]


@contextlib.contextmanager
def kill(folder, victim):
    """Lets process `victim` die in the middle of the second model; how long the other one then lives is bounded."""
    fates = ["lives", "lives"]
    fates[victim] = "dies"
    started = start(folder, *fates)
    assert started[victim].wait(timeout=200) == 1
    killed = time.monotonic()
    yield
    codes, texts = finish(started)
    assert time.monotonic() - killed < HEARTBEAT + MARGIN
    assert codes == [1, 1]
    assert "this process was ended by SIGKILL: the system ended it" in texts[victim]
    assert "another process of this run failed or was lost" in texts[1 - victim]
    assert "repeat the command in every process to go on" in texts[1 - victim]
    assert not (folder / "out" / "ranking.json").exists()


def test_one_is_killed_the_other_ends_and_the_next_run_goes_on(folder):
    with kill(folder, 1):
        unbroken = start(folder, "lives", "lives", output="unbroken")
        codes, texts = finish(unbroken)
        assert codes == [0, 0], texts
    lost = folder / "out" / "state" / "rows 45-90"
    with np.load(lost / "b.npz") as stored:
        assert stored["rows_done"] == 45 + 2 * CHUNK
    written = (lost / "a.npz").stat().st_mtime_ns
    codes, texts = finish(start(folder, "lives", "lives"))
    assert codes == [0, 0], texts
    assert "not used" not in "".join(texts)
    assert (lost / "a.npz").stat().st_mtime_ns == written
    assert (folder / "out" / "ranking.csv").read_bytes() == (folder / "unbroken" / "ranking.csv").read_bytes()
    found = sorted(str(path.relative_to(folder / "out")) for path in (folder / "out").rglob("*.*"))
    parts = [f"state/rows {rows}/{name}.npz" for rows in ("0-45", "45-90") for name in "ab"]
    assert found == ["ranking.csv", "ranking.json", "report.html", *parts]


def test_the_process_that_the_others_met_at_is_killed(folder):
    with kill(folder, 0):
        pass


def test_a_process_that_finds_bad_input_ends_the_others(folder):
    features = np.load(folder / "b.npy")
    features[80, 1] = np.nan  # in the half of process 1
    np.save(folder / "b.npy", features)
    codes, texts = finish(start(folder, "lives", "lives"))
    assert codes == [1, 2]
    assert "b.npy: row 80, column 1 is nan" in texts[1]
    assert "another process of this run" in texts[0]


def test_one_process_gathers_its_own_text():
    assert processes.gather("a text") == ["a text"]


def test_a_supervised_child_gives_its_exit_code_and_ends_with_its_parent():
    script = """
        import os, signal, sys, time
        from jaxinv.ranking.supervisor import supervised
        print(supervised(lambda: 7), flush=True)
        def fail():
            raise ValueError("from the child")
        print(supervised(fail), flush=True)
        def orphan():
            print(os.getpid(), flush=True)
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(100)
        supervised(orphan)
    """
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=90)
    assert time.monotonic() - started < 90  # the child holds stdout for as long as it lives
    assert done.returncode == -signal.SIGKILL
    assert done.stdout.splitlines()[:2] == ["7", "1"]
    assert "ValueError: from the child" in done.stderr
