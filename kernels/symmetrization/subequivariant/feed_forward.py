"""What a limb makes of what it was told."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.validation import require_shape
from jaxinv.kernels.symmetrization.motion.perceptrons import Perceptron, require_perceptron
from jaxinv.kernels.symmetrization.subequivariant.attention import set_arguments
from jaxinv.kernels.symmetrization.subequivariant.features import (
    InvariantParams,
    invariant_features,
    perceptron_by_norm,
    require_invariant,
    require_outputs,
)
from jaxinv.kernels.symmetrization.subequivariant.maps import mixed_by_features, require_matrix
from jaxinv.kernels.symmetrization.vector_channels.mixing import channel_mix, with_external


class FeedForwardParams(NamedTuple):
    """Of `set_feed_forward`, for C channels, H scalars and E external vectors.

    Attributes:
      features: InvariantParams, of c channels and S scalars.
      mix: `(C, c - E)`, of the channels that are mapped.
      map: Perceptron `(S + H, c K)`, ReLU between, of the matrix that maps them.
      output: `(K, C)`.
      scalars: Perceptron `(S + H, H)`, ReLU between.
    """

    features: InvariantParams
    mix: jax.Array
    map: Perceptron
    output: jax.Array
    scalars: Perceptron


@jax.jit
def set_feed_forward(
    params: FeedForwardParams,
    vectors: jax.Array,
    h: jax.Array,
    external: jax.Array,
    *,
    mask: jax.Array | None = None,
) -> tuple[jax.Array, jax.Array]:
    """Vectors mapped by a matrix that depends on their products and on scalars; and new scalars of the same.

    Args:
      params: FeedForwardParams.
      vectors: `(..., N, C, D)`, floating point, N at least 1: as published the change by `set_attention`, not the sum.
      h: `(..., N, H)`, floating point, invariant scalars; they and the networks may be less precise than vectors.
      external: `(..., E, D)`; leading axes broadcast to those of the vectors, N among them: `(scenes, 1, E, D)`.
      mask: `(..., N)` bool, which limbs there are.

    Returns:
      `(..., N, C, D)` in the dtype of the vectors and `(..., N, H)` in that of h, to be added; of masked limbs 0.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Chen et al., arXiv:2305.18951.
    """
    vectors, h, external, there = set_arguments(vectors, h, external, mask)
    channels, scalars = require_invariant("params.features", params.features, vectors, h, external)
    require_shape("params.mix", params.mix, params.features.mix.shape)
    mapped = require_matrix("params.map", params.map, scalars, channels)
    require_shape("params.output", params.output, (mapped, vectors.shape[-2]))
    found = require_perceptron("params.scalars", params.scalars, scalars)
    require_outputs("params.scalars", found, h.shape[-1])
    features = invariant_features(params.features, vectors, h, external)
    mixed = mixed_by_features(params.map, features, with_external(vectors, params.mix, external))
    moved = channel_mix(mixed, params.output).astype(vectors.dtype)
    new = perceptron_by_norm(params.scalars, features)
    return jnp.where(there[..., None, None], moved, 0), jnp.where(there[..., None], new, 0)
