"""Orthonormal bases of the linear maps that are equivariant under a group, and the projector onto their span."""

import math

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.validation import require_floating
from jaxinv.kernels.symmetrization.matrix_groups import MatrixGroup


def equivariant_basis(rho_in: MatrixGroup, rho_out: MatrixGroup, *, tolerance: float = 1e-5) -> np.ndarray:
    """An orthonormal basis of the maps W with `rho_out(g) W = W rho_in(g)`, on the host.

    Args:
      rho_in: the group on inputs.
      rho_out: the same group on outputs, by the same generators. Of biases: maps from
        `tensor_representation(group, 0)`.
      tolerance: how small a singular value of the constraints, relative to the largest, counts as 0.

    Returns:
      `(outputs inputs, r)` float64, columns orthonormal: each is a map, row by row. r is 0 where only the zero map is
      equivariant. Its cost is that of the eigenvectors of a matrix of `outputs inputs` rows.

    Raises:
      ValueError: other numbers of generators.
    References: Finzi, Welling, Wilson, arXiv:2104.09459.

    Examples:
      >>> from jaxinv.kernels import symmetrization as sym
      >>> rotations = sym.matrix_group("so", 3)
      >>> pairs = sym.tensor_representation(rotations, 2)
      >>> sym.equivariant_basis(pairs, rotations).shape  # from 3 x 3 matrices to vectors: only the antisymmetric part
      (27, 1)
    """
    if rho_in.algebra.shape[0] != rho_out.algebra.shape[0] or rho_in.discrete.shape[0] != rho_out.discrete.shape[0]:
        raise ValueError("rho_out must represent the group of rho_in, by as many generators")
    num_out, num_in = rho_out.algebra.shape[-1], rho_in.algebra.shape[-1]
    gram = np.zeros((num_out * num_in,) * 2)
    for inner, outer in ((rho_in.algebra, rho_out.algebra), (rho_in.discrete, rho_out.discrete)):
        for a, b in zip(inner, outer, strict=True):
            # Of W row by row: (b W - W a) has the matrix kron(b, 1) - kron(1, a').
            constraint = np.kron(b, np.eye(num_in)) - np.kron(np.eye(num_out), a.T)
            gram += constraint.T @ constraint
    squares, vectors = np.linalg.eigh(gram)
    return vectors[:, squares <= tolerance**2 * max(squares[-1], np.finfo(float).tiny)]


@jax.jit
def project_equivariant(parameter: jax.Array, basis: jax.Array | np.ndarray) -> jax.Array:
    """The nearest parameter in the span of a basis: `Q (Q' vec W)`.

    Args:
      parameter: `(*copies, ...)`, floating point; its last axes hold as many entries as the basis has rows: a map
        `(outputs, inputs)`, or a bias. Those before are maps of the same kind, such as the channels of a layer, each
        projected by itself.
      basis: `(entries, r)`, columns orthonormal (`equivariant_basis`).

    Returns:
      As the parameter, in its dtype.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order.
    """
    parameter, basis = jnp.asarray(parameter), jnp.asarray(basis)
    require_floating("parameter", parameter)
    entries = [math.prod(parameter.shape[axis:]) for axis in range(parameter.ndim + 1)]
    if basis.ndim != 2 or basis.shape[0] not in entries:
        raise ValueError(
            f"basis must have shape (entries, r) for the last axes of parameter, {parameter.shape}, got {basis.shape}"
        )
    copies = math.prod(parameter.shape[: entries.index(basis.shape[0])])
    dtype = accumulation_dtype(parameter)
    basis = basis.astype(dtype)
    along = contract("ir,ni->nr", basis, parameter.reshape(copies, basis.shape[0]), dtype=dtype)
    return contract("ir,nr->ni", basis, along).reshape(parameter.shape).astype(parameter.dtype)
