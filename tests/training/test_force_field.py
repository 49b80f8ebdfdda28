import json
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxinv.data.molecules import VARIABLE, Configurations, Molecules, load_molecules
from jaxinv.training import force_field
from jaxinv.training.force_field import Settings, train

# Optimisers underflow and orbax warns as they please.
pytestmark = pytest.mark.allow_nans


def springs(count, seed):
    """Three atoms, each pair a spring: a field that is known."""
    generator = np.random.default_rng(seed)
    rest = np.array([[0.0, 0.0, 0.0], [1.2, 0.0, 0.0], [0.0, 1.3, 0.0]])
    positions = rest + 0.1 * generator.normal(size=(count, 3, 3))
    vectors = positions[:, :, None] - positions[:, None]
    lengths = np.linalg.norm(vectors, axis=-1) + np.eye(3)
    stretch = np.where(np.eye(3, dtype=bool), 0.0, lengths - 1.4)
    forces = -np.sum(10 * (stretch / lengths)[..., None] * vectors, axis=2)
    return Configurations(
        positions.astype(np.float32), 10 * np.sum(stretch**2, axis=(1, 2)) / 4 - 70, forces.astype(np.float32)
    )


def molecule():
    return Molecules(np.array([1, 0, 2], np.int32), springs(24, 0), springs(8, 1))


def settings(folder, **options: Any):
    values: dict[str, Any] = {"steps": 8, "save_every": 3, "batch_size": 4, "num_validation": 4, "dynamics_steps": 0}
    values |= {"num_channels": 4, "lmax": 1, "num_layers": 1}
    return Settings(output=pathlib.Path(folder), **(values | options))


class KilledError(BaseException):
    """As a signal would end it."""


def test_a_killed_run_goes_on_bit_for_bit(tmp_path, monkeypatch):
    whole = train(settings(tmp_path / "whole"), molecule())
    save, saved = force_field._save, []

    def killed_after(manager, state, clock):
        save(manager, state, clock)
        saved.append(int(state.step))
        if len(saved) == 2:
            raise KilledError

    monkeypatch.setattr(force_field, "_save", killed_after)
    with pytest.raises(KilledError):
        train(settings(tmp_path / "killed"), molecule())
    monkeypatch.undo()
    assert saved == [3, 6]
    resumed = train(settings(tmp_path / "killed"), molecule())
    assert [entry["step"] for entry in resumed.summary["history"]] == [8]
    for found, wanted in zip(jax.tree.leaves(resumed.state), jax.tree.leaves(whole.state), strict=True):
        np.testing.assert_array_equal(found, wanted)
    assert resumed.summary["errors_mev"] == whole.summary["errors_mev"]
    # Another seed gives another field: what is compared is what was trained.
    with pytest.raises(ValueError, match="seed"):
        train(settings(tmp_path / "whole", seed=1), molecule())


def test_training_learns_and_writes(tmp_path):
    untrained = train(settings(tmp_path / "none", steps=1), molecule()).summary["errors_mev"]["test"]
    result = train(
        settings(tmp_path / "some", steps=200, save_every=1000, dynamics_steps=3, learning_rate=0.02), molecule()
    )
    written = json.loads((tmp_path / "some" / "results.json").read_text())
    assert written["errors_mev"]["test"] == result.summary["errors_mev"]["test"]
    assert written["errors_mev"]["test"]["force_rmse"] < 0.5 * untrained["force_rmse"]
    assert written["force_jacobian_asymmetry"] < 1e-5
    assert written["energy_drift_mev_per_atom_and_ps"] is not None
    for name in ("energies", "forces"):
        assert (tmp_path / "some" / f"parity_{name}.png").read_bytes()[:4] == b"\x89PNG"


def test_a_budget_of_time_ends(tmp_path):
    result = train(settings(tmp_path, steps=None, minutes=1e-3), molecule())
    assert 1 <= result.summary["steps"] <= 20 * 8


def test_the_gradient_is_that_of_the_loss():
    part = springs(3, 0)
    graphdef, params = nnx.split(force_field._new_model(settings(""), part))
    fit = force_field.Fit(graphdef, (1, 0, 2), 3, 10.0, 0)
    arrays = force_field.Arrays(*map(jnp.asarray, (part.positions, part.energies.astype(np.float32), part.forces)))

    def loss(params):
        energies, forces = fit.predict(params, arrays.positions)
        return 10 * jnp.mean(((energies - arrays.energies) / 3) ** 2) + jnp.mean((forces - arrays.forces) ** 2)

    found, error = jax.jit(fit.gradient)(params, arrays)
    forces = jax.jit(fit.predict)(params, arrays.positions)[1]
    assert float(error) == pytest.approx(float(jnp.mean((forces - arrays.forces) ** 2)), rel=1e-5)
    for one, wanted in zip(jax.tree.leaves(found), jax.tree.leaves(jax.jit(jax.grad(loss))(params)), strict=True):
        np.testing.assert_allclose(one, wanted, rtol=0, atol=1e-5 * float(jnp.abs(wanted).max()))


def test_errors_are_root_mean_squares_in_mev():
    truth = springs(5, 0)
    found = force_field.errors_of(truth, truth.energies + 2e-3, truth.forces.astype(float) - 3e-3)
    np.testing.assert_allclose(found, (2.0, 2.0, 3.0, 3.0), rtol=1e-9)


def test_wrong_settings_are_named(tmp_path):
    with pytest.raises(ValueError, match="batch_size"):
        settings(tmp_path, batch_size=0)
    with pytest.raises(ValueError, match="num_validation"):
        train(settings(tmp_path, num_validation=24), molecule())


def test_a_missing_or_wrong_file_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(FileNotFoundError, match=VARIABLE):
        load_molecules()
    with pytest.raises(FileNotFoundError, match="absent"):
        load_molecules(tmp_path / "absent.npz")
    np.savez(tmp_path / "odd.npz", species=np.array([1, 7]))
    with pytest.raises(ValueError, match="species"):
        load_molecules(tmp_path / "odd.npz")
    np.savez(tmp_path / "short.npz", species=np.array([1, 6]))
    with pytest.raises(ValueError, match="isolated_energy_H_C_O"):
        load_molecules(tmp_path / "short.npz")
    (tmp_path / "text.npz").write_text("no archive")
    with pytest.raises(ValueError, match="archive"):
        load_molecules(tmp_path / "text.npz")


def test_the_file_of_the_environment_is_acetylacetone(monkeypatch):
    try:
        molecules = load_molecules()
    except FileNotFoundError as error:
        pytest.skip(str(error))
    assert len(molecules.train) == 500
    assert len(molecules.test) == 650
    assert np.bincount(molecules.species).tolist() == [8, 5, 2]
    assert molecules.masses.sum() == pytest.approx(100.117, abs=0.01)
    # The energy of atomisation, and forces that sum to nothing.
    assert -80 < molecules.train.energies.mean() < -65
    assert np.abs(molecules.train.forces.sum(axis=1)).max() < 1e-4
