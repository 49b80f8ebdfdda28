"""EqMotion: the future of many agents from their past, which turns and moves with it.

One model for particles, atoms, joints and pedestrians, in the plane and in space: nothing depends on the dimension.

References: Xu, Tan et al., EqMotion: equivariant multi-agent motion prediction with invariant interaction reasoning,
CVPR 2023, arXiv:2303.10876.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from jaxinv.kernels.numerics.validation import require_at_least
from jaxinv.kernels.symmetrization import motion_from_channels, motion_init
from jaxinv.nn import ChannelMix, InteractionReasoning, MotionLayer


class MotionPrediction(NamedTuple):
    """Of all agents.

    Attributes:
      positions: `(..., N, num_future, D)`; with heads `(heads, ..., N, num_future, D)`. 0 of masked agents.
      categories: `(..., N, N, num_categories)`, probabilities of the kinds of interaction, invariant.
    """

    positions: jax.Array
    categories: jax.Array


class EqMotion(nnx.Module):
    """Past positions to future ones, and to categories of interactions that are learnt without being told.

    Equivariant under rotations, reflections, translations and permutations of agents; categories are invariant.
    """

    def __init__(
        self,
        num_past: int,
        num_future: int,
        *,
        num_features: int = 64,
        num_channels: int = 64,
        num_layers: int = 4,
        num_categories: int = 2,
        num_idle: int = 0,
        num_heads: int | None = None,
        temperature: float = 1.0,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters.

        Args:
          num_past: times that are seen, at least 2.
          num_future: times that are predicted.
          num_features: scalars of an agent, an even number; and width of the networks.
          num_channels: vectors of an agent.
          num_layers: one program runs all of them, whatever their number.
          num_categories: of interactions.
          num_idle: how many of them, the last ones, do not act; 2 of 4 for pedestrians.
          num_heads: for several futures, as many last layers, each with its own readout; None: one future.
          temperature: of the categories' probabilities: 1, or 0.5 where they are what is wanted.
          dtype: of scalars and networks; vectors keep the dtype of the positions.
          param_dtype: of the parameters.
          rngs: for the parameters.

        Raises:
          ValueError: sizes too small, an odd number of features, no category that acts.
        """
        require_at_least("num_past", num_past, 2)
        for name, size in (("num_future", num_future), ("num_layers", num_layers), ("num_channels", num_channels)):
            require_at_least(name, size, 1)
        if num_features < 2 or num_features % 2:
            raise ValueError(f"num_features must be even and >= 2, got {num_features}")
        if not 0 <= num_idle < num_categories:
            raise ValueError(f"num_idle must be >= 0 and below num_categories {num_categories}, got {num_idle}")
        require_at_least("num_heads", 1 if num_heads is None else num_heads, 1)
        types: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype}
        vectors: dict[str, Any] = {"param_dtype": param_dtype, "rngs": rngs}
        self.speeds, self.angles = (nnx.Linear(num_past, num_features // 2, **types, rngs=rngs) for _ in range(2))
        self.positions = ChannelMix(num_past, num_channels, about_mean=True, **vectors)
        self.velocities = ChannelMix(num_past, num_channels, **vectors)
        self.reasoning = InteractionReasoning(
            num_features, 2 * num_channels, num_categories, temperature=temperature, **types, rngs=rngs
        )

        widths = num_features, num_channels, num_categories - num_idle
        if num_heads is None:
            self.layers = _stacked(num_layers, rngs, lambda rngs: MotionLayer(*widths, **types, rngs=rngs))
            self.readout = ChannelMix(num_channels, num_future, about_mean=True, **vectors)
        else:
            self.layers = _stacked(num_layers - 1, rngs, lambda rngs: MotionLayer(*widths, **types, rngs=rngs))
            self.heads = _stacked(num_heads, rngs, lambda rngs: _Head(*widths, num_future, **types, rngs=rngs))
        self.several = num_heads is not None
        self.num_past = num_past

    def __call__(self, positions: jax.Array, *, mask: jax.Array | None = None) -> MotionPrediction:
        """Of scenes whose agents all see each other.

        Args:
          positions: `(..., N, num_past, D)`, at equal distances in time.
          mask: `(..., N)` bool, which agents there are.

        Returns:
          MotionPrediction, positions in the dtype of those given.

        Raises:
          TypeError, ValueError: wrong dtype or shape, naming the argument.
        """
        positions = jnp.asarray(positions)
        if positions.ndim < 3 or positions.shape[-2] != self.num_past:
            raise ValueError(f"positions must have shape (..., N, {self.num_past}, D), got {positions.shape}")
        start = motion_init(positions, mask=mask)
        h = jnp.concatenate([self.speeds(start.speeds), self.angles(start.angles)], axis=-1)
        vectors, velocities = self.positions(start.positions, mask=mask), self.velocities(start.velocities)
        categories = self.reasoning(h, jnp.concatenate([vectors, velocities], axis=-2), mask=mask)

        def layer(state, params):
            return nnx.merge(graphdef, params)(*state, velocities, categories, mask=mask), None

        graphdef, params = nnx.split(self.layers)
        (h, vectors), _ = jax.lax.scan(layer, (h.astype(categories.dtype), vectors), params)

        def future(readout):
            return motion_from_channels(readout, start.centre, mask=mask)

        if not self.several:
            return MotionPrediction(future(self.readout(vectors, mask=mask)), categories)
        graphdef, params = nnx.split(self.heads)
        heads = jax.vmap(lambda one: future(nnx.merge(graphdef, one)(h, vectors, velocities, categories, mask=mask)))
        return MotionPrediction(heads(params), categories)


class _Head(nnx.Module):
    """A last layer, and what reads times from its channels."""

    def __init__(self, num_features, num_channels, num_acting, num_future, *, dtype, param_dtype, rngs: nnx.Rngs):
        types: dict[str, Any] = {"param_dtype": param_dtype, "rngs": rngs}
        self.layer = MotionLayer(num_features, num_channels, num_acting, dtype=dtype, **types)
        self.readout = ChannelMix(num_channels, num_future, about_mean=True, **types)

    def __call__(self, h, vectors, velocities, categories, *, mask):
        _, vectors = self.layer(h, vectors, velocities, categories, mask=mask)
        return self.readout(vectors, mask=mask)


def _stacked(num: int, rngs: nnx.Rngs, make: Callable[[nnx.Rngs], Any]) -> Any:
    """A module whose parameters are those of `num`, on a leading axis."""
    return nnx.split_rngs(splits=num)(nnx.vmap(make))(rngs)
