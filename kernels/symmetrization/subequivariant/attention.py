"""Attention among the limbs of a body: scalars decide, scalars and vectors are passed on."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.ranks import with_equal_ranks
from jaxinv.kernels.numerics.validation import require_floating, require_shape
from jaxinv.kernels.symmetrization.motion.perceptrons import Dense, dense, require_dense
from jaxinv.kernels.symmetrization.subequivariant.features import (
    InvariantParams,
    dense_by_norm,
    invariant_features,
    limb_arguments,
    require_invariant,
    require_outputs,
)
from jaxinv.kernels.symmetrization.vector_channels.arguments import agents_argument
from jaxinv.kernels.symmetrization.vector_channels.mixing import channel_mix


class AttentionParams(NamedTuple):
    """Of `set_attention`, for C channels, H scalars, E external vectors and A heads of width W.

    Attributes:
      features: InvariantParams, of S scalars.
      query: Dense `(S + H, A W)`.
      key: Dense `(S + H, A W)`.
      value: Dense `(S + H, A W)`.
      scalars: Dense `(A W, H)`.
      vectors: `(A, C, V)`, mixes the vectors that each head passes on.
      output: `(A, V + E, C)`, mixes what the heads passed on, and the external vectors.
    """

    features: InvariantParams
    query: Dense
    key: Dense
    value: Dense
    scalars: Dense
    vectors: jax.Array
    output: jax.Array


@jax.jit
def set_attention(
    params: AttentionParams,
    vectors: jax.Array,
    h: jax.Array,
    external: jax.Array,
    *,
    bias: jax.Array | None = None,
    mask: jax.Array | None = None,
) -> tuple[jax.Array, jax.Array]:
    """What limbs tell each other, to be added to their vectors and scalars.

    Queries, keys and scalar values are a dense layer each of invariant scalars, over the norm of their products. Heads
    pass on mixed vectors by the same weights; these sum to 1, so external vectors need not be passed on.

    Args:
      params: AttentionParams.
      vectors: `(..., N, C, D)`, floating point, N at least 1.
      h: `(..., N, H)`, floating point, invariant scalars; they and the networks may be less precise than vectors.
      external: `(..., E, D)`; leading axes broadcast to those of the vectors, N among them: `(scenes, 1, E, D)`.
      bias: `(..., A, N, N)`, added to the logits, as what is known of the relations of limbs.
      mask: `(..., N)` bool, which limbs there are.

    Returns:
      `(..., N, C, D)` in the dtype of the vectors and `(..., N, H)` in that of h; of masked limbs 0.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Chen et al., arXiv:2305.18951, without dropout.
    """
    vectors, h, external, there = set_arguments(vectors, h, external, mask)
    heads = _require_attention(params, vectors, h, external)
    features = invariant_features(params.features, vectors, h, external)
    query, key, value = (_split(dense_by_norm(layer, features), heads) for layer in params[1:4])
    logits = contract("...iaw,...jaw->...aij", query * query.shape[-1] ** -0.5, key)
    if bias is not None:
        logits = logits + _bias_argument(bias, logits).astype(logits.dtype)
    weights = _softmax(logits, there)
    passed = contract("...aij,...jaw->...iaw", weights, value.astype(weights.dtype)).astype(h.dtype)
    scalars = dense(params.scalars, passed.reshape(*h.shape[:-1], -1))
    mixed = contract("...jcd,acv->...ajvd", vectors, params.vectors, dtype=accumulation_dtype(vectors))
    carried = contract("...aij,...ajvd->...aivd", weights.astype(mixed.dtype), mixed)
    own = params.vectors.shape[-1]
    moved = contract("...aivd,avc->...icd", carried, params.output[:, :own].astype(mixed.dtype))
    world = channel_mix(external, jnp.sum(params.output[:, own:], axis=0).astype(mixed.dtype))
    moved, world = with_equal_ranks(moved, world)
    moved = jnp.where(there[..., None, None], moved + world, 0)
    return moved.astype(vectors.dtype), jnp.where(there[..., None], scalars, 0)


def set_arguments(
    vectors: jax.Array, h: jax.Array, external: jax.Array, mask: jax.Array | None
) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """Arguments as arrays, those of masked limbs 0 whatever they hold; and which limbs there are, `(..., N)`."""
    vectors, there = agents_argument("vectors", vectors, mask)
    if vectors.shape[-3] == 0:
        raise ValueError(f"vectors must hold one limb or more, got shape {vectors.shape}")
    vectors, h, external = limb_arguments(vectors, h, external)
    return vectors, jnp.where(there[..., None], h, 0), external, there


def _softmax(logits, there):
    """Over limbs that there are; of nobody, equal weights."""
    allowed = there[..., None, None, :]
    return jax.nn.softmax(jnp.where(allowed, logits, jnp.finfo(logits.dtype).min / 2), axis=-1)


def _split(x, heads):
    return x.reshape(*x.shape[:-1], heads, x.shape[-1] // heads)


def _bias_argument(bias, logits):
    bias = jnp.asarray(bias)
    require_floating("bias", bias)
    if bias.ndim < 3 or bias.ndim > logits.ndim or bias.shape[-3:] != logits.shape[-3:]:
        raise ValueError(f"bias must have shape (..., {', '.join(map(str, logits.shape[-3:]))}), got {bias.shape}")
    return with_equal_ranks(bias, logits)[0]


def _require_attention(params, vectors, h, external):
    """The number of heads."""
    _, scalars = require_invariant("params.features", params.features, vectors, h, external)
    channels = vectors.shape[-2]
    require_shape("params.vectors", params.vectors, (None, channels, None))
    heads, _, own = params.vectors.shape
    require_shape("params.output", params.output, (heads, own + external.shape[-2], channels))
    width = require_dense("params.query", params.query, scalars)
    for name in ("key", "value"):
        require_outputs(f"params.{name}", require_dense(f"params.{name}", getattr(params, name), scalars), width)
    if heads == 0 or width % heads:
        raise ValueError(f"params.query must have outputs for each of {heads} heads, got {width}")
    require_outputs("params.scalars", require_dense("params.scalars", params.scalars, width), h.shape[-1])
    return heads
