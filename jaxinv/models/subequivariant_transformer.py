"""SET, a policy and a critic for bodies of any limbs that act alike in all directions (Chen, Han et al.).

As published but without dropout; products of channels are taken once a pair, the policy's last two maps are one, and
axial channels are told from polar ones, which it takes them all for.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.typing import DTypeLike

from jaxinv.kernels.numerics.validation import require_at_least, require_shape
from jaxinv.kernels.symmetrization import polar_from_axial, project_on_axes
from jaxinv.nn import ChannelMix, SetBlock, SubequivariantLinear, SubequivariantScalars

_ENCODER = 0.1
_MAY_BE_ABSENT = ("num_places", "num_relations")


class LimbTree(NamedTuple):
    """Where limbs are in their body, of one or of each of many.

    Attributes:
      places: `(..., N, 3)` int, in three orders: `tree_traversals`, stacked on the last axis.
      relations: `(..., N, N, R)`, as of `tree_relations`.
    """

    places: jax.Array
    relations: jax.Array


class LimbActions(NamedTuple):
    """What a policy does.

    Attributes:
      actions: `(..., N, K)`, along each axis of each limb, within plus and minus max_action.
      vectors: `(..., N, D)`, that they are projections of: they turn with the world.
    """

    actions: jax.Array
    vectors: jax.Array


@dataclasses.dataclass(frozen=True, kw_only=True)
class SetSizes:
    """Of policy and critic, as published.

    Attributes:
      num_features: scalars, and vectors, of a limb within.
      num_mixed: channels, external vectors among them, whose products are taken.
      num_products: scalars that are made of products.
      width: of hidden layers.
      num_blocks: one program runs all of them, whatever their number.
      num_heads: of attention.
      head_width: scalars, and vectors, that a head passes on.
      num_external: vectors of the world: gravity over 9.81, the goal's direction.
      num_places: limbs of the largest body, if networks are told where in the tree a limb is; 0: they are not.
      num_relations: numbers that a `LimbTree` has of a pair.
    """

    num_features: int = 128
    num_mixed: int = 32
    num_products: int = 128
    width: int = 256
    num_blocks: int = 3
    num_heads: int = 2
    head_width: int = 128
    num_external: int = 2
    num_places: int = 0
    num_relations: int = 3

    def __post_init__(self):
        """Raises ValueError for sizes out of range."""
        for field in dataclasses.fields(self):
            require_at_least(field.name, getattr(self, field.name), 0 if field.name in _MAY_BE_ABSENT else 1)
        for name in ("num_mixed", "head_width"):
            require_at_least(name, getattr(self, name), self.num_external + 1)

    @property
    def of_products(self) -> dict[str, int]:
        """What layers that take products are told."""
        names = ("num_external", "num_mixed", "num_products", "width")
        return {name: getattr(self, name) for name in names}


class _Trunk(nnx.Module):
    """The limbs' vectors and scalars, and what blocks of attention among them make of both."""

    def __init__(self, num_channels: int, num_scalars: int, sizes: SetSizes, *, axial, dtype, param_dtype, rngs):
        self.axial = (False,) * num_channels if axial is None else tuple(axial)
        if len(self.axial) != num_channels:
            raise ValueError(f"axial must have one value a channel, {num_channels}, got {len(self.axial)}")
        polar = num_channels + sum(self.axial) * (sizes.num_external - 1)
        drawn: dict[str, Any] = {"param_dtype": param_dtype, "rngs": rngs}
        types: dict[str, Any] = {"dtype": dtype, **drawn}
        width = sizes.num_features
        self.vectors = ChannelMix(polar, width, kernel_init=_uniform, **drawn)
        self.scalars = nnx.Linear(num_scalars, width, kernel_init=_uniform, **types)
        if sizes.num_places > 0:
            widths = [len(part) for part in np.array_split(np.arange(width), 3)]
            self.places = nnx.List(nnx.Embed(sizes.num_places, part, **types) for part in widths)
            self.relations = nnx.Linear(sizes.num_relations, sizes.num_heads, **types)
        heads = {"num_heads": sizes.num_heads, "head_width": sizes.head_width}

        def block(rngs):
            return SetBlock(width, width, **heads, **sizes.of_products, dtype=dtype, param_dtype=param_dtype, rngs=rngs)

        self.blocks = nnx.split_rngs(splits=sizes.num_blocks)(nnx.vmap(block))(rngs)
        self.norm = nnx.LayerNorm(width, **types)
        self.sizes, self.num_outputs = sizes, polar + width

    def __call__(self, vectors, scalars, external, tree, mask):
        """Vectors `(..., N, num_outputs, D)`, scalars as given and those found, and the world of each limb."""
        vectors, scalars, external = self._arguments(vectors, scalars, external, tree)
        if mask is not None:
            vectors, scalars = jnp.where(mask[..., None, None], vectors, 0), jnp.where(mask[..., None], scalars, 0)
        world = external[..., None, :, :]
        given = self._polar(vectors, world)
        root = self.sizes.num_features**0.5
        found, h, bias = root * self.vectors(given), root * self.scalars(scalars), None
        if tree is not None:
            h = h + jnp.concatenate([table(tree.places[..., i]) for i, table in enumerate(self.places)], axis=-1)
            bias = jnp.moveaxis(self.relations(tree.relations), -1, -3)
        found, h = self._through_blocks(found, h, world, bias, mask)
        return jnp.concatenate([given, found], axis=-2), scalars.astype(h.dtype), self.norm(h), world

    def _arguments(self, vectors, scalars, external, tree):
        vectors, scalars, external = jnp.asarray(vectors), jnp.asarray(scalars), jnp.asarray(external)
        if vectors.ndim < 3 or vectors.shape[-2] != len(self.axial):
            raise ValueError(f"vectors must have shape (..., N, {len(self.axial)}, D), got {vectors.shape}")
        require_shape("scalars", scalars, (*vectors.shape[:-2], self.scalars.in_features))
        require_shape("external", external, (*vectors.shape[:-3], self.sizes.num_external, vectors.shape[-1]))
        if (tree is None) != (self.sizes.num_places == 0):
            raise ValueError(f"tree must be given if and only if num_places, {self.sizes.num_places}, is above 0")
        return vectors, scalars, external

    def _polar(self, vectors, world):
        """Channels that are all polar, those in place of axial ones last."""
        axial = np.asarray(self.axial)
        if not axial.any():
            return vectors
        return jnp.concatenate([vectors[..., ~axial, :], polar_from_axial(vectors[..., axial, :], world)], axis=-2)

    def _through_blocks(self, vectors, h, world, bias, mask):
        graphdef, params = nnx.split(self.blocks)

        def block(state, given):
            (vectors, h_here), (params, first) = state, given
            # What is known of relations is told to the first block only.
            here = None if bias is None else jnp.where(first, bias, 0)
            new, scalars = nnx.merge(graphdef, params)(vectors, h_here, world, bias=here, mask=mask)
            return (new, scalars.astype(h.dtype)), None

        state, _ = jax.lax.scan(block, (vectors, h), (params, jnp.arange(self.sizes.num_blocks) == 0))
        return state


class SetActor(nnx.Module):
    """A policy: an equivariant vector of each limb, projected on the axes of its hinges."""

    def __init__(
        self,
        num_channels: int,
        num_scalars: int,
        *,
        sizes: SetSizes | None = None,
        axial: Sequence[bool] | None = None,
        max_action: float = 1.0,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters.

        Args:
          num_channels: vectors of a limb.
          num_scalars: of a limb, invariant.
          sizes: by default the published ones.
          axial: which channels are axial (spins, axes of hinges): polar ones change otherwise under reflections. They
            enter by their cross products with the external vectors, in three dimensions. By default none.
          max_action: the largest action.
          dtype: of scalars and networks; vectors keep theirs.
          param_dtype: of the parameters.
          rngs: for the parameters.

        Raises:
          ValueError: not one value of axial a channel.
        """
        sizes = SetSizes() if sizes is None else sizes
        types: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.trunk = _Trunk(num_channels, num_scalars, sizes, axial=axial, **types)
        self.scalars = _HeadScalars(num_scalars, sizes.num_features, **types)
        self.readout = SubequivariantLinear(self.trunk.num_outputs, 1, sizes.num_features, **sizes.of_products, **types)
        self.max_action = max_action

    def __call__(
        self,
        vectors: jax.Array,
        scalars: jax.Array,
        external: jax.Array,
        axes: jax.Array,
        *,
        tree: LimbTree | None = None,
        mask: jax.Array | None = None,
    ) -> LimbActions:
        """Of bodies.

        Args:
          vectors: `(..., N, num_channels, D)`.
          scalars: `(..., N, num_scalars)`.
          external: `(..., num_external, D)`, of each body.
          axes: `(..., N, K, D)`, of each limb's hinges.
          tree: if and only if num_places is above 0.
          mask: `(..., N)` bool, which limbs there are.

        Returns:
          LimbActions, 0 of masked limbs.

        Raises:
          TypeError, ValueError: wrong dtype or shape, naming the argument.
        """
        vectors, given, h, world = self.trunk(vectors, scalars, external, tree, mask)
        found = self.readout(vectors, self.scalars(given, h), world)[..., 0, :]
        if mask is not None:
            found, axes = jnp.where(mask[..., None], found, 0), jnp.where(mask[..., None, None], axes, 0)
        return LimbActions(self.max_action * jnp.tanh(project_on_axes(found, axes)), found)


class SetCritic(nnx.Module):
    """The value of every limb, invariant; each of them is trained on the same target."""

    def __init__(
        self,
        num_channels: int,
        num_scalars: int,
        *,
        sizes: SetSizes | None = None,
        axial: Sequence[bool] | None = None,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters, all as for `SetActor`.

        Actions are among the scalars. One about an axial axis changes sign under reflections and is no scalar: give it
        as a channel, times its axis.
        """
        sizes = SetSizes() if sizes is None else sizes
        types: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.trunk = _Trunk(num_channels, num_scalars, sizes, axial=axial, **types)
        self.scalars = _HeadScalars(num_scalars, sizes.num_features, **types)
        self.readout = SubequivariantScalars(
            self.trunk.num_outputs, 1, sizes.num_features, **sizes.of_products, **types
        )

    def __call__(
        self,
        vectors: jax.Array,
        scalars: jax.Array,
        external: jax.Array,
        *,
        tree: LimbTree | None = None,
        mask: jax.Array | None = None,
    ) -> jax.Array:
        """`(..., N)`, 0 of masked limbs; arguments as those of `SetActor`."""
        vectors, given, h, world = self.trunk(vectors, scalars, external, tree, mask)
        found = self.readout(vectors, self.scalars(given, h), world)[..., 0]
        return found if mask is None else jnp.where(mask, found, 0)


class _HeadScalars(nnx.Module):
    """Scalars as given beside those found, through two dense layers."""

    def __init__(self, num_scalars: int, num_features: int, *, dtype, param_dtype, rngs: nnx.Rngs):
        types: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.first = nnx.Linear(num_scalars + num_features, num_features, **types)
        self.last = nnx.Linear(num_features, num_features, **types)

    def __call__(self, given, h):
        return self.last(jax.nn.relu(self.first(jnp.concatenate([given, h], axis=-1))))


def _uniform(key, shape, dtype):
    return jax.random.uniform(key, shape, dtype, -_ENCODER, _ENCODER)
