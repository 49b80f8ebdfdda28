"""Real irreps of C_N, D_N, SO(2) and O(2), and the Fourier transform of functions on C_N and D_N.

Of frequency m the rotation by an angle t is the matrix `[[cos mt, -sin mt], [sin mt, cos mt]]`, and the reflection F
`diag(1, -1)`. One-dimensional are frequency 0 and, of C_N and D_N with even N, N / 2: there a rotation is `cos mt`, and
F is 1, or -1 if the parity is 1. So frequencies run to N / 2.

Fields of irreps are `(..., dim, channels)`: one after the other the components of a tuple of irreps, each with as many
channels.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.group_convolutions.point_groups import PointGroup
from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.validation import require_at_least, require_floating


class PlanarIrrep(NamedTuple):
    """An irrep of a group of the plane.

    Attributes:
      frequency: m >= 0.
      parity: 1 where F is -1, of one-dimensional irreps.
    """

    frequency: int
    parity: int = 0


Irreps = tuple[PlanarIrrep, ...]


def is_trivial(irrep: PlanarIrrep) -> bool:
    """Whether an irrep has frequency and parity 0, so that no element moves it.

    Args:
      irrep: of any group of the plane.

    Returns:
      A bool.
    """
    return tuple(irrep) == (0, 0)


def irrep_dimension(irrep: PlanarIrrep, *, group: PointGroup) -> int:
    """How many real components an irrep has.

    Args:
      irrep: of the group.
      group: of the plane.

    Returns:
      1 at frequency 0 and, in C_N and D_N, at N / 2, else 2.
    """
    return 1 if irrep[0] == 0 or (group.rotations is not None and 2 * irrep[0] == group.rotations) else 2


def irreps_dimension(irreps: Irreps, *, group: PointGroup) -> int:
    """How many components irreps have together.

    Args:
      irreps: of the group.
      group: of the plane.

    Returns:
      The length of the axis of a field that holds them.
    """
    return sum(irrep_dimension(irrep, group=group) for irrep in irreps)


def require_irreps(name: str, irreps: Irreps, group: PointGroup) -> None:
    """Raises ValueError unless all of `irreps`, at least one, are irreps of a group of the plane."""
    if group.dimension != 2:
        raise ValueError(f"group must be one of the plane, got {group}")
    if not irreps:
        raise ValueError(f"{name} must hold at least one irrep")
    for frequency, parity in irreps:
        if frequency < 0 or (group.rotations is not None and 2 * frequency > group.rotations):
            limit = "" if group.rotations is None else f" to {group.rotations // 2}, half of the rotations"
            raise ValueError(f"{name} must have frequencies from 0{limit}, got {frequency}")
        one = irrep_dimension(PlanarIrrep(frequency), group=group) == 1
        if parity not in ((0, 1) if group.reflections and one else (0,)):
            raise ValueError(
                f"{name} must have parity 0, or 1 where the group reflects and the irrep has one dimension, "
                f"got {parity} at frequency {frequency}"
            )


@functools.lru_cache(maxsize=64)
def irreps_members(irreps: Irreps, group: PointGroup) -> np.ndarray:
    """`(num irreps, dim)` float64: 1 where a component is of the irrep."""
    dims = [irrep_dimension(irrep, group=group) for irrep in irreps]
    table = np.repeat(np.eye(len(dims)), dims, axis=1)
    table.flags.writeable = False
    return table


@functools.lru_cache(maxsize=64)
def trivial_members(irreps: Irreps, group: PointGroup) -> np.ndarray:
    """`(num trivial, dim)` float64: the rows of those of frequency and parity 0."""
    table = irreps_members(irreps, group)[[is_trivial(irrep) for irrep in irreps]]
    table.flags.writeable = False
    return table


def regular_irreps(group: PointGroup, max_frequency: int | None = None) -> Irreps:
    """The irreps in the functions on a group, as often as they occur: those of dimension 2 twice in D_N and O(2).

    Args:
      group: of the plane.
      max_frequency: of the irreps; by default all of a finite group.

    Returns:
      A tuple of `PlanarIrrep`, by frequency, then by parity.

    Raises:
      ValueError: a negative frequency, or none for SO(2) or O(2), which have no end of irreps.
    """
    if group.dimension != 2:
        raise ValueError(f"group must be one of the plane, got {group}")
    if max_frequency is None:
        if group.rotations is None:
            raise ValueError("max_frequency must be given for SO(2) and O(2)")
        max_frequency = group.rotations // 2
    require_at_least("max_frequency", max_frequency, 0)
    if group.rotations is not None:
        max_frequency = min(max_frequency, group.rotations // 2)
    found = []
    for frequency in range(max_frequency + 1):
        irrep = PlanarIrrep(frequency)
        found.append(irrep)
        if group.reflections:
            one = irrep_dimension(irrep, group=group) == 1
            found.append(PlanarIrrep(frequency, 1) if one else irrep)
    return tuple(found)


def irreps_matrix(irreps: Irreps, angle: float, *, group: PointGroup, reflect: bool = False) -> np.ndarray:
    """How a rotation, or a rotation after the reflection F, acts on fields of irreps.

    Args:
      irreps: of the group, in the order of the field.
      angle: in radians, counterclockwise; of a finite group, a multiple of its angle.
      group: of the plane.
      reflect: whether F comes first.

    Returns:
      `(dim, dim)` float64, orthogonal.

    Raises:
      ValueError: irreps that are not the group's; a rotation or reflection that is not in it.
    """
    require_irreps("irreps", irreps, group)
    if group.rotations is not None:
        turns = angle * group.rotations / (2 * np.pi)
        if abs(turns - round(turns)) > 1e-9:
            raise ValueError(f"angle must be a multiple of 2 pi / {group.rotations} in this group, got {angle}")
    if reflect and not group.reflections:
        raise ValueError("reflect must be False in a group without reflections")
    blocks = [_matrices(irrep, np.array([angle]), np.array([reflect]), group)[0] for irrep in irreps]
    matrix = np.zeros((irreps_dimension(irreps, group=group),) * 2)
    start = 0
    for block in blocks:
        end = start + len(block)
        matrix[start:end, start:end] = block
        start = end
    return matrix


def _matrices(irrep, angle, reflect, group):
    """`(elements, dim, dim)`."""
    frequency, parity = irrep
    cosine, sine = np.cos(frequency * angle), np.sin(frequency * angle)
    sign = np.where(reflect, -1.0, 1.0)
    if irrep_dimension(irrep, group=group) == 1:
        return (cosine * sign**parity)[:, None, None]
    return np.stack([np.stack([cosine, -sine * sign], -1), np.stack([sine, cosine * sign], -1)], -2)


@functools.lru_cache(maxsize=64)
def sampled_irreps(group: PointGroup, max_frequency: int, samples: int) -> np.ndarray:
    """`(dim, samples)`, or twice as many samples where the group reflects: orthonormal rows, float64.

    Row by row the functions that make up `regular_irreps(group, max_frequency)`, at as many equal turns, first without
    F, then after it; `samples` must resolve them.
    """
    turns = 2 * np.pi * np.arange(samples) / samples
    reflect = np.repeat([False, True], samples) if group.reflections else np.zeros(samples, bool)
    angle = np.concatenate([turns, turns]) if group.reflections else turns
    rows, previous = [], None
    for irrep in regular_irreps(group, max_frequency):
        # The second copy is the other column. Where F acts, the functions of one column are those of a whole irrep.
        column = int(irrep == previous)
        rows.append(_matrices(irrep, angle, reflect, group)[:, :, column].T)
        previous = irrep
    table = np.concatenate(rows)
    table = table / np.linalg.norm(table, axis=1, keepdims=True)
    table.flags.writeable = False
    return table


def regular_to_irreps(x: jax.Array, *, group: PointGroup) -> jax.Array:
    """The Fourier transform over a finite group of the plane: from values at its elements to `regular_irreps(group)`.

    Args:
      x: `(..., order, channels)`.
      group: static, cyclic or dihedral.

    Returns:
      `(..., order, channels)` in the dtype of x. Orthogonal: norms are kept. Where x moves by `g`, each irrep is
      multiplied by its matrix of g.

    Raises:
      ValueError: at trace time: an infinite group, or an axis of another length than its order.
      TypeError: x is not floating point.
    Transformations: jit, vmap, jvp, vjp, any order (linear).

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import group_convolutions as gc
      >>> gc.regular_irreps(gc.cyclic(4))
      (PlanarIrrep(frequency=0, parity=0), PlanarIrrep(frequency=1, parity=0), PlanarIrrep(frequency=2, parity=0))
      >>> gc.regular_to_irreps(jnp.ones((4, 1)), group=gc.cyclic(4))[0].round()  # root of the order times 1
      Array([2.], dtype=float32)
    """
    return _transformed(x, group, "kg,...gc->...kc")


def irreps_to_regular(x: jax.Array, *, group: PointGroup) -> jax.Array:
    """The inverse Fourier transform over a finite group of the plane: from `regular_irreps(group)` to values.

    Args:
      x: `(..., order, channels)`, coefficients.
      group: static, cyclic or dihedral.

    Returns:
      `(..., order, channels)` in the dtype of x: values at the elements. It undoes `regular_to_irreps`.

    Raises, transformations: as `regular_to_irreps`.
    """
    return _transformed(x, group, "gk,...gc->...kc")


def _transformed(x, group, subscripts):
    require_floating("x", x)
    if group.dimension != 2:
        raise ValueError(f"group must be one of the plane, got {group}")
    if x.ndim < 2 or x.shape[-2] != group.order:
        raise ValueError(f"x must have shape (..., {group.order}, channels) for this group, got {x.shape}")
    sums = accumulation_dtype(x)
    table = sampled_irreps(group, group.order, group.order // (1 + group.reflections))
    return contract(subscripts, jnp.asarray(table, sums), x.astype(sums)).astype(x.dtype)
