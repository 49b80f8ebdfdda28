"""Scalars that tell all about vectors, external ones among them, from the products of a few mixes of them."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.validation import require_shape
from jaxinv.kernels.symmetrization.motion.perceptrons import (
    Dense,
    Perceptron,
    dense,
    require_features,
    require_perceptron,
)
from jaxinv.kernels.symmetrization.vector_channels.arguments import channels_argument
from jaxinv.kernels.symmetrization.vector_channels.mixing import with_external
from jaxinv.kernels.symmetrization.vector_channels.packed_invariants import packed_gram_invariants


class InvariantParams(NamedTuple):
    """Of scalars from C channels and E external vectors, by way of c channels.

    Attributes:
      mix: `(C, c - E)`.
      gram: Perceptron `(c (c + 1) / 2, S)` of the products in the order of `packed_gram_invariants`, ReLU between.
    """

    mix: jax.Array
    gram: Perceptron


class InvariantFeatures(NamedTuple):
    """What maps of a limb's vectors and scalars are made from.

    Attributes:
      vectors: `(..., c, D)`, mixed channels, then the external vectors.
      scalars: `(..., S + H)`, from their products, then those that were given.
      norm: `(..., 1)`, what grows with the products is divided by it.
    """

    vectors: jax.Array
    scalars: jax.Array
    norm: jax.Array


def relu_perceptron(params: Perceptron, x: jax.Array) -> jax.Array:
    """`(..., inputs)` to `(..., outputs)`, ReLU after the first layer only."""
    return dense(params.last, jax.nn.relu(dense(params.first, x)))


def dense_by_norm(params: Dense, features: InvariantFeatures) -> jax.Array:
    """A dense layer of the scalars over the norm, in the dtype of the scalars."""
    return (dense(params, features.scalars) / features.norm).astype(features.scalars.dtype)


def perceptron_by_norm(params: Perceptron, features: InvariantFeatures) -> jax.Array:
    """Two dense layers of the scalars over the norm, in the dtype of the scalars."""
    return (relu_perceptron(params, features.scalars) / features.norm).astype(features.scalars.dtype)


def invariant_features(
    params: InvariantParams, vectors: jax.Array, h: jax.Array, external: jax.Array
) -> InvariantFeatures:
    """Of checked arguments, as of `require_invariant`."""
    mixed = with_external(vectors, params.mix, external)
    products, norm = packed_gram_invariants(mixed)
    found = relu_perceptron(params.gram, products.astype(h.dtype))
    return InvariantFeatures(mixed, jnp.concatenate([found, h], axis=-1), norm)


def limb_arguments(vectors: jax.Array, h: jax.Array, external: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The arguments as arrays. Raises TypeError or ValueError unless they belong together."""
    vectors = channels_argument("vectors", vectors)
    external = channels_argument("external", external)
    if external.ndim > vectors.ndim or external.shape[-1] != vectors.shape[-1]:
        raise ValueError(f"external must have shape (..., E, {vectors.shape[-1]}), got {external.shape}")
    return vectors, require_features(h, vectors), external


def require_invariant(
    name: str, params: InvariantParams, vectors: jax.Array, h: jax.Array, external: jax.Array
) -> tuple[int, int]:
    """How many channels c, and how many scalars, there will be. Raises ValueError unless the parameters fit."""
    require_shape(f"{name}.mix", params.mix, (vectors.shape[-2], None))
    channels = params.mix.shape[1] + external.shape[-2]
    found = require_perceptron(f"{name}.gram", params.gram, channels * (channels + 1) // 2)
    return channels, found + h.shape[-1]


def require_outputs(name: str, found: int, wanted: int) -> None:
    """Raises ValueError unless a network has as many outputs as wanted."""
    if found != wanted:
        raise ValueError(f"{name} must have {wanted} outputs, got {found}")
