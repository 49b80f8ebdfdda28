"""Peers of the symmetric contraction: e3nn_jax as MACE-jax calls it, and cuequivariance_jax.

Both take our arguments and compute our map: their bases of symmetric maps span the same spaces, so their weights are
matrices times ours.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.bench.families.full_precision import in_full_precision
from jaxinv.kernels.harmonics.degrees import degree_slice, lmax_of
from jaxinv.kernels.tensor_products.symmetric_basis import monomials, symmetric_basis, symmetric_contraction_paths


@in_full_precision
def e3nn_symmetric_contraction(x, weights, species):
    """The einsums of e3nn_jax's `SymmetricTensorProduct`, which MACE-jax uses: `((w3 x + w2) x + w1) x` by degree."""
    lmax, order = lmax_of("x", x), len(weights)
    bases = [_e3nn_basis(lmax, nu) for nu in range(1, order + 1)]
    of_nodes = [_mapped(w, _e3nn_matrices(lmax, nu), lmax)[species] for nu, w in enumerate(weights, 1)]

    def of_node(x, *weights):
        out: dict[int, Any] = {}
        for nu in range(order, 0, -1):
            starts = np.cumsum([0, *(basis.shape[-2] for basis in bases[nu - 1])])
            for degree, basis in enumerate(bases[nu - 1]):
                basis = jnp.asarray(basis, x.dtype)
                weight = weights[nu - 1][starts[degree] : starts[degree + 1]]
                if nu == order:
                    out[degree] = jnp.einsum("...jki,kc,cj->c...i", basis, weight, x)
                else:
                    out[degree] = jnp.einsum(
                        "c...ji,cj->c...i", out[degree] + jnp.einsum("...ki,kc->c...i", basis, weight), x
                    )
        return jnp.concatenate([out[degree] for degree in range(lmax + 1)], axis=-1)

    return jax.vmap(of_node)(x, *of_nodes)


@in_full_precision
def cuequivariance_symmetric_contraction(x, weights, species):
    """cuequivariance_jax's descriptor of this name; "naive", the method that runs on every device."""
    import cuequivariance_jax as cuex

    lmax, order = lmax_of("x", x), len(weights)
    polynomial = _cuequivariance_polynomial(lmax, order, x.shape[-2])
    mapped = [_mapped(w, _cuequivariance_matrices(lmax, nu), lmax) for nu, w in enumerate(weights, 1)]
    theirs = jnp.concatenate(mapped, axis=1)[species].reshape(len(x), -1)
    # Components of a degree first, then channels.
    degrees = [x[..., degree_slice(degree)].swapaxes(-1, -2).reshape(len(x), -1) for degree in range(lmax + 1)]
    features = cuex.RepArray(polynomial.inputs[1], jnp.concatenate(degrees, axis=-1))
    found: Any = cuex.equivariant_polynomial(polynomial, [theirs, features], method="naive")
    sizes = [x.shape[-2] * (2 * degree + 1) for degree in range(lmax + 1)]
    parts = jax.lax.split(found.array, sizes, axis=1)
    return jnp.concatenate([part.reshape(len(x), -1, x.shape[-2]) for part in parts], axis=1).swapaxes(1, 2)


def _mapped(weights, matrices, lmax: int):
    """`(species, paths, channels)` of ours to theirs, one matrix a degree."""
    sizes = [len(matrix) for matrix in matrices]
    parts = jax.lax.split(weights, sizes, axis=1)
    mapped = [jnp.einsum("pq,spc->sqc", jnp.asarray(m, weights.dtype), w) for m, w in zip(matrices, parts, strict=True)]
    return jnp.concatenate(mapped, axis=1)


@functools.lru_cache(maxsize=32)
def _e3nn_basis(lmax: int, nu: int) -> tuple[np.ndarray, ...]:
    """For each degree, `(components, .., components, maps, 2 l + 1)`."""
    import e3nn_jax as e3nn

    irreps = e3nn.s2_irreps(lmax)
    basis = e3nn.reduced_symmetric_tensor_product_basis(irreps, nu, keep_ir=irreps)
    return tuple(np.asarray(chunk, np.float64) for chunk in basis.chunks)


@functools.lru_cache(maxsize=32)
def _e3nn_matrices(lmax: int, nu: int) -> tuple[np.ndarray, ...]:
    """For each degree, `(our maps, their maps)`: ours are combinations of theirs, which are orthonormal."""
    places = tuple(np.array(monomials(lmax, nu)).T)
    matrices = []
    for ours, theirs in zip(symmetric_basis(lmax, nu, lmax), _e3nn_basis(lmax, nu), strict=True):
        # One component stands for all. Ours sums the entries of a tensor that share a monomial.
        matrices.append(ours[:, 0] @ theirs[places][..., 0])
    return tuple(matrices)


@functools.lru_cache(maxsize=32)
def _cuequivariance_polynomial(lmax: int, order: int, num_channels: int) -> Any:
    import cuequivariance as cue

    irreps = cue.Irreps("O3", "+".join(f"{num_channels}x{degree}{'eo'[degree % 2]}" for degree in range(lmax + 1)))
    return cue.descriptors.symmetric_contraction(irreps, irreps, tuple(range(1, order + 1)))


@functools.lru_cache(maxsize=32)
def _cuequivariance_matrices(lmax: int, nu: int) -> tuple[np.ndarray, ...]:
    """The same for cuequivariance, by least squares from values at points."""
    import cuequivariance as cue

    irreps = cue.Irreps("O3", "+".join(f"{degree}{'eo'[degree % 2]}" for degree in range(lmax + 1)))
    polynomial = cue.descriptors.symmetric_contraction(irreps, irreps, (nu,)).polynomial
    paths = symmetric_contraction_paths(lmax, nu, lmax)[nu - 1]
    points = np.random.default_rng(0).normal(size=(2 * len(paths), (lmax + 1) ** 2))
    theirs = np.array([[polynomial(unit, point)[0] for point in points] for unit in np.eye(len(paths))])
    values = points[:, np.array(monomials(lmax, nu))].prod(-1)
    matrices, start = [], 0
    for degree, table in enumerate(symmetric_basis(lmax, nu, lmax)):
        ours = np.einsum("pkm,nm->pnk", table, values).reshape(len(table), -1)
        unknown = theirs[start : start + len(table), :, degree_slice(degree)].reshape(len(table), -1)
        matrices.append(np.linalg.lstsq(unknown.T, ours.T, rcond=None)[0].T)
        start += len(table)
    return tuple(matrices)
