"""Layers of vector channels against their kernels."""

import jax.numpy as jnp
import numpy as np
from flax import nnx

from jaxinv.kernels import symmetrization as kernels
from jaxinv.nn import ChannelMix, InteractionReasoning, MotionLayer, VectorReLU

VECTORS = jnp.asarray(np.random.default_rng(0).normal(size=(3, 4, 2)), jnp.float32)
SCALARS = jnp.asarray(np.random.default_rng(1).normal(size=(3, 6)), jnp.float32)


def test_layers_call_their_kernels():
    mix, relu = ChannelMix(4, 5, rngs=nnx.Rngs(0)), VectorReLU(4, 5, eps=0.1, rngs=nnx.Rngs(1))
    np.testing.assert_array_equal(mix(VECTORS), kernels.channel_mix(VECTORS, mix.kernel[...]))
    weights = relu.vectors.kernel[...], relu.directions.kernel[...]
    wanted = kernels.vector_relu(*(kernels.channel_mix(VECTORS, w) for w in weights), eps=0.1)
    np.testing.assert_array_equal(relu(VECTORS), wanted)
    mask = jnp.asarray([True, False, True])
    about = ChannelMix(4, 5, about_mean=True, rngs=nnx.Rngs(0))
    wanted = kernels.mix_about_mean(VECTORS, mix.kernel[...], mask=mask)
    np.testing.assert_array_equal(about(VECTORS, mask=mask), wanted)


def test_low_precision_is_of_scalars_alone():
    types = {"dtype": jnp.bfloat16, "rngs": nnx.Rngs(0)}
    categories = InteractionReasoning(6, 4, 2, **types)(SCALARS, VECTORS)
    h, vectors = MotionLayer(6, 4, 2, **types)(SCALARS, VECTORS, VECTORS, categories)
    assert (categories.dtype, h.dtype, vectors.dtype) == (jnp.bfloat16, jnp.bfloat16, jnp.float32)
    assert VectorReLU(4, 5, **types)(VECTORS).dtype == jnp.bfloat16
    np.testing.assert_allclose(jnp.sum(categories.astype(jnp.float32), -1), 1, atol=0.02)
