"""Ways of the planets: Kepler's laws, a date that is known, and bad input."""

import sys

import numpy as np
import pytest

from jaxinv.data import PLANETS, MissingPackage, planetary_trajectories

erfa = pytest.importorskip("erfa")


def test_years_and_distances_are_keplers():
    """By the angle that is covered in 80 years; a^3 = T^2 in years and astronomical units."""
    days, frames = 4.0, 7306
    ways = planetary_trajectories(PLANETS[:4], (1990.0, 1991.0), num_scenes=1, num_frames=frames, days=days)[0]
    unit = ways / np.linalg.norm(ways, axis=-1, keepdims=True)
    covered = np.sum(np.arccos(np.clip(np.sum(unit[:, 1:] * unit[:, :-1], axis=-1), -1, 1)), axis=-1)
    years = days * (frames - 1) / 365.25 * 2 * np.pi / covered
    np.testing.assert_allclose(years, [0.2408, 0.6152, 1.0000, 1.8808], rtol=3e-3)
    distance = np.linalg.norm(ways, axis=-1)
    half_axis = (distance.min(axis=-1) + distance.max(axis=-1)) / 2
    np.testing.assert_allclose(half_axis**3, years**2, rtol=2e-2)


def test_earth_as_another_theory_has_it():
    """SOFA's series for the earth itself, fitted to DE405; it moves by 3e-5 about its centre with the moon."""
    found = planetary_trajectories(("earth",), (2000.0, 2001.0), num_scenes=4, num_frames=3, days=10.0)
    assert found.shape == (4, 1, 3, 3)
    assert found.dtype == np.float32
    times = 91.3125 * np.arange(4)[:, None] + 10 * np.arange(3)
    np.testing.assert_allclose(found[:, 0], erfa.epv00(2451545.0, times)[0]["p"], atol=1e-4)


@pytest.mark.parametrize(
    ("names", "years", "message"),
    [
        (("pluto",), (1990.0, 1991.0), "names must be of mercury, .*, got 'pluto'"),
        (("mars",), (1991.0, 1990.0), "years must rise"),
        (("mars",), (2990.0, 3000.0), "between 1000 and 3000"),
    ],
)
def test_bad_input_is_named(names, years, message):
    with pytest.raises(ValueError, match=message):
        planetary_trajectories(names, years, num_scenes=2, num_frames=3, days=1.0)


def test_a_missing_package_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "erfa", None)
    with pytest.raises(MissingPackage, match=r"pyerfa is not installed.*pip install 'jaxinv\[series\]'"):
        planetary_trajectories(("mars",), (1990.0, 1991.0), num_scenes=2, num_frames=3, days=1.0)
