"""Models come back from disk as they were, and run without their code."""

import subprocess
import sys

import jax
import numpy as np
import pytest
from flax import nnx

from jaxinv.models import EqMotion, PointNet
from jaxinv.models.storage import export_model, load_exported, restore_model, save_model

POSITIONS = jax.random.normal(jax.random.key(0), (2, 3, 4, 3))


def network(seed, *, num_channels=4):
    return EqMotion(4, 2, num_features=4, num_channels=num_channels, num_layers=2, rngs=nnx.Rngs(seed))


def test_a_saved_model_comes_back_bit_for_bit(tmp_path):
    saved, other = network(0), network(1)
    save_model(tmp_path / "model", saved)
    assert not np.array_equal(saved(POSITIONS).positions, other(POSITIONS).positions)
    restore_model(tmp_path / "model", other)
    for found, wanted in zip(other(POSITIONS), saved(POSITIONS), strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_models_with_lists_of_layers_come_back_too(tmp_path):
    points = jax.random.normal(jax.random.key(0), (2, 5, 3))
    saved, other = (PointNet(3, 2, point_widths=(4, 4), head_widths=(4,), rngs=nnx.Rngs(seed)) for seed in (0, 1))
    save_model(tmp_path / "model", saved)
    restore_model(tmp_path / "model", other)
    np.testing.assert_array_equal(other(points), saved(points))
    with pytest.raises(ValueError, match="holds another model"):
        restore_model(tmp_path / "model", PointNet(3, 2, point_widths=(4,), head_widths=(4,), rngs=nnx.Rngs(0)))


def test_another_model_is_refused(tmp_path):
    save_model(tmp_path / "model", network(0))
    with pytest.raises(ValueError, match=r"holds another model, whose variables differ in .*kernel"):
        restore_model(tmp_path / "model", network(0, num_channels=6))
    with pytest.raises(ValueError, match="is there already"):
        save_model(tmp_path / "model", network(0))
    with pytest.raises(ValueError, match="there is no model"):
        restore_model(tmp_path / "nothing", network(0))


def test_an_exported_model_runs_without_this_library(tmp_path):
    model = network(0)
    (tmp_path / "model.bin").write_bytes(export_model(model, POSITIONS))
    np.save(tmp_path / "positions.npy", POSITIONS)
    script = (
        "import pathlib, sys, numpy, jax.export\n"
        f"folder = pathlib.Path({str(tmp_path)!r})\n"
        "call = jax.export.deserialize(bytearray((folder / 'model.bin').read_bytes())).call\n"
        "numpy.savez(folder / 'found.npz', **call(numpy.load(folder / 'positions.npy')))\n"
        "assert 'jaxinv' not in sys.modules and 'flax' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
    found, wanted = np.load(tmp_path / "found.npz"), jax.jit(model)(POSITIONS)
    # Another process may order sums otherwise.
    np.testing.assert_allclose(found["positions"], wanted.positions, atol=1e-5)
    np.testing.assert_allclose(found["categories"], wanted.categories, atol=1e-5)


def test_an_exported_model_gives_equal_outputs():
    model = network(0)
    again = load_exported(export_model(model, POSITIONS))(POSITIONS)
    wanted = jax.jit(lambda x: model(x))(POSITIONS)
    np.testing.assert_array_equal(again["positions"], wanted.positions)
