"""Layers of split representations: what they call, dtypes, and that one predictor cannot ignore the turn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxinv import nn
from jaxinv.kernels import representations as kernels

LATENT, IN, OUT = 3, 4, 5


def normal(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


Z, X = normal(6, LATENT), normal(6, IN, seed=1)


def test_a_map_from_the_latent():
    layer = nn.HyperLinear(LATENT, IN, OUT, rngs=nnx.Rngs(0))
    assert layer.kernel[...].shape == (LATENT, IN, OUT)
    np.testing.assert_array_equal(layer(Z, X), kernels.hyper_linear_apply(layer.kernel[...], Z, X))
    np.testing.assert_array_equal(layer(-Z, X), -layer(Z, X))
    deep = nn.HyperLinear(LATENT, IN, OUT, num_hidden=(LATENT, 7), rngs=nnx.Rngs(0))
    hidden = jax.nn.relu(deep.latent[1](jax.nn.relu(deep.latent[0](Z))))
    np.testing.assert_array_equal(deep(Z, X), kernels.hyper_linear_apply(deep.kernel[...], hidden, X))


def test_the_rival_can_ignore_the_latent():
    """With the latent's weights at zero it still answers, where the other gives 0."""
    deaf = nn.ConcatenatedPredictor(LATENT, IN, OUT, num_hidden=8, rngs=nnx.Rngs(0))
    deaf.hidden.kernel[...] = deaf.hidden.kernel[...].at[IN:].set(0)
    np.testing.assert_array_equal(deaf(Z, X), deaf(-Z, X))
    assert float(jnp.max(jnp.abs(deaf(0 * Z, X)))) > 0.1
    np.testing.assert_array_equal(nn.HyperLinear(LATENT, IN, OUT, rngs=nnx.Rngs(0))(0 * Z, X), 0)


def test_projectors_normalise_batches():
    projector = nn.Projector((IN, 8, 8, OUT), rngs=nnx.Rngs(0))
    assert projector.last.bias is None
    # Batch normalisation undoes scale and shift of what comes.
    np.testing.assert_allclose(projector(100 * X), projector(10 * X), atol=1e-3)
    plain = nn.Projector((IN, 8, OUT), use_batch_norm=False, rngs=nnx.Rngs(0))
    np.testing.assert_allclose(plain(10 * X), 10 * plain(X), rtol=1e-3, atol=1e-4)
    assert plain(X).shape == (6, OUT)


def rival(*sizes, **options):
    return nn.ConcatenatedPredictor(*sizes, num_hidden=3, **options)


@pytest.mark.parametrize("make", [nn.HyperLinear, rival])
def test_dtypes(make):
    layer = make(LATENT, IN, OUT, dtype=jnp.bfloat16, rngs=nnx.Rngs(0))
    assert layer(Z, X).dtype == jnp.bfloat16
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(nnx.state(layer)))
