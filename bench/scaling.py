"""How time grows with size: the exponent of a power law."""

from collections.abc import Sequence

import numpy as np


def exponent(sizes: Sequence[float], times: Sequence[float]) -> float | None:
    """The slope of log time against log size, by least squares over the larger half of the sizes, at least three.

    The smaller half is left out because fixed costs (a launch, a dispatch) flatten it.

    Args:
      sizes: in any order; points that are not positive and finite are left out.
      times: one a size.

    Returns:
      The exponent, None where there are fewer than three different sizes.
    """
    points = np.array([sizes, times], dtype=np.float64)
    n, t = points[:, (np.isfinite(points) & (points > 0)).all(axis=0)]
    different = np.unique(n)
    if len(different) < 3:
        return None
    larger = n >= different[-max(3, -(-len(different) // 2))]
    x, y = np.log(n[larger]), np.log(t[larger])
    x -= x.mean()
    return float(x @ y / (x @ x))
