"""Networks on trajectories: the encoder against a loop over time, and the width of layers."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from jaxinv.models import DenseNetwork, SequenceEncoder


def test_the_encoder_reads_one_step_after_the_other(full_precision):
    encoder = SequenceEncoder(2, 5, rngs=nnx.Rngs(0))
    sequences = jnp.asarray(np.random.default_rng(0).normal(size=(3, 4, 2)), jnp.float32)
    found = jax.jit(encoder)(sequences)
    state = jnp.zeros((3, 5))
    for step in range(4):
        state, _ = encoder.cell(state, sequences[:, step])
    np.testing.assert_allclose(found, state, rtol=1e-5, atol=1e-6)
    # Order matters.
    assert float(jnp.max(jnp.abs(encoder(sequences[:, ::-1]) - found))) > 1e-3


def test_dense_layers(full_precision):
    network = DenseNetwork((3, 6, 2), rngs=nnx.Rngs(0))
    x = jnp.asarray(np.random.default_rng(0).normal(size=(4, 5, 3)), jnp.float32)
    first, last = network.layers
    hidden = np.tanh(np.asarray(x) @ np.asarray(first.kernel[...]))
    np.testing.assert_allclose(network(x), hidden @ np.asarray(last.kernel[...]), rtol=1e-4, atol=1e-5)
    assert network(x).shape == (4, 5, 2)
