"""Principal components of samples, from the smaller side, with signs that depend on the samples alone."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.gram import weighted_gram
from jaxinv.kernels.numerics.precision import contract
from jaxinv.kernels.numerics.safe import safe_divide


class PrincipalComponents(NamedTuple):
    """Principal components of N samples; K of them at most.

    Attributes:
      scores: `(N, K)`, about the mean; 0 for samples of weight 0, and in components without variance. Of each component
        the entry of greatest size is positive.
      variance: `(K,)`, biased, descending; rounding noise is 0.
      total: `()`, variance of all components, those beyond K included.
    """

    scores: jax.Array
    variance: jax.Array
    total: jax.Array


def principal_components(features: jax.Array, weight: jax.Array, num: int) -> PrincipalComponents:
    """The `min(num, N, D)` principal components of most variance.

    Args:
      features: `(N, D)`, in float32 at least.
      weight: `(N,)`, non-negative, of the same dtype.
      num: static, >= 1.

    Returns:
      PrincipalComponents. Columns that vary by less than rounding of their mean are constant. A constant for
      differentiation.

    Invariant to rotations, translations and zero columns, and to the order of samples, where the variances differ.
    Transformations: jit, vmap. One eigendecomposition of size `min(N, D)`.
    """
    features, weight = jax.lax.stop_gradient((features, weight))
    num_samples, dim = features.shape
    size = jnp.sum(weight)
    mean = safe_divide(jnp.sum(weight[:, None] * features, axis=0), size)
    root = jnp.sqrt(weight)[:, None]
    rows = root * (features - mean[None, :])
    spread = jnp.sum(rows**2, axis=0)
    rounding = 4 * float(jnp.finfo(features.dtype).eps) * mean
    varies = spread > size * rounding**2
    rows = jnp.where(varies[None, :], rows, 0.0)
    if dim <= num_samples:
        values, vectors = _leading(weighted_gram(rows, rows), num)
        scores = contract("nd,dk->nk", rows, vectors)
    else:
        values, vectors = _leading(contract("nd,md->nm", rows, rows), num)
        scores = jnp.sqrt(values)[None, :] * vectors
    scores = safe_divide(scores, jnp.broadcast_to(root, scores.shape))
    scores = jnp.where((values > 0)[None, :], scores, 0.0)
    if num_samples > 0:
        furthest = jnp.take_along_axis(scores, jnp.argmax(jnp.abs(scores), axis=0)[None, :], axis=0)
        scores = jnp.where(furthest < 0, -scores, scores)
    total = safe_divide(jnp.sum(jnp.where(varies, spread, 0.0)), size)
    return PrincipalComponents(scores, safe_divide(values, size), total)


def _leading(gram, num):
    """The `num` largest eigenvalues, descending, rounding noise set to 0, and their eigenvectors."""
    size = gram.shape[0]
    if size == 0:
        return jnp.zeros(0, gram.dtype), gram
    values, vectors = jnp.linalg.eigh(gram)
    values, vectors = values[::-1][:num], vectors[:, ::-1][:, :num]
    noise = size * float(jnp.finfo(gram.dtype).eps) * values[0]
    return jnp.where(values > noise, values, 0.0), vectors
