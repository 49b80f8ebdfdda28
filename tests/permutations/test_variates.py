"""Time series as a set: scales and their singular points, attention beside flax, padding, windows, permutations."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxinv.kernels import permutations as kernels
from tests.duties import X64, assert_finite
from tests.permutations.variate_cases import (
    HEADS,
    WIDTH,
    attention_arrays,
    layer_arrays,
    layer_params,
    numpy_attention,
    numpy_instance_norm,
    series,
)
from tests.symmetry import assert_equivariant, assert_not_equivariant

TOLERANCE = 1e-10 if X64 else 1e-5
TOKENS = 6
LAYER = jax.tree.map(jnp.asarray, layer_params(layer_arrays(np.random.default_rng(1))))


@functools.cache
def layer():
    return jax.jit(lambda tokens, mask: kernels.encoder_layer(LAYER, tokens, num_heads=HEADS, mask=mask))


def tokens_of(num=TOKENS):
    return jnp.asarray(np.random.default_rng(2).normal(size=(num, WIDTH)))


def test_norm_and_its_inverse_with_missing_values():
    generator = np.random.default_rng(0)
    x, there = series(generator, 7), generator.random((7, 3)) > 0.3
    there[:, 2] = False
    found = kernels.instance_norm(jnp.asarray(x), mask=jnp.asarray(there))
    for one, wanted in zip(found, numpy_instance_norm(x, there=there), strict=True):
        np.testing.assert_allclose(one, wanted, rtol=0, atol=TOLERANCE)
    back = kernels.instance_denorm(*found)
    np.testing.assert_allclose(np.asarray(back)[there], x[there], rtol=0, atol=TOLERANCE)


def test_constant_series_come_back():
    """With an offset whose rounding is larger than the root of epsilon."""
    x = jnp.full((5, 2), jnp.float32(1e6 + 0.1)).at[:, 1].set(0)
    found = kernels.instance_norm(x)
    np.testing.assert_allclose(found.values, 0, atol=1e-3)
    np.testing.assert_allclose(found.std, 1e-5**0.5, rtol=1e-5)
    np.testing.assert_allclose(kernels.instance_denorm(*found), x, rtol=1e-7)
    assert_finite(jax.jit(jax.grad(lambda x: jnp.sum(kernels.instance_norm(x).values ** 2)))(x))


def test_a_factor_of_zero_divides_nothing():
    zero = jnp.zeros(())
    denorm = jax.jit(jax.value_and_grad(lambda w: jnp.sum(kernels.instance_denorm(*found, scale=w, shift=zero))))
    found = kernels.instance_norm(jnp.asarray(series(np.random.default_rng(0))), scale=zero)
    assert_finite(denorm(zero))
    assert_finite(denorm(zero - 1e-10))


def test_attention_is_that_of_flax():
    arrays = attention_arrays(np.random.default_rng(0))
    params = kernels.AttentionParams(*map(jnp.asarray, arrays))
    peer = nnx.MultiHeadAttention(HEADS, WIDTH, decode=False, rngs=nnx.Rngs(0), param_dtype=params.output.dtype)
    parts = zip(jnp.split(params.inputs, 3, axis=1), jnp.split(params.inputs_bias, 3), strict=True)
    for linear, (weight, bias) in zip((peer.query, peer.key, peer.value), parts, strict=True):
        linear.kernel[...] = weight.reshape(WIDTH, HEADS, -1)
        assert linear.bias is not None
        linear.bias[...] = bias.reshape(HEADS, -1)
    peer.out.kernel[...] = params.output.reshape(HEADS, -1, WIDTH)
    assert peer.out.bias is not None
    peer.out.bias[...] = params.output_bias
    tokens = tokens_of()
    with jax.default_matmul_precision("highest"):
        wanted = jax.jit(lambda x: peer(x[None])[0])(tokens)
    found = kernels.variate_attention(params, tokens, num_heads=HEADS)
    # Theirs falls to float32.
    np.testing.assert_allclose(found.tokens, wanted, rtol=0, atol=1e-5)
    np.testing.assert_allclose(jnp.sum(found.weights, axis=-1), 1, rtol=0, atol=TOLERANCE)
    _, weights = numpy_attention(kernels.AttentionParams(*arrays), np.asarray(tokens), np.ones(TOKENS, bool))
    np.testing.assert_allclose(found.weights, weights, rtol=0, atol=TOLERANCE)


def test_a_layer_follows_permutations_and_positions_would_not():
    tokens, everyone = tokens_of(), jnp.ones(TOKENS, bool)

    def act(order, x):
        return x[order]

    action: dict[str, Any] = {"sample": lambda key: jax.random.permutation(key, TOKENS), "act_in": act, "act_out": act}
    assert_equivariant(lambda x: layer()(x, everyone), tokens, **action, exactness="exact")
    positions = jnp.linspace(0, 1, TOKENS)[:, None]
    assert_not_equivariant(lambda x: layer()(x + positions, everyone), tokens, **action, delta=1e-2)


@pytest.mark.proves("masks", "permutations.encoder_layer")
def test_padding_changes_nothing():
    tokens = tokens_of()
    there = jnp.arange(TOKENS) < 4
    wanted = layer()(tokens, there)
    found = layer()(jnp.where(there[:, None], tokens, 9.0), there)
    np.testing.assert_array_equal(found, wanted)
    alone = kernels.encoder_layer(LAYER, tokens[:4], num_heads=HEADS)
    np.testing.assert_allclose(wanted[:4], alone, rtol=0, atol=TOLERANCE)
    np.testing.assert_array_equal(wanted[4:], 0)
    # No token at all.
    nobody = jnp.zeros(TOKENS, bool)
    np.testing.assert_array_equal(layer()(tokens, nobody), 0)
    assert_finite(jax.jit(jax.grad(lambda x: jnp.sum(layer()(x, nobody))))(tokens))


def test_dropout_leaves_out_its_share():
    params = kernels.AttentionParams(*(jnp.zeros_like(x) for x in LAYER.attention))
    weights = params._replace(inputs=params.inputs.at[:, 2 * WIDTH :].set(jnp.eye(WIDTH)), output=jnp.eye(WIDTH))
    found = kernels.variate_attention(
        weights, jnp.ones((400, WIDTH)), num_heads=2, key=jax.random.key(0), dropout=0.25
    ).tokens
    # Each weight is 1/400, or 0, over 0.75: what remains has mean 1 and standard deviation sqrt(1/3/400).
    np.testing.assert_allclose(jnp.mean(found), 1, atol=4 * (1 / 3 / 400 / 400 / 2) ** 0.5)
    assert 0.5 < float(jnp.std(found)) / (1 / 3 / 400) ** 0.5 < 2
    same = kernels.encoder_layer(LAYER, tokens_of(), num_heads=HEADS, key=jax.random.key(0), dropout=0.0)
    np.testing.assert_array_equal(same, kernels.encoder_layer(LAYER, tokens_of(), num_heads=HEADS))


def test_windows_are_those_of_a_loop_and_know_nothing_later():
    x = series(np.random.default_rng(0), 12)
    found = kernels.sliding_windows(jnp.asarray(x), num_past=4, num_future=2, stride=3)
    assert found.past.shape[0] == 3
    for i, start in enumerate(range(0, 12 - 6 + 1, 3)):
        np.testing.assert_array_equal(found.past[i], jnp.asarray(x[start : start + 4]))
        np.testing.assert_array_equal(found.future[i], jnp.asarray(x[start + 4 : start + 6]))
    later = jnp.asarray(x).at[8:].multiply(7)
    scaled, changed = (kernels.train_scale(one, num_train=8).values for one in (jnp.asarray(x), later))
    np.testing.assert_array_equal(scaled[:8], changed[:8])
    assert not np.array_equal(scaled[8:], changed[8:])


def test_errors_where_nothing_counts():
    still, moved = jnp.ones((4, 3)), jnp.zeros((2, 3))
    found = kernels.forecast_errors(moved, still[:2], still)
    assert (float(found.mse), float(found.mae), float(found.mase)) == (1, 1, 0)
    assert_finite(jax.jit(jax.grad(lambda x: kernels.forecast_errors(moved, x[:2], x).mase))(still))
    nothing = kernels.forecast_errors(moved, still[:2], still, mask=jnp.zeros(3, bool))
    assert not any(map(float, nothing))


def test_linear_forecasts_of_a_line():
    """Both go on as the line does, given the weights that say so; the mean alone would not."""
    line = jnp.arange(6.0)[:, None] * jnp.asarray([[1.0, -2.0]])
    weight = jnp.zeros((6, 1)).at[-1, 0].set(2).at[-2, 0].set(-1)
    zero = jnp.zeros(1)
    np.testing.assert_allclose(kernels.rlinear(line, weight, zero), 6 * line[1:2], rtol=1e-5)
    np.testing.assert_allclose(kernels.dlinear(line, weight, zero, weight, zero), 6 * line[1:2], rtol=1e-5)
    np.testing.assert_array_equal(kernels.repeat_last(line, num_future=1), line[-1:])


@pytest.mark.parametrize("num_tokens", [32, 64])
def test_memory_is_that_of_the_weights(num_tokens):
    plan = layer().lower(jnp.ones((num_tokens, WIDTH)), jnp.ones(num_tokens, bool)).compile().memory_analysis()
    assert plan is not None
    weights = jnp.result_type(float).itemsize * HEADS * num_tokens**2
    assert plan.temp_size_in_bytes < 3.5 * weights + 40 * num_tokens * WIDTH * 8
