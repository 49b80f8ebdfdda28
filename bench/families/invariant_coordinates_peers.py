"""Peers of invariant coordinates: the n x n scaling of textbooks, and principal components."""

import jax
import jax.numpy as jnp
import numpy as np


def textbook_scaling(points, factors, d: int = 3):
    """Squared distances, double centring, the largest eigenvalues; of root mean square radius 1."""
    n = points.shape[-2]
    centred = points - jnp.mean(points, axis=-2, keepdims=True)
    squares = jnp.sum(centred**2, axis=-1)
    inner = jnp.einsum("bik,bjk->bij", centred, centred, precision="highest")
    distances = squares[:, :, None] + squares[:, None, :] - 2 * inner
    means = jnp.mean(distances, axis=-1)
    gram = -0.5 * (distances - means[:, :, None] - means[:, None, :] + jnp.mean(means, axis=-1)[:, None, None])
    values, vectors = jnp.linalg.eigh(gram)
    values, vectors = values[:, ::-1][:, :d], vectors[:, :, ::-1][:, :, :d]
    points = vectors * jnp.sqrt(jnp.maximum(values, 0))[:, None, :]
    return factors * jnp.abs(points) / jnp.sqrt(jnp.sum(values, axis=-1) / n)[:, None, None]


def plain_principal_components(points, factors):
    """By the d x d covariance and `jnp.linalg.eigh`, senses by third moments; of root mean square radius 1."""
    centred = points - jnp.mean(points, axis=-2, keepdims=True)
    covariance = jnp.einsum("bpi,bpj->bij", centred, centred, precision="highest") / points.shape[-2]
    axes = jax.lax.stop_gradient(jnp.linalg.eigh(covariance)[1][..., ::-1])
    z = jnp.einsum("bpi,bij->bpj", centred, axes, precision="highest")
    signs = jnp.sign(jnp.sum(jax.lax.stop_gradient(z) ** 3, axis=-2))
    scale = jnp.sqrt(jnp.mean(jnp.sum(centred**2, axis=-1), axis=-1))
    return factors * z * signs[:, None, :] / scale[:, None, None]


def numpy_principal_components(points: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """All clouds at once, by the covariance."""
    centred = points - points.mean(axis=1, keepdims=True)
    axes = np.linalg.eigh(np.swapaxes(centred, 1, 2) @ centred)[1][..., ::-1]
    z = centred @ axes
    z *= np.sign((z**3).sum(axis=1))[:, None]
    return factors * z / np.sqrt((centred**2).sum(-1).mean(axis=1))[:, None, None]


def sklearn_principal_components(points: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Cloud by cloud."""
    from sklearn.decomposition import PCA

    found = np.stack([PCA().fit_transform(cloud) for cloud in points])
    found *= np.sign((found**3).sum(axis=1))[:, None]
    return factors * found / np.sqrt((found**2).sum(-1).mean(axis=1))[:, None, None]
