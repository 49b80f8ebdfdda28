"""How a group moves pictures, regular fields and fields of irreps: `(g f)(x, s) = f(g^-1 x, g^-1 s)`.

Pictures move about their centre: exactly, in whole pixels, by quarter-turns, mirrors and the symmetries of the cube,
and by interpolation else.
"""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.group_convolutions.grid_moves import move_grid
from jaxinv.kernels.group_convolutions.planar_irreps import PlanarIrrep, irreps_matrix
from jaxinv.kernels.group_convolutions.point_groups import (
    PointGroup,
    dihedral,
    element_matrices,
    grid_matrices,
    inverse_table,
    multiplication_table,
)
from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.validation import require_floating


def act_picture(x: jax.Array, element: int, *, group: PointGroup, channels_first: bool = False) -> jax.Array:
    """Moves plain pictures or voxels.

    Args:
      x: `(..., height, width, channels)`, or `(..., channels, height, width)`; voxels with a depth.
      element: static, its index in the group (`point_groups`).
      group: static, finite.
      channels_first: static.

    Returns:
      The same shape and dtype; quarter-turns change height and width. What comes from outside of the picture is 0.

    Raises:
      ValueError: at trace time: an index outside of the group; too few axes.
      TypeError: x is not floating point.
    Transformations: jit, vmap, jvp, vjp, any order (linear).
    """
    require_floating("x", x)
    _check_element(element, group)
    dimension = group.dimension
    if x.ndim < dimension + 1:
        raise ValueError(f"x must have at least {dimension + 1} axes for this group, got {x.shape}")
    return _moved(x, _matrix(group, element), x.ndim - dimension - (0 if channels_first else 1))


def act_regular(x: jax.Array, element: int, *, group: PointGroup, channels_first: bool = False) -> jax.Array:
    """Moves functions on the grid and the group.

    Args:
      x: `(..., height, width, order, channels)`, or `(..., channels, order, height, width)`; voxels with a depth.
      element: static, its index in the group.
      group: static, finite.
      channels_first: static.

    Returns: as `act_picture`.
    Raises: ValueError: as `act_picture`, and where the axis of the group has another length.
    Transformations: as of `act_picture`.
    """
    require_floating("x", x)
    _check_element(element, group)
    dimension = group.dimension
    axis = x.ndim - (dimension + 1 if channels_first else 2)
    if x.ndim < dimension + 2 or x.shape[axis] != group.order:
        raise ValueError(f"x must have {group.order} elements of the group on axis {axis - x.ndim}, got {x.shape}")
    ratios = multiplication_table(group)[inverse_table(group)[element]]
    moved = _moved(x, _matrix(group, element), x.ndim - dimension - (0 if channels_first else 2))
    return jnp.take(moved, ratios, axis=axis)


def act_irreps(
    x: jax.Array, angle: float, *, group: PointGroup, irreps: tuple[PlanarIrrep, ...], reflect: bool = False
) -> jax.Array:
    """Moves fields of irreps of the plane: turned by an angle, after the reflection F if asked for.

    Args:
      x: `(..., height, width, dim, channels)`.
      angle: static, in radians, counterclockwise; of a finite group, a multiple of its angle.
      group: static, of the plane, SO(2) and O(2) among them.
      irreps: static, of the fields, in their order on the axis of length dim.
      reflect: static.

    Returns: as `act_picture`.
    Raises: ValueError: as `act_picture`; an axis of another length; an angle or reflection that is not in the group.
    Transformations: as of `act_picture`.
    """
    require_floating("x", x)
    matrix = irreps_matrix(irreps, angle, group=group, reflect=reflect)
    if x.ndim < 4 or x.shape[-2] != len(matrix):
        raise ValueError(f"x must have shape (..., height, width, {len(matrix)}, channels), got {x.shape}")
    moved = _moved(x, _turn(angle, reflect), x.ndim - 4)
    return contract("ij,...jc->...ic", jnp.asarray(matrix, accumulation_dtype(x)), moved).astype(x.dtype)


def _check_element(element, group):
    if not 0 <= element < group.order:
        raise ValueError(f"element must be an index below the order {group.order} of the group, got {element}")


def _matrix(group, element):
    """A signed permutation of axes where there is one, else the matrix in the plane."""
    matrix = element_matrices(group)[element]
    if group.dimension == 3:
        return grid_matrices(group)[element]
    return _on_axes(matrix)


def _turn(angle, reflect):
    cosine, sine = math.cos(angle), math.sin(angle)
    return _on_axes(np.array([[cosine, -sine], [sine, cosine]]) @ np.diag([1.0, -1.0 if reflect else 1.0]))


def _on_axes(matrix):
    """In rows and columns; whole numbers if it is near them."""
    for exact in grid_matrices(dihedral(4)):
        if np.abs(_ROWS @ matrix @ _ROWS.T - exact).max() < 1e-9:
            return exact
    return _ROWS @ matrix @ _ROWS.T


_ROWS = np.array([[0.0, -1.0], [1.0, 0.0]])


def _moved(x, matrix, start):
    """The axes of space, from `start` on, moved by a matrix on them."""
    dimension = len(matrix)
    places = tuple(range(dimension))
    x = jnp.moveaxis(x, tuple(start + place for place in places), places)
    x = move_grid(x, matrix) if matrix.dtype.kind == "i" else _interpolated(x, matrix)
    return jnp.moveaxis(x, places, tuple(start + place for place in places))


def _interpolated(x, matrix):
    """`(height, width, ...)` by cubic convolution (Keys)."""
    height, width = x.shape[:2]
    nearest, weights = _cubic(height, width, tuple(map(tuple, matrix)))
    sums = accumulation_dtype(x)
    flat = x.astype(sums).reshape(height * width, -1)
    total = jnp.zeros((), sums)
    for pixel, weight in zip(nearest, jnp.asarray(weights, sums), strict=True):
        total = total + weight[:, None] * flat[pixel]
    return total.reshape(x.shape).astype(x.dtype)


@functools.lru_cache(maxsize=32)
def _cubic(height, width, matrix):
    """`(16, pixels)` indices and weights."""
    centre = np.array([height - 1, width - 1]) / 2
    places = np.stack(np.meshgrid(np.arange(height), np.arange(width), indexing="ij"), -1).reshape(-1, 2) - centre
    source = places @ np.array(matrix) + centre
    first = np.floor(source).astype(np.int64) - 1
    nearest, weights = [], []
    for row in range(4):
        for column in range(4):
            at = first + np.array([row, column])
            inside = np.all((at >= 0) & (at < [height, width]), axis=-1)
            nearest.append(np.where(inside, at[:, 0] * width + at[:, 1], 0).astype(np.int32))
            weights.append(np.where(inside, np.prod(_keys(source - at), axis=-1), 0.0))
    tables = np.stack(nearest), np.stack(weights)
    for table in tables:
        table.flags.writeable = False
    return tables


def _keys(distance):
    near = np.abs(distance)
    inner = 1.5 * near**3 - 2.5 * near**2 + 1
    outer = -0.5 * near**3 + 2.5 * near**2 - 4 * near + 2
    return np.where(near <= 1, inner, np.where(near < 2, outer, 0.0))
