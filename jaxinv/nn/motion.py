"""Layers of EqMotion: its categories of interaction, and what moves vectors and scalars of agents.

As published, parameters are drawn with a third of the variance that keeps that of features.
"""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from jaxinv.kernels import symmetrization as kernels
from jaxinv.nn.parameters import cast, parameter


class InteractionReasoning(nnx.Module):
    """`kernels.symmetrization.interaction_categories`."""

    def __init__(
        self,
        num_features: int,
        num_channels: int,
        num_categories: int,
        *,
        temperature: float = 1.0,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters.

        Args:
          num_features: scalars of an agent, and width of the networks.
          num_channels: of its vectors.
          num_categories: of interactions.
          temperature: of their probabilities.
          dtype: of scalars and networks; by default that of scalars and parameters together. Vectors keep theirs.
          param_dtype: of the parameters.
          rngs: for the parameters.
        """
        types: dict[str, Any] = {"param_dtype": param_dtype, "rngs": rngs}
        width = num_features
        self.distance = _Perceptron(num_channels, width, num_channels, **types)
        self.message = _PairPerceptron(width, num_channels, width, width, **types)
        self.update = _Perceptron(2 * width, width, width, **types)
        self.category = _PairPerceptron(width, num_channels, width, num_categories, **types)
        self.temperature, self.dtype = temperature, dtype

    def __call__(self, h: jax.Array, vectors: jax.Array, *, mask: jax.Array | None = None) -> jax.Array:
        """`(..., N, num_features)` and `(..., N, num_channels, D)` to `(..., N, N, num_categories)`."""
        params = kernels.InteractionParams(
            self.distance.params, self.message.params, self.update.params, self.category.params
        )
        h, params = _cast(self.dtype, h, params)
        return kernels.interaction_categories(params, h, vectors, mask=mask, temperature=self.temperature)


class MotionLayer(nnx.Module):
    """`kernels.symmetrization.eqmotion_layer`."""

    def __init__(
        self,
        num_features: int,
        num_channels: int,
        num_acting: int,
        *,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters.

        Args:
          num_features: scalars of an agent, and width of the networks.
          num_channels: of its vectors and velocities.
          num_acting: categories that have a network; further ones do not act.
          dtype: of scalars and networks; by default that of scalars and parameters together. Vectors keep theirs.
          param_dtype: of the parameters.
          rngs: for the parameters.
        """
        types: dict[str, Any] = {"param_dtype": param_dtype, "rngs": rngs}
        width = num_features
        self.edge = _PairPerceptron(width, num_channels, width, width, **types)
        self.inner = _Dense(width, num_channels, **types)
        self.categories = _PairPerceptron(width, num_channels, width, num_channels, stacked=(num_acting,), **types)
        self.merge = _Perceptron(num_channels, num_channels, num_channels, **types)
        self.update = _Perceptron(2 * width, width, width, **types)
        init = _normal(num_channels)
        self.velocity, self.vector, self.direction = (
            parameter(init, rngs, (num_channels, num_channels), param_dtype) for _ in range(3)
        )
        self.dtype = dtype

    def __call__(
        self,
        h: jax.Array,
        vectors: jax.Array,
        velocities: jax.Array,
        categories: jax.Array,
        *,
        mask: jax.Array | None = None,
    ) -> tuple[jax.Array, jax.Array]:
        """Scalars `(..., N, num_features)` and vectors `(..., N, num_channels, D)` to new ones."""
        inter = kernels.InterAgentParams(self.categories.params, self.merge.params)
        networks = (self.edge.params, self.inner.params, inter, self.update.params)
        h, (edge, inner, inter, update) = _cast(self.dtype, h, networks)
        velocity, vector, direction = (
            mix[...].astype(vectors.dtype) for mix in (self.velocity, self.vector, self.direction)
        )
        params = kernels.LayerParams(edge, inner, inter, velocity, vector, direction, update)
        return kernels.eqmotion_layer(params, h, vectors, velocities, categories, mask=mask)


def _cast(dtype, h, params):
    """Scalars and parameters in one dtype."""
    leaves, tree = jax.tree.flatten(params)
    dtype = jnp.result_type(h, *leaves) if dtype is None else dtype
    h, *leaves = cast(dtype, h, *leaves)
    return h, jax.tree.unflatten(tree, leaves)


def _normal(fan_in):
    return jax.nn.initializers.normal((3 * fan_in) ** -0.5)


class _Dense(nnx.Module):
    """Parameters of `kernels.symmetrization.Dense`, perhaps several."""

    def __init__(self, inputs: int, outputs: int, *, stacked=(), fan_in=None, param_dtype, rngs: nnx.Rngs):
        init = _normal(inputs if fan_in is None else fan_in)
        self.kernel = parameter(init, rngs, (*stacked, inputs, outputs), param_dtype)
        self.bias = parameter(jax.nn.initializers.zeros, rngs, (*stacked, outputs), param_dtype)

    @property
    def params(self) -> kernels.Dense:
        """What the kernels take."""
        return kernels.Dense(self.kernel[...], self.bias[...])


class _Perceptron(nnx.Module):
    """Parameters of `kernels.symmetrization.Perceptron`."""

    def __init__(self, inputs: int, width: int, outputs: int, *, param_dtype, rngs: nnx.Rngs):
        self.first = _Dense(inputs, width, param_dtype=param_dtype, rngs=rngs)
        self.last = _Dense(width, outputs, param_dtype=param_dtype, rngs=rngs)

    @property
    def params(self) -> kernels.Perceptron:
        """What the kernels take."""
        return kernels.Perceptron(self.first.params, self.last.params)


class _PairPerceptron(nnx.Module):
    """Parameters of `kernels.symmetrization.PairPerceptron`, perhaps several; the first layer is one of `2 H + F`."""

    def __init__(
        self, features: int, distances: int, width: int, outputs: int, *, stacked=(), param_dtype, rngs: nnx.Rngs
    ):
        fan_in = 2 * features + distances
        init = _normal(fan_in)
        self.receiver, self.sender = (parameter(init, rngs, (*stacked, features, width), param_dtype) for _ in range(2))
        types: dict[str, Any] = {"stacked": stacked, "param_dtype": param_dtype, "rngs": rngs}
        self.distance = _Dense(distances, width, fan_in=fan_in, **types)
        self.last = _Dense(width, outputs, **types)

    @property
    def params(self) -> kernels.PairPerceptron:
        """What the kernels take."""
        return kernels.PairPerceptron(self.receiver[...], self.sender[...], self.distance.params, self.last.params)
