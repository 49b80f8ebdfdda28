"""`rank_files` on a mesh of 8 devices of one process, against one device."""

import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from jaxinv.ranking.results import RankingResult

ROWS, CLASSES, WIDTHS = 1003, 3, (5, 8, 5)
SCORES = ("logme", "lfc", "gbc", "leep")


@pytest.mark.parametrize(("x64", "tolerance"), [(True, 1e-12), (False, 1e-6)], ids=["float64", "float32"])
def test_eight_devices_give_the_results_of_one(tmp_path, x64, tolerance):
    """float64 shows that the sums are the same; float32 groups them otherwise, and rounds (5e-7 was measured)."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, CLASSES, ROWS)
    np.save(tmp_path / "y.npy", labels)
    for i, width in enumerate(WIDTHS):
        np.save(tmp_path / f"m{i}.npy", 3 + rng.normal(size=(CLASSES, width))[labels] + rng.normal(size=(ROWS, width)))
        np.save(tmp_path / f"p{i}.npy", rng.dirichlet(np.ones(4), ROWS))
    script = f"""
        import jax, pathlib
        jax.config.update("jax_num_cpu_devices", 8)
        jax.config.update("jax_disable_most_optimizations", True)
        from jaxinv.ranking.rank import rank_files
        from jaxinv.ranking.shares import read_mesh
        folder = pathlib.Path({str(tmp_path)!r})
        for name, mesh in ("one", None), ("mesh", read_mesh("models=2,data=4")):
            result = rank_files([folder / f"m{{i}}.npy" for i in range(3)], folder / "y.npy",
                                [folder / f"p{{i}}.npy" for i in range(3)], output=folder / name,
                                scores={SCORES!r}, chunk_rows=200, max_samples=100, mesh=mesh)
            result.to_json(folder / f"{{name}}.json")
        assert result.environment["devices"].startswith("8 x")
    """
    environment = os.environ | {"JAX_ENABLE_X64": str(int(x64)), "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, env=environment, timeout=300
    )
    assert done.returncode == 0, done.stderr
    one, mesh = (RankingResult.from_json(tmp_path / f"{name}.json") for name in ("one", "mesh"))
    assert set(one.scores) == set(SCORES)
    for name, values in one.scores.items():
        np.testing.assert_allclose(mesh.scores[name], values, tolerance, err_msg=name)
