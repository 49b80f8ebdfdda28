"""The Transformer that iTransformer inverts: each time is a token, of the values of all series."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from jaxinv.kernels.numerics.validation import require_at_least
from jaxinv.kernels.permutations import instance_denorm, instance_norm
from jaxinv.models.token_encoder import TokenEncoder
from jaxinv.nn.parameters import parameter


class TimeTransformer(nnx.Module):
    """Past times of a fixed number of series, in a fixed order, to future ones.

    An encoder on times with learnt positions; its readout maps past times to future ones, then features to series.
    """

    def __init__(
        self,
        num_past: int,
        num_future: int,
        num_series: int,
        *,
        width: int = 512,
        num_layers: int = 2,
        num_heads: int = 8,
        num_hidden: int = 512,
        dropout: float = 0.1,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters; see `ITransformer` for the arguments, `num_series` is N.

        Raises:
          ValueError: sizes too small, heads that do not divide the width.
        """
        for name, size in (("num_past", num_past), ("num_future", num_future), ("num_series", num_series)):
            require_at_least(name, size, 1)
        types: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        sizes = {"num_layers": num_layers, "num_heads": num_heads, "num_hidden": num_hidden}
        self.embedding = nnx.Linear(num_series, width, **types)
        self.positions = parameter(jax.nn.initializers.normal(0.02), rngs, (num_past, width), param_dtype)
        self.dropout = nnx.Dropout(dropout)
        self.encoder = TokenEncoder(width, **sizes, dropout=dropout, **types)
        self.times = nnx.Linear(num_past, num_future, **types)
        self.readout = nnx.Linear(width, num_series, **types)
        self.shape = num_past, num_series

    def __call__(self, x: jax.Array, *, key: jax.Array | None = None) -> jax.Array:
        """`(..., num_past, num_series)` to `(..., num_future, num_series)`; `key` is for dropout in training."""
        x = jnp.asarray(x)
        if x.shape[-2:] != self.shape:
            raise ValueError(f"x must have shape (..., {self.shape[0]}, {self.shape[1]}), got {x.shape}")
        scaled, mean, std = instance_norm(x)
        first, rest = (None, None) if key is None else jax.random.split(key)
        tokens = self.embedding(scaled)
        tokens = tokens + jnp.expand_dims(self.positions[...].astype(tokens.dtype), range(tokens.ndim - 2))
        tokens = self.encoder(self.dropout(tokens, deterministic=key is None, rngs=first), key=rest)
        found = jnp.swapaxes(self.times(jnp.swapaxes(tokens, -2, -1)), -2, -1)
        return instance_denorm(self.readout(found), mean, std).astype(x.dtype)
