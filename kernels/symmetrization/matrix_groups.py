"""Groups of matrices by generators, and what they make of tensors: on the host, in float64."""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from jaxinv.kernels.numerics.validation import require_at_least, require_choice

NAMES = ("o", "so", "sl", "gl", "scaling")


class MatrixGroup(NamedTuple):
    """A representation of a group on n coordinates, by matrices that generate it.

    Attributes:
      algebra: `(a, n, n)`, a basis of the Lie algebra.
      discrete: `(b, n, n)`, elements that reach the other components.
    """

    algebra: np.ndarray
    discrete: np.ndarray


def matrix_group(name: str, n: int, *, axes: Sequence[int] | None = None) -> MatrixGroup:
    """A classical group on n coordinates.

    Args:
      name: "o", "so", "sl", "gl" (its component of positive determinant) or "scaling" (positive multiples).
      n: 1 at least.
      axes: the coordinates that it acts on; it fixes the others. Default all. O(2) in the plane of x and y of space is
        `matrix_group("o", 3, axes=(0, 1))`.

    Returns:
      `MatrixGroup`, float64: as many generators as the algebra has dimensions, and one reflection for "o".

    Raises:
      ValueError: unknown name, n below 1, axes that are not distinct coordinates, naming the argument.
    """
    require_choice("name", name, NAMES)
    require_at_least("n", n, 1)
    axes = tuple(range(n)) if axes is None else tuple(axes)
    if not axes or len(set(axes)) < len(axes) or not set(axes) <= set(range(n)):
        raise ValueError(f"axes must be distinct coordinates below {n}, got {axes}")

    def unit(i, j):
        return np.outer(np.eye(n)[i], np.eye(n)[j])

    pairs = list(itertools.combinations(axes, 2))
    if name in ("o", "so"):
        algebra = [unit(j, i) - unit(i, j) for i, j in pairs]
    elif name == "scaling":
        algebra = [np.diag([float(i in axes) for i in range(n)])]
    else:
        across = [unit(i, j) for i in axes for j in axes if i != j]
        along = [unit(i, i) - unit(j, j) for i, j in itertools.pairwise(axes)]
        algebra = across + along + ([unit(axes[0], axes[0])] if name == "gl" else [])
    discrete = [np.eye(n) - 2 * unit(axes[0], axes[0])] if name == "o" else []
    return MatrixGroup(np.reshape(algebra, (-1, n, n)).astype(float), np.reshape(discrete, (-1, n, n)).astype(float))


def tensor_representation(group: MatrixGroup, order: int) -> MatrixGroup:
    """The group on tensors of an order.

    Args:
      group: on vectors of n coordinates.
      order: of the tensors; 0 for scalars, which it leaves.

    Returns:
      `MatrixGroup` on n^order coordinates, the last index fastest.

    Raises:
      ValueError: order below 0.
    """
    require_at_least("order", order, 0)
    n = group.algebra.shape[-1]
    algebra = np.zeros((len(group.algebra), 1, 1))
    discrete = np.ones((len(group.discrete), 1, 1))
    for power in range(order):
        size, one = n**power, np.eye(n)
        algebra = np.kron(algebra, one) + np.kron(np.eye(size), group.algebra)
        discrete = np.einsum("gij,gkl->gikjl", discrete, group.discrete).reshape(-1, size * n, size * n)
    return MatrixGroup(algebra, discrete)


def direct_sum(*parts: MatrixGroup) -> MatrixGroup:
    """The same group on several spaces side by side.

    Args:
      *parts: representations of one group, by as many generators each.

    Returns:
      `MatrixGroup` of block diagonal matrices: on as many coordinates as the parts together, in their order.

    Raises:
      ValueError: no parts, or parts with other numbers of generators.
    """
    if len({(len(part.algebra), len(part.discrete)) for part in parts}) != 1:
        raise ValueError("parts must be representations of one group, by as many generators each")
    return MatrixGroup(
        _blocks([part.algebra for part in parts]),
        _blocks([part.discrete for part in parts]),
    )


def _blocks(matrices):
    sizes = [part.shape[-1] for part in matrices]
    whole = np.zeros((len(matrices[0]), sum(sizes), sum(sizes)))
    start = 0
    for part, size in zip(matrices, sizes, strict=True):
        whole[:, start : start + size, start : start + size] = part
        start += size
    return whole
