"""Maps of vectors whose weights are scalars of the same vectors, and scalars read from them."""

from typing import NamedTuple

import jax

from jaxinv.kernels.symmetrization.motion.perceptrons import (
    Dense,
    Perceptron,
    require_dense,
    require_perceptron,
)
from jaxinv.kernels.symmetrization.subequivariant.features import (
    InvariantFeatures,
    InvariantParams,
    dense_by_norm,
    invariant_features,
    limb_arguments,
    perceptron_by_norm,
    require_invariant,
)
from jaxinv.kernels.symmetrization.vector_channels.mixing import channel_mix


class SubequivariantParams(NamedTuple):
    """Of `subequivariant_linear`.

    Attributes:
      features: InvariantParams, of c channels and S scalars.
      map: Perceptron `(S + H, c K)`, ReLU between, of the matrix by which the c channels are mixed to K.
    """

    features: InvariantParams
    map: Perceptron


class ScalarParams(NamedTuple):
    """Of `subequivariant_scalars`.

    Attributes:
      features: InvariantParams, of S scalars.
      readout: Dense `(S + H, K)`.
    """

    features: InvariantParams
    readout: Dense


@jax.jit
def subequivariant_linear(
    params: SubequivariantParams, vectors: jax.Array, h: jax.Array, external: jax.Array
) -> jax.Array:
    """`M Y`: mixed and external vectors Y, mixed again by a matrix of numbers that depend on their products and on h.

    Any map of vectors that turns along can be had so. With one output and a hinge's axes it is the published policy.

    Args:
      params: SubequivariantParams.
      vectors: `(..., C, D)`, floating point, polar channels of a limb.
      h: `(..., H)`, floating point, invariant scalars; they and the networks may be less precise than vectors.
      external: `(..., E, D)`, E may be 0; leading axes broadcast to those of the vectors. In units in which they are of
        the order of 1: gravity over 9.81.

    Returns:
      `(..., K, D)` in the dtype of the vectors. They grow less than with the vectors' cube: M is over the norm of the
      products plus 1.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Chen et al., Subequivariant graph reinforcement learning in 3D environments, arXiv:2305.18951.
    """
    vectors, h, external = limb_arguments(vectors, h, external)
    channels, scalars = require_invariant("params.features", params.features, vectors, h, external)
    require_matrix("params.map", params.map, scalars, channels)
    features = invariant_features(params.features, vectors, h, external)
    return mixed_by_features(params.map, features, features.vectors).astype(vectors.dtype)


@jax.jit
def subequivariant_scalars(params: ScalarParams, vectors: jax.Array, h: jax.Array, external: jax.Array) -> jax.Array:
    """A dense layer of the scalars of vectors, over their norm: as a critic's value of every limb.

    Args:
      params: ScalarParams.
      vectors: `(..., C, D)`, as of `subequivariant_linear`.
      h: `(..., H)`, as there.
      external: `(..., E, D)`, as there.

    Returns:
      `(..., K)` in the dtype of h.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Chen et al., arXiv:2305.18951.
    """
    vectors, h, external = limb_arguments(vectors, h, external)
    _, scalars = require_invariant("params.features", params.features, vectors, h, external)
    require_dense("params.readout", params.readout, scalars)
    return dense_by_norm(params.readout, invariant_features(params.features, vectors, h, external))


def mixed_by_features(params: Perceptron, features: InvariantFeatures, vectors: jax.Array) -> jax.Array:
    """`(..., c, D)` to `(..., K, D)` by the matrix that the network makes of the scalars."""
    matrix = perceptron_by_norm(params, features)
    channels = vectors.shape[-2]
    return channel_mix(vectors, matrix.reshape(*matrix.shape[:-1], channels, matrix.shape[-1] // channels))


def require_matrix(name: str, params: Perceptron, scalars: int, channels: int) -> int:
    """The columns K. Raises ValueError unless a network makes matrices of so many rows."""
    found = require_perceptron(name, params, scalars)
    if found % channels:
        raise ValueError(f"{name} must have a multiple of {channels} outputs, got {found}")
    return found // channels
