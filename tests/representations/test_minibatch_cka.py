"""CKA from minibatches is unbiased where CKA of a minibatch is not, and blind to what CKA is blind to."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxinv.kernels import representations as kernels
from tests.duties import FLOAT, X64
from tests.representations.similarity_cases import cka_of_batches

EXACT = 1e-10 if X64 else 1e-5


def batches(num_batches, size=8, dim=12, shared=0, seed=0):
    """Two representations of equal width of which so many columns are the same."""
    x, y = jax.random.normal(jax.random.key(seed), (2, num_batches, size, dim))
    return x, jnp.where(jnp.arange(dim)[None, None, :] < shared, x, y)


def test_independent_representations_have_none_where_one_batch_says_much():
    """To four standard deviations of the estimate, 0.0036."""
    x, y = batches(num_batches=3000)
    assert jnp.mean(jax.vmap(kernels.linear_cka)(x, y).score) > 0.5
    assert abs(cka_of_batches(x, y).score) < 0.015


def test_tends_to_the_cka_of_the_whole_set():
    """To four standard deviations, 0.005."""
    x, y = batches(num_batches=1000, shared=6)
    whole = kernels.linear_cka(x.reshape(-1, 12), y.reshape(-1, 12)).score
    assert abs(cka_of_batches(x, y).score - whole) < 0.02
    assert 0.4 < whole < 0.6


def test_invariances_and_their_control():
    x, y = batches(num_batches=20, shared=6)
    score = cka_of_batches(x, y).score
    basis = jax.random.orthogonal(jax.random.key(1), 12, dtype=FLOAT)
    turned = jnp.matmul(y, basis, precision="highest")
    np.testing.assert_allclose(cka_of_batches(x, 3.0 * turned + 2.0).score, score, atol=EXACT)
    stretched = y * jnp.geomspace(0.1, 3.0, 12, dtype=FLOAT)[None, None, :]
    assert abs(cka_of_batches(x, stretched).score - score) > 0.02
    np.testing.assert_allclose(cka_of_batches(x, x).score, 1.0, EXACT)


def test_states_add():
    x, y = batches(num_batches=4, shared=6)
    states = [kernels.cka_update(kernels.cka_init(FLOAT), *batch) for batch in zip(x, y, strict=True)]
    merged = jax.tree.map(lambda *parts: sum(parts), *states)
    np.testing.assert_allclose(kernels.cka_finalise(merged).score, cka_of_batches(x, y).score, EXACT)


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e3])
def test_a_constant_is_collapsed(constant):
    x, _ = batches(num_batches=2)
    found = cka_of_batches(x, jnp.full_like(x, constant))
    assert found.collapsed
    assert found.score == 0
    gradient = jax.grad(lambda z: cka_of_batches(x, z).score)(jnp.full_like(x, constant))
    np.testing.assert_array_equal(gradient, 0.0)
