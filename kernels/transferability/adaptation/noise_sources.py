"""Random sources of knowledge: labelled noise, with class structure or without.

| kind | samples of class c |
| --- | --- |
| "gaussian" | N(z_c, I), one z_c ~ N(0, I) a class |
| "scaled" | N((c + 1) alpha z_c, (c + 1) alpha A_c), A_c the positive part of a random symmetric matrix |
| "uniform" | uniform on [-10, 10]: no class structure |
| "laplace" | Laplace(0, 1): no class structure |
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.validation import require_at_least, require_choice, require_floating, require_shape

NOISE_KINDS = ("gaussian", "scaled", "uniform", "laplace")
_HALF_WIDTH = 10.0


class NoiseSource(NamedTuple):
    """Labelled noise, one class after the other."""

    features: Float[Array, "n d"]
    labels: Int[Array, "n"]


class ClassGaussians(NamedTuple):
    """A normal distribution a class."""

    mean: Float[Array, "c d"]
    root: Float[Array, "c d d"]
    """R, of the covariance R R^T."""


@functools.partial(jax.jit, static_argnames=("num_classes", "dim"))
def scaled_gaussians(
    key: PRNGKeyArray, alpha: Float[Array, ""] | float, *, num_classes: int, dim: int
) -> ClassGaussians:
    """The distributions of the kind "scaled": mean and covariance of class c grow with `(c + 1) alpha`.

    Args:
      key: of the directions and the covariances, which do not depend on alpha.
      alpha: a positive scalar; 0 gives a source of zeros.
      num_classes, dim: static; C and d.

    Returns:
      ClassGaussians in the dtype of alpha, float32 at least.

    Raises:
      TypeError, ValueError: an option out of range, or an alpha that is no floating-point scalar.
    Transformations: jit, vmap, jvp, vjp (in alpha; at 0 the derivative of the root counts as 0), any order.
    References: Yao et al. (2025), arXiv:2502.13573, and the published generator.
    """
    alpha = _require_alpha(alpha)
    require_at_least("num_classes", num_classes, 1)
    require_at_least("dim", dim, 1)
    mean_key, key = jax.random.split(key)
    dtype = accumulation_dtype(alpha)
    scale = alpha.astype(dtype) * jnp.arange(1, num_classes + 1, dtype=dtype)
    square = jax.random.normal(key, (num_classes, dim, dim), dtype)
    values, vectors = jnp.linalg.eigh((square + jnp.swapaxes(square, 1, 2)) / 2)
    positive = scale > 0
    deviation = jnp.where(positive, jnp.sqrt(jnp.where(positive, scale, 1.0)), 0.0)
    return ClassGaussians(
        mean=scale[:, None] * jax.random.normal(mean_key, (num_classes, dim), dtype),
        root=deviation[:, None, None] * vectors * jnp.sqrt(jnp.maximum(values, 0.0))[:, None, :],
    )


@functools.partial(jax.jit, static_argnames=("kind", "num_classes", "samples_per_class", "dim"))
def make_noise_source(
    key: PRNGKeyArray,
    kind: str,
    *,
    num_classes: int,
    samples_per_class: int,
    dim: int,
    alpha: Float[Array, ""] | float = 1.0,
) -> NoiseSource:
    """Draws labelled noise.

    Args:
      key: of everything that is drawn.
      kind: static; one of `NOISE_KINDS`, see the module's table.
      num_classes, samples_per_class, dim: static; C, n and d.
      alpha: of the kind "scaled", see `scaled_gaussians`.

    Returns:
      NoiseSource of C n samples in the dtype of alpha, float32 at least.

    Raises:
      TypeError, ValueError: unknown kind, an option out of range, or an alpha that is no floating-point scalar.
    Transformations: jit, vmap, jvp, vjp (in alpha), any order.
    References: Yao et al. (2025), arXiv:2502.13573.
    """
    require_choice("kind", kind, NOISE_KINDS)
    require_at_least("num_classes", num_classes, 1)
    require_at_least("samples_per_class", samples_per_class, 0)
    require_at_least("dim", dim, 1)
    dtype = accumulation_dtype(_require_alpha(alpha))
    class_key, key = jax.random.split(key)
    shape = (num_classes, samples_per_class, dim)
    if kind == "uniform":
        features = jax.random.uniform(key, shape, dtype, -_HALF_WIDTH, _HALF_WIDTH)
    elif kind == "laplace":
        features = jax.random.laplace(key, shape, dtype)
    elif kind == "gaussian":
        mean = jax.random.normal(class_key, (num_classes, 1, dim), dtype)
        features = mean + jax.random.normal(key, shape, dtype)
    else:
        gaussians = scaled_gaussians(class_key, alpha, num_classes=num_classes, dim=dim)
        noise = jax.random.normal(key, shape, dtype)
        features = gaussians.mean[:, None] + contract("cde,cne->cnd", gaussians.root, noise)
    labels = jnp.repeat(jnp.arange(num_classes, dtype=jnp.int32), samples_per_class)
    return NoiseSource(features.reshape(-1, dim), labels)


def _require_alpha(alpha):
    alpha = jnp.asarray(alpha)
    require_floating("alpha", alpha)
    require_shape("alpha", alpha, ())
    return alpha
