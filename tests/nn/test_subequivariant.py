"""Layers for limbs against their kernels."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from jaxinv.kernels import symmetrization as kernels
from jaxinv.nn import SetAttention, SetBlock, SetFeedForward, SubequivariantLinear, SubequivariantScalars

C, H = 3, 4
SIZES: dict[str, Any] = {"num_mixed": 4, "width": 5, "num_products": 2}
DRAW = np.random.default_rng(0).normal
VECTORS, SCALARS, WORLD = (jnp.asarray(DRAW(size=shape), jnp.float32) for shape in ((4, C, 3), (4, H), (2, 3)))
BIAS, MASK = jnp.asarray(DRAW(size=(2, 4, 4)), jnp.float32), jnp.asarray([True, True, False, True])


def _dense(layer):
    return kernels.Dense(layer.kernel[...], layer.bias[...])


def _perceptron(layer):
    return kernels.Perceptron(_dense(layer.first), _dense(layer.last))


def _invariants(layer):
    return kernels.InvariantParams(layer.features.mix[...], _perceptron(layer.features.gram))


def assert_same(found, wanted):
    jax.tree.map(lambda a, b: np.testing.assert_array_equal(a, b), found, wanted)


def test_layers_call_their_kernels():
    limbs = VECTORS, SCALARS, WORLD
    linear = SubequivariantLinear(C, 2, H, **SIZES, rngs=nnx.Rngs(0))
    params = kernels.SubequivariantParams(_invariants(linear), _perceptron(linear.map))
    assert_same(linear(*limbs), kernels.subequivariant_linear(params, *limbs))
    scalars = SubequivariantScalars(C, 2, H, **SIZES, rngs=nnx.Rngs(0))
    params = kernels.ScalarParams(_invariants(scalars), _dense(scalars.readout))
    assert_same(scalars(*limbs), kernels.subequivariant_scalars(params, *limbs))
    attention = SetAttention(C, H, **SIZES, head_width=3, rngs=nnx.Rngs(0))
    query, key, value, told = map(_dense, (attention.query, attention.key, attention.value, attention.scalars))
    vectors, output = attention.vectors[...], attention.output[...]
    params = kernels.AttentionParams(_invariants(attention), query, key, value, told, vectors, output)
    wanted = kernels.set_attention(params, *limbs, bias=BIAS, mask=MASK)
    assert_same(attention(*limbs, bias=BIAS, mask=MASK), wanted)
    forward = SetFeedForward(C, H, **SIZES, rngs=nnx.Rngs(0))
    params = kernels.FeedForwardParams(
        _invariants(forward),
        forward.mix[...],
        _perceptron(forward.map),
        forward.output[...],
        _perceptron(forward.scalars),
    )
    assert_same(forward(*limbs, mask=MASK), kernels.set_feed_forward(params, *limbs, mask=MASK))


def test_a_block_adds_what_its_layers_give():
    block = SetBlock(C, H, **SIZES, head_width=3, rngs=nnx.Rngs(0))
    moved, told = block.attention(VECTORS, SCALARS, WORLD, bias=BIAS)
    h = block.norms[0](SCALARS + told)
    mapped, made = block.feed_forward(moved, h, WORLD)
    assert_same(block(VECTORS, SCALARS, WORLD, bias=BIAS), (VECTORS + moved + mapped, block.norms[1](h + made)))


def test_low_precision_is_of_scalars_alone():
    block = SetBlock(C, H, **SIZES, head_width=3, dtype=jnp.bfloat16, rngs=nnx.Rngs(0))
    vectors, h = block(VECTORS, SCALARS, WORLD)
    assert (vectors.dtype, h.dtype) == (jnp.float32, jnp.bfloat16)
