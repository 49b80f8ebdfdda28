"""Orientations: points spread over the circle and over the sphere, tables of numpy."""

import functools

import numpy as np

from jaxinv.kernels.numerics.validation import require_at_least, require_choice

KINDS = ("repulsion", "fibonacci", "polyhedron")
_STEPS = 300


@functools.lru_cache(maxsize=64)
def orientation_grid(
    num_orientations: int, dimension: int = 3, *, kind: str = "repulsion", antipodal: bool = False
) -> np.ndarray:
    """`num_orientations` unit vectors, spread evenly.

    On the circle they stand at equal angles. On the sphere a "repulsion" grid is where charges come to rest, starting
    from a "fibonacci" grid (a spiral of equal areas), and a "polyhedron" has the corners of the octahedron, icosahedron
    or dodecahedron. What is computed on a polyhedron is exactly equivariant under its 24 or 60 rotations, and nearly so
    under others; on the other grids nearly so under all rotations of the sphere, better with more orientations.

    Args:
      num_orientations: N; 6, 12 or 20 for a polyhedron.
      dimension: 2 for the circle, 3 for the sphere.
      kind: of a grid on the sphere.
      antipodal: whether `o[i + N/2] = -o[i]`, which `dense_orientation_convolution` turns into half of the work.
        Polyhedra are, and the circle is where N is even, whether asked or not; their order is this one.

    Returns:
      `(num_orientations, dimension)`, float64, not writeable.

    Raises:
      ValueError: a dimension other than 2 and 3, an unknown kind, a number below 1, odd and antipodal, or of no
        polyhedron's corners.
    References: Bekkers et al., PONITA, arXiv:2310.02970, section 4; González, Measurement of areas on a sphere using
    Fibonacci and latitude-longitude lattices, arXiv:0912.4540.

    Examples:
      >>> from jaxinv.kernels import group_convolutions as gc
      >>> grid = gc.orientation_grid(12, kind="polyhedron")
      >>> grid.shape, gc.is_antipodal(grid)
      ((12, 3), True)
    """
    require_at_least("num_orientations", num_orientations, 1)
    require_choice("kind", kind, KINDS)
    if dimension not in (2, 3):
        raise ValueError(f"dimension must be 2 or 3, got {dimension}")
    if antipodal and num_orientations % 2:
        raise ValueError(f"num_orientations must be even where the grid is antipodal, got {num_orientations}")
    if dimension == 2:
        angles = 2 * np.pi / num_orientations * np.arange(num_orientations)
        grid = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
        grid = _with_opposites(grid[: num_orientations // 2]) if num_orientations % 2 == 0 else grid
    elif kind == "polyhedron":
        grid = _with_opposites(_half_polyhedron(num_orientations))
    else:
        free = _fibonacci(num_orientations // 2, half=True) if antipodal else _fibonacci(num_orientations, half=False)
        grid = _repelled(free, antipodal) if kind == "repulsion" else free
        grid = _with_opposites(grid) if antipodal else grid
    grid.flags.writeable = False
    return grid


def is_antipodal(orientations: np.ndarray) -> bool:
    """Whether the second half of a grid is the first with the opposite sign.

    Args:
      orientations: `(N, n)`.

    Returns:
      A bool; True allows `antipodal` in `dense_orientation_convolution`.
    """
    half = len(orientations) // 2
    return len(orientations) % 2 == 0 and bool(np.allclose(orientations[:half], -orientations[half:], atol=1e-9))


def _with_opposites(half):
    return np.concatenate([half, -half])


def _fibonacci(num, *, half):
    """Turns by the golden angle from circle to circle of equal areas; `half`: of the upper half of the sphere."""
    index = np.arange(num)
    height = 1 - (index + 0.5) / num if half else 1 - (2 * index + 1) / num
    angle = np.pi * (1 + np.sqrt(5)) * index
    radius = np.sqrt(1 - height**2)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), height], axis=-1)


def _repelled(points, antipodal):
    """Charges that move to rest on the sphere, by ever shorter steps along the force."""
    for step in range(_STEPS):
        others = _with_opposites(points) if antipodal else points
        apart = points[:, None] - others[None]
        square = np.sum(apart**2, axis=-1, keepdims=True)
        force = np.sum(apart / np.where(square == 0, np.inf, square**1.5), axis=1)
        force -= np.sum(force * points, axis=-1, keepdims=True) * points
        largest = np.max(np.linalg.norm(force, axis=-1))
        if largest < 1e-12:
            break
        # At most a third of the distance between neighbours, and less with every step.
        points = points + force / largest * (1.2 / np.sqrt(len(others))) * (1 - step / _STEPS) ** 2
        points /= np.linalg.norm(points, axis=-1, keepdims=True)
    return points


def _half_polyhedron(num):
    """One of every two opposite corners."""
    golden = (1 + np.sqrt(5)) / 2
    if num == 6:
        return np.eye(3)
    if num == 12:
        corners = np.array([[0, sign, golden] for sign in (1, -1)])
        return np.concatenate([np.roll(corners, k, axis=-1) for k in range(3)]) / np.sqrt(1 + golden**2)
    if num == 20:
        cube = np.array([[1, a, b] for a in (1, -1) for b in (1, -1)])
        others = np.array([[0, sign / golden, golden] for sign in (1, -1)])
        return np.concatenate([cube, *(np.roll(others, k, axis=-1) for k in range(3))]) / np.sqrt(3)
    raise ValueError(f"num_orientations must be 6, 12 or 20 for a polyhedron, got {num}")
