"""Groups that fix a point: C_N, D_N, SO(2) and O(2) in the plane, and the octahedral group in space.

An element is a rotation after at most one reflection: `R_r F^f`, at index `f * rotations + r` of a finite group.
- In the plane x points right and y up the picture. R_r turns by `2 pi r / N`, counterclockwise; F keeps x and changes
  the sign of y, so that the top and the bottom of a picture change places.
- In space the coordinates are the places along the three axes of an array; the rotations are the 24 of the cube, the
  identity first, and F is the inversion, which changes all signs.
"""

import dataclasses
import functools
import itertools
import math

import numpy as np

from jaxinv.kernels.numerics.validation import require_at_least


@dataclasses.dataclass(frozen=True)
class PointGroup:
    """A group, by `cyclic`, `dihedral`, `octahedral`, or one of `SO2` and `O2`.

    Attributes:
      dimension: of the space that it acts on, 2 or 3.
      rotations: how many; None for all of the plane.
      reflections: whether it contains F.
    """

    dimension: int
    rotations: int | None
    reflections: bool

    @property
    def order(self) -> int:
        """How many elements a finite group has."""
        if self.rotations is None:
            raise ValueError("group must be finite here, got SO(2) or O(2): take cyclic(n) or dihedral(n)")
        return self.rotations * (1 + self.reflections)


SO2 = PointGroup(2, None, False)
O2 = PointGroup(2, None, True)


def cyclic(n: int) -> PointGroup:
    """C_n: the n rotations of the plane by multiples of 2 pi / n.

    Args:
      n: 1 at least; 1 is no symmetry.

    Returns:
      A hashable `PointGroup` of order n, for static arguments.

    Raises:
      ValueError: n below 1.
    """
    require_at_least("n", n, 1)
    return PointGroup(2, n, False)


def dihedral(n: int) -> PointGroup:
    """D_n: n rotations of the plane, and each of them after the reflection F.

    Args:
      n: 1 at least; 1 is the reflection alone.

    Returns:
      A hashable `PointGroup` of order 2 n, for static arguments.

    Raises:
      ValueError: n below 1.

    Examples:
      >>> from jaxinv.kernels import group_convolutions
      >>> group_convolutions.dihedral(4).order
      8
    """
    require_at_least("n", n, 1)
    return PointGroup(2, n, True)


def octahedral(*, inversion: bool = False) -> PointGroup:
    """The rotations of the cube.

    Args:
      inversion: with it, all symmetries of the cube.

    Returns:
      A hashable `PointGroup` of space, of order 24, or 48 with the inversion.
    """
    return PointGroup(3, 24, inversion)


@functools.lru_cache(maxsize=64)
def element_matrices(group: PointGroup) -> np.ndarray:
    """Each element of a finite group as a matrix on coordinates, in the order of the module's docstring.

    Args:
      group: finite.

    Returns:
      `(order, dimension, dimension)` float64, not writeable.

    Raises:
      ValueError: SO(2) or O(2), which have no end of elements.
    """
    reflection = np.diag([1.0, -1.0]) if group.dimension == 2 else -np.eye(3)
    turns = _cube_rotations() if group.dimension == 3 else _plane_rotations(group.order // (1 + group.reflections))
    matrices = np.concatenate([turns, turns @ reflection]) if group.reflections else turns
    matrices.flags.writeable = False
    return matrices


def _plane_rotations(count):
    # Exact at quarter-turns, where cosine and sine are not.
    angle = 2 * math.pi * np.arange(count) / count
    cosine, sine = np.cos(angle), np.sin(angle)
    matrices = np.stack([np.stack([cosine, -sine], -1), np.stack([sine, cosine], -1)], -2)
    return np.where(np.abs(matrices - np.round(matrices)) < 1e-12, np.round(matrices), matrices)


def _cube_rotations():
    signed = [
        np.diag(signs)[:, list(permutation)]
        for permutation in itertools.permutations(range(3))
        for signs in itertools.product((1.0, -1.0), repeat=3)
    ]
    return np.stack([matrix for matrix in signed if np.linalg.det(matrix) > 0])


@functools.lru_cache(maxsize=64)
def multiplication_table(group: PointGroup) -> np.ndarray:
    """The products of a finite group.

    Args:
      group: finite.

    Returns:
      `(order, order)` int32, the index of `g h` at `[g, h]`; not writeable.

    Raises:
      ValueError: SO(2) or O(2), which have no end of elements.

    Examples:
      >>> from jaxinv.kernels import group_convolutions
      >>> group_convolutions.multiplication_table(group_convolutions.cyclic(3))
      array([[0, 1, 2],
             [1, 2, 0],
             [2, 0, 1]], dtype=int32)
    """
    table = (_planar_products(group) if group.dimension == 2 else _products(element_matrices(group))).astype(np.int32)
    table.flags.writeable = False
    return table


def _planar_products(group):
    """`R_r F^f R_s F^e = R_(r + s) F^e`, or `R_(r - s) F^(1 + e)` if f is 1."""
    index = np.arange(group.order)
    turn, mirror = index % group.rotations, index // group.rotations
    turns = (turn[:, None] + np.where(mirror, -1, 1)[:, None] * turn) % group.rotations
    return (mirror[:, None] + mirror) % 2 * group.rotations + turns


def _products(matrices):
    products = np.einsum("gab,hbc->ghac", matrices, matrices)
    return np.argmin(np.abs(products[:, :, None] - matrices).max((-2, -1)), axis=-1)


@functools.lru_cache(maxsize=64)
def inverse_table(group: PointGroup) -> np.ndarray:
    """The inverses of a finite group.

    Args:
      group: finite.

    Returns:
      `(order,)` int32, the index of the inverse of each element; not writeable.

    Raises:
      ValueError: SO(2) or O(2), which have no end of elements.
    """
    table = np.argmax(multiplication_table(group) == 0, axis=1).astype(np.int32)
    table.flags.writeable = False
    return table


@functools.lru_cache(maxsize=64)
def grid_matrices(group: PointGroup) -> np.ndarray:
    """Each element as a signed permutation of an array's axes: in the plane rows, which run down, and columns.

    Args:
      group: one that maps the grid to itself: `cyclic` or `dihedral` of 1, 2 or 4, or `octahedral`.

    Returns:
      `(order, dimension, dimension)` int32, not writeable.

    Raises:
      ValueError: the group does not map the grid of pixels to itself.
    """
    matrices = element_matrices(group)
    if np.any(matrices != np.round(matrices)):
        raise ValueError(
            f"group must map the grid of pixels to itself, which {group.rotations} rotations do not: take 1, 2 or 4, "
            "or a steerable convolution"
        )
    if group.dimension == 2:
        # A row is -y, a column x.
        rows_from_plane = np.array([[0, -1], [1, 0]])
        matrices = rows_from_plane @ matrices @ rows_from_plane.T
    matrices = np.round(matrices).astype(np.int32)
    matrices.flags.writeable = False
    return matrices


@functools.lru_cache(maxsize=64)
def subgroup_elements(group: PointGroup, subgroup: PointGroup) -> np.ndarray:
    """Where the elements of a subgroup stand in the group.

    Args:
      group: finite.
      subgroup: finite, of the same space.

    Returns:
      `(order of subgroup,)` int32: indices in `group`, in the order of the subgroup; not writeable.

    Raises:
      ValueError: it is no subgroup: its rotations do not divide those of the group, or it alone has reflections.
    """
    turns, fewer = group.order // (1 + group.reflections), subgroup.order // (1 + subgroup.reflections)
    divides = turns % fewer == 0 if group.dimension == 2 else turns == fewer
    if group.dimension != subgroup.dimension or subgroup.reflections > group.reflections or not divides:
        raise ValueError(f"subgroup must lie in the group, {subgroup} does not in {group}")
    rotations = np.arange(fewer) * (turns // fewer)
    found = np.concatenate([rotations, turns + rotations]) if subgroup.reflections else rotations
    found = found.astype(np.int32)
    found.flags.writeable = False
    return found


@functools.lru_cache(maxsize=64)
def left_cosets(group: PointGroup, subgroup: PointGroup) -> np.ndarray:
    """The left cosets gH of a subgroup H, by their first elements.

    Args:
      group: finite.
      subgroup: finite, in the group.

    Returns:
      `(order / order of subgroup, order of subgroup)` int32: the elements `g h` of each coset, h in its order.

    Raises:
      ValueError: as `subgroup_elements`.
    """
    return _cosets(multiplication_table(group), subgroup_elements(group, subgroup))


@functools.lru_cache(maxsize=64)
def right_cosets(group: PointGroup, subgroup: PointGroup) -> np.ndarray:
    """The right cosets Hg of a subgroup H, by their first elements.

    Args:
      group: finite.
      subgroup: finite, in the group.

    Returns:
      `(order / order of subgroup, order of subgroup)` int32: the elements `h g` of each coset, h in its order.

    Raises:
      ValueError: as `subgroup_elements`.
    """
    return _cosets(multiplication_table(group).T, subgroup_elements(group, subgroup))


def _cosets(table, elements):
    """By first elements, in their order."""
    cosets, seen = [], set()
    for first, row in enumerate(table[:, elements]):
        if first not in seen:
            cosets.append(row)
            seen.update(row.tolist())
    found = np.stack(cosets)
    found.flags.writeable = False
    return found
