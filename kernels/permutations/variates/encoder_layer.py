"""A layer of a Transformer on a set of tokens: each attends to all, then changes by itself."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.validation import require_at_least, require_floating, require_shape
from jaxinv.kernels.permutations.masks import require_mask


class AttentionParams(NamedTuple):
    """Of `variate_attention`, for tokens of D features.

    Attributes:
      inputs: `(D, 3 D)`: queries, keys and values beside each other, the heads of each one after the other.
      inputs_bias: `(3 D,)`.
      output: `(D, D)`.
      output_bias: `(D,)`.
    """

    inputs: jax.Array
    inputs_bias: jax.Array
    output: jax.Array
    output_bias: jax.Array


class EncoderLayerParams(NamedTuple):
    """Of `encoder_layer`, for tokens of D features and F hidden ones.

    Attributes:
      attention: AttentionParams.
      hidden: `(D, F)`.
      hidden_bias: `(F,)`.
      output: `(F, D)`.
      output_bias: `(D,)`.
      scale: `(2, D)`, of the normalisation after attention, and of the one after the hidden features.
      shift: `(2, D)`, likewise.
    """

    attention: AttentionParams
    hidden: jax.Array
    hidden_bias: jax.Array
    output: jax.Array
    output_bias: jax.Array
    scale: jax.Array
    shift: jax.Array


class Attention(NamedTuple):
    """What tokens found in each other.

    Attributes:
      tokens: `(..., N, D)`, 0 for masked tokens.
      weights: `(..., num_heads, N, N)`, to each token from all; rows add up to 1, or are 0 where no token is there.
    """

    tokens: jax.Array
    weights: jax.Array


@functools.partial(jax.jit, static_argnames=("num_heads", "dropout"))
def variate_attention(
    params: AttentionParams,
    tokens: jax.Array,
    *,
    num_heads: int,
    mask: jax.Array | None = None,
    key: jax.Array | None = None,
    dropout: float = 0.0,
) -> Attention:
    """Attention of a set of tokens to itself, in several heads: softmax of `q k / sqrt(D / num_heads)`, times v.

    Args:
      params: AttentionParams.
      tokens: `(..., N, D)`, floating point.
      num_heads: static, divides D.
      mask: `(..., N)` bool, which tokens there are; others are not attended to, and give 0.
      key: for dropout; None leaves nothing out.
      dropout: static, share of weights that is left out.

    Returns:
      `Attention`, in the dtype of the tokens; products, softmax and sums in float32 at least.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Follows every permutation of the tokens.
    Memory: `4 num_heads N^2` bytes a set for the weights, and the logits before them.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Vaswani et al., NeurIPS 2017, arXiv:1706.03762; Liu et al., iTransformer, ICLR 2024, arXiv:2310.06625.

    Examples:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import permutations
      >>> weights = jax.random.normal(jax.random.key(0), (8, 24)) / 3
      >>> params = permutations.AttentionParams(weights, jnp.zeros(24), jnp.eye(8), jnp.zeros(8))
      >>> tokens = jax.random.normal(jax.random.key(1), (5, 8))
      >>> found = permutations.variate_attention(params, tokens, num_heads=2)
      >>> backwards = permutations.variate_attention(params, tokens[::-1], num_heads=2)
      >>> found.weights.shape, bool(jnp.allclose(found.tokens[::-1], backwards.tokens, atol=1e-5))
      ((2, 5, 5), True)
    """
    tokens, mask = _tokens(tokens, mask)
    _require_attention(params, tokens.shape[-1], num_heads)
    weights, found = _attend(params, tokens, mask, num_heads, key, dropout)
    return Attention(_there(mask, found), weights.astype(tokens.dtype))


@functools.partial(jax.jit, static_argnames=("num_heads", "dropout", "epsilon"))
def encoder_layer(
    params: EncoderLayerParams,
    tokens: jax.Array,
    *,
    num_heads: int,
    mask: jax.Array | None = None,
    key: jax.Array | None = None,
    dropout: float = 0.0,
    epsilon: float = 1e-5,
) -> jax.Array:
    """`t = norm(t + attention(t))`, then `norm(t + dense(gelu(dense(t))))`: normalised after each sum.

    Args:
      params: EncoderLayerParams.
      tokens: `(..., N, D)`, floating point.
      num_heads: static, divides D.
      mask: `(..., N)` bool, which tokens there are; others are not attended to, and give 0.
      key: for dropout; None leaves nothing out.
      dropout: static, share that is left out of weights of attention, of hidden features, and of what is added.
      epsilon: static, above 0, added to the variance over the features of a token.

    Returns:
      `(..., N, D)` in the dtype of the tokens; products, norms and sums in float32 at least.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Follows every permutation of the tokens.
    Memory: as `variate_attention`, and `4 N F` bytes a set.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: as `variate_attention`.
    """
    tokens, mask = _tokens(tokens, mask)
    width = tokens.shape[-1]
    _require_attention(params.attention, width, num_heads)
    require_shape("params.hidden", params.hidden, (width, None))
    hidden_width = params.hidden.shape[1]
    require_shape("params.hidden_bias", params.hidden_bias, (hidden_width,))
    require_shape("params.output", params.output, (hidden_width, width))
    require_shape("params.output_bias", params.output_bias, (width,))
    for name in ("scale", "shift"):
        require_shape(f"params.{name}", getattr(params, name), (2, width))
    require_at_least("epsilon", epsilon, 1e-12)
    weights_key, *keys = [None] * 4 if key is None else jax.random.split(key, 4)

    def normalised(x, which):
        x = x.astype(accumulation_dtype(x))
        centred = x - jnp.mean(x, axis=-1, keepdims=True)
        scaled = centred * jax.lax.rsqrt(jnp.mean(centred * centred, axis=-1, keepdims=True) + epsilon)
        scale, shift = (_along(part[which], scaled) for part in (params.scale, params.shift))
        return (scaled * scale + shift).astype(tokens.dtype)

    _, found = _attend(params.attention, tokens, mask, num_heads, weights_key, dropout)
    tokens = normalised(tokens + _dropped(found, keys[0], dropout), 0)
    hidden = jax.nn.gelu(_dense(params.hidden, params.hidden_bias, tokens), approximate=False)
    found = _dense(params.output, params.output_bias, _dropped(hidden, keys[1], dropout))
    return _there(mask, normalised(tokens + _dropped(found, keys[2], dropout), 1))


def _attend(params, tokens, mask, num_heads, key, dropout):
    """Weights in the dtype of sums, and tokens."""
    width = tokens.shape[-1]
    size = width // num_heads
    # Heads are axes of the products: reshaping tokens between them costs derivatives a fifth more time on a CPU.
    parts = contract("...ni,iphd->...nphd", tokens, params.inputs.reshape(width, 3, num_heads, size))
    parts = parts + _along(params.inputs_bias.reshape(3, num_heads, size), parts)
    query, keys, values = (parts[..., i, :, :] for i in range(3))
    query, keys, values = (part.astype(tokens.dtype) for part in (query * size**-0.5, keys, values))
    logits = contract("...qhd,...khd->...hqk", query, keys)
    if mask is None:
        weights = jax.nn.softmax(logits, axis=-1)
    else:
        there = mask[..., None, None, :]
        # Low, not minus infinity: where all are masked the softmax stays finite, and is then set to 0.
        weights = jnp.where(there, jax.nn.softmax(jnp.where(there, logits, -1e30), axis=-1), 0)
    kept = _dropped(weights, key, dropout).astype(tokens.dtype)
    found = contract("...hqk,...khd->...qhd", kept, values).astype(tokens.dtype)
    found = contract("...hd,hdo->...o", found, params.output.reshape(num_heads, size, width))
    return weights, (found + _along(params.output_bias, found)).astype(tokens.dtype)


def _tokens(tokens, mask):
    tokens = jnp.asarray(tokens)
    require_floating("tokens", tokens)
    if tokens.ndim < 2 or tokens.shape[-2] < 1:
        raise ValueError(f"tokens must have shape (..., 1 or more, D), got {tokens.shape}")
    return tokens, None if mask is None else require_mask(mask, tokens.shape[:-1])


def _require_attention(params, width, num_heads):
    if num_heads < 1 or width % num_heads:
        raise ValueError(f"num_heads must divide the {width} features of a token, got {num_heads}")
    for name, wanted in (
        ("inputs", (width, 3 * width)),
        ("inputs_bias", (3 * width,)),
        ("output", (width, width)),
        ("output_bias", (width,)),
    ):
        require_shape(f"params.{name}", getattr(params, name), wanted)


def _there(mask, tokens):
    return tokens if mask is None else jnp.where(mask[..., None], tokens, 0)


def _along(vector, x):
    return jnp.expand_dims(vector.astype(x.dtype), range(x.ndim - vector.ndim))


def _dense(weight, bias, x):
    y = contract("...i,io->...o", x, weight)
    return (y + _along(bias, y)).astype(x.dtype)


def _dropped(x, key, rate):
    if key is None or rate == 0:
        return x
    return jnp.where(jax.random.bernoulli(key, 1 - rate, x.shape), x / (1 - rate), 0).astype(x.dtype)
