"""Split representations: which half is which, the order of embeddings, and that all of it learns."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxinv.kernels.representations import sie_loss
from jaxinv.models import SIE
from jaxinv.nn import Projector

FEATURES, LATENT, WIDTH = 6, 4, 5


def normal(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


FIRST, SECOND, Z = normal(7, 9), normal(7, 9, seed=1), normal(7, LATENT, seed=2)


def network(**options):
    rngs = nnx.Rngs(0)
    encoder = Projector((9, 8, FEATURES), rngs=rngs)
    return SIE(encoder, FEATURES, LATENT, projector=(8, WIDTH), **options, rngs=rngs)


@pytest.mark.parametrize("predictor", ["hypernetwork", "perceptron"])
def test_embeddings_come_in_the_order_of_the_loss_and_learn(predictor):
    model = network(predictor=predictor)
    found = model(FIRST, SECOND, Z)
    x, y = model.embed(FIRST), model.embed(SECOND)
    wanted = x.invariant, y.invariant, x.equivariant, y.equivariant, model.predict(Z, x.equivariant)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)

    slopes = nnx.jit(nnx.grad(lambda model: sie_loss(*model(FIRST, SECOND, Z)).loss))(model)
    # Each parameter but biases before a batch normalisation, which undoes them, is heard.
    for path, slope in jax.tree_util.tree_leaves_with_path(slopes):
        assert jnp.all(jnp.isfinite(slope))
        assert "bias" in str(path) or float(jnp.max(jnp.abs(slope))) > 1e-4, path


def test_the_first_features_are_the_invariant_half():
    model = network(num_invariant=2)
    model.eval()
    halves = model.represent(FIRST)
    assert halves.invariant.shape == (7, 2)
    np.testing.assert_array_equal(jnp.concatenate(halves, axis=-1), model.encoder(FIRST))


def test_bad_options():
    with pytest.raises(ValueError, match="predictor must be one of"):
        network(predictor="none")
    with pytest.raises(ValueError, match="num_invariant must be from 1 to 5, got 6"):
        network(num_invariant=FEATURES)
