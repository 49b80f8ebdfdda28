"""Encoders before other networks' decoders: a rotation between two encoders is nothing to a relative space."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from jaxinv.models import EncoderDecoder, stitch

X, ANCHORS = jax.random.normal(jax.random.key(0), (2, 7, 6))


def twins(num_anchors):
    """The same network twice, but that the latents of the second are turned."""
    first, second = (EncoderDecoder((6, 5, 4), (3, 2), num_anchors=num_anchors, rngs=nnx.Rngs(0)) for _ in range(2))
    last = second.encoder.layers[-1]
    turn = jax.random.orthogonal(jax.random.key(1), 4)
    last.kernel[...] = jnp.matmul(last.kernel[...], turn, precision="highest")
    return first, second


def test_stitched_twins_agree_in_a_relative_space_and_not_in_an_absolute_one(full_precision):
    del full_precision
    for num_anchors, agree in ((7, True), (None, False)):
        first, second = twins(num_anchors)
        own, other = first(X, ANCHORS), stitch(second, first, ANCHORS)(X)
        assert own.shape == (7, 2)
        assert (np.max(np.abs(own - other)) < 1e-4 * np.max(np.abs(own))) == agree


def test_the_encoder_learns_from_samples_alone(full_precision):
    """Its gradient where anchors count as numbers is that of the network."""
    del full_precision
    network, _ = twins(7)
    fixed = network.encoder(ANCHORS)
    assert network.relation is not None
    relation = network.relation

    def whole(encoder):
        return jnp.sum(network.decoder(relation(encoder(X), encoder(ANCHORS))) ** 2)

    def of_samples(encoder):
        return jnp.sum(network.decoder(relation(encoder(X), fixed)) ** 2)

    for a, b in zip(*(jax.tree.leaves(nnx.grad(f)(network.encoder)) for f in (whole, of_samples)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
