"""The Gram matrix that is computed by halves is the whole one, and so are its derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxinv.kernels.numerics.gram import row_gram, weighted_gram
from tests.duties import FLOAT, X64

EXACT = 1e-10 if X64 else 1e-5
WIDTHS = [255, 256, 301]  # on both sides of the width where it is split, odd ones too


def example(dim):
    generator = np.random.default_rng(dim)
    return generator.uniform(size=40), generator.normal(size=(40, dim)), generator.normal(size=(dim, dim))


def relative(found, wanted):
    return float(np.max(np.abs(np.asarray(found) - wanted)) / np.max(np.abs(wanted)))


@pytest.mark.parametrize("dim", WIDTHS)
def test_equals_the_whole_product(dim):
    weight, rows, _ = example(dim)
    found = weighted_gram(jnp.asarray(weight[:, None] * rows, FLOAT), jnp.asarray(rows, FLOAT))
    assert relative(found, (weight[:, None] * rows).T @ rows) < EXACT


@pytest.mark.parametrize("num", WIDTHS)
def test_products_of_rows(num):
    """With their derivative along a direction that is not symmetric."""
    _, rows, direction = example(num)
    rows = rows.T

    def along(rows):
        gram = row_gram(rows)
        return jnp.sum(jnp.asarray(direction, FLOAT) * gram), gram

    slope, found = jax.jit(jax.grad(along, has_aux=True))(jnp.asarray(rows, FLOAT))
    assert relative(found, rows @ rows.T) < EXACT
    assert relative(slope, (direction + direction.T) @ rows) < EXACT


@pytest.mark.parametrize("dim", WIDTHS)
def test_derivatives_hold_for_directions_that_are_not_symmetric(dim):
    weight, rows, direction = example(dim)

    def gram(weight, rows):
        return weighted_gram(weight[:, None] * rows, rows)

    def along(weight, rows):
        return jnp.sum(jnp.asarray(direction, FLOAT) * gram(weight, rows))

    arguments = jnp.asarray(weight, FLOAT), jnp.asarray(rows, FLOAT)
    by_weight, by_rows = jax.jit(jax.grad(along, (0, 1)))(*arguments)
    assert relative(by_weight, np.einsum("nd,de,ne->n", rows, direction, rows)) < EXACT
    assert relative(by_rows, weight[:, None] * rows @ (direction + direction.T)) < EXACT
    # Homogeneous of degree 3 in both together.
    _, slope = jax.jit(lambda *given: jax.jvp(gram, given, given))(*arguments)
    assert relative(slope, 3 * (weight[:, None] * rows).T @ rows) < EXACT
