"""The eigendecomposition of a scatter matrix, taken once and shared by the scores that need it."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import contract
from jaxinv.kernels.transferability.statistics.class_statistics import ClassMoments, ClassStatistics, finalise


class Spectrum(NamedTuple):
    """Eigenvalues `(D,)`, rounding noise set to 0, and eigenvectors `(D, D)` in columns, of a scatter matrix."""

    eigenvalues: jax.Array
    eigenvectors: jax.Array


def scatter_spectrum(statistics: ClassStatistics) -> Spectrum:
    """Eigendecomposition of the scatter matrix about the mean, to pass to `logme` and `ridge_gcv`.

    Args:
      statistics: of a labelled set of features; the labels do not matter, so that one spectrum serves many label sets.

    Returns:
      Spectrum, in ascending order. Eigenvalues below `D * eps` times the largest are rounding noise and set to 0.

    Transformations: jit, vmap. A constant for differentiation: the scores have derivative rules of their own.
    """
    return moments_spectrum(finalise(statistics))


def moments_spectrum(moments: ClassMoments) -> Spectrum:
    """`scatter_spectrum` of statistics that are finalised already.

    Args:
      moments: about the overall mean; `scatter` is `(D, D)`.

    Returns:
      Spectrum, in ascending order, in the dtype of the moments; rounding noise is 0.

    Transformations: as `scatter_spectrum`.
    """
    eigenvalues, eigenvectors = jnp.linalg.eigh(jax.lax.stop_gradient(moments.scatter))
    noise = eigenvalues.shape[-1] * float(jnp.finfo(eigenvalues.dtype).eps) * eigenvalues[-1]
    return Spectrum(jnp.where(eigenvalues > noise, eigenvalues, 0.0), eigenvectors)


def project_class_sums(spectrum: Spectrum, moments: ClassMoments) -> jax.Array:
    """Centred cross-products of features and one-hot labels along the eigenvectors, `(C, D)`; 0 where noise."""
    along = contract("cd,de->ce", moments.count[:, None] * moments.deviation, spectrum.eigenvectors)
    return jnp.where((spectrum.eigenvalues > 0)[None, :], along, 0.0)


def least_squares_residual(spectrum: Spectrum, moments: ClassMoments, projected: jax.Array) -> jax.Array:
    """Squared residual `(C,)` of the least-squares fit (with intercept) of each one-hot column; rounding is 0."""
    variance = moments.count * (1 - moments.prior)
    inverse = jnp.where(spectrum.eigenvalues > 0, 1 / jnp.where(spectrum.eigenvalues > 0, spectrum.eigenvalues, 1.0), 0)
    explained = jnp.sum(projected**2 * inverse[None, :], axis=-1)
    residual = variance - explained
    return jnp.where(residual > 16 * float(jnp.finfo(variance.dtype).eps) * variance, residual, 0.0)
