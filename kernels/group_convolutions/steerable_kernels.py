"""Kernels that solve the constraint `K(g x) = rho_out(g) K(x) rho_in(g)^-1` for all g of C_N, D_N, SO(2) or O(2).

At angle a and radius r each is a product of a ring, a Gaussian in r, with matrices in closed form. Write `R(t)` for the
rotation by t, `F = diag(1, -1)`, `J = R(pi / 2)`, and n, m for the frequencies of the irreps in and out:

| dimensions in, out | matrix | whole numbers k |
| --- | --- | --- |
| 2, 2 | `R(k a)` and, without reflections, `R(k a) J` | `k = m - n` |
| 2, 2 | `R(k a) F` and, without reflections, `R(k a) F J` | `k = m + n` |
| 1, 2 | columns of `R(k a)`: with reflections the one of the parity | `k = m - n` |
| 2, 1 | rows of `R(-k a)`: likewise | `k = n - m` |
| 1, 1 | `cos k a`, `sin k a`: with reflections the one of the parities | `k = m - n >= 0` |

The equations hold modulo N in C_N and D_N. Rings lie at every whole radius to the rim, and that of radius r has
frequencies `abs(k)` to 2r, which its pixels resolve: the one at 0 is the kernel's centre, where only k = 0 does not
vanish.
"""

import dataclasses
import functools

import numpy as np

from jaxinv.kernels.group_convolutions.planar_irreps import Irreps, irrep_dimension, is_trivial, require_irreps
from jaxinv.kernels.group_convolutions.point_groups import PointGroup
from jaxinv.kernels.numerics.validation import require_at_least


@dataclasses.dataclass(frozen=True, kw_only=True)
class SteerableKernels:
    """Which kernels a steerable convolution combines.

    Attributes:
      group: cyclic, dihedral, `SO2` or `O2`.
      irreps_in: of the fields that it reads.
      irreps_out: of the fields that it gives.
      size: odd, pixels a side.
      width: standard deviation of the rings, in pixels; of the outermost three quarters of it, for the square cuts more
        of it off at its sides than at its corners.
      max_frequency: of the kernels around a ring; by default twice the radius of each ring.

    Raises:
      ValueError: irreps that are not the group's; an even size; a width that is not positive; no kernel at all.
    """

    group: PointGroup
    irreps_in: Irreps
    irreps_out: Irreps
    size: int
    width: float = 0.6
    max_frequency: int | None = None

    def __post_init__(self):
        """Checks the options."""
        require_irreps("irreps_in", self.irreps_in, self.group)
        require_irreps("irreps_out", self.irreps_out, self.group)
        require_at_least("size", self.size, 1)
        if self.size % 2 == 0:
            raise ValueError(f"size must be odd, so that a pixel lies at the centre, got {self.size}")
        if self.width <= 0:
            raise ValueError(f"width must be > 0, got {self.width}")
        if self.max_frequency is not None:
            require_at_least("max_frequency", self.max_frequency, 0)
        if self.num_basis == 0:
            raise ValueError(
                f"size {self.size} has no kernel between irreps_in {self.irreps_in} and irreps_out {self.irreps_out}: "
                "take a larger one"
            )

    @property
    def num_basis(self) -> int:
        """How many kernels there are."""
        return sum(len(pair) for row in self.pairs for pair in row)

    @property
    def num_trivial(self) -> int:
        """How many irreps out have frequency and parity 0, which a bias may be added to."""
        return sum(map(is_trivial, self.irreps_out))

    @property
    def fan_in(self) -> np.ndarray:
        """`(num_basis,)`: how many kernels lead to the irrep that each leads to.

        Coefficients of variance `1 / (fan_in channels_in)` keep the variance of fields.
        """
        counts = np.array([[len(table) for table in row] for row in self.pairs])
        return np.repeat(np.broadcast_to(counts.sum(axis=0), counts.shape).reshape(-1), counts.reshape(-1))

    @property
    def pairs(self) -> tuple[tuple[np.ndarray, ...], ...]:
        """By irrep in and irrep out: `(kernels, size^2, dim_in, dim_out)` float64.

        Each kernel has the square norm dim_out, over pixels and components.
        """
        return tuple(
            tuple(
                _pair(self.group, tuple(first), tuple(last), self.size, self.width, self.max_frequency)
                for last in self.irreps_out
            )
            for first in self.irreps_in
        )


@functools.lru_cache(maxsize=32)
def basis_by_input(kernels: SteerableKernels) -> tuple[np.ndarray, ...]:
    """For each irrep in, the kernels to all irreps out: `(kernels, size^2, dim_in, dim of all out)` float64."""
    return tuple(_side_by_side(row) for row in kernels.pairs)


def _side_by_side(row):
    counts, dims = [len(table) for table in row], [table.shape[3] for table in row]
    whole = np.zeros((sum(counts), *row[0].shape[1:3], sum(dims)))
    kernel, component = 0, 0
    for table, count, dim in zip(row, counts, dims, strict=True):
        whole[kernel : kernel + count, :, :, component : component + dim] = table
        kernel, component = kernel + count, component + dim
    whole.flags.writeable = False
    return whole


@functools.lru_cache(maxsize=1024)
def _pair(group, first, last, size, width, max_frequency):
    radius, angle = _polar(size)
    reach = size // 2
    limit = 2 * reach if max_frequency is None else min(max_frequency, 2 * reach)
    angular = angular_kernels(group, first, last, limit, angle)
    found = []
    for ring in range(reach + 1):
        spread = 0.75 * width if 0 < ring == reach else width
        profile = np.exp(-((radius - ring) ** 2) / (2 * spread**2))
        for frequency, matrices in angular:
            if frequency <= 2 * ring:
                kernel = profile[:, None, None] * matrices
                if frequency:
                    kernel[radius == 0] = 0.0
                found.append(kernel.swapaxes(1, 2) * np.sqrt(kernel.shape[1] / np.sum(kernel**2)))
    dims = irrep_dimension(first, group=group), irrep_dimension(last, group=group)
    table = np.stack(found) if found else np.zeros((0, size * size, *dims))
    table.flags.writeable = False
    return table


@functools.lru_cache(maxsize=32)
def _polar(size):
    """Radius and angle of each pixel, row by row, y upward."""
    line = np.arange(size) - size // 2
    x, y = np.meshgrid(line, -line)
    return np.hypot(x, y).reshape(-1), np.arctan2(y, x).reshape(-1)


def angular_kernels(group, first, last, limit, angle):
    """Of the kernels between two irreps, with frequencies to a limit: `abs(k)` and `(places, dim_out, dim_in)`."""
    (n, parity_in), (m, parity_out) = first, last
    dims = irrep_dimension(first, group=group), irrep_dimension(last, group=group)
    flip, quarter = np.diag([1.0, -1.0]), np.array([[0.0, -1.0], [1.0, 0.0]])
    found = []

    def fits(k, wanted):
        return k == wanted if group.rotations is None else (k - wanted) % group.rotations == 0

    for k in sorted(range(-limit, limit + 1), key=abs):
        turn = _rotation(k * angle)
        if dims == (2, 2):
            for wanted, mirror in ((m - n, np.eye(2)), (m + n, flip)):
                if fits(k, wanted):
                    found.append((abs(k), turn @ mirror))
                    if not group.reflections:
                        found.append((abs(k), turn @ mirror @ quarter))
        elif dims == (1, 2) and fits(k, m - n):
            columns = (parity_in,) if group.reflections else (0, 1)
            found.extend((abs(k), turn[:, :, [column]]) for column in columns)
        elif dims == (2, 1) and fits(k, n - m):
            rows = (parity_out,) if group.reflections else (0, 1)
            found.extend((abs(k), turn.swapaxes(1, 2)[:, [row]]) for row in rows)
        elif dims == (1, 1) and k >= 0 and fits(k, m - n):
            odd = (parity_in + parity_out) % 2
            for part in (odd,) if group.reflections else (0, 1):
                if k or not part:
                    found.append((k, turn[:, [part], :1]))
    return found


def _rotation(angle):
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.stack([np.stack([cosine, -sine], -1), np.stack([sine, cosine], -1)], -2)
