"""The largest features of each part of a cloud, at all of its points."""

import functools

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.validation import require_at_least
from jaxinv.kernels.symmetrization.clouds import mask_argument, points_argument
from jaxinv.kernels.symmetrization.partitions import labels_argument


@functools.partial(jax.jit, static_argnames=("num_parts",))
def part_max(features: jax.Array, labels: jax.Array, num_parts: int, *, mask: jax.Array | None = None) -> jax.Array:
    """Of each channel the largest value in the point's part: what a PointNet of parts pools by.

    Args:
      features: `(n, c)`, floating point; for more clouds `jax.vmap`.
      labels: `(n,)` integers; points of labels outside 0 to `num_parts - 1` are in no part.
      num_parts: static, 1 at least; neither memory nor time grow with it times n.
      mask: `(n,)` bool, which points there are.

    Returns:
      `(n, c)` in the dtype of the features; 0 at points that are masked or in no part.

    Raises:
      TypeError, ValueError: wrong dtype or shape, no parts, naming the argument.
    Transformations: jit, vmap; jvp and vjp, any order: the derivative of equal values is shared among them.
    """
    features, labels = points_argument("features", features), labels_argument("labels", labels)
    require_at_least("num_parts", num_parts, 1)
    if features.ndim != 2:
        raise ValueError(f"features must have shape (n, c), got {features.shape}")
    if labels.shape != features.shape[:1]:
        raise ValueError(f"labels must have one label a point, shape {features.shape[:1]}, got {labels.shape}")
    there = (labels >= 0) & (labels < num_parts)
    if mask is not None:
        there = there & mask_argument(mask, features)
    # A part more, of points that are in none.
    part = jnp.where(there, labels, num_parts)
    wide = jnp.where(there[:, None], features, 0).astype(accumulation_dtype(features))
    empty = jnp.zeros((num_parts + 1, wide.shape[1]), wide.dtype)
    fixed = jax.lax.stop_gradient(wide)
    largest = (empty + jnp.finfo(wide.dtype).min).at[part].max(fixed)
    equal = (fixed == largest[part]).astype(wide.dtype)
    share = equal / empty.at[part].add(equal)[part]
    return jnp.where(there[:, None], empty.at[part].add(share * wide)[part], 0).astype(features.dtype)
