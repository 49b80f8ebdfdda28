"""The extractor: the model's features, one compile, and a killed run that goes on to the same bits."""

import io
import json
import signal
import subprocess
import sys
import textwrap

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from rich.console import Console

from jaxinv.ranking import extraction
from jaxinv.ranking.errors import InputError
from jaxinv.ranking.extraction import extract_features

DATA = np.random.default_rng(0).normal(size=(23, 4)).astype(np.float32)


class Network(nnx.Module):
    def __init__(self):
        self.hidden = nnx.Linear(4, 3, rngs=nnx.Rngs(0))

    def features(self, x):
        TRACES.append(x.shape)
        return jax.nn.relu(self.hidden(x))

    def __call__(self, x):
        return jnp.sum(self.features(x), axis=1, keepdims=True)


TRACES: list = []


def test_a_module_is_compiled_once_and_its_features_are_written(tmp_path):
    TRACES.clear()
    network = Network()
    output = tmp_path / "new" / "a.npy"
    found = extract_features(network, DATA, output=output, batch_size=5, method="features")
    assert TRACES == [(5, 4)]
    assert found.shape == (23, 3)
    assert isinstance(found, np.memmap)
    np.testing.assert_allclose(found, network.features(DATA), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(np.load(output), found)
    assert [path.name for path in output.parent.iterdir()] == ["a.npy"]
    logits = extract_features(network, DATA, output=tmp_path / "b.npy", batch_size=50)
    np.testing.assert_allclose(logits, network(DATA), rtol=1e-5, atol=1e-6)


def test_functions_are_called_as_they_are_and_keep_their_dtype(tmp_path):
    class Rows:
        def __len__(self):
            return 7

        def __getitem__(self, rows):
            return DATA[:7][rows]

    def double(batch):
        assert isinstance(batch, np.ndarray)
        return 2 * batch.astype(np.float64)

    found = extract_features(double, Rows(), output=tmp_path / "a.npy", batch_size=3)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, 2 * DATA[:7].astype(np.float64))
    low = extract_features(lambda x: jnp.asarray(x, jnp.bfloat16), DATA, output=tmp_path / "b.npy", batch_size=8)
    assert low.dtype == np.float32
    np.testing.assert_array_equal(low, DATA.astype(jnp.bfloat16).astype(np.float32))


SCRIPT = """
    import os, signal
    import numpy as np
    from jaxinv.ranking import extraction
    extraction.SAVE_SECONDS = 0.0
    data = np.random.default_rng(0).normal(size=(23, 4)).astype(np.float32)
    calls = 0
    def model(batch):
        global calls
        calls += 1
        if calls == 5:
            os.kill(os.getpid(), signal.SIGKILL)
        return np.tanh(batch)
    extraction.extract_features(model, data, output="a.npy", batch_size=3)
"""


def test_a_killed_run_goes_on_to_the_same_bits(tmp_path):
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(SCRIPT)], cwd=tmp_path, check=False)
    assert killed.returncode == -signal.SIGKILL
    part, record = tmp_path / "a.npy.part", tmp_path / "a.npy.part.json"
    # Of four batches that ran, the last was not written: it is waited for only when the next is on its way.
    assert json.loads(record.read_text())["rows done"] == 9
    calls = []

    def model(batch):
        calls.append(batch)
        return np.tanh(batch)

    unbroken = extract_features(model, DATA, output=tmp_path / "b.npy", batch_size=3)
    assert len(calls) == 8
    calls.clear()
    resumed = extract_features(model, DATA, output=tmp_path / "a.npy", batch_size=3)
    assert len(calls) == 1 + 5
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "b.npy").read_bytes()
    np.testing.assert_array_equal(resumed, unbroken)
    assert not part.exists()
    assert not record.exists()


@pytest.mark.parametrize("change", ["model", "batch size", "record", "rows"])
def test_another_models_rows_are_not_taken(tmp_path, change, monkeypatch):
    monkeypatch.setattr(extraction, "SAVE_SECONDS", -1.0)

    def dying(batch):
        if np.array_equal(batch, DATA[12:15]):
            raise KeyboardInterrupt
        return np.tanh(batch)

    output = tmp_path / "a.npy"
    with pytest.raises(KeyboardInterrupt):
        extract_features(dying, DATA, output=output, batch_size=3)
    if change == "record":
        (tmp_path / "a.npy.part.json").write_text("{")
    if change == "rows":
        (tmp_path / "a.npy.part").write_bytes(b"nothing")
    model = np.sin if change == "model" else np.tanh
    text = io.StringIO()
    size = 4 if change == "batch size" else 3
    found = extract_features(model, DATA, output=output, batch_size=size, console=Console(file=text, width=200))
    assert "Starting again" in text.getvalue()
    np.testing.assert_array_equal(found, model(DATA))


def test_a_finished_file_is_returned_and_one_of_another_model_is_kept(tmp_path):
    output = tmp_path / "a.npy"
    first = extract_features(np.tanh, DATA, output=output, batch_size=3)
    stamp = output.stat().st_mtime_ns
    np.testing.assert_array_equal(extract_features(np.tanh, DATA, output=output, batch_size=3), first)
    with pytest.raises(InputError, match=r"a\.npy: holds other features"):
        extract_features(np.sin, DATA, output=output, batch_size=3)
    assert output.stat().st_mtime_ns == stamp


@pytest.mark.parametrize(
    ("model", "data", "size", "message"),
    [
        (np.tanh, DATA[:0], 3, "no samples"),
        (np.tanh, DATA, 0, "batch_size: must be at least 1, got 0"),
        (lambda x: x[:2], DATA, 3, r"must give \(3, D\) for 3 samples, gave \(2, 4\)"),
        (lambda x: x[..., None], DATA, 3, r"gave \(3, 4, 1\)"),
        (lambda x: x > 0, DATA, 3, "floating-point features, gave bool"),
    ],
)
def test_bad_arguments_are_named(tmp_path, model, data, size, message):
    with pytest.raises(InputError, match=message):
        extract_features(model, data, output=tmp_path / "a.npy", batch_size=size)
    assert not list(tmp_path.iterdir())
