"""Orthonormal bases of symmetric and antisymmetric matrices, in the order of the global coordinates."""

import functools

import numpy as np

from jaxinv.kernels.numerics.validation import require_choice

GROUPS = ("gl", "sl", "so", "sim")


def coordinate_dimension(n: int, *, group: str) -> int:
    """How many global coordinates (`xi_inv`) n x n matrices of a group have.

    Args:
      n: of the matrices.
      group: "gl", "sl", "sim" or "so".

    Returns:
      n^2, n^2 - 1, 1 + n (n - 1) / 2 or n (n - 1) / 2.

    Raises:
      ValueError: an unknown group.
    """
    require_choice("group", group, GROUPS)
    return symmetric_dimension(n, group=group) + n * (n - 1) // 2


def symmetric_dimension(n: int, *, group: str) -> int:
    """How many of the global coordinates belong to the stretch.

    Args:
      n: of the matrices.
      group: "gl", "sl", "sim" or "so".

    Returns:
      The dimension of the group's symmetric matrices: n (n + 1) / 2, one less, 1 or 0.
    """
    full = n * (n + 1) // 2
    return {"gl": full, "sl": full - 1, "sim": 1, "so": 0}[group]


@functools.lru_cache(maxsize=32)
def symmetric_basis(n: int, group: str) -> np.ndarray:
    """A basis of the group's symmetric matrices, in the order of the global coordinates.

    Args:
      n: of the matrices.
      group: "gl", "sl", "sim" or "so".

    Returns:
      `(dim, n, n)` float64, orthonormal for `tr(A B)`, not writeable.
    """
    units = [np.diag(row) for row in np.eye(n)]
    off = {(i, j): _off_diagonal(n, i, j, 1.0) for i in range(n) for j in range(i + 1, n)}
    if group == "gl":
        basis = [units[i] if i == j else off[i, j] for i in range(n) for j in range(i, n)]
    elif group == "sl":
        basis = [(sum(units[:k]) - k * units[k]) / np.sqrt(k * (k + 1)) for k in range(1, n)] + list(off.values())
    else:
        basis = [np.eye(n) / np.sqrt(n)] if group == "sim" else []
    return _frozen(np.array(basis).reshape(-1, n, n))


@functools.lru_cache(maxsize=32)
def antisymmetric_basis(n: int) -> np.ndarray:
    """A basis of the antisymmetric matrices, in the order of the global coordinates.

    Args:
      n: of the matrices.

    Returns:
      `(n (n - 1) / 2, n, n)` float64, orthonormal for `tr(A^T B)`, not writeable: for n = 3 the axes, else below the
      diagonal.
    """
    if n == 3:
        basis = [_off_diagonal(3, j, i, -1.0) for i, j in ((1, 2), (2, 0), (0, 1))]
    else:
        basis = [_off_diagonal(n, i, j, -1.0) for i in range(n) for j in range(i)]
    return _frozen(np.array(basis).reshape(-1, n, n))


def _off_diagonal(n, i, j, sign):
    matrix = np.zeros((n, n))
    matrix[i, j], matrix[j, i] = np.sqrt(0.5), sign * np.sqrt(0.5)
    return matrix


def _frozen(table):
    table.flags.writeable = False
    return table
