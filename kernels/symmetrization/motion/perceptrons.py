"""Two dense layers: of agents, and of pairs of agents without ever writing both features beside each other.

The first layer of a pair, `W [h_i, h_j, d_ij]`, is the sum of `A h_i`, `B h_j` and `D d_ij`: the first two are computed
once an agent.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import contract
from jaxinv.kernels.numerics.validation import require_floating, require_shape


class Dense(NamedTuple):
    """A dense layer.

    Attributes:
      weight: `(inputs, outputs)`.
      bias: `(outputs,)`.
    """

    weight: jax.Array
    bias: jax.Array


class Perceptron(NamedTuple):
    """Two dense layers.

    Attributes:
      first: `(inputs, W)`.
      last: `(W, outputs)`.
    """

    first: Dense
    last: Dense


class PairPerceptron(NamedTuple):
    """Two dense layers of both agents' H features and their F distances.

    Attributes:
      receiver: `(H, W)`, of the features of agent i.
      sender: `(H, W)`, of those of agent j.
      distance: Dense `(F, W)`, of the distances of i and j.
      last: Dense `(W, outputs)`.
    """

    receiver: jax.Array
    sender: jax.Array
    distance: Dense
    last: Dense


def dense(params: Dense, x: jax.Array) -> jax.Array:
    """`(..., inputs)` to `(..., outputs)`, in the dtype of x."""
    y = contract("...i,io->...o", x, params.weight)
    return (y + jnp.expand_dims(params.bias.astype(y.dtype), range(y.ndim - 1))).astype(x.dtype)


def perceptron(params: Perceptron, x: jax.Array) -> jax.Array:
    """`(..., inputs)` to `(..., outputs)`, SiLU after the first layer only."""
    return dense(params.last, jax.nn.silu(dense(params.first, x)))


def pair_perceptron(params: PairPerceptron, h: jax.Array, distances: jax.Array) -> jax.Array:
    """`(..., N, H)` and `(..., N, N, F)` to `(..., N, N, outputs)`, SiLU after both layers."""
    receiver, sender = (contract("...i,io->...o", h, weight).astype(h.dtype) for weight in params[:2])
    hidden = receiver[..., :, None, :] + sender[..., None, :, :] + dense(params.distance, distances.astype(h.dtype))
    return jax.nn.silu(dense(params.last, jax.nn.silu(hidden)))


def require_features(h: jax.Array, vectors: jax.Array) -> jax.Array:
    """`h` as an array. Raises TypeError or ValueError unless it holds scalars of the agents of `(..., N, C, D)`."""
    h = jnp.asarray(h)
    require_floating("h", h)
    if h.ndim != vectors.ndim - 1 or h.shape[:-1] != vectors.shape[:-2]:
        raise ValueError(f"h must have shape {(*vectors.shape[:-2], 'H')}, got {h.shape}")
    return h


def require_dense(name: str, params: Dense, inputs: int) -> int:
    """The outputs. Raises ValueError unless it takes so many inputs."""
    require_shape(f"{name}.weight", params.weight, (inputs, None))
    require_shape(f"{name}.bias", params.bias, params.weight.shape[1:])
    return params.weight.shape[1]


def require_perceptron(name: str, params: Perceptron, inputs: int) -> int:
    """The outputs. Raises ValueError unless it takes so many inputs."""
    return require_dense(f"{name}.last", params.last, require_dense(f"{name}.first", params.first, inputs))


def require_pair_perceptron(name: str, params: PairPerceptron, features: int, distances: int) -> int:
    """The outputs. Raises ValueError unless it takes so many features and distances."""
    width = require_dense(f"{name}.distance", params.distance, distances)
    require_shape(f"{name}.receiver", params.receiver, (features, width))
    require_shape(f"{name}.sender", params.sender, (features, width))
    return require_dense(f"{name}.last", params.last, width)
