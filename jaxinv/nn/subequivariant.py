"""Layers for the limbs of a body, equivariant if gravity and goal move along: vectors `(..., N, C, D)` and scalars."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from jaxinv.kernels import symmetrization as kernels
from jaxinv.nn.parameters import parameter


class SubequivariantLinear(nnx.Module):
    """`kernels.symmetrization.subequivariant_linear`."""

    def __init__(
        self,
        num_in: int,
        num_out: int,
        num_scalars: int,
        *,
        num_external: int = 2,
        num_mixed: int = 32,
        width: int = 256,
        num_products: int = 128,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters.

        Args:
          num_in: channels of the input.
          num_out: channels of the result.
          num_scalars: of a limb.
          num_external: vectors of the world.
          num_mixed: channels, external vectors among them, whose products are taken.
          width: of the networks' hidden layers.
          num_products: scalars that are made of products.
          dtype: of scalars and networks; by default that of scalars and parameters together. Vectors keep theirs.
          param_dtype: of the parameters.
          rngs: for the parameters.
        """
        types: dict[str, Any] = {"param_dtype": param_dtype, "rngs": rngs}
        self.features = _Invariants(num_in, num_external, num_mixed, width, num_products, **types)
        self.map = _Perceptron(num_products + num_scalars, width, num_mixed * num_out, **types)
        self.dtype = dtype

    def __call__(self, vectors: jax.Array, h: jax.Array, external: jax.Array) -> jax.Array:
        """`(..., num_in, D)`, `(..., num_scalars)` and `(..., num_external, D)` to `(..., num_out, D)`."""
        h, params = _cast(self.dtype, h, kernels.SubequivariantParams(self.features.params, self.map.params))
        return kernels.subequivariant_linear(params, vectors, h, external)


class SubequivariantScalars(nnx.Module):
    """`kernels.symmetrization.subequivariant_scalars`."""

    def __init__(
        self,
        num_in: int,
        num_out: int,
        num_scalars: int,
        *,
        num_external: int = 2,
        num_mixed: int = 32,
        width: int = 256,
        num_products: int = 128,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters; num_out is that of scalars, all others are as for `SubequivariantLinear`."""
        types: dict[str, Any] = {"param_dtype": param_dtype, "rngs": rngs}
        self.features = _Invariants(num_in, num_external, num_mixed, width, num_products, **types)
        self.readout = nnx.Linear(num_products + num_scalars, num_out, **types)
        self.dtype = dtype

    def __call__(self, vectors: jax.Array, h: jax.Array, external: jax.Array) -> jax.Array:
        """`(..., num_in, D)`, `(..., num_scalars)` and `(..., num_external, D)` to `(..., num_out)`."""
        h, params = _cast(self.dtype, h, kernels.ScalarParams(self.features.params, _dense(self.readout)))
        return kernels.subequivariant_scalars(params, vectors, h, external)


class SetAttention(nnx.Module):
    """`kernels.symmetrization.set_attention`."""

    def __init__(
        self,
        num_channels: int,
        num_scalars: int,
        *,
        num_external: int = 2,
        num_mixed: int = 32,
        width: int = 256,
        num_products: int = 128,
        num_heads: int = 2,
        head_width: int = 128,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters.

        Args:
          num_channels: of a limb's vectors.
          num_scalars: of a limb.
          num_external: vectors of the world.
          num_mixed: channels, external vectors among them, whose products are taken.
          width: of the hidden layer on products.
          num_products: scalars that are made of products.
          num_heads: of attention.
          head_width: scalars that a head passes on; as many vectors, external ones among them, does it pass on.
          dtype: of scalars and networks; by default that of scalars and parameters together. Vectors keep theirs.
          param_dtype: of the parameters.
          rngs: for the parameters.
        """
        types: dict[str, Any] = {"param_dtype": param_dtype, "rngs": rngs}
        self.features = _Invariants(num_channels, num_external, num_mixed, width, num_products, **types)
        inputs, outputs = num_products + num_scalars, num_heads * head_width
        self.query, self.key, self.value = (nnx.Linear(inputs, outputs, **types) for _ in range(3))
        self.scalars = nnx.Linear(outputs, num_scalars, **types)
        shape = (num_heads, num_channels, head_width - num_external)
        self.vectors = parameter(_normal(num_channels), rngs, shape, param_dtype)
        shape = (num_heads, head_width, num_channels)
        self.output = parameter(_normal(num_heads * head_width), rngs, shape, param_dtype)
        self.dtype = dtype

    def __call__(
        self,
        vectors: jax.Array,
        h: jax.Array,
        external: jax.Array,
        *,
        bias: jax.Array | None = None,
        mask: jax.Array | None = None,
    ) -> tuple[jax.Array, jax.Array]:
        """`(..., N, num_channels, D)` and `(..., N, num_scalars)` to what is to be added to them."""
        query, key, value, scalars = (_dense(layer) for layer in (self.query, self.key, self.value, self.scalars))
        mixes = self.vectors[...], self.output[...]
        params = kernels.AttentionParams(self.features.params, query, key, value, scalars, *mixes)
        h, params = _cast(self.dtype, h, params)
        return kernels.set_attention(params, vectors, h, external, bias=bias, mask=mask)


class SetFeedForward(nnx.Module):
    """`kernels.symmetrization.set_feed_forward`."""

    def __init__(
        self,
        num_channels: int,
        num_scalars: int,
        *,
        num_external: int = 2,
        num_mixed: int = 32,
        width: int = 256,
        num_products: int = 128,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters; all are as for `SetAttention`, the width is that of all hidden layers."""
        types: dict[str, Any] = {"param_dtype": param_dtype, "rngs": rngs}
        self.features = _Invariants(num_channels, num_external, num_mixed, width, num_products, **types)
        shape = (num_channels, num_mixed - num_external)
        self.mix = parameter(_normal(num_channels), rngs, shape, param_dtype)
        self.map = _Perceptron(num_products + num_scalars, width, num_mixed**2, **types)
        self.output = parameter(_normal(num_mixed), rngs, (num_mixed, num_channels), param_dtype)
        self.scalars = _Perceptron(num_products + num_scalars, width, num_scalars, **types)
        self.dtype = dtype

    def __call__(
        self, vectors: jax.Array, h: jax.Array, external: jax.Array, *, mask: jax.Array | None = None
    ) -> tuple[jax.Array, jax.Array]:
        """`(..., N, num_channels, D)` and `(..., N, num_scalars)` to what is to be added to them."""
        maps = self.mix[...], self.map.params, self.output[...], self.scalars.params
        h, params = _cast(self.dtype, h, kernels.FeedForwardParams(self.features.params, *maps))
        return kernels.set_feed_forward(params, vectors, h, external, mask=mask)


class SetBlock(nnx.Module):
    """`SetAttention`, then `SetFeedForward` of the vectors' change, each added; scalars are normalised."""

    def __init__(
        self,
        num_channels: int,
        num_scalars: int,
        *,
        num_heads: int = 2,
        head_width: int = 128,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
        **sizes: int,
    ):
        """Draws the parameters; all are as for `SetAttention`, sizes those that `SetFeedForward` has too."""
        types: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        heads = {"num_heads": num_heads, "head_width": head_width}
        self.attention = SetAttention(num_channels, num_scalars, **heads, **sizes, **types)
        self.feed_forward = SetFeedForward(num_channels, num_scalars, **sizes, **types)
        self.norms = nnx.List(nnx.LayerNorm(num_scalars, **types) for _ in range(2))

    def __call__(
        self,
        vectors: jax.Array,
        h: jax.Array,
        external: jax.Array,
        *,
        bias: jax.Array | None = None,
        mask: jax.Array | None = None,
    ) -> tuple[jax.Array, jax.Array]:
        """Vectors `(..., N, num_channels, D)` and scalars `(..., N, num_scalars)` to new ones."""
        moved, told = self.attention(vectors, h, external, bias=bias, mask=mask)
        h = self.norms[0](h + told)
        mapped, made = self.feed_forward(moved, h, external, mask=mask)
        return vectors + moved + mapped, self.norms[1](h + made)


class _Perceptron(nnx.Module):
    """Parameters of `kernels.symmetrization.Perceptron`."""

    def __init__(self, inputs: int, width: int, outputs: int, *, param_dtype: DTypeLike, rngs: nnx.Rngs):
        self.first = nnx.Linear(inputs, width, param_dtype=param_dtype, rngs=rngs)
        self.last = nnx.Linear(width, outputs, param_dtype=param_dtype, rngs=rngs)

    @property
    def params(self) -> kernels.Perceptron:
        """What the kernels take."""
        return kernels.Perceptron(_dense(self.first), _dense(self.last))


class _Invariants(nnx.Module):
    """Parameters of `kernels.symmetrization.InvariantParams`."""

    def __init__(self, num_channels, num_external, num_mixed, width, num_products, *, param_dtype, rngs: nnx.Rngs):
        self.mix = parameter(_normal(num_channels), rngs, (num_channels, num_mixed - num_external), param_dtype)
        pairs = num_mixed * (num_mixed + 1) // 2
        self.gram = _Perceptron(pairs, width, num_products, param_dtype=param_dtype, rngs=rngs)

    @property
    def params(self) -> kernels.InvariantParams:
        """What the kernels take."""
        return kernels.InvariantParams(self.mix[...], self.gram.params)


def _dense(layer: nnx.Linear) -> kernels.Dense:
    assert layer.bias is not None
    return kernels.Dense(layer.kernel[...], layer.bias[...])


def _normal(fan_in):
    return jax.nn.initializers.normal(fan_in**-0.5)


def _cast(dtype, h, params):
    """Scalars and parameters in one dtype."""
    leaves, tree = jax.tree.flatten(params)
    dtype = jnp.result_type(h, *leaves) if dtype is None else dtype
    return h.astype(dtype), jax.tree.unflatten(tree, [leaf.astype(dtype) for leaf in leaves])
