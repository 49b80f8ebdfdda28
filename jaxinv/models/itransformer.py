"""iTransformer: the future of many time series, of which each is one token.

Attention mixes series, and what is dense learns their courses. No parameter depends on how many series there are.

References: Liu, Hu et al., iTransformer: inverted Transformers are effective for time series forecasting, ICLR 2024,
arXiv:2310.06625.
"""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from jaxinv.kernels.numerics.validation import require_at_least, require_shape
from jaxinv.kernels.permutations import instance_denorm, instance_norm
from jaxinv.models.token_encoder import TokenEncoder


class ITransformer(nnx.Module):
    """Past times of any number of series to future ones.

    Follows every permutation of the series; scaled and shifted series have scaled and shifted futures.
    """

    def __init__(
        self,
        num_past: int,
        num_future: int,
        *,
        width: int = 512,
        num_layers: int = 2,
        num_heads: int = 8,
        num_hidden: int = 512,
        dropout: float = 0.1,
        normalize: bool = True,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters.

        Args:
          num_past: times that are seen.
          num_future: times that are predicted.
          width: features of a token, a multiple of the heads.
          num_layers: one program runs all of them, whatever their number.
          num_heads: of attention.
          num_hidden: hidden features of a token.
          dropout: share that training leaves out.
          normalize: brings each series to mean 0 and variance 1, and its future back. As published it is left out for
            long futures of traffic.
          dtype: of tokens; by default that of the parameters. Scales keep the dtype of the series.
          param_dtype: of the parameters.
          rngs: for the parameters.

        Raises:
          ValueError: sizes too small, heads that do not divide the width.
        """
        for name, size in (("num_past", num_past), ("num_future", num_future)):
            require_at_least(name, size, 1)
        types: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        sizes = {"num_layers": num_layers, "num_heads": num_heads, "num_hidden": num_hidden}
        self.embedding = nnx.Linear(num_past, width, **types)
        self.dropout = nnx.Dropout(dropout)
        self.encoder = TokenEncoder(width, **sizes, dropout=dropout, **types)
        self.readout = nnx.Linear(width, num_future, **types)
        self.num_past, self.normalize = num_past, normalize

    def __call__(
        self,
        x: jax.Array,
        *,
        marks: jax.Array | None = None,
        mask: jax.Array | None = None,
        key: jax.Array | None = None,
    ) -> jax.Array:
        """Forecasts.

        Args:
          x: `(..., num_past, N)`, floating point.
          marks: `(..., num_past, M)`, what the calendar says of the same times: further tokens, not scaled.
          mask: `(..., N)` bool, which series there are.
          key: in training, for dropout.

        Returns:
          `(..., num_future, N)` in the dtype of x; 0 of masked series.

        Raises:
          TypeError, ValueError: wrong dtype or shape, naming the argument.
        """
        x = jnp.asarray(x)
        num_series = x.shape[-1] if x.ndim else 0
        if x.ndim < 2 or x.shape[-2] != self.num_past or not num_series:
            raise ValueError(f"x must have shape (..., {self.num_past}, 1 or more), got {x.shape}")
        if mask is not None:
            require_shape("mask", mask, (*x.shape[:-2], num_series))
        if self.normalize:
            there = None if mask is None else jnp.broadcast_to(mask[..., None, :], x.shape)
            scaled, mean, std = instance_norm(x, mask=there)
        else:
            scaled, mean, std = x, None, None
        if marks is not None:
            require_shape("marks", marks, (*x.shape[:-1], None))
            scaled = jnp.concatenate([scaled, marks.astype(scaled.dtype)], axis=-1)
            if mask is not None:
                mask = jnp.concatenate([mask, jnp.ones((*mask.shape[:-1], marks.shape[-1]), bool)], axis=-1)
        first, rest = (None, None) if key is None else jax.random.split(key)
        tokens = self.dropout(self.embedding(jnp.swapaxes(scaled, -2, -1)), deterministic=key is None, rngs=first)
        tokens = self.encoder(tokens, mask=mask, key=rest)
        found = jnp.swapaxes(self.readout(tokens[..., :num_series, :]), -2, -1)
        if mean is not None and std is not None:
            found = instance_denorm(found, mean, std)
        found = found.astype(x.dtype)
        return found if mask is None else jnp.where(mask[..., None, :num_series], found, 0)
