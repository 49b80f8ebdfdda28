"""Configurations of one molecule with their energies and forces, from a file of the user's.

The file is acetylacetone at 300 K (C5H8O2, 15 atoms; PBE + D3, def2-SVP), as a numpy archive of the keys

| key | shape | unit |
| --- | --- | --- |
| species | (15,) | atomic number |
| train_300K_positions, _energy, _forces | (500, 15, 3), (500,), (500, 15, 3) | Å, eV, eV/Å |
| test_300K_positions, _energy, _forces | (650, 15, 3), (650,), (650, 15, 3) | Å, eV, eV/Å |
| isolated_energy_H_C_O | (3,) | eV |

References: Batatia et al., The design space of E(3)-equivariant atom-centred interatomic potentials, arXiv:2205.06643.
"""

import dataclasses
import os
import pathlib
import zipfile

import numpy as np

VARIABLE = "JAXINV_MOLECULES"
ELEMENTS = (1, 6, 8)
# Atomic masses of the elements above, in u.
_MASSES = (1.008, 12.011, 15.999)
_PARTS = ("train", "test")


@dataclasses.dataclass(frozen=True)
class Configurations:
    """What is known of n geometries of a molecule.

    Attributes:
      positions: `(n, atoms, 3)` float32, Å.
      energies: `(n,)` float64, eV, less those of the isolated atoms.
      forces: `(n, atoms, 3)` float32, eV/Å.
    """

    positions: np.ndarray
    energies: np.ndarray
    forces: np.ndarray

    def __len__(self) -> int:
        return len(self.energies)

    def __getitem__(self, rows: slice) -> "Configurations":
        return Configurations(self.positions[rows], self.energies[rows], self.forces[rows])


@dataclasses.dataclass(frozen=True)
class Molecules:
    """A molecule's geometries, to train on and to test on.

    Attributes:
      species: `(atoms,)` int32, places in ELEMENTS.
      train: never from the test part.
      test: only to be judged by.
    """

    species: np.ndarray
    train: Configurations
    test: Configurations

    @property
    def masses(self) -> np.ndarray:
        """`(atoms,)` float64, u."""
        return np.array(_MASSES)[self.species]


def load_molecules(path: str | pathlib.Path | None = None) -> Molecules:
    """Reads the file at `path`, or at the environment variable JAXINV_MOLECULES.

    Raises:
      FileNotFoundError: neither names a file; the message says what to give.
      ValueError: the file is no such archive, naming the key at fault.
    """
    given = path or os.environ.get(VARIABLE)
    if not given:
        raise FileNotFoundError(f"no file of molecules: give its path, or set {VARIABLE} to it")
    file = pathlib.Path(given)
    if not file.is_file():
        raise FileNotFoundError(f"no file of molecules at {file}: give another path, or set {VARIABLE} to it")
    try:
        with np.load(file) as archive:
            content = dict(archive)
    except (zipfile.BadZipFile, ValueError, AttributeError, TypeError) as error:
        raise ValueError(f"{file} must be a numpy archive (.npz): {error}") from error
    numbers = _array(content, "species", (None,), file)
    unknown = sorted(set(numbers.tolist()) - set(ELEMENTS))
    if unknown:
        raise ValueError(f"species of {file} must be among the atomic numbers {ELEMENTS}, got {unknown}")
    species = np.searchsorted(ELEMENTS, numbers).astype(np.int32)
    isolated = _array(content, "isolated_energy_H_C_O", (len(ELEMENTS),), file)[species].sum()
    train, test = (_configurations(content, f"{part}_300K", len(species), isolated, file) for part in _PARTS)
    return Molecules(species, train, test)


def _configurations(content, part, num_atoms, isolated, file):
    energies = _array(content, f"{part}_energy", (None,), file)
    shape = (len(energies), num_atoms, 3)
    positions, forces = (_array(content, f"{part}_{name}", shape, file) for name in ("positions", "forces"))
    # In float64: the isolated atoms' energies are 60 000 times the spread, beyond float32's digits.
    energies = np.asarray(energies, np.float64) - isolated
    return Configurations(positions.astype(np.float32), energies, forces.astype(np.float32))


def _array(content, key, shape, file):
    if key not in content:
        raise ValueError(f"{file} must have the key {key}, it has {sorted(content)}")
    array = content[key]
    if array.ndim != len(shape) or any(w is not None and s != w for s, w in zip(array.shape, shape, strict=True)):
        raise ValueError(f"{key} of {file} must have shape {shape}, got {array.shape}")
    if not np.all(np.isfinite(array)):
        raise ValueError(f"{key} of {file} must be finite")
    return array
