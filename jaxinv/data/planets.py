"""Ways of the planets."""

import numpy as np

from jaxinv.data.packaged import MissingPackage
from jaxinv.kernels.numerics.validation import require_at_least

PLANETS = ("mercury", "venus", "earth", "mars", "jupiter", "saturn", "uranus", "neptune")
_J2000, _DAYS_OF_YEAR = 2451545.0, 365.25


def planetary_trajectories(
    names: tuple[str, ...], years: tuple[float, float], *, num_scenes: int, num_frames: int, days: float
) -> np.ndarray:
    """Where planets were, seen from the sun: scenes that begin at equal distances in time.

    Args:
      names: of `PLANETS`; "earth" is the barycentre of earth and moon.
      years: in which the scenes begin, from the first on up to before the second; the ephemeris holds from 1000 to
        3000.
      num_scenes: how many.
      num_frames: of each scene.
      days: from frame to frame.

    Returns:
      `(num_scenes, planets, num_frames, 3)` float32, astronomical units, axes of the equator of J2000.
      From 1800 to 2050 longitudes are right to 4, 5, 6 and 17 arcseconds for the inner four in their order, to 71, 81,
      86 and 11 for the outer; over the other years to one and a half times that.

    Raises:
      ValueError: an unknown name, years in the wrong order or out of range, or a number below 1.
      MissingPackage: pyerfa is not installed.

    References: Simon et al., Numerical expressions for precession formulae and mean elements for the Moon and the
      planets, Astron. Astrophys. 282 (1994) 663, as in the SOFA library's `plan94`.
    """
    unknown = sorted(set(names) - set(PLANETS))
    if unknown:
        raise ValueError(f"names must be of {', '.join(PLANETS)}, got {unknown[0]!r}")
    if not 1000 <= years[0] < years[1] <= 3000 - num_frames * days / _DAYS_OF_YEAR:
        raise ValueError(f"years must rise, and their scenes end, between 1000 and 3000, got {years}")
    require_at_least("num_scenes", num_scenes, 1)
    require_at_least("num_frames", num_frames, 1)
    try:
        import erfa
    except ModuleNotFoundError as error:
        raise MissingPackage("pyerfa is not installed: install it with pip install 'jaxinv[series]'") from error
    starts = (np.linspace(*years, num_scenes, endpoint=False) - 2000) * _DAYS_OF_YEAR
    times = starts[:, None] + days * np.arange(num_frames)
    ways = [erfa.plan94(_J2000, times, PLANETS.index(name) + 1)["p"] for name in names]
    return np.stack(ways, axis=1).astype(np.float32)
