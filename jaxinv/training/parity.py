"""Predictions of a force field beside the truth: errors and pictures."""

import pathlib
from typing import NamedTuple

import numpy as np

from jaxinv.data.molecules import Configurations


class Errors(NamedTuple):
    """meV, and meV/Å; of the energy of the whole molecule."""

    energy_rmse: float
    energy_mae: float
    force_rmse: float
    force_mae: float


def errors_of(part: Configurations, energies: np.ndarray, forces: np.ndarray) -> Errors:
    """Errors of predicted energies `(n,)` in eV and forces `(n, atoms, 3)` in eV/Å."""
    of_energy, of_forces = 1e3 * (energies - part.energies), 1e3 * (forces - part.forces)
    numbers = (f(d) for d in (of_energy, of_forces) for f in (_root_mean_square, _mean_size))
    return Errors(*map(float, numbers))


def _root_mean_square(difference):
    return np.sqrt(np.mean(difference**2))


def _mean_size(difference):
    return np.mean(np.abs(difference))


def write_parity_plots(
    part: Configurations, energies: np.ndarray, forces: np.ndarray, folder: pathlib.Path
) -> list[pathlib.Path]:
    """Predictions against the truth, as parity_energies.png and parity_forces.png.

    Args:
      part: the truth.
      energies: `(n,)`, eV.
      forces: `(n, atoms, 3)`, eV/Å.
      folder: for the two files.

    Raises:
      ImportError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("parity plots need matplotlib: pip install 'jaxinv[plots]'") from error
    centre = float(part.energies.mean())
    found = errors_of(part, energies, forces)
    pictures = (
        ("energies", part.energies - centre, energies - centre, "energy less its mean (eV)", found[:2], "meV"),
        ("forces", part.forces, forces, "component of a force (eV/Å)", found[2:], "meV/Å"),
    )
    written = []
    for name, truth, predicted, quantity, (rmse, mae), unit in pictures:
        figure = Figure(figsize=(5, 5), layout="constrained")
        axes = figure.subplots()
        axes.plot(truth.ravel(), predicted.ravel(), ".", markersize=2, color="#0072b2", rasterized=True)
        ends = [float(truth.min()), float(truth.max())]
        axes.plot(ends, ends, color="#8b939c", linewidth=0.8)
        axes.set(xlabel=f"reference {quantity}", ylabel=f"predicted {quantity}", aspect="equal")
        axes.set_title(f"RMSE {rmse:.2f}, MAE {mae:.2f} {unit}")
        written.append(folder / f"parity_{name}.png")
        figure.savefig(written[-1], dpi=150)
    return written
