"""A Transformer layer on a set of tokens beside flax's and torch's; tokens of series beside tokens of times."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen

from jaxinv.bench.case import Case, Peer, Sizes, Work
from jaxinv.bench.families import variates_peers as peers
from jaxinv.kernels import permutations as kernels

FAMILY = "permutations"
HEADS, AHEAD = 8, 24
LAYER = {"batch": 32, "variates": 32, "width": 128}
FORECAST = {"batch": 8, "times": 96, "variates": 32, "width": 64}


def _drawn(generator: np.random.Generator, *shapes: tuple[int, ...]) -> tuple[np.ndarray, ...]:
    """Weights that keep unit variance, small biases."""
    scales = (shape[0] ** -0.5 if len(shape) == 2 else 0.1 for shape in shapes)
    return tuple((s * generator.normal(size=shape)).astype(np.float32) for s, shape in zip(scales, shapes, strict=True))


def _layer_arrays(generator: np.random.Generator, d: int) -> tuple[np.ndarray, ...]:
    """As `EncoderLayerParams` flattens, with as many hidden features as a token has."""
    dense = ((d, 3 * d), (3 * d,)) + ((d, d), (d,)) * 3
    scale, shift = generator.normal(size=(2, 2, d)).astype(np.float32)
    return *_drawn(generator, *dense), 1 + 0.1 * scale, 0.1 * shift


def _layer_arguments(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    shape = sizes["batch"], sizes["variates"], sizes["width"]
    return generator.normal(size=shape).astype(np.float32), *_layer_arrays(generator, sizes["width"])


def _layer(tokens, *arrays):
    params = kernels.EncoderLayerParams(kernels.AttentionParams(*arrays[:4]), *arrays[4:])
    return kernels.encoder_layer(params, tokens, num_heads=HEADS)


def _flax(tokens, inputs, inputs_bias, merge, merge_bias, hidden, hidden_bias, output, output_bias, scale, shift):
    d = tokens.shape[-1]
    weights, biases = jnp.split(inputs, 3, axis=1), jnp.split(inputs_bias, 3)
    heads = {
        name: {"kernel": weight.reshape(d, HEADS, -1), "bias": bias.reshape(HEADS, -1)}
        for name, weight, bias in zip(("query", "key", "value"), weights, biases, strict=True)
    }
    heads["out"] = {"kernel": merge.reshape(HEADS, -1, d), "bias": merge_bias}

    def apply(module, params, *x) -> Any:
        return module.apply({"params": params}, *x)

    def norm(which, x):
        return apply(linen.LayerNorm(epsilon=1e-5), {"scale": scale[which], "bias": shift[which]}, x)

    def dense(weight, bias, x):
        return apply(linen.Dense(weight.shape[1], precision="highest"), {"kernel": weight, "bias": bias}, x)

    attention = linen.MultiHeadDotProductAttention(HEADS, precision="highest")
    tokens = norm(0, tokens + apply(attention, heads, tokens, tokens))
    found = dense(output, output_bias, jax.nn.gelu(dense(hidden, hidden_bias, tokens), approximate=False))
    return norm(1, tokens + found)


def _layer_work(sizes: Sizes) -> Work:
    """Products of matrices; tokens in and out, and parameters, once."""
    n, d = sizes["variates"], sizes["width"]
    tokens = float(sizes["batch"] * n)
    return Work(flops=2 * tokens * (6 * d * d + 2 * n * d), bytes=4.0 * (2 * tokens * d + 6 * d * d))


def _forecast_arguments(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    """The series, ends of the network on series, ends of the one on times, and the layer of both."""
    times, n, d = sizes["times"], sizes["variates"], sizes["width"]
    x = generator.normal(size=(sizes["batch"], times, n)).astype(np.float32)
    ends = _drawn(generator, (times, d), (d, AHEAD), (n, d), (times, AHEAD), (d, n))
    return x, *ends, *_layer_arrays(generator, d)


def _matmul(subscripts, x, weight):
    return jnp.einsum(subscripts, x, weight, precision="highest")


def _of_series(x, embed, readout, embed_times, over_times, readout_series, *layer):
    del embed_times, over_times, readout_series
    scaled, mean, std = kernels.instance_norm(x)
    tokens = _layer(_matmul("bln,ld->bnd", scaled, embed), *layer)
    return kernels.instance_denorm(_matmul("bnd,ds->bsn", tokens, readout), mean, std)


def _of_times(x, embed, readout, embed_times, over_times, readout_series, *layer):
    del embed, readout
    scaled, mean, std = kernels.instance_norm(x)
    tokens = _layer(_matmul("bln,nd->bld", scaled, embed_times), *layer)
    ahead = _matmul("bld,ls->bsd", tokens, over_times)
    return kernels.instance_denorm(_matmul("bsd,dn->bsn", ahead, readout_series), mean, std)


def _forecast_work(sizes: Sizes) -> Work:
    """The layer, and both ends."""
    layer = _layer_work(sizes)
    series = float(sizes["batch"] * sizes["variates"])
    ends = sizes["times"] + AHEAD
    return Work(flops=layer.flops + 2 * series * ends * sizes["width"], bytes=4 * (series + sizes["width"]) * ends)


CASES = (
    Case(
        family=FAMILY,
        name="encoder_layer",
        kernel=_layer,
        arguments=_layer_arguments,
        sizes=(LAYER, {"batch": 2, "variates": 512, "width": 128}),
        small={"batch": 2, "variates": 3, "width": 16},
        work=_layer_work,
        peers=(
            Peer(name="flax.linen", kind="library", call=_flax, compiled=True, modules=("flax",), tolerance=1e-4),
            Peer(name="torch", kind="library", call=peers.encoder_layer, modules=("torch",), tolerance=1e-4),
        ),
        differentiable=tuple(range(11)),
        derivatives_at_every_size=True,
        sweep={"variates": (64, 128, 256)},
    ),
    Case(
        family=FAMILY,
        name="itransformer",
        kernel=_of_series,
        arguments=_forecast_arguments,
        sizes=(FORECAST,),
        small={"batch": 2, "times": 5, "variates": 3, "width": 16},
        work=_forecast_work,
        peers=(Peer(name="tokens of times", kind="another map", call=_of_times, compiled=True),),
        differentiable=tuple(range(16)),
        sweep={"times": (192, 384, 768), "variates": (64, 128, 256)},
    ),
)
