"""Lie algebras of matrices by a basis: coordinates, brackets and conjugations as contractions with small tables."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.lie_groups.coordinate_bases import antisymmetric_basis
from jaxinv.kernels.numerics.precision import contract


class Basis(NamedTuple):
    """Matrices of a basis and of its dual for `tr(A^T B)`, each `(dim, size, size)`, float64."""

    elements: np.ndarray
    dual: np.ndarray


@functools.lru_cache(maxsize=16)
def rotation_basis(n: int) -> Basis:
    """Of so(n): the entries below the diagonal row by row; for n = 3 the rotation vector."""
    # Made integer: those are orthonormal.
    elements = np.sign(antisymmetric_basis(n))
    return _frozen(elements, elements / 2)


@functools.lru_cache(maxsize=16)
def motion_basis(n: int) -> Basis:
    """Of se(n): the translation, then so(n), in matrices of size n + 1."""
    rotations = rotation_basis(n)
    shift = np.zeros((n, n + 1, n + 1))
    shift[np.arange(n), np.arange(n), n] = 1.0
    padding = ((0, 0), (0, 1), (0, 1))
    return _frozen(*(np.concatenate([shift, np.pad(part, padding)]) for part in rotations))


def _frozen(elements, dual):
    for table in (elements, dual):
        table.flags.writeable = False
    return Basis(elements, dual)


@functools.lru_cache(maxsize=32)
def structure_constants(basis: Callable[[int], Basis], n: int) -> np.ndarray:
    """`[c, a, b]`: coordinate a of the bracket of elements c and b."""
    elements, dual = basis(n)
    products = np.einsum("cij,bjk->cbik", elements, elements)
    constants = np.einsum("aik,cbik->cab", dual, products - products.swapaxes(0, 1))
    constants.flags.writeable = False
    return constants


def combined(x: jax.Array, basis: Basis) -> jax.Array:
    """Matrices of coordinates."""
    return contract("...a,aij->...ij", x, jnp.asarray(basis.elements, x.dtype))


def coordinates(matrix: jax.Array, basis: Basis) -> jax.Array:
    """Coordinates of matrices, or of their orthogonal projections onto the algebra."""
    return contract("...ij,aij->...a", matrix, jnp.asarray(basis.dual, matrix.dtype))


def bracket_matrix(x: jax.Array, basis: Callable[[int], Basis], n: int) -> jax.Array:
    """ad: of the bracket with x, on coordinates."""
    return contract("...c,cab->...ab", x, jnp.asarray(structure_constants(basis, n), x.dtype))


def conjugation_matrix(g: jax.Array, inverse: jax.Array, basis: Basis) -> jax.Array:
    """Ad: of the conjugation by g, on coordinates."""
    moved = contract("...ij,bjk->...bik", g, jnp.asarray(basis.elements, g.dtype))
    moved = contract("...bik,...kl->...bil", moved, inverse)
    return contract("ail,...bil->...ab", jnp.asarray(basis.dual, g.dtype), moved)
