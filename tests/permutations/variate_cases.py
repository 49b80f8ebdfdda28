"""Kernels on many time series before their duties, beside loops over series and heads in numpy."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from scipy.special import erf, softmax

from jaxinv.kernels import permutations as kernels
from tests.duties import FEATURES, BadInput, Case

TIMES, VARIATES, AHEAD = 5, 3, 2
WIDTH, HIDDEN, HEADS, TOKENS = 4, 3, 2, 3
# A missing value, and a series that pads.
THERE = np.ones((TIMES, VARIATES), bool)
THERE[1, 0] = THERE[:, 2] = False
TOKEN_MASK = np.array([True, True, False])


def series(generator, times=TIMES):
    return generator.normal(size=(times, VARIATES)) * [1.0, 3.0, 0.5] + [0.0, 2.0, -1.0]


# --- In numpy.


def numpy_instance_norm(x, scale=1.0, shift=0.0, there=None):
    """Values, means and deviations of each series by itself."""
    there = np.ones(x.shape, bool) if there is None else there
    values, means, stds = np.zeros_like(x), np.zeros(x.shape[1]), np.full(x.shape[1], 1e-5**0.5)
    for n in range(x.shape[1]):
        known = x[there[:, n], n]
        if len(known):
            means[n], stds[n] = known.mean(), np.sqrt(known.var() + 1e-5)
            values[there[:, n], n] = scale * (known - means[n]) / stds[n] + shift
    return values, means, stds


def numpy_attention(params, tokens, mask, num_heads=HEADS):
    """Tokens and weights, head by head."""
    width = tokens.shape[1]
    size = width // num_heads
    query, keys, values = np.split(tokens @ params.inputs + params.inputs_bias, 3, axis=1)
    heads, weights = [], np.zeros((num_heads, len(tokens), len(tokens)))
    for h in range(num_heads):
        own = slice(h * size, (h + 1) * size)
        logits = query[:, own] @ keys[mask][:, own].T / np.sqrt(size)
        weights[h][:, mask] = softmax(logits, axis=1)
        heads.append(weights[h] @ values[:, own])
    return np.concatenate(heads, axis=1) @ params.output + params.output_bias, weights


def _normalised(x, scale, shift):
    centred = x - x.mean(1, keepdims=True)
    return scale * centred / np.sqrt(x.var(1, keepdims=True) + 1e-5) + shift


def numpy_layer(params, tokens, mask, num_heads=HEADS):
    found, _ = numpy_attention(params.attention, tokens, mask, num_heads)
    tokens = _normalised(tokens + found, params.scale[0], params.shift[0])
    hidden = tokens @ params.hidden + params.hidden_bias
    hidden = hidden * (1 + erf(hidden / np.sqrt(2))) / 2
    tokens = _normalised(tokens + hidden @ params.output + params.output_bias, params.scale[1], params.shift[1])
    return tokens * mask[:, None]


def numpy_errors(found, wanted, past, mask=TOKEN_MASK):
    squared, absolute, scaled = [], [], []
    for n in np.flatnonzero(mask):
        squared.append(np.mean((found[:, n] - wanted[:, n]) ** 2))
        absolute.append(np.mean(np.abs(found[:, n] - wanted[:, n])))
        scaled.append(absolute[-1] / np.mean(np.abs(np.diff(past[:, n]))))
    return np.array([np.mean(squared), np.mean(absolute), np.mean(scaled)])


def numpy_dlinear(x, trend_weight, trend_bias, rest_weight, rest_bias):
    """With a moving mean of three times."""
    padded = np.concatenate([x[:1], x, x[-1:]])
    trend = (padded[:-2] + padded[1:-1] + padded[2:]) / 3
    return trend_weight.T @ trend + trend_bias[:, None] + rest_weight.T @ (x - trend) + rest_bias[:, None]


def numpy_rlinear(x, weight, bias):
    values, means, stds = numpy_instance_norm(x)
    return (weight.T @ values + bias[:, None]) * stds + means


# --- Parameters, flat, as the duties take them.


def attention_arrays(generator, width=WIDTH) -> tuple[Any, ...]:
    shapes = (width, 3 * width), (3 * width,), (width, width), (width,)
    return tuple(generator.normal(size=shape) / width**0.5 for shape in shapes)


def layer_arrays(generator, width=WIDTH, hidden=HIDDEN) -> tuple[Any, ...]:
    shapes = (width, hidden), (hidden,), (hidden, width), (width,)
    dense = (generator.normal(size=shape) / shape[0] ** 0.5 for shape in shapes)
    scales = 1 + 0.1 * generator.normal(size=(2, width)), 0.1 * generator.normal(size=(2, width))
    return *attention_arrays(generator, width), *dense, *scales


def layer_params(arrays: tuple[Any, ...]):
    return kernels.EncoderLayerParams(kernels.AttentionParams(*arrays[:4]), *arrays[4:])


def _attention(tokens, *arrays):
    params = kernels.AttentionParams(*arrays)
    return kernels.variate_attention(params, tokens, num_heads=HEADS, mask=jnp.asarray(TOKEN_MASK))


def _layer(tokens, *arrays):
    return kernels.encoder_layer(layer_params(arrays), tokens, num_heads=HEADS, mask=jnp.asarray(TOKEN_MASK))


def _bad_attention(tokens=None, num_heads=HEADS, mask=None, **wrong):
    params = kernels.AttentionParams(*attention_arrays(np.random.default_rng(0)))._replace(**wrong)
    tokens = jnp.ones((TOKENS, WIDTH)) if tokens is None else tokens
    return kernels.variate_attention(params, tokens, num_heads=num_heads, mask=mask)


def _bad_layer(epsilon=1e-5, **wrong):
    params = layer_params(layer_arrays(np.random.default_rng(0)))._replace(**wrong)
    return kernels.encoder_layer(params, jnp.ones((TOKENS, WIDTH)), num_heads=HEADS, epsilon=epsilon)


def _wrong(call, message, error: type[Exception] = ValueError):
    return BadInput(call=call, error=error, message=message)


WHOLE = jnp.ones((TIMES, VARIATES), int)
SERIES = jnp.ones((TIMES, VARIATES))

SCALED: dict[str, Any] = FEATURES | {"value": lambda result: result.values}
PAST: dict[str, Any] = FEATURES | {"value": lambda result: result.past}
# Queries, keys, values and heads are rounded one after the other.
TOKENS_FOUND: dict[str, Any] = FEATURES | {"value": lambda result: result.tokens, "low_precision": 2e-2}
FEATURES_OF_A_LAYER: dict[str, Any] = FEATURES | {"low_precision": 3e-2}

CASES = [
    Case(
        name="permutations.instance_norm",
        function=lambda x, scale, shift: kernels.instance_norm(x, mask=jnp.asarray(THERE), scale=scale, shift=shift),
        arguments=lambda generator: (series(generator), np.asarray(1.5), np.asarray(0.25)),
        reference=lambda x, scale, shift: numpy_instance_norm(x, scale, shift, THERE)[0],
        **SCALED,
        differentiable=(0, 1, 2),
        bad_input=(
            _wrong(lambda: kernels.instance_norm(WHOLE), "x must be floating point", TypeError),
            _wrong(lambda: kernels.instance_norm(jnp.ones((0, 3))), "x must have shape"),
            _wrong(lambda: kernels.instance_norm(SERIES[:, :0]), "x must have shape"),
            _wrong(lambda: kernels.instance_norm(SERIES, mask=SERIES), "mask must be boolean", TypeError),
            _wrong(lambda: kernels.instance_norm(SERIES, mask=jnp.ones(3, bool)), "mask must have shape"),
            _wrong(lambda: kernels.instance_norm(SERIES, scale=jnp.ones(3)), "scale must have shape"),
            _wrong(lambda: kernels.instance_norm(SERIES, epsilon=0.0), "epsilon must be"),
        ),
    ),
    Case(
        name="permutations.instance_denorm",
        function=lambda y, mean, std, scale, shift: kernels.instance_denorm(y, mean, std, scale=scale, shift=shift),
        arguments=lambda generator: (
            series(generator),
            generator.normal(size=VARIATES),
            generator.uniform(1, 2, VARIATES),
            np.asarray(-1.5),
            np.asarray(0.25),
        ),
        reference=lambda y, mean, std, scale, shift: (y - shift) / (scale - 1e-10) * std + mean,
        **FEATURES,
        differentiable=(0, 1, 2, 3, 4),
        bad_input=(
            _wrong(lambda: kernels.instance_denorm(WHOLE, SERIES[0], SERIES[0]), "y must be floating", TypeError),
            _wrong(lambda: kernels.instance_denorm(SERIES, SERIES[0, :2], SERIES[0]), "mean must have shape"),
            _wrong(lambda: kernels.instance_denorm(SERIES, SERIES[0], SERIES), "std must have shape"),
            _wrong(lambda: kernels.instance_denorm(SERIES, SERIES[0], SERIES[0], shift=jnp.ones(3)), "shift must have"),
        ),
    ),
    Case(
        name="permutations.train_scale",
        function=lambda x: kernels.train_scale(x, num_train=4),
        arguments=lambda generator: (series(generator),),
        reference=lambda x: (x - x[:4].mean(0)) / np.sqrt(x[:4].var(0) + 1e-12),
        **SCALED,
        bad_input=(
            _wrong(lambda: kernels.train_scale(SERIES, num_train=6), r"series must have shape \(\.\.\., 6 or more"),
            _wrong(lambda: kernels.train_scale(SERIES, num_train=0), "num_train must be"),
        ),
    ),
    Case(
        name="permutations.sliding_windows",
        function=lambda x: kernels.sliding_windows(x, num_past=2, num_future=1, stride=2),
        arguments=lambda generator: (series(generator),),
        reference=lambda x: np.stack([x[0:2], x[2:4]]),
        **PAST,
        bad_input=(
            _wrong(
                lambda: kernels.sliding_windows(SERIES, num_past=4, num_future=2),
                r"series must have shape \(\.\.\., 6 or more",
            ),
            _wrong(lambda: kernels.sliding_windows(SERIES, num_past=2, num_future=0), "num_future must be"),
            _wrong(lambda: kernels.sliding_windows(SERIES, num_past=2, num_future=1, stride=0), "stride must be"),
        ),
    ),
    Case(
        name="permutations.variate_attention",
        function=_attention,
        arguments=lambda generator: (
            generator.normal(size=(TOKENS, WIDTH)),
            *attention_arrays(generator),
        ),
        reference=lambda tokens, *arrays: (
            numpy_attention(kernels.AttentionParams(*arrays), tokens, TOKEN_MASK)[0] * TOKEN_MASK[:, None]
        ),
        **TOKENS_FOUND,
        differentiable=tuple(range(5)),
        bad_input=(
            _wrong(lambda: _bad_attention(tokens=jnp.ones((3, 4), int)), "tokens must be floating point", TypeError),
            _wrong(lambda: _bad_attention(tokens=jnp.ones((0, 4))), "tokens must have shape"),
            _wrong(lambda: _bad_attention(num_heads=3), "num_heads must divide the 4 features"),
            _wrong(lambda: _bad_attention(mask=jnp.ones(2, bool)), "mask must have shape"),
            _wrong(lambda: _bad_attention(inputs=jnp.ones((4, 4))), "params.inputs must have shape"),
            _wrong(lambda: _bad_attention(output_bias=jnp.ones(3)), "params.output_bias must have shape"),
        ),
    ),
    Case(
        name="permutations.encoder_layer",
        function=_layer,
        arguments=lambda generator: (generator.normal(size=(TOKENS, WIDTH)), *layer_arrays(generator)),
        reference=lambda tokens, *arrays: numpy_layer(layer_params(arrays), tokens, TOKEN_MASK),
        **FEATURES_OF_A_LAYER,
        differentiable=tuple(range(11)),
        bad_input=(
            _wrong(lambda: _bad_layer(hidden=jnp.ones((3, 3))), "params.hidden must have shape"),
            _wrong(lambda: _bad_layer(output=jnp.ones((4, 4))), "params.output must have shape"),
            _wrong(lambda: _bad_layer(scale=jnp.ones(4)), "params.scale must have shape"),
            _wrong(lambda: _bad_layer(epsilon=0.0), "epsilon must be"),
        ),
    ),
    Case(
        name="permutations.repeat_last",
        function=lambda x: kernels.repeat_last(x, num_future=AHEAD),
        arguments=lambda generator: (series(generator),),
        reference=lambda x: np.stack([x[-1]] * AHEAD),
        **FEATURES,
        bad_input=(
            _wrong(lambda: kernels.repeat_last(SERIES, num_future=0), "num_future must be"),
            _wrong(lambda: kernels.repeat_last(WHOLE, num_future=1), "x must be floating point", TypeError),
        ),
    ),
    Case(
        name="permutations.rlinear",
        function=kernels.rlinear,
        arguments=lambda generator: (
            series(generator),
            generator.normal(size=(TIMES, AHEAD)),
            generator.normal(size=AHEAD),
        ),
        reference=numpy_rlinear,
        **FEATURES,
        differentiable=(0, 1, 2),
        bad_input=(
            _wrong(lambda: kernels.rlinear(SERIES, jnp.ones((4, 2)), jnp.ones(2)), "weight must have shape"),
            _wrong(lambda: kernels.rlinear(SERIES, jnp.ones((5, 2)), jnp.ones(3)), "bias must have shape"),
        ),
    ),
    Case(
        name="permutations.dlinear",
        function=lambda *arguments: kernels.dlinear(*arguments, width=3),
        arguments=lambda generator: (
            series(generator),
            *(generator.normal(size=shape) for shape in ((TIMES, AHEAD), (AHEAD,)) * 2),
        ),
        reference=numpy_dlinear,
        **FEATURES,
        differentiable=(0, 1, 2, 3, 4),
        bad_input=(
            _wrong(lambda: kernels.dlinear(SERIES, *(jnp.ones((5, 2)), jnp.ones(2)) * 2, width=4), "width must be odd"),
            _wrong(
                lambda: kernels.dlinear(SERIES, jnp.ones((5, 2)), jnp.ones(2), jnp.ones((4, 2)), jnp.ones(2)),
                "rest_weight must have shape",
            ),
        ),
    ),
    Case(
        name="permutations.forecast_errors",
        function=lambda *arguments: kernels.forecast_errors(*arguments, mask=jnp.asarray(TOKEN_MASK)),
        arguments=lambda generator: (series(generator, AHEAD), series(generator, AHEAD), series(generator)),
        reference=numpy_errors,
        value=lambda result: jnp.stack(result),
        differentiable=(0, 1, 2),
        second_order=True,
        bad_input=(
            _wrong(lambda: kernels.forecast_errors(WHOLE, SERIES, SERIES), "found must be floating", TypeError),
            _wrong(lambda: kernels.forecast_errors(SERIES, SERIES[:2], SERIES), "wanted must have shape"),
            _wrong(lambda: kernels.forecast_errors(SERIES, SERIES, SERIES[:, :2]), "past must have shape"),
            _wrong(lambda: kernels.forecast_errors(SERIES, SERIES, SERIES[:1]), "past must have shape"),
            _wrong(lambda: kernels.forecast_errors(SERIES, SERIES, SERIES, period=0), "period must be"),
        ),
    ),
]
