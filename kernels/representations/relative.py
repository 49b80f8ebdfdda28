"""Relative representations: a sample as its similarities to anchors, which another encoder's samples share.

Anchors are the encodings of the same anchor samples, in the same order, by the encoder of the samples.

| similarity | of x and an anchor a | what may act on x and the anchors together |
| --- | --- | --- |
| "cosine" | <x, a> / (\\|x\\| \\|a\\|); 0 for a zero vector | rotations, reflections, a scale for each sample |
| "geodesic" | 1 - arccos(cosine) / pi | the same |
| "inner" | <x, a> / sqrt(d) | rotations, reflections |
| "euclidean" | -\\|x - a\\| | rotations, reflections, translations |
| "rbf" | exp(-\\|x - a\\|^2 / (2 sigma^2)) | the same |
| "l1" | -sum_k \\|x_k - a_k\\| | translations, permutations and signs of coordinates |
| "lstsq" | coefficients c of least length with x = sum_j c_j a_j | invertible linear maps |

With `centre` the mean of the anchors is taken from both first, which adds translations to each.
"""

import functools
import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.safe import safe_sqrt
from jaxinv.kernels.numerics.validation import require_at_least, require_choice, require_floating, require_shape
from jaxinv.kernels.representations.pairwise import squared_distances
from jaxinv.kernels.representations.rows import unit_rows

SIMILARITIES = ("cosine", "geodesic", "inner", "euclidean", "rbf", "l1", "lstsq")


@functools.partial(jax.jit, static_argnames=("similarity", "centre"))
def relative(
    x: Float[Array, "*batch d"],
    anchors: Float[Array, "a d"],
    *,
    similarity: str = "cosine",
    sigma: ArrayLike = 1.0,
    centre: bool = False,
) -> Float[Array, "*batch a"]:
    """Similarities of samples to anchors.

    Args:
      x: `(..., d)`, floating point.
      anchors: `(A, d)`, A >= 1; for "lstsq" A >= d, as fewer do not span the space.
      similarity: static, see the module's table.
      sigma: positive, of "rbf", in the units of x.
      centre: static; whether to take the mean of the anchors from both.

    Returns:
      `(..., A)` in the common dtype; bfloat16 is computed in float32.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.

    Anchors that nearly depend on each other make "lstsq" ill conditioned; singular values below rounding are left out.
    "euclidean" of points that coincide to about `3 sqrt(eps)` of their distance from the mean anchor is 0.
    Transformations: jit, vmap, jvp, vjp, any order. The gradient is 0 for zero vectors, where points coincide, and for
      "geodesic" where directions do, in each of which the similarity has a kink.
    References: Moschella, Maiorca et al., ICLR 2023, arXiv:2209.15430.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import representations
      >>> x = jnp.array([[2.0, 0.0], [0.0, 3.0], [1.0, 1.0]])
      >>> representations.relative(x, x[:2]).round(3)
      Array([[1.   , 0.   ],
             [0.   , 1.   ],
             [0.707, 0.707]], dtype=float32)
    """
    _check(x, anchors)
    require_choice("similarity", similarity, SIMILARITIES)
    if similarity == "lstsq" and anchors.shape[0] < anchors.shape[1]:
        raise ValueError(f"anchors must have at least as many rows as columns for 'lstsq', got {anchors.shape}")
    result_dtype = jnp.result_type(x, anchors)
    dtype = accumulation_dtype(x, anchors)
    x, anchors = x.astype(dtype), anchors.astype(dtype)
    if centre:
        mean = jnp.mean(anchors, axis=0)
        x, anchors = x - mean.reshape((1,) * (x.ndim - 1) + mean.shape), anchors - mean[None, :]
    return _similarities(x, anchors, similarity, jnp.asarray(sigma, dtype)).astype(result_dtype)


def relative_products(
    x: Float[Array, "*batch d"],
    anchors: Float[Array, "a d"],
    similarities: Sequence[str],
    *,
    sigma: ArrayLike = 1.0,
    centre: bool = False,
) -> Float[Array, "*batch k"]:
    """Several relative representations side by side: a product of invariances.

    Args:
      x: `(..., d)`, floating point.
      anchors: `(A, d)`, A >= 1.
      similarities: static, names as in `relative`, at least one.
      sigma: as in `relative`.
      centre: as in `relative`.

    Returns:
      `(..., len(similarities) * A)`, similarity by similarity, in the common dtype.

    Raises:
      TypeError, ValueError: as `relative`; also ValueError without any similarity.

    Transformations and references: as `relative`.
    """
    require_at_least("len(similarities)", len(similarities), 1)
    parts = [relative(x, anchors, similarity=name, sigma=sigma, centre=centre) for name in similarities]
    return jnp.concatenate(parts, axis=-1)


def subspace_relative(
    x: Float[Array, "*batch d"],
    anchors: Float[Array, "a d"],
    num_splits: int,
    *,
    similarity: str = "cosine",
    sigma: ArrayLike = 1.0,
    centre: bool = False,
) -> Float[Array, "*batch k"]:
    """Relative representations within each of equal slices of the coordinates.

    Args:
      x: `(..., d)`, floating point.
      anchors: `(A, d)`, A >= 1, cut into the same slices.
      num_splits: static, slices; it divides d.
      similarity: static, as in `relative`.
      sigma: as in `relative`.
      centre: as in `relative`.

    Returns:
      `(..., num_splits * A)`, slice by slice, in the common dtype.

    Raises:
      TypeError, ValueError: as `relative`; also ValueError where `num_splits` does not divide d.

    Transformations and references: as `relative`.
    """
    _check(x, anchors)
    require_at_least("num_splits", num_splits, 1)
    if x.shape[-1] % num_splits:
        raise ValueError(f"num_splits must divide the last axis of x, got {num_splits} for {x.shape}")
    parts = [
        relative(part, of_anchors, similarity=similarity, sigma=sigma, centre=centre)
        for part, of_anchors in zip(
            jnp.split(x, num_splits, axis=-1), jnp.split(anchors, num_splits, axis=-1), strict=True
        )
    ]
    return jnp.concatenate(parts, axis=-1)


@jax.jit
def standardize(x: Float[Array, "*batch d"], *, eps: ArrayLike = 1e-5) -> Float[Array, "*batch d"]:
    """Rows of mean 0 and variance 1: a layer norm without parameters, such as a decoder wants of cosines.

    Args:
      x: `(..., d)`, floating point, d >= 1.
      eps: positive, added to the variance; a constant row gives zeros.

    Returns:
      `(..., d)` in the dtype of x; bfloat16 is computed in float32.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.

    Transformations: jit, vmap, jvp, vjp, any order.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import representations
      >>> representations.standardize(jnp.array([0.7, 0.9])).round(2)
      Array([-1.,  1.], dtype=float32)
    """
    require_floating("x", x)
    if x.ndim == 0 or x.shape[-1] == 0:
        raise ValueError(f"x must have shape (..., d) with d >= 1, got {x.shape}")
    wide = x.astype(accumulation_dtype(x))
    about_mean = wide - jnp.mean(wide, axis=-1, keepdims=True)
    variance = jnp.mean(about_mean * about_mean, axis=-1, keepdims=True)
    return (about_mean * jax.lax.rsqrt(variance + jnp.asarray(eps, wide.dtype))).astype(x.dtype)


def _check(x, anchors):
    require_floating("x", x)
    require_floating("anchors", anchors)
    require_shape("anchors", anchors, (None, None))
    require_at_least("rows of anchors", anchors.shape[0], 1)
    if x.ndim == 0 or x.shape[-1] != anchors.shape[1] or x.shape[-1] == 0:
        raise ValueError(f"x must have shape (..., d) with the d >= 1 of anchors {anchors.shape}, got {x.shape}")


def _similarities(x, anchors, similarity, sigma):
    if similarity in ("cosine", "geodesic"):
        cosine = contract("...d,ad->...a", unit_rows(x), unit_rows(anchors))
        return cosine if similarity == "cosine" else 1.0 - _arccos(cosine) / math.pi
    if similarity == "inner":
        return contract("...d,ad->...a", x, anchors) / math.sqrt(x.shape[-1])
    if similarity == "euclidean":
        return -safe_sqrt(squared_distances(x, anchors))
    if similarity == "rbf":
        return jnp.exp(-squared_distances(x, anchors) / (2 * sigma**2))
    if similarity == "l1":
        difference = x[..., None, :] - anchors.reshape((1,) * (x.ndim - 1) + anchors.shape)
        # Not jnp.abs, whose derivative at 0 is 1.
        return -jnp.sum(difference * jax.lax.stop_gradient(jnp.sign(difference)), axis=-1)
    return contract("...d,da->...a", x, jnp.linalg.pinv(anchors))


def _arccos(cosine):
    """Within rounding of 1 and -1 these, with gradient 0 in place of an infinite one."""
    inside = jnp.abs(cosine) < 1.0 - 4.0 * float(jnp.finfo(cosine.dtype).eps)
    ends = jnp.where(cosine > 0, 0.0, math.pi)
    return jnp.where(inside, jnp.arccos(jnp.where(inside, cosine, 0.0)), ends)
