"""Transformer layers one after the other, in one program whatever their number."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from jaxinv.kernels.numerics.validation import require_at_least
from jaxinv.nn.variates import EncoderLayer


class TokenEncoder(nnx.Module):
    """Tokens to tokens, which follow every permutation of them."""

    def __init__(
        self,
        width: int,
        *,
        num_layers: int,
        num_heads: int,
        num_hidden: int,
        dropout: float = 0.0,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters.

        Args:
          width: features of a token.
          num_layers: at least 1.
          num_heads: of attention, divides the width.
          num_hidden: hidden features of a token.
          dropout: share that training leaves out.
          dtype: of the computation; by default that of the parameters.
          param_dtype: of the parameters.
          rngs: for the parameters.

        Raises:
          ValueError: no layer, or heads that do not divide the width.
        """
        require_at_least("num_layers", num_layers, 1)
        if num_heads < 1 or width % num_heads:
            raise ValueError(f"num_heads must divide width {width}, got {num_heads}")
        types: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype}

        @nnx.split_rngs(splits=num_layers)
        @nnx.vmap
        def layers(rngs: nnx.Rngs) -> EncoderLayer:
            return EncoderLayer(width, num_heads, num_hidden, dropout=dropout, **types, rngs=rngs)

        self.layers = layers(rngs)
        self.norm = nnx.LayerNorm(width, epsilon=1e-5, **types, rngs=rngs)
        self.num_layers = num_layers

    def __call__(self, tokens: jax.Array, *, mask: jax.Array | None = None, key: jax.Array | None = None) -> jax.Array:
        """`(..., N, width)` to as much; `mask` says which tokens there are, `key` is for dropout in training."""
        graphdef, params = nnx.split(self.layers)

        def layer(tokens, given):
            params, key = given
            found = nnx.merge(graphdef, params)(tokens, mask=mask, key=key)
            return found.astype(tokens.dtype), None

        keys = None if key is None else jax.random.split(key, self.num_layers)
        tokens, _ = jax.lax.scan(layer, tokens, (params, keys))
        return self.norm(tokens)
